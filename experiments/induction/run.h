// One run of the induction experiment, from a checked config to a run folder.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_RUN_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_RUN_H_

#include "absl/status/statusor.h"
#include "experiments/run/flags.h"
#include "protos/induction.pb.h"

namespace polarize {

// Runs, prints and writes. Returns the program's exit code: 0, or 128 + signal
// after Ctrl-C, with everything measured so far on disk. An error if something
// could not be read or written, or if the training diverged.
absl::StatusOr<int> RunInduction(const InductionConfig& config,
                                 const RunFlags& flags, int argc,
                                 const char* const* argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_RUN_H_
