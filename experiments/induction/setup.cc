#include "experiments/induction/setup.h"

#include "experiments/induction/config.h"
#include "experiments/model/model_setup.h"

namespace polarize {

InductionSetup MakeInductionSetup(const InductionConfig& config, bool sharing) {
  InductionSetup setup;
  const InductionTaskConfig& task = config.task();
  setup.task = {
      static_cast<size_t>(task.num_train()),
      static_cast<size_t>(task.num_eval()),
      static_cast<uint32_t>(task.vocab_size()),
      static_cast<size_t>(task.seq_length()),
      task.shift_query_token(),
      static_cast<uint64_t>(config.seed()),
      task.begin_token(),
      task.kind() == kTriggerKind ? TaskKind::kTrigger : TaskKind::kInduction};
  const size_t tokens = setup.task.num_tokens();
  setup.model =
      MakeModelConfig(config.model(), tokens, tokens, setup.task.positions());
  setup.optimiser = MakeOptimiser(config.training(), setup.task.num_train);
  setup.batch_size = config.training().batch_size();
  setup.sharing = sharing;
  setup.aux_loss_weight = config.aux_loss_weight();
  return setup;
}

}  // namespace polarize
