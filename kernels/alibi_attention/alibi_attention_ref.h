// The definitions of alibi_attention.h for one query, in double.
#ifndef POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_REF_H_
#define POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_REF_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace polarize {

struct AlibiRowRef {
  std::vector<double> weights;  // of the keys 0 .. i
  double magnitude = 0;         // max_j sum_h |q_h k_jh|
  double bias = 0;              // max_j |slope (j - i) - shift|
};

// q: the query at i; k: rows `stride` apart.
template <typename T>
AlibiRowRef AlibiRowRefOf(const T* q, const T* k, size_t i, size_t width,
                          size_t stride, double slope, double shift,
                          bool sigmoid) {
  AlibiRowRef row;
  for (size_t j = 0; j <= i; ++j) {
    double score = 0, magnitude = 0;
    for (size_t h = 0; h < width; ++h) {
      const double term = static_cast<double>(q[h]) * k[j * stride + h];
      score += term;
      magnitude += std::abs(term);
    }
    const double bias =
        slope * (static_cast<double>(j) - static_cast<double>(i)) - shift;
    row.weights.push_back(score + bias);
    row.magnitude = std::max(row.magnitude, magnitude);
    row.bias = std::max(row.bias, std::abs(bias));
  }
  if (sigmoid) {
    for (double& w : row.weights) w = 1 / (1 + std::exp(-w));
    return row;
  }
  const double largest =
      *std::max_element(row.weights.begin(), row.weights.end());
  double sum = 0;
  for (double& w : row.weights) sum += w = std::exp(w - largest);
  for (double& w : row.weights) w /= sum;
  return row;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_REF_H_
