// The transformer in plain double loops, written from its formulas: what
// experiments/model is compared with.
#ifndef POLARIZE_TESTS_SUPPORT_REFERENCE_MODEL_H_
#define POLARIZE_TESTS_SUPPORT_REFERENCE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "experiments/model/intervention.h"
#include "experiments/model/model_config.h"
#include "experiments/model/parameters.h"

namespace polarize {

// Rows are (sequence, position), in that order.
struct ReferenceOutputs {
  std::vector<double> logits;   // (row, output)
  std::vector<double> weights;  // (layer, row, head, key): A
  // How far the nearest kink is, where a derivative (of any order) jumps: of
  // elu + 1 and relu the argument 0, of max(|sum|, 1) the sums 1 and -1.
  double kink_distance = std::numeric_limits<double>::infinity();
  // Rows of heads on either side of max(|sum|, 1).
  size_t sums_above_one = 0, sums_below_one = 0;
};

// values: the parameters' array. token: sequences * config.positions ids.
// change: what an intervention replaces, or null.
ReferenceOutputs ReferenceForward(const ModelConfig& config,
                                  const Parameters& parameters,
                                  const double* values,
                                  const std::vector<int32_t>& token,
                                  const Intervention<double>* change = nullptr);

// Of each row: ln sum_c exp(logits[c]) - logits[target].
std::vector<double> ReferenceLosses(const std::vector<double>& logits,
                                    const std::vector<int32_t>& target,
                                    size_t outputs);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_REFERENCE_MODEL_H_
