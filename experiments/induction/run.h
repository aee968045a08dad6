// One run of the induction experiment, from a checked config to a run folder.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_RUN_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_RUN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "experiments/induction/data.h"
#include "experiments/model/training_run.h"
#include "experiments/run/flags.h"
#include "kernels/base/parallel_for.h"
#include "protos/induction.pb.h"

namespace polarize {

// The data set of a config, which comes from LoadInductionConfig. It depends on
// the fields of task and on seed alone.
std::shared_ptr<const InductionData> MakeInductionData(
    const InductionConfig& config);

// A run on the data set of its config, to be driven by RunTraining or by hand.
// parallel must outlive it.
std::unique_ptr<Experiment> MakeInductionExperiment(
    const InductionConfig& config, bool sharing,
    std::shared_ptr<const InductionData> data, ParallelFor& parallel);

// Runs, prints and writes. Returns the program's exit code: 0, or 128 + signal
// after Ctrl-C, with everything measured so far on disk. An error if something
// could not be read or written, or if the training diverged.
absl::StatusOr<int> RunInduction(const InductionConfig& config,
                                 const RunFlags& flags, int argc,
                                 const char* const* argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_RUN_H_
