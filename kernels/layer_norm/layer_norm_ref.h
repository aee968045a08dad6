// The definition of layer_norm.h for one row, in double.
#ifndef POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_REF_H_
#define POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_REF_H_

#include <cmath>
#include <cstddef>

namespace polarize {

struct LayerNormRefMoments {
  double mean = 0, rstd = 0;
};

inline LayerNormRefMoments LayerNormMomentsRef(const double* x, size_t width,
                                               double epsilon) {
  // Longer than double, which is itself an instance to be tested.
  long double mean = 0, variance = 0;
  for (size_t c = 0; c < width; ++c) mean += x[c];
  mean /= width;
  for (size_t c = 0; c < width; ++c) {
    variance += (x[c] - mean) * (x[c] - mean) / width;
  }
  return {static_cast<double>(mean),
          static_cast<double>(1 / std::sqrt(variance + epsilon))};
}

inline double LayerNormRef(const double* x, size_t c, double weight,
                           double bias, LayerNormRefMoments row) {
  return (x[c] - row.mean) * row.rstd * weight + bias;
}

// Adds one row's terms to the gradients, and the magnitudes of all terms to the
// arrays whose names end in _scale: the bounds are relative to these.
inline void LayerNormBackwardRowRef(const double* x, const double* weight,
                                    LayerNormRefMoments row, const double* dy,
                                    size_t width, double* dx, double* dweight,
                                    double* dbias, double* dx_scale,
                                    double* dweight_scale,
                                    double* dbias_scale) {
  double g_sum = 0, gn_sum = 0, g_magnitude = 0, gn_magnitude = 0;
  for (size_t c = 0; c < width; ++c) {
    const double n = (x[c] - row.mean) * row.rstd;
    const double g = dy[c] * weight[c];
    g_sum += g;
    gn_sum += g * n;
    g_magnitude += std::abs(g);
    gn_magnitude += std::abs(g * n);
    dweight[c] += dy[c] * n;
    dbias[c] += dy[c];
    dweight_scale[c] += std::abs(dy[c] * n);
    dbias_scale[c] += std::abs(dy[c]);
  }
  for (size_t c = 0; c < width; ++c) {
    const double n = (x[c] - row.mean) * row.rstd;
    const double g = dy[c] * weight[c];
    dx_scale[c] =
        std::abs(dx[c]) + row.rstd * (std::abs(g) + g_magnitude / width +
                                      std::abs(n) * gn_magnitude / width);
    dx[c] += row.rstd * (g - g_sum / width - n * gn_sum / width);
  }
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_REF_H_
