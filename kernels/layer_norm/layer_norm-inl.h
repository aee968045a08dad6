// Layer normalisation, one instruction set at a time.
// clang-format off
#if defined(POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_INL_H_
#undef POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_INL_H_
#else
#define POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_INL_H_
#endif

#include <cmath>
#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace layer_norm {

namespace hn = hwy::HWY_NAMESPACE;

// One vector from p, or what is left of it with zeros behind.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadPart(D d, const T* p, size_t lanes) {
  return lanes >= hn::Lanes(d) ? hn::LoadU(d, p) : hn::LoadN(d, p, lanes);
}

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void StorePart(hn::Vec<D> v, D d, T* p, size_t lanes) {
  if (lanes >= hn::Lanes(d)) {
    hn::StoreU(v, d, p);
  } else {
    hn::StoreN(v, d, p, lanes);
  }
}

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T Mean(D d, const T* x, size_t width) {
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  size_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, x + c));
    s1 = hn::Add(s1, hn::LoadU(d, x + c + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, x + c + 2 * lanes));
    s3 = hn::Add(s3, hn::LoadU(d, x + c + 3 * lanes));
  }
  for (; c < width; c += lanes) {
    s0 = hn::Add(s0, LoadPart(d, x + c, width - c));
  }
  const auto sum = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  return hn::ReduceSum(d, sum) / static_cast<T>(width);
}

// sum + (x - mean)^2
template <class V>
HWY_INLINE V AddSquaredDeviation(V sum, V x, V mean) {
  const V deviation = hn::Sub(x, mean);
  return hn::MulAdd(deviation, deviation, sum);
}

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T Variance(D d, const T* x, T mean, size_t width) {
  const size_t lanes = hn::Lanes(d);
  const auto m = hn::Set(d, mean);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  size_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes) {
    s0 = AddSquaredDeviation(s0, hn::LoadU(d, x + c), m);
    s1 = AddSquaredDeviation(s1, hn::LoadU(d, x + c + lanes), m);
    s2 = AddSquaredDeviation(s2, hn::LoadU(d, x + c + 2 * lanes), m);
    s3 = AddSquaredDeviation(s3, hn::LoadU(d, x + c + 3 * lanes), m);
  }
  for (; c + lanes <= width; c += lanes) {
    s0 = AddSquaredDeviation(s0, hn::LoadU(d, x + c), m);
  }
  if (c < width) {  // lanes behind the end deviate by 0
    s0 = AddSquaredDeviation(s0, hn::LoadNOr(m, d, x + c, width - c), m);
  }
  const auto sum = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  return hn::ReduceSum(d, sum) / static_cast<T>(width);
}

// Rows [first, last) of LayerNormForward.
template <typename T>
void ForwardRows(const T* x, const T* weight, const T* bias, size_t first,
                 size_t last, size_t width, T epsilon, T* y, T* mean, T* rstd) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = first; r < last; ++r) {
    const T* xr = x + r * width;
    T* yr = y + r * width;
    mean[r] = Mean(d, xr, width);
    rstd[r] = 1 / std::sqrt(Variance(d, xr, mean[r], width) + epsilon);
    const auto m = hn::Set(d, mean[r]), s = hn::Set(d, rstd[r]);
    for (size_t c = 0; c < width; c += lanes) {
      const size_t rest = width - c;
      const auto n = hn::Mul(hn::Sub(LoadPart(d, xr + c, rest), m), s);
      StorePart(hn::MulAdd(n, LoadPart(d, weight + c, rest),
                           LoadPart(d, bias + c, rest)),
                d, yr + c, rest);
    }
  }
}

// The two sums that a row's dx needs; adds the row's terms to dweight and
// dbias on the way.
template <typename T>
struct GradientSums {
  T g, gn;
};

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE GradientSums<T> AddParameterTerms(D d, const T* x, const T* weight,
                                             T mean, T rstd, const T* dy,
                                             size_t width, T* dweight,
                                             T* dbias) {
  const size_t lanes = hn::Lanes(d);
  const auto m = hn::Set(d, mean), s = hn::Set(d, rstd);
  auto sum_g = hn::Zero(d), sum_gn = hn::Zero(d);
  for (size_t c = 0; c < width; c += lanes) {
    const size_t rest = width - c;
    const auto dyc = LoadPart(d, dy + c, rest);
    const auto n = hn::Mul(hn::Sub(LoadPart(d, x + c, rest), m), s);
    const auto g = hn::Mul(dyc, LoadPart(d, weight + c, rest));
    sum_g = hn::Add(sum_g, g);
    sum_gn = hn::MulAdd(g, n, sum_gn);
    StorePart(hn::MulAdd(dyc, n, LoadPart(d, dweight + c, rest)), d,
              dweight + c, rest);
    StorePart(hn::Add(dyc, LoadPart(d, dbias + c, rest)), d, dbias + c, rest);
  }
  return {hn::ReduceSum(d, sum_g), hn::ReduceSum(d, sum_gn)};
}

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void AddInputGradient(D d, const T* x, const T* weight, T mean,
                                 T rstd, const T* dy, GradientSums<T> sums,
                                 size_t width, T* dx) {
  const size_t lanes = hn::Lanes(d);
  const auto m = hn::Set(d, mean), s = hn::Set(d, rstd);
  const auto average_g = hn::Set(d, sums.g / static_cast<T>(width));
  const auto average_gn = hn::Set(d, sums.gn / static_cast<T>(width));
  for (size_t c = 0; c < width; c += lanes) {
    const size_t rest = width - c;
    const auto n = hn::Mul(hn::Sub(LoadPart(d, x + c, rest), m), s);
    const auto g =
        hn::Mul(LoadPart(d, dy + c, rest), LoadPart(d, weight + c, rest));
    const auto centred = hn::NegMulAdd(n, average_gn, hn::Sub(g, average_g));
    StorePart(hn::MulAdd(s, centred, LoadPart(d, dx + c, rest)), d, dx + c,
              rest);
  }
}

// Rows [first, last) of LayerNormBackward; their share of dweight and dbias is
// stored, not added.
template <typename T>
void BackwardRows(const T* x, const T* weight, const T* mean, const T* rstd,
                  const T* dy, size_t first, size_t last, size_t width, T* dx,
                  T* dweight, T* dbias) {
  const hn::ScalableTag<T> d;
  for (size_t c = 0; c < width; ++c) dweight[c] = dbias[c] = 0;
  for (size_t r = first; r < last; ++r) {
    const size_t at = r * width;
    const GradientSums<T> sums = AddParameterTerms(
        d, x + at, weight, mean[r], rstd[r], dy + at, width, dweight, dbias);
    AddInputGradient(d, x + at, weight, mean[r], rstd[r], dy + at, sums, width,
                     dx + at);
  }
}

// sum[c] = part[c] + part[stride + c] + ..., `parts` terms.
template <typename T>
void SumParts(const T* part, size_t parts, size_t stride, size_t width,
              T* sum) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t c = 0; c < width; c += lanes) {
    auto s = hn::Zero(d);
    for (size_t k = 0; k < parts; ++k) {
      s = hn::Add(s, LoadPart(d, part + k * stride + c, width - c));
    }
    StorePart(s, d, sum + c, width - c);
  }
}

}  // namespace layer_norm
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_INL_H_
