// A tiny classification experiment for tests.
#ifndef POLARIZE_TESTS_SUPPORT_CLASSIFICATION_TESTING_H_
#define POLARIZE_TESTS_SUPPORT_CLASSIFICATION_TESTING_H_

#include <cstdint>
#include <string_view>

#include "experiments/classification/trainer.h"

namespace polarize {

// TinyModel on samples of 4 tokens of 3 groups, then CLS: 7 training steps an
// epoch, the last one on a short batch. group_size: 4 (then there are three
// different inputs) or more.
ClassificationSetup TinyClassification(std::string_view attention_kind,
                                       uint32_t group_size);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_CLASSIFICATION_TESTING_H_
