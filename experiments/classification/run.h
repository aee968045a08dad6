// One run of the classification experiment, from a checked config to a run
// folder.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_RUN_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_RUN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "experiments/model/training_run.h"
#include "experiments/run/flags.h"
#include "kernels/base/parallel_for.h"
#include "protos/classification.pb.h"

namespace polarize {

// A run, to be driven by RunTraining or by hand. config comes from
// LoadClassificationConfig; parallel must outlive the run.
std::unique_ptr<Experiment> MakeClassificationExperiment(
    const ClassificationConfig& config, bool sharing, ParallelFor& parallel);

// Runs, prints and writes. Returns the program's exit code: 0, or 128 + signal
// after Ctrl-C, with everything measured so far on disk (label mixing and other
// flips, which come last, are then left out). An error if something could not
// be read or written, or if the training diverged.
absl::StatusOr<int> RunClassification(const ClassificationConfig& config,
                                      const RunFlags& flags, int argc,
                                      const char* const* argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_RUN_H_
