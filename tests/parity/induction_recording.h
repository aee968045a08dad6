// The configuration of a recorded induction run, as the trainer takes it.
#ifndef POLARIZE_TESTS_PARITY_INDUCTION_RECORDING_H_
#define POLARIZE_TESTS_PARITY_INDUCTION_RECORDING_H_

#include "experiments/induction/trainer.h"
#include "tests/support/golden.h"

namespace polarize {

// From the object `config` of a recording.
InductionSetup RecordedSetup(const Golden& config);

}  // namespace polarize

#endif  // POLARIZE_TESTS_PARITY_INDUCTION_RECORDING_H_
