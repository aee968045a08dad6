// The config of a recording of the classification experiment.
#ifndef POLARIZE_TESTS_PARITY_RECORDED_CLASSIFICATION_H_
#define POLARIZE_TESTS_PARITY_RECORDED_CLASSIFICATION_H_

#include "experiments/classification/trainer.h"
#include "tests/support/golden.h"

namespace polarize {

ClassificationSetup RecordedClassification(const Golden& config);

}  // namespace polarize

#endif  // POLARIZE_TESTS_PARITY_RECORDED_CLASSIFICATION_H_
