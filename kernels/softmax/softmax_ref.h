// Softmax and its gradient in double, from the formulas.
#ifndef POLARIZE_KERNELS_SOFTMAX_SOFTMAX_REF_H_
#define POLARIZE_KERNELS_SOFTMAX_SOFTMAX_REF_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace polarize {
namespace reference {

// The softmax of n > 0 values of type T: exact, but for x - max, which is
// rounded to T as every implementation in T must.
template <typename T>
std::vector<double> Softmax(const T* x, size_t n) {
  const T largest = *std::max_element(x, x + n);
  std::vector<double> y(n);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const T shifted = x[i] - largest;
    y[i] = std::exp(static_cast<double>(shifted));
    sum += y[i];
  }
  for (double& value : y) value /= sum;
  return y;
}

// dx = y (dy - sum(y dy)), and in `scale` y (|dy| + sum(y |dy|)).
template <typename T>
std::vector<double> SoftmaxGradient(const T* y, const T* dy, size_t n,
                                    std::vector<double>* scale) {
  double mean = 0, magnitude = 0;
  for (size_t i = 0; i < n; ++i) {
    mean += static_cast<double>(y[i]) * dy[i];
    magnitude += std::abs(static_cast<double>(y[i]) * dy[i]);
  }
  std::vector<double> dx(n);
  scale->resize(n);
  for (size_t i = 0; i < n; ++i) {
    dx[i] = y[i] * (dy[i] - mean);
    (*scale)[i] = y[i] * (std::abs(static_cast<double>(dy[i])) + magnitude);
  }
  return dx;
}

}  // namespace reference
}  // namespace polarize

#endif  // POLARIZE_KERNELS_SOFTMAX_SOFTMAX_REF_H_
