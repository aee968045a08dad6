// What the programs that fetch and repack a checkpoint have in common.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_RESUMABLE_PROGRAM_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_RESUMABLE_PROGRAM_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "experiments/run/progress.h"

namespace polarize {

// main() of a program with flags, a help text and nothing else, whose work goes
// on when it is started again. `work` reads the flags, does it and prints its
// report; progress is nullptr where nobody watches. A status that is Cancelled
// means that Interrupted() was.
int ResumableProgram(int argc, char** argv, const char* help,
                     absl::FunctionRef<absl::Status(Progress* progress)> work);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_RESUMABLE_PROGRAM_H_
