#include "tests/parity/induction_recording.h"

#include <cstddef>

#include "tests/parity/recorded.h"

namespace polarize {

InductionSetup RecordedSetup(const Golden& config) {
  InductionSetup setup;
  setup.task = {static_cast<size_t>(config["num_train"].Int()),
                static_cast<size_t>(config["num_eval"].Int()),
                static_cast<uint32_t>(config["vocab_size"].Int()),
                static_cast<size_t>(config["seq_length"].Int()),
                config["shift_query_token"].Bool(),
                static_cast<uint64_t>(config["seed"].Int())};
  const size_t tokens = setup.task.num_tokens();
  setup.model =
      RecordedModel(config, tokens, tokens, setup.task.seq_length - 1);
  setup.optimiser = RecordedOptimiser(config);
  setup.batch_size = config["batch_size"].Int();
  setup.aux_loss_weight = config["aux_loss_weight"].Number();
  return setup;
}

}  // namespace polarize
