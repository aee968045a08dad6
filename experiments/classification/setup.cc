#include "experiments/classification/setup.h"

#include "experiments/model/model_setup.h"

namespace polarize {

ClassificationSetup MakeClassificationSetup(const ClassificationConfig& config,
                                            bool sharing) {
  ClassificationSetup setup;
  const ClassificationTaskConfig& task = config.task();
  setup.task = {static_cast<size_t>(task.num_train()),
                static_cast<size_t>(task.num_eval()),
                static_cast<uint32_t>(task.vocab_size()),
                static_cast<size_t>(task.seq_length()),
                static_cast<uint32_t>(task.num_labels()),
                static_cast<uint64_t>(config.seed())};
  setup.model = MakeModelConfig(config.model(), setup.task.vocab_size,
                                setup.task.num_labels, setup.task.seq_length);
  setup.optimiser = MakeOptimiser(config.training(), setup.task.num_train);
  setup.batch_size = config.training().batch_size();
  setup.sharing = sharing;
  return setup;
}

}  // namespace polarize
