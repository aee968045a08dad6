// compare A B: in what two runs differ, and from which step and tensor on.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_COMPARE_H_
#define POLARIZE_EXPERIMENTS_INSPECT_COMPARE_H_

#include "absl/status/statusor.h"

namespace polarize {

// Reads the command line and prints what differs. Returns the exit code: 0 if
// all results that both runs have are the same bits, 2 if not. An error is 1.
absl::StatusOr<int> CompareMain(int argc, char** argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_COMPARE_H_
