// A factor times exp(-scale x^2) for vectors of float, where rounding x^2 first
// would cost many ULP.
#if defined(POLARIZE_KERNELS_MATH_EXP_SQUARE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_EXP_SQUARE_INL_H_
#undef POLARIZE_KERNELS_MATH_EXP_SQUARE_INL_H_
#else
#define POLARIZE_KERNELS_MATH_EXP_SQUARE_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// |x|, at most `end`; NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V AbsUpTo(D, V x, V end) {
  const V t = hn::Abs(x);
  return hn::IfThenElse(hn::Gt(t, end), end, t);
}

// factor exp(-scale t^2), scale a power of two, 1/64 <= factor <= 2. float, 0
// <= t and scale t^2 <= 160; as accurate as Exp for t <= 2, a few ULP beyond.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfMinusSquare(D d, V t, float scale, V factor) {
  // The upper 12 bits of t have an exact square; the rest of t^2 is
  // (t - upper) (t + upper).
  const hn::RebindToUnsigned<D> du;
  const V upper = hn::BitCast(
      d, hn::And(hn::BitCast(du, t), hn::Set(du, uint32_t{0xFFFFF000u})));
  const V rest = hn::Mul(hn::Sub(t, upper), hn::Add(t, upper));
  const V minus = hn::Set(d, -scale);
  return ExpOfSum(d, hn::Mul(hn::Mul(upper, upper), minus),
                  hn::Mul(rest, minus), factor);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_EXP_SQUARE_INL_H_
