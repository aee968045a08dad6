// log(x) for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_LOG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_LOG_INL_H_
#undef POLARIZE_KERNELS_MATH_LOG_INL_H_
#else
#define POLARIZE_KERNELS_MATH_LOG_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <limits>

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"
#include "kernels/math/lanes-inl.h"
#include "kernels/math/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From tools/fit/tables.py: the bits of sqrt(1/2); and p of the formula log(1 +
// f) = f - f^2 / 2 + f^3 p(f) for sqrt(1/2) <= 1 + f <= sqrt(2).
constexpr int32_t kSqrtHalfBits = 0x3f3504f3;
constexpr float kLogTail[] = {0.333333313f,  -0.250008196f, 0.200012282f,
                              -0.166233584f, 0.142017469f,  -0.131601632f,
                              0.127616465f,  -0.0763462409f};

// log(x), x > 0 and finite; x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)].
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LogOfPositive(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto denormal =
      hn::Lt(x, hn::Set(d, std::numeric_limits<float>::min()));
  x = hn::IfThenElse(denormal, hn::Mul(x, hn::Set(d, 8388608.0f)), x);
  const auto bits = hn::BitCast(di, x);
  const auto exponent =
      hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, kSqrtHalfBits)));
  const V one_plus_f =
      hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const V e = hn::Sub(hn::ConvertTo(d, exponent),
                      hn::IfThenElseZero(denormal, hn::Set(d, 23.0f)));
  const V f = hn::Sub(one_plus_f, hn::Set(d, 1.0f));

  const V f2 = hn::Mul(f, f);
  const V tail = hn::MulAdd(hn::Mul(f2, f), Polynomial(d, f, kLogTail),
                            hn::Mul(f2, hn::Set(d, -0.5f)));
  // e ln2 is exact but for its small low part; what its sum with f loses goes
  // to the small terms (|e ln2| > |f| or e = 0, so this is the exact loss).
  const V e_ln2 = hn::Mul(e, hn::Set(d, kLn2High));
  const V sum = hn::Add(e_ln2, f);
  const V lost = hn::Sub(f, hn::Sub(sum, e_ln2));
  const V small = hn::MulAdd(e, hn::Set(d, kLn2Low), hn::Add(tail, lost));
  return hn::Add(sum, small);
}

// log(x). float: error at most kLogUlp, of denormals too; log(0) = -inf (of
// both zeros), log(inf) = inf, NaN for x < 0 and for NaN. double: libm's.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Log(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) { return std::log(t); });
  } else {
    const V infinity = hn::Inf(d), zero = hn::Zero(d);
    // Where x is infinite or NaN, x is the answer.
    const V finite =
        hn::IfThenElse(hn::Lt(x, infinity), LogOfPositive(d, x), x);
    const V outside =
        hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity), hn::NaN(d));
    return hn::IfThenElse(hn::Le(x, zero), outside, finite);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_LOG_INL_H_
