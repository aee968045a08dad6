// Double reference of attention.h, from the table of kinds in formulas.
#ifndef POLARIZE_KERNELS_ATTENTION_ATTENTION_REF_H_
#define POLARIZE_KERNELS_ATTENTION_ATTENTION_REF_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace polarize {

// The weights A_ij of one query: q has `width` entries, k is keys x width, z is
// the logit of a learned sink. The MLP of the mlp kinds is the caller's.
inline std::vector<double> AttentionWeightsRef(const std::string& kind,
                                               const std::vector<double>& q,
                                               const std::vector<double>& k,
                                               size_t keys, size_t visible,
                                               double temperature = 1,
                                               double z = 0) {
  const size_t width = q.size();
  const auto starts = [&](const char* s) { return kind.rfind(s, 0) == 0; };
  const auto elu1 = [](double x) { return x > 0 ? x + 1 : std::exp(x); };
  std::vector<double> a(keys, 0.0);
  double largest = -std::numeric_limits<double>::infinity();
  for (size_t j = 0; j < visible; ++j) {
    double dot = 0, features = 0;
    for (size_t w = 0; w < width; ++w) {
      dot += q[w] * k[j * width + w];
      features += elu1(q[w]) * elu1(k[j * width + w]);
    }
    const double scaled =
        dot / std::sqrt(static_cast<double>(width)) / temperature;
    if (starts("softmax") || starts("raw_") || starts("mlp_")) a[j] = scaled;
    if (kind == "uniform") a[j] = 1;
    if (starts("sigmoid_")) a[j] = 1 / (1 + std::exp(-scaled));
    if (kind == "sigmoid_bias") {
      a[j] = 1 / (1 + static_cast<double>(keys) * std::exp(-scaled));
    }
    if (starts("linear")) a[j] = features / temperature;
    if (starts("coupled_")) a[j] = elu1(scaled);
    if (kind == "exp_unnorm") a[j] = std::exp(scaled);
    if (starts("relu_")) a[j] = std::max(scaled, 0.0);
    largest = std::max(largest, a[j]);
  }
  if (kind == "softmax_1") z = 0;
  const bool sink = kind == "softmax_1" || kind == "softmax_sink";
  if (sink) largest = std::max(largest, z);
  double sum = sink ? std::exp(z - largest) : 0;
  for (size_t j = 0; j < visible; ++j) {
    if (starts("softmax")) a[j] = std::exp(a[j] - largest);
    sum += a[j];
  }
  double divisor = 1;
  if (starts("softmax")) {
    divisor = sum;
  } else if (kind == "uniform" || kind == "sigmoid_norm" || kind == "linear" ||
             kind == "coupled_linear_norm" || kind == "relu_norm") {
    divisor = sum + 1e-9;
  } else if (kind == "raw_dotproduct_norm" || kind == "mlp_norm") {
    divisor = std::max(std::abs(sum), 1.0);
  }
  for (double& v : a) v /= divisor;
  return a;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ATTENTION_ATTENTION_REF_H_
