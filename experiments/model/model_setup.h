// From the schemas that all transformer experiments share to the numbers that
// the model and the optimiser take.
#ifndef POLARIZE_EXPERIMENTS_MODEL_MODEL_SETUP_H_
#define POLARIZE_EXPERIMENTS_MODEL_MODEL_SETUP_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "experiments/model/model_config.h"
#include "experiments/model/optimiser_config.h"
#include "protos/training.pb.h"
#include "protos/transformer.pb.h"

namespace polarize {

// The names that TransformerConfig.attention_type may have.
std::vector<std::string_view> AttentionTypes();

// config has been checked (see CheckTransformer).
ModelConfig MakeModelConfig(const TransformerConfig& config, size_t vocabulary,
                            size_t outputs, size_t positions);

// config has been checked (see CheckTraining).
OptimiserConfig MakeOptimiser(const TrainingConfig& config, size_t num_train);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_MODEL_SETUP_H_
