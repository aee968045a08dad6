#include "tests/support/classification_testing.h"

#include "tests/support/model_testing.h"

namespace polarize {

ClassificationSetup TinyClassification(std::string_view attention_kind,
                                       uint32_t group_size) {
  ClassificationSetup setup;
  setup.task = {/*num_train=*/53,
                /*num_eval=*/29,
                /*vocab_size=*/3 * group_size + 1,
                /*seq_length=*/5,
                /*num_labels=*/3,
                /*seed=*/3};
  setup.model = TinyModel(attention_kind);
  setup.model.vocabulary = setup.task.vocab_size;
  setup.model.outputs = setup.task.num_labels;
  setup.model.positions = setup.task.seq_length;
  setup.model.causal = false;
  setup.model.positional = Positional::kNone;
  setup.optimiser = {/*lr=*/1e-3, /*beta1=*/0.9, /*beta2=*/0.999,
                     /*epsilon=*/1e-8, /*weight_decay=*/0.01};
  setup.batch_size = 8;
  return setup;
}

}  // namespace polarize
