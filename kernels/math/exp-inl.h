// exp(x) and exp(x) - 1 for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_EXP_INL_H_
#undef POLARIZE_KERNELS_MATH_EXP_INL_H_
#else
#define POLARIZE_KERNELS_MATH_EXP_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"
#include "kernels/math/lanes-inl.h"
#include "kernels/math/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From tools/fit/tables.py: 1 / ln 2; ln 2 in two parts, the first of so few
// bits that its product with a whole number up to 511 is exact; and q of the
// formula exp(r) = 1 + r + r^2 q(r) for |r| <= ln(2) / 2.
constexpr float kLog2E = 1.44269502f;
constexpr float kLn2High = 0.693145752f;
constexpr float kLn2Low = 1.42860677e-06f;
constexpr float kExpTail[] = {0.49999994f, 0.166665211f, 0.041668389f,
                              0.00836871006f, 0.00138146128f};

// The whole number nearest to x / ln 2, as a vector of T and as n. float only,
// |x| <= 174; for NaN a NaN and n anything.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NearestExponent(D d, V x, hn::Vec<hn::RebindToSigned<D>>& n) {
  const hn::RebindToSigned<D> di;
  // The sum with 1.5 * 2^23 has the nearest whole number in its low bits. This
  // needs no rounding instruction, which SSE2 lacks.
  const V shifter = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, kLog2E), shifter);
  n = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shifter));
  return hn::Sub(shifted, shifter);
}

// exp(x + low) = 2^n (1 + tail): returns tail, in [sqrt(1/2) - 1, sqrt(2) - 1].
// `low` is a small addition to x. float only, |x| <= 174; for NaN the tail is
// NaN and n anything.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SplitExp(D d, V x, V low, hn::Vec<hn::RebindToSigned<D>>& n) {
  const V whole = NearestExponent(d, x, n);
  // Exact, with and without FMA: the product by the choice of kLn2High, the
  // difference because both sides are close and multiples of 2^-25.
  const V high = hn::NegMulAdd(whole, hn::Set(d, kLn2High), x);
  low = hn::NegMulAdd(whole, hn::Set(d, kLn2Low), low);
  const V r = hn::Add(high, low);
  const V q = Polynomial(d, r, kExpTail);
  // The exact part comes last: the rounding of r touches small terms only.
  return hn::Add(high, hn::MulAdd(hn::Mul(r, r), q, low));
}

// x = n ln 2 + r: returns r, rounded once.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ReduceExp(D d, V x, hn::Vec<hn::RebindToSigned<D>>& n) {
  const V whole = NearestExponent(d, x, n);
  const V high = hn::NegMulAdd(whole, hn::Set(d, kLn2High), x);
  return hn::NegMulAdd(whole, hn::Set(d, kLn2Low), high);
}

// 2^n for -126 <= n <= 127, by writing the exponent's bits.
template <class D, class VI>
HWY_INLINE hn::Vec<D> PowerOfTwo(D d, VI n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// factor exp(x + low) for -174 <= x <= 89, with less rounding than a product of
// the two: `low` is what x has lost by rounding, |low| <= 2^-8 (beyond, up to
// 1/8, a few ULP are lost), and 1/64 <= factor <= 2. float only. Underflows
// through the denormals to 0; NaN gives NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfSum(D d, V x, V low, V factor) {
  hn::Vec<hn::RebindToSigned<D>> n;
  const V tail = SplitExp(d, x, low, n);
  const V p = hn::MulAdd(factor, tail, factor);
  // 2^n may be too large or too small for a float where the result is neither.
  // So in two steps; only the last can round, and only to a denormal.
  const auto half = hn::ShiftRight<1>(n);
  return hn::Mul(hn::Mul(p, PowerOfTwo(d, half)),
                 PowerOfTwo(d, hn::Sub(n, half)));
}

// exp(x) for -174 <= x <= 89.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpWithin(D d, V x) {
  return ExpOfSum(d, x, hn::Zero(d), hn::Set(d, 1.0f));
}

