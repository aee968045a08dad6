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

// One row's dx; adds its terms to dscale, in more than double since there may
// be many. The magnitudes of all terms go to the arrays whose names end in
// _size: the bounds are relative to these.
inline void RmsNormBackwardRowRef(const double* x, const double* scale,
                                  double rstd, const double* dy, size_t width,
                                  double* dx, long double* dscale,
                                  double* dx_size, double* dscale_size) {
  double sum = 0, magnitude = 0;
  for (size_t c = 0; c < width; ++c) {
    const double n = x[c] * rstd;
    sum += dy[c] * scale[c] * n;
    magnitude += std::abs(dy[c] * scale[c] * n);
    dscale[c] += dy[c] * n;
    dscale_size[c] += std::abs(dy[c] * n);
  }
  for (size_t c = 0; c < width; ++c) {
    const double n = x[c] * rstd, g = dy[c] * scale[c];
    dx[c] = rstd * (g - n * sum / width);
    dx_size[c] = rstd * (std::abs(g) + std::abs(n) * magnitude / width);
  }
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_RMS_NORM_RMS_NORM_REF_H_
