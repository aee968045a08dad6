// Softmax of one row and its gradient, for kernels that hold a row at a time.
#if defined(POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
#undef POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
#else
#define POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
#endif

#include <cstddef>
#include <limits>

#include "hwy/highway.h"
#include "kernels/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The largest of x[0 .. n), n > 0. Of a row with NaN: anything.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T RowMaximum(D d, const T* x, size_t n) {
  const size_t lanes = hn::Lanes(d);
  auto largest = hn::Set(d, -std::numeric_limits<T>::infinity());
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    largest = hn::Max(largest, hn::LoadU(d, x + i));
  }
  if (i < n) {
    const auto rest = hn::LoadNOr(largest, d, x + i, n - i);
    largest = hn::Max(largest, rest);
  }
  return hn::ReduceMax(d, largest);
}

// y = exp(x - largest), and the sum of y.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T ShiftedExponentials(D d, const T* x, T largest, size_t n, T* y) {
  const size_t lanes = hn::Lanes(d);
  const auto shift = hn::Set(d, largest);
  CompensatedSum<D> sum(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto e = ExpOfNonPositive(d, hn::Sub(hn::LoadU(d, x + i), shift));
    hn::StoreU(e, d, y + i);
    sum.Add(e);
  }
  if (i < n) {
    const size_t rest = n - i;
    const auto e =
        ExpOfNonPositive(d, hn::Sub(hn::LoadN(d, x + i, rest), shift));
    hn::StoreN(e, d, y + i, rest);
    sum.Add(hn::IfThenElseZero(hn::FirstN(d, rest), e));
  }
  return sum.Total();
}

// y = softmax(x), n elements; the contract is softmax.h's. y may be x.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void SoftmaxRow(D d, const T* x, size_t n, T* y) {
  if (n == 0) return;
  const T total = ShiftedExponentials(d, x, RowMaximum(d, x, n), n, y);
  // A true division: a product with the rounded 1 / total would round twice.
  const auto divisor = hn::Set(d, total);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Div(hn::LoadU(d, y + i), divisor), d, y + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    hn::StoreN(hn::Div(hn::LoadN(d, y + i, rest), divisor), d, y + i, rest);
  }
}

// The sum of y dy.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T RowProduct(D d, const T* y, const T* dy, size_t n) {
  const size_t lanes = hn::Lanes(d);
  CompensatedSum<D> sum(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    sum.Add(hn::Mul(hn::LoadU(d, y + i), hn::LoadU(d, dy + i)));
  }
  if (i < n) {
    const size_t rest = n - i;
    sum.Add(hn::Mul(hn::LoadN(d, y + i, rest), hn::LoadN(d, dy + i, rest)));
  }
  return sum.Total();
}

// dx = y (dy - sum(y dy)), n elements, y = softmax(x). dx may be y or dy.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void SoftmaxRowGradient(D d, const T* y, const T* dy, size_t n,
                                   T* dx) {
  const size_t lanes = hn::Lanes(d);
  const auto mean = hn::Set(d, RowProduct(d, y, dy, n));
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto centred = hn::Sub(hn::LoadU(d, dy + i), mean);
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), centred), d, dx + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    const auto centred = hn::Sub(hn::LoadN(d, dy + i, rest), mean);
    hn::StoreN(hn::Mul(hn::LoadN(d, y + i, rest), centred), d, dx + i, rest);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
