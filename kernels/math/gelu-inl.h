// The Gaussian error linear unit for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_GELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_GELU_INL_H_
#undef POLARIZE_KERNELS_MATH_GELU_INL_H_
#else
#define POLARIZE_KERNELS_MATH_GELU_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"
#include "kernels/math/lanes-inl.h"
#include "kernels/math/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From tools/fit/tables.py: the normal distribution's tail is Phi(-t) =
// exp(-t^2 / 2) R(u), u = (t - k) / (t + k), for 0 <= t <= kGeluEnd.
constexpr float kGeluPole = 2.25f;
constexpr float kGeluTail[] = {
    0.153651938f,     -0.23951441f,    0.103669584f,   -0.0116213225f,
    -0.00852964632f,  0.00109627808f,  0.00141779846f, 0.000107408683f,
    -0.000213445164f, -7.17277726e-05f};
// Beyond, Phi(-t) is 0 in float32.
constexpr float kGeluEnd = 15.0f;
constexpr double kSqrtHalf = 0.70710678118654752;
constexpr double kInverseSqrt2Pi = 0.39894228040143268;

// |x|, at most `end`; NaN stays NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V AbsUpTo(D, V x, V end) {
  const V t = hn::Abs(x);
  return hn::IfThenElse(hn::Gt(t, end), end, t);
}

// exp(-t^2 / 2), as accurate as Exp for t <= 4 and a few ULP beyond. float, 0
// <= t <= kGeluEnd.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfHalfSquare(D d, V t) {
  // The upper 12 bits of t have an exact square; the rest of t^2 / 2 is
  // (t - upper) (t + upper) / 2.
  const hn::RebindToUnsigned<D> du;
  const V upper = hn::BitCast(
      d, hn::And(hn::BitCast(du, t), hn::Set(du, uint32_t{0xFFFFF000u})));
  const V half = hn::Set(d, -0.5f);
  const V rest = hn::Mul(hn::Sub(t, upper), hn::Add(t, upper));
  return ExpOfSum(d, hn::Mul(hn::Mul(upper, upper), half), hn::Mul(rest, half));
}

// Phi(-t) where bell = exp(-t^2 / 2). float, 0 <= t <= kGeluEnd.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NormalTail(D d, V t, V bell) {
  const V pole = hn::Set(d, kGeluPole);
  const V u = hn::Div(hn::Sub(t, pole), hn::Add(t, pole));
  return hn::Mul(bell, Polynomial(d, u, kGeluTail));
}

// Phi(x), t = |x| at most kGeluEnd.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NormalDistribution(D d, V x, V t, V bell) {
  const V tail = NormalTail(d, t, bell);
  const V rest = hn::Sub(hn::Set(d, 1.0f), tail);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, rest);
}

// x Phi(x), Phi the normal distribution. float: error at most kGeluUlp for x >=
// kGeluUlpFrom, at most kGeluAbsolute below. -0 for -inf, inf for inf, NaN for
// NaN, 0 keeps its sign. double: from libm's erfc.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Gelu(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) {
      return t < -40 ? -0.0 : t * 0.5 * std::erfc(-t * kSqrtHalf);
    });
  } else {
    const V end = hn::Set(d, kGeluEnd);
    const V t = AbsUpTo(d, x, end);
    const V phi = NormalDistribution(d, x, t, ExpOfHalfSquare(d, t));
    // From -kGeluEnd down, phi is 0: the product is 0, and would be NaN for
    // -inf.
    return hn::Mul(phi, hn::IfThenElse(hn::Lt(x, hn::Neg(end)), t, x));
  }
}

// The derivative Phi(x) + x phi(x) of Gelu at x. float: absolute error at most
// kGeluDerivativeAbsolute. 0 for -inf, 1 for inf, NaN for NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V GeluDerivative(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) {
      const double bell = std::abs(t) > 40 ? 0 : t * std::exp(t * t * -0.5);
      return 0.5 * std::erfc(-t * kSqrtHalf) + bell * kInverseSqrt2Pi;
    });
  } else {
    const V t = AbsUpTo(d, x, hn::Set(d, kGeluEnd));
    const V bell = ExpOfHalfSquare(d, t);
    const V slope = hn::Mul(hn::CopySign(t, x),
                            hn::Set(d, static_cast<float>(kInverseSqrt2Pi)));
    return hn::MulAdd(slope, bell, NormalDistribution(d, x, t, bell));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_GELU_INL_H_
