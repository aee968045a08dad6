// The names that TransformerConfig.attention_type may have.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_ATTENTION_TYPES_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_ATTENTION_TYPES_H_

#include <string_view>

namespace polarize {

inline constexpr std::string_view kAttentionTypes[] = {
    "softmax",
    "uniform",
    "sigmoid_norm",
    "sigmoid_unnorm",
    "linear",
    "linear_unnorm",
    "coupled_linear_norm",
    "coupled_linear_unnorm",
    "raw_dotproduct_norm",
    "raw_dotproduct_unnorm",
    "mlp_norm",
    "mlp_unnorm",
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_ATTENTION_TYPES_H_
