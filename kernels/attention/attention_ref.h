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

// The weights A_ij of one query: q has `width` entries, k is keys x width. The
// MLP of the mlp kinds is the caller's.
inline std::vector<double> AttentionWeightsRef(const std::string& kind,
                                               const std::vector<double>& q,
                                               const std::vector<double>& k,
                                               size_t keys, size_t visible) {
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
    const double scaled = dot / std::sqrt(static_cast<double>(width));
    if (kind == "softmax" || starts("raw_") || starts("mlp_")) a[j] = scaled;
    if (kind == "uniform") a[j] = 1;
    if (starts("sigmoid_")) a[j] = 1 / (1 + std::exp(-scaled));
    if (starts("linear")) a[j] = features;
    if (starts("coupled_")) a[j] = elu1(scaled);
    largest = std::max(largest, a[j]);
  }
  double sum = 0;
  for (size_t j = 0; j < visible; ++j) {
    if (kind == "softmax") a[j] = std::exp(a[j] - largest);
    sum += a[j];
  }
  double divisor = 1;
  if (kind == "softmax") {
    divisor = sum;
  } else if (kind == "uniform" || kind == "sigmoid_norm" || kind == "linear" ||
             kind == "coupled_linear_norm") {
    divisor = sum + 1e-9;
  } else if (kind == "raw_dotproduct_norm" || kind == "mlp_norm") {
    divisor = std::max(std::abs(sum), 1.0);
  }
  for (double& v : a) v /= divisor;
  return a;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ATTENTION_ATTENTION_REF_H_
