// Rules for the configs that every experiment with a transformer has: its block
// `model` is a TransformerConfig, `training` a TrainingConfig, `statistics` a
// StatisticsConfig; `name` and `seed` stand beside them; `task` has num_train,
// num_eval and seq_length.
#ifndef POLARIZE_EXPERIMENTS_RUN_TRANSFORMER_CONFIG_H_
#define POLARIZE_EXPERIMENTS_RUN_TRANSFORMER_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"
#include "protos/statistics.pb.h"
#include "protos/training.pb.h"
#include "protos/transformer.pb.h"

namespace polarize {

// Rows of the position embedding, whatever the length of the sequences.
inline constexpr int kMostPositions = 512;

// The fields of `model`, alone and together.
void CheckTransformer(const TransformerConfig& model,
                      absl::Span<const std::string_view> attention_types,
                      ConfigChecker* checker);

// Unless training.weight_decay was set, makes it what its optimizer has by
// default.
void SetDefaultDecay(const FieldPlaces& places, TrainingConfig* training);

// Steps of a whole run on num_train sequences.
int64_t TrainingSteps(const TrainingConfig& training, int64_t num_train);

// The fields of `training`; num_train is task.num_train.
void CheckTraining(const TrainingConfig& training, int num_train,
                   ConfigChecker* checker);

// `name` (see CheckName) and `seed`.
void CheckNameAndSeed(const std::string& name, ConfigChecker* checker);

// The fields of `statistics`; num_eval is task.num_eval.
void CheckStatistics(const StatisticsConfig& statistics, int num_eval,
                     ConfigChecker* checker);

// The sequences of the task, at 32 bits per token, take at most 8 GiB.
void CheckDataMemory(int num_train, int num_eval, int seq_length,
                     ConfigChecker* checker);

// The token embedding has so many numbers that the reference draws them in the
// way that is reproduced here.
void CheckTokenTable(const TransformerConfig& model, double tokens,
                     ConfigChecker* checker);

// What the memory of training a transformer depends on.
struct TransformerSize {
  const TransformerConfig& model;
  int batch_size;
  int positions;
  double tokens;   // rows of the token embedding
  double outputs;  // numbers that the model gives per position
};

// The memory of training is at most 16 GiB for the parameters (with gradients
// and the optimiser's means) and as much again for a batch. An estimate that
// catches mistyped sizes; the run itself counts exactly. To be called when all
// other rules hold.
void CheckTransformerMemory(const TransformerSize& size,
                            ConfigChecker* checker);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_TRANSFORMER_CONFIG_H_
