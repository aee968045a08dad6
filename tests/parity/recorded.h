// What recordings of every transformer experiment have in common: their config,
// weights, gradients, batches.
#ifndef POLARIZE_TESTS_PARITY_RECORDED_H_
#define POLARIZE_TESTS_PARITY_RECORDED_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "experiments/model/model_config.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/model/parameters.h"
#include "kernels/base/random/torch_random.h"
#include "tests/support/golden.h"

namespace polarize {

// The model of a recording's config; "concat", "add" or "no" as a Positional.
ModelConfig RecordedModel(const Golden& config, size_t vocabulary,
                          size_t outputs, size_t positions);
OptimiserConfig RecordedOptimiser(const Golden& config);
Positional RecordedPositional(absl::string_view name);

// init_*: names, shapes, and every recorded number to the last bit.
void ExpectInitialWeights(const Golden& file, const Parameters& parameters,
                          const float* values);

// init_*: the batches of the epochs 0 and 1. random: the default stream as a
// loop over the training set finds it first.
void ExpectRecordedBatches(const Golden& file, TorchRandom& random);

// grad0_*: `grads` of the first batch.
template <typename T>
void ExpectGradients(const Golden& grads, const std::string& attention_type,
                     const Parameters& parameters, const T* gradients);

// after5_*: values after five steps of rate lr.
void ExpectParametersAfterFiveSteps(const Golden& file,
                                    const std::string& attention_type,
                                    double lr, const Parameters& parameters,
                                    const float* values);

}  // namespace polarize

#endif  // POLARIZE_TESTS_PARITY_RECORDED_H_
