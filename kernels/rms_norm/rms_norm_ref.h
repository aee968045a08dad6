// The definition of rms_norm.h for one row, in double.
#ifndef POLARIZE_KERNELS_RMS_NORM_RMS_NORM_REF_H_
#define POLARIZE_KERNELS_RMS_NORM_RMS_NORM_REF_H_

#include <cmath>
#include <cstddef>

namespace polarize {

inline double RmsNormRstdRef(const double* x, size_t width, double epsilon) {
  // Longer than double, which is itself an instance to be tested.
  long double squares = 0;
  for (size_t c = 0; c < width; ++c) {
    squares += static_cast<long double>(x[c]) * x[c];
  }
  return static_cast<double>(1 / std::sqrt(squares / width + epsilon));
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_RMS_NORM_RMS_NORM_REF_H_
