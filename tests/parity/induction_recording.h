// The configuration of a recorded induction run, as the trainer takes it.
#ifndef POLARIZE_TESTS_PARITY_INDUCTION_RECORDING_H_
#define POLARIZE_TESTS_PARITY_INDUCTION_RECORDING_H_

#include "absl/strings/string_view.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/model_config.h"
#include "tests/support/golden.h"

namespace polarize {

// "concat", "add" or "no".
Positional RecordedPositional(absl::string_view name);

// From the object `config` of a recording.
InductionSetup RecordedSetup(const Golden& config);

}  // namespace polarize

#endif  // POLARIZE_TESTS_PARITY_INDUCTION_RECORDING_H_
