// A tiny induction experiment for tests.
#ifndef POLARIZE_TESTS_SUPPORT_INDUCTION_TESTING_H_
#define POLARIZE_TESTS_SUPPORT_INDUCTION_TESTING_H_

#include <string_view>

#include "experiments/induction/trainer.h"

namespace polarize {

// TinyModel on sequences of 7 tokens: 7 training steps an epoch, the last one
// on a short batch; 3 evaluation batches, the last one short.
InductionSetup TinyInduction(std::string_view attention_kind,
                             TaskKind task = TaskKind::kInduction,
                             bool begin_token = true);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_INDUCTION_TESTING_H_
