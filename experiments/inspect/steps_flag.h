// --steps of both programs.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_STEPS_FLAG_H_
#define POLARIZE_EXPERIMENTS_INSPECT_STEPS_FLAG_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace polarize {

// 0 if it was not given; below 0 it is an error.
absl::StatusOr<uint64_t> StepsFlag();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_STEPS_FLAG_H_
