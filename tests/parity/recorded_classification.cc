#include "tests/parity/recorded_classification.h"

#include <cstdint>

#include "tests/parity/recorded.h"

namespace polarize {

ClassificationSetup RecordedClassification(const Golden& config) {
  ClassificationSetup setup;
  setup.task = {static_cast<size_t>(config["num_train"].Int()),
                static_cast<size_t>(config["num_eval"].Int()),
                static_cast<uint32_t>(config["vocab_size"].Int()),
                static_cast<size_t>(config["seq_length"].Int()),
                static_cast<uint32_t>(config["num_labels"].Int()),
                static_cast<uint64_t>(config["seed"].Int())};
  setup.model = RecordedModel(config, setup.task.vocab_size,
                              setup.task.num_labels, setup.task.seq_length);
  setup.optimiser = RecordedOptimiser(config);
  setup.batch_size = config["batch_size"].Int();
  return setup;
}

}  // namespace polarize
