// verify RUN: repeats a run and says whether the bits agree.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_VERIFY_H_
#define POLARIZE_EXPERIMENTS_INSPECT_VERIFY_H_

#include "absl/status/statusor.h"

namespace polarize {

// Reads the command line, repeats the run, prints what agrees. Returns the exit
// code: 0 if the repetition has all that the run recorded to the last bit, 2 if
// not, 128 + signal after Ctrl-C. An error is 1.
absl::StatusOr<int> VerifyMain(int argc, char** argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_VERIFY_H_