// Limits that keep NaN, which hn::Min and hn::Max may lose; not on x86, where
// they return their second argument if either is NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V AtLeast(D d, V x, float lo) {
  const V limit = hn::Set(d, lo);
  if constexpr (HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 &&
                HWY_TARGET != HWY_SCALAR) {
    return hn::Max(limit, x);
  } else {
    return hn::IfThenElse(hn::Lt(x, limit), limit, x);
  }
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V AtMost(D d, V x, float hi) {
  const V limit = hn::Set(d, hi);
  if constexpr (HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 &&
                HWY_TARGET != HWY_SCALAR) {
    return hn::Min(limit, x);
  } else {
    return hn::IfThenElse(hn::Gt(x, limit), limit, x);
  }
}

// Beyond these, exp is 0 and infinite in float.
constexpr float kExpLowest = -105.0f;
constexpr float kExpHighest = 89.0f;

// exp(x). float: error at most kExpUlp, in denormal results too; exp(-inf) = 0,
// exp(inf) = inf, NaN gives NaN. double: libm's.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) { return std::exp(t); });
  } else {
    const V clamped = AtMost(d, AtLeast(d, x, kExpLowest), kExpHighest);
    return ExpWithin(d, clamped);
  }
}

// The scale of the functions below: in float no exponential times it is
// denormal.
template <class D>
inline constexpr hn::TFromD<D> kExpScale = kIsDouble<D> ? 1 : 0x1p32f;

// (1 + tail) 2^n kExpScale.
template <class D, class V, class VI>
HWY_INLINE V ScaledPower(D d, V tail, VI n) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::Add(n, hn::Set(di, 127 + 32));
  const V scale = hn::BitCast(d, hn::ShiftLeft<23>(bits));
  return hn::MulAdd(scale, tail, scale);
}

// exp(x) kExpScale<D> for x <= 0, for quotients in which the scale cancels. In
// float no result is denormal, so that one product applies the power of two; it
// is that of kExpLowest for all x below. Error at most kExpUlp; NaN gives NaN.
// In double: exp(x).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ScaledExpOfNonPositive(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return Exp(d, x);
  } else {
    hn::Vec<hn::RebindToSigned<D>> n;
    const V tail = SplitExp(d, AtLeast(d, x, kExpLowest), hn::Zero(d), n);
    return ScaledPower(d, tail, n);
  }
}

// Exp for x <= 0, a good deal faster; of other x anything. The product with a
// power of two can round to a denormal only.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfNonPositive(D d, V x) {
  const V unscale = hn::Set(d, 1 / kExpScale<D>);
  return hn::Mul(ScaledExpOfNonPositive(d, x), unscale);
}

// The scaled one with two operations less and error at most kFastExpUlp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V FastScaledExpOfNonPositive(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return Exp(d, x);
  } else {
    hn::Vec<hn::RebindToSigned<D>> n;
    const V r = ReduceExp(d, AtLeast(d, x, kExpLowest), n);
    const V q = Polynomial(d, r, kExpTail);
    return ScaledPower(d, hn::MulAdd(hn::Mul(r, r), q, r), n);
  }
}

// exp(x) - 1, accurate near 0. float: error at most kEluUlp; -1 for -inf, inf
// for inf, NaN for NaN, and 0 keeps its sign. double: libm's.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Expm1(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) { return std::expm1(t); });
  } else {
    // Results beyond: infinite, and -1.
    const V clamped = AtMost(d, AtLeast(d, x, -20.0f), kExpHighest);
    hn::Vec<hn::RebindToSigned<D>> n;
    const V tail = SplitExp(d, clamped, hn::Zero(d), n);
    // 2^n tail + (2^n - 1), all of it halved: 2^128 is no float.
    const hn::RebindToSigned<D> di;
    const V scale = PowerOfTwo(d, hn::Sub(n, hn::Set(di, 1)));
    const V half = hn::MulAdd(scale, tail, hn::Sub(scale, hn::Set(d, 0.5f)));
    const V result = hn::Add(half, half);
    // Half of a denormal may not be one, and -0 + 0 is 0.
    const V tiny = hn::Set(d, 1e-30f);
    return hn::IfThenElse(hn::Lt(hn::Abs(x), tiny), x, result);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_EXP_INL_H_
