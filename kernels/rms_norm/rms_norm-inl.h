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

// rstd: one per row, or nullptr for who does not want it.
template <typename T>
void NormRows(const T* x, const T* scale, const T* residual, size_t rows,
              size_t width, T epsilon, T factor, T* y, T* rstd_out) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto times = hn::Set(d, factor);
  for (size_t r = 0; r < rows; ++r, x += width, y += width) {
    const double mean = SumOfSquares(d, x, width) / static_cast<double>(width);
    const T row_rstd = static_cast<T>(1 / std::sqrt(mean + epsilon));
    if (rstd_out != nullptr) rstd_out[r] = row_rstd;
    const auto rstd = hn::Set(d, row_rstd);
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

// sum_c g[c] n[c] of one row; adds the row's terms to dscale on the way.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T AddScaleTerms(D d, const T* x, const T* scale, T rstd, const T* dy,
                           size_t width, T* dscale) {
  const size_t lanes = hn::Lanes(d);
  const auto s = hn::Set(d, rstd);
  auto sum = hn::Zero(d);
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    const auto term =
        hn::Mul(hn::LoadU(d, dy + c), hn::Mul(hn::LoadU(d, x + c), s));
    sum = hn::MulAdd(term, hn::LoadU(d, scale + c), sum);
    hn::StoreU(hn::Add(hn::LoadU(d, dscale + c), term), d, dscale + c);
  }
  if (c < width) {
    const size_t rest = width - c;
    const auto term = hn::Mul(hn::LoadN(d, dy + c, rest),
                              hn::Mul(hn::LoadN(d, x + c, rest), s));
    sum = hn::MulAdd(term, hn::LoadN(d, scale + c, rest), sum);
    hn::StoreN(hn::Add(hn::LoadN(d, dscale + c, rest), term), d, dscale + c,
               rest);
  }
  return hn::ReduceSum(d, sum);
}

// dx of one row: rstd (g - n average), average that of g n.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void InputGradient(D d, const T* x, const T* scale, T rstd,
                              const T* dy, T average, size_t width, T* dx) {
  const size_t lanes = hn::Lanes(d);
  const auto s = hn::Set(d, rstd), a = hn::Set(d, average);
  const auto gradient = [&](auto xc, auto dyc, auto scale_c) HWY_ATTR {
    return hn::Mul(s, hn::NegMulAdd(hn::Mul(xc, s), a, hn::Mul(dyc, scale_c)));
  };
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    hn::StoreU(gradient(hn::LoadU(d, x + c), hn::LoadU(d, dy + c),
                        hn::LoadU(d, scale + c)),
               d, dx + c);
  }
  if (c < width) {
    const size_t rest = width - c;
    hn::StoreN(gradient(hn::LoadN(d, x + c, rest), hn::LoadN(d, dy + c, rest),
                        hn::LoadN(d, scale + c, rest)),
               d, dx + c, rest);
  }
}

// Rows of RmsNormBackward, from the pointers on; their share of dscale.
template <typename T>
void BackwardRows(const T* x, const T* scale, const T* rstd, const T* dy,
                  size_t rows, size_t width, T* dx, T* dscale) {
  const hn::ScalableTag<T> d;
  for (size_t c = 0; c < width; ++c) dscale[c] = 0;
  for (size_t r = 0; r < rows; ++r) {
    const size_t at = r * width;
    const T sum =
        AddScaleTerms(d, x + at, scale, rstd[r], dy + at, width, dscale);
    InputGradient(d, x + at, scale, rstd[r], dy + at,
                  sum / static_cast<T>(width), width, dx + at);
  }
}

// sum[c] = part[c] + part[width + c] + ..., `parts` terms.
template <typename T>
void SumParts(const T* part, size_t parts, size_t width, T* sum) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t c = 0; c < width; c += lanes) {
    const size_t rest = width - c;
    auto s = hn::Zero(d);
    for (size_t k = 0; k < parts; ++k) {
      s = hn::Add(s, hn::LoadN(d, part + k * width + c, rest));
    }
    hn::StoreN(s, d, sum + c, rest);
  }
}

}  // namespace rms_norm
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_RMS_NORM_RMS_NORM_INL_H_
