// The choices of a config by their names.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_NAMES_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_NAMES_H_

#include <cstddef>
#include <string_view>

#include "kernels/value_softmax/value_softmax.h"

namespace polarize {

// The name at a place is that of the enumerator with this value.
inline constexpr std::string_view kMapNames[] = {
    "l1", "sum", "l2", "softmax", "relu", "sigmoid", "softmax1"};
inline constexpr std::string_view kLossNames[] = {"logistic", "square",
                                                  "regression", "kl"};
inline constexpr std::string_view kOptimiserNames[] = {
    "gradient_descent", "momentum", "adam", "sign_descent"};
inline constexpr std::string_view kOrderNames[] = {"values_first",
                                                   "target_first"};
inline constexpr std::string_view kValuesNames[] = {"normal", "identity"};
inline constexpr std::string_view kTargetNames[] = {"unit_normal", "normal",
                                                    "softmax_uniform"};
inline constexpr std::string_view kSpacingNames[] = {"log", "log_count",
                                                     "every"};
inline constexpr std::string_view kWhenNames[] = {"before", "after"};
inline constexpr std::string_view kFigureNames[] = {
    "none", "logistic", "normalisations", "tied", "condition_numbers", "kl"};

// Where `name`, which a checked config holds, stands among `names`.
template <size_t kCount>
constexpr size_t IndexOfName(const std::string_view (&names)[kCount],
                             std::string_view name) {
  for (size_t i = 0; i < kCount; ++i) {
    if (names[i] == name) return i;
  }
  return kCount;
}

constexpr ValueSoftmaxMap MapNamed(std::string_view name) {
  return static_cast<ValueSoftmaxMap>(IndexOfName(kMapNames, name));
}
constexpr ValueSoftmaxLoss LossNamed(std::string_view name) {
  return static_cast<ValueSoftmaxLoss>(IndexOfName(kLossNames, name));
}
constexpr ValueSoftmaxOptimiser OptimiserNamed(std::string_view name) {
  return static_cast<ValueSoftmaxOptimiser>(IndexOfName(kOptimiserNames, name));
}

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_NAMES_H_
