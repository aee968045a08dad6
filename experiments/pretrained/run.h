// One run of Fig. 7: prompts through a pretrained model, layer by layer.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_RUN_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_RUN_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/run/flags.h"
#include "protos/pretrained.pb.h"

namespace polarize {

// Where a run finds what it reads; paths as the program opens them.
struct PretrainedPaths {
  std::string checkpoint;  // folder that fetch made
  std::string packed;      // folder that repack makes
  std::string tokenizer;
  std::string prompts;
};

// The paths that the user left empty.
PretrainedPaths WithDefaults(const PretrainedConfig& config,
                             PretrainedPaths paths);

// Repacks the checkpoint if that has not been done, runs the prompts through
// the model and writes, below flags.out ("pretrained" if that is empty):
//
//   MODEL/        config.textproto, environment.textproto, summary.json and
//                 figures/, heat maps of this model
//   *.npy, *.csv  see WriteOutputs; both models share the tables
//   figures/      pretrained: Fig. 7, of the models that have been run
//
// Until it is over, MODEL/ also has the state after each layer: the same run
// goes on from there. Returns the exit code.
absl::StatusOr<int> RunPretrained(const PretrainedConfig& config,
                                  const PretrainedPaths& paths,
                                  const RunFlags& flags, int argc,
                                  const char* const* argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_RUN_H_
