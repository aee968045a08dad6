// Cross entropy of rows, one instruction set at a time.
// clang-format off
#if defined(POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_INL_H_
#undef POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_INL_H_
#else
#define POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <limits>

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"
#include "kernels/math/log-inl.h"
#include "kernels/math/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace cross_entropy {

namespace hn = hwy::HWY_NAMESPACE;

// At most so many rows per call of CrossEntropyRows.
inline constexpr size_t kMaxRows = 64;

// The largest element, NaN if there is any.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T RowMax(D d, const T* x, size_t width) {
  const size_t lanes = hn::Lanes(d);
  const auto lowest = hn::Neg(hn::Inf(d));
  auto max = lowest;
  auto nan = hn::MaskFalse(d);
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    const auto v = hn::LoadU(d, x + c);
    max = hn::Max(max, v);
    nan = hn::Or(nan, hn::IsNaN(v));
  }
  if (c < width) {
    const auto v = hn::LoadNOr(lowest, d, x + c, width - c);
    max = hn::Max(max, v);
    nan = hn::Or(nan, hn::IsNaN(v));
  }
  // Max may have lost a NaN, so its answer counts only without one.
  if (!hn::AllFalse(d, nan)) return std::numeric_limits<T>::quiet_NaN();
  return hn::ReduceMax(d, max);
}

// Whether x[at] is the first element that equals max; false if max is NaN.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE bool IsFirstMax(D d, const T* x, size_t at, T max) {
  if (!(x[at] == max)) return false;
  const size_t lanes = hn::Lanes(d);
  const auto m = hn::Set(d, max);
  size_t c = 0;
  for (; c + lanes <= at; c += lanes) {
    if (!hn::AllFalse(d, hn::Eq(hn::LoadU(d, x + c), m))) return false;
  }
  if (c == at) return true;
  const auto rest = hn::LoadNOr(hn::NaN(d), d, x + c, at - c);
  return hn::AllFalse(d, hn::Eq(rest, m));
}

// The sum of exp(x - max); stores the terms to `terms` unless it is null. The
// sum is compensated, so that its error does not grow with the width.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T SumExp(D d, const T* x, T max, size_t width, T* terms) {
  const size_t lanes = hn::Lanes(d);
  const auto m = hn::Set(d, max);
  CompensatedSum<D> sum(d);
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    const auto e = ExpOfNonPositive(d, hn::Sub(hn::LoadU(d, x + c), m));
    sum.Add(e);
    if (terms != nullptr) hn::StoreU(e, d, terms + c);
  }
  if (c < width) {  // lanes behind the end add exp(-inf) = 0
    const auto v = hn::LoadNOr(hn::Neg(hn::Inf(d)), d, x + c, width - c);
    const auto e = ExpOfNonPositive(d, hn::Sub(v, m));
    sum.Add(e);
    if (terms != nullptr) hn::StoreN(e, d, terms + c, width - c);
  }
  return sum.Total();
}

// x *= factor.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void Scale(D d, T factor, size_t width, T* x) {
  const size_t lanes = hn::Lanes(d);
  const auto f = hn::Set(d, factor);
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + c), f), d, x + c);
  }
  if (c < width) {
    hn::StoreN(hn::Mul(hn::LoadN(d, x + c, width - c), f), d, x + c, width - c);
  }
}

// loss[r] = log(sum[r]) - margin[r].
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void StoreLosses(D d, const T* sum, const T* margin, size_t rows,
                            T* loss) {
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < rows; r += lanes) {
    const size_t n = HWY_MIN(lanes, rows - r);
    const auto log = Log(d, hn::LoadN(d, sum + r, n));
    hn::StoreN(hn::Sub(log, hn::LoadN(d, margin + r, n)), d, loss + r, n);
  }
}

// CrossEntropy of at most kMaxRows rows.
template <typename T>
void CrossEntropyRows(const T* logits, const int32_t* target, const T* weight,
                      size_t rows, size_t width, T* loss, T* dlogits,
                      uint8_t* correct) {
  const hn::ScalableTag<T> d;
  T sum[kMaxRows];
  T margin[kMaxRows];  // target's logit - maximum
  for (size_t r = 0; r < rows; ++r) {
    const T* x = logits + r * width;
    T* dx = dlogits == nullptr ? nullptr : dlogits + r * width;
    const size_t hit = static_cast<size_t>(target[r]);
    const T max = RowMax(d, x, width);
    margin[r] = x[hit] - max;
    if (correct != nullptr) correct[r] = IsFirstMax(d, x, hit, max) ? 1 : 0;
    sum[r] = SumExp(d, x, max, width, dx);  // x may be gone from here on
    if (dx != nullptr) {
      Scale(d, weight[r] / sum[r], width, dx);
      dx[hit] -= weight[r];
    }
  }
  StoreLosses(d, sum, margin, rows, loss);
}

}  // namespace cross_entropy
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_INL_H_
