#include "tests/support/induction_testing.h"

#include "tests/support/model_testing.h"

namespace polarize {

InductionSetup TinyInduction(std::string_view attention_kind, TaskKind task,
                             bool begin_token) {
  InductionSetup setup;
  setup.task = {/*num_train=*/53,
                /*num_eval=*/19,
                /*vocab_size=*/10,
                /*seq_length=*/7,
                /*shift_query_token=*/true,
                /*seed=*/3,
                begin_token,
                task};
  setup.model = TinyModel(attention_kind);
  setup.model.vocabulary = setup.model.outputs = setup.task.num_tokens();
  setup.model.positions = setup.task.seq_length - 1;
  setup.optimiser = {/*lr=*/1e-2, /*beta1=*/0.9, /*beta2=*/0.999,
                     /*epsilon=*/1e-8, /*weight_decay=*/0.01};
  setup.batch_size = 8;
  setup.aux_loss_weight = 0.2;
  return setup;
}

}  // namespace polarize
