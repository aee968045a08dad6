// The program: sweep induction, sweep --config FILE, sweep collect FOLDER ...
#ifndef POLARIZE_EXPERIMENTS_SWEEP_PROGRAM_H_
#define POLARIZE_EXPERIMENTS_SWEEP_PROGRAM_H_

#include "absl/status/statusor.h"

namespace polarize {

// Returns the exit code: 0 if every run of the list is over, 1 if some broke
// off or --fail_fast ended it, 128 + signal after Ctrl-C.
absl::StatusOr<int> SweepMain(int argc, char** argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_PROGRAM_H_
