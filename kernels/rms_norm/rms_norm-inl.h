// Root-mean-square normalisation, one instruction set at a time.
#if defined(POLARIZE_KERNELS_RMS_NORM_RMS_NORM_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_RMS_NORM_RMS_NORM_INL_H_
#undef POLARIZE_KERNELS_RMS_NORM_RMS_NORM_INL_H_
#else
#define POLARIZE_KERNELS_RMS_NORM_RMS_NORM_INL_H_
#endif

#include <cmath>
#include <cstddef>

#include "hwy/highway.h"
#include "kernels/math/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace rms_norm {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE double SumOfSquares(D d, const T* x, size_t width) {
  const size_t lanes = hn::Lanes(d);
  const auto square = [&](size_t c) HWY_ATTR {
    const auto v = hn::LoadU(d, x + c);
    return hn::Mul(v, v);
  };
  QuadSum<D> sum(d);
  size_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes) {
    sum.Add(square(c), square(c + lanes), square(c + 2 * lanes),
            square(c + 3 * lanes));
  }
  for (; c + lanes <= width; c += lanes) sum.Add(square(c));
  if (c < width) {
    const auto v = hn::LoadN(d, x + c, width - c);
    sum.Add(hn::Mul(v, v));
  }
  return sum.Total();
}

template <typename T>
void NormRows(const T* x, const T* scale, const T* residual, size_t rows,
              size_t width, T epsilon, T factor, T* y) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto times = hn::Set(d, factor);
  for (size_t r = 0; r < rows; ++r, x += width, y += width) {
    const double mean = SumOfSquares(d, x, width) / static_cast<double>(width);
    const auto rstd = hn::Set(d, static_cast<T>(1 / std::sqrt(mean + epsilon)));
    size_t c = 0;
    for (; c + lanes <= width; c += lanes) {
      const auto n = hn::Mul(hn::LoadU(d, x + c), rstd);
      auto v = hn::Mul(hn::Mul(n, hn::LoadU(d, scale + c)), times);
      if (residual != nullptr) v = hn::Add(hn::LoadU(d, residual + c), v);
      hn::StoreU(v, d, y + c);
    }
    if (c < width) {
      const size_t rest = width - c;
      const auto n = hn::Mul(hn::LoadN(d, x + c, rest), rstd);
      auto v = hn::Mul(hn::Mul(n, hn::LoadN(d, scale + c, rest)), times);
      if (residual != nullptr) v = hn::Add(hn::LoadN(d, residual + c, rest), v);
      hn::StoreN(v, d, y + c, rest);
    }
    if (residual != nullptr) residual += width;
  }
}

}  // namespace rms_norm
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_RMS_NORM_RMS_NORM_INL_H_
