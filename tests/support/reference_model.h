// The transformer in plain double loops, written from its formulas: what
// experiments/model is compared with.
#ifndef POLARIZE_TESTS_SUPPORT_REFERENCE_MODEL_H_
#define POLARIZE_TESTS_SUPPORT_REFERENCE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "experiments/model/model_config.h"
#include "experiments/model/parameters.h"

namespace polarize {

// Rows are (sequence, position), in that order.
struct ReferenceOutputs {
  std::vector<double> logits;   // (row, output)
  std::vector<double> weights;  // (layer, row, head, key): A
  // (layer, row, head): the sum that a normaliser divides by, 0 for softmax.
  std::vector<double> sums;
};

// values: the parameters' array. token: sequences * config.positions ids.
ReferenceOutputs ReferenceForward(const ModelConfig& config,
                                  const Parameters& parameters,
                                  const double* values,
                                  const std::vector<int32_t>& token);

// Of each row: ln sum_c exp(logits[c]) - logits[target].
std::vector<double> ReferenceLosses(const std::vector<double>& logits,
                                    const std::vector<int32_t>& target,
                                    size_t outputs);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_REFERENCE_MODEL_H_
