// The Gaussian error linear unit for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_GELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_GELU_INL_H_
#undef POLARIZE_KERNELS_MATH_GELU_INL_H_
#else
#define POLARIZE_KERNELS_MATH_GELU_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"
#include "kernels/math/exp-square-inl.h"
#include "kernels/math/lanes-inl.h"
#include "kernels/math/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From tools/fit/tables.py: the normal distribution is Phi(x) = 1/2 + x s(x^2)
// for |x| <= kGeluNear, and beyond, its tail is Phi(-t) = exp(-t^2 / 2) R(u),
// u = (t - k) / (t + k), for t <= kGeluEnd. R, Mills' ratio, is smooth.
constexpr float kGeluNear = 0.8f;
constexpr float kGeluCentre[] = {0.398942262f, -0.0664900094f, 0.00997055322f,
                                 -0.00117704133f, 9.9590201e-05f};
constexpr float kGeluPole = 1.5f;
constexpr float kGeluTail[] = {
    0.20578067f,     -0.270813793f,    0.0458675288f,
    0.0251294114f,   -7.03440455e-05f, -0.00453934539f,
    -0.00228777668f, -2.69545981e-05f, 0.000967217085f};
// Beyond, Phi(-t) is 0 in float32.
constexpr float kGeluEnd = 15.0f;
constexpr double kSqrtHalf = 0.70710678118654752;
constexpr double kInverseSqrt2Pi = 0.39894228040143268;

// Phi(-t). float, kGeluNear <= t <= kGeluEnd.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NormalTail(D d, V t) {
  const V pole = hn::Set(d, kGeluPole);
  const V u = hn::Div(hn::Sub(t, pole), hn::Add(t, pole));
  return ExpOfMinusSquare(d, t, 0.5f, Polynomial(d, u, kGeluTail));
}

// Phi(x) where t = |x|, at most kGeluEnd. float.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NormalDistribution(D d, V x, V t) {
  const V centre = hn::MulAdd(Polynomial(d, hn::Mul(t, t), kGeluCentre), x,
                              hn::Set(d, 0.5f));
  const V tail = NormalTail(d, t);
  const V rest = hn::Sub(hn::Set(d, 1.0f), tail);
  const V outer = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, rest);
  return hn::IfThenElse(hn::Lt(t, hn::Set(d, kGeluNear)), centre, outer);
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
    const V t = AbsUpTo(d, x, hn::Set(d, kGeluEnd));
    const V phi = NormalDistribution(d, x, t);
    // Below -kGeluEnd phi is 0, and its product with -inf would be NaN.
    return hn::Mul(phi, AtLeast(d, x, -kGeluEnd));
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
    const V bell = ExpOfMinusSquare(d, t, 0.5f, hn::Set(d, 1.0f));
    const V slope = hn::Mul(hn::CopySign(t, x),
                            hn::Set(d, static_cast<float>(kInverseSqrt2Pi)));
    return hn::MulAdd(slope, bell, NormalDistribution(d, x, t));
  }
}

// Gelu(d, x), and GeluDerivative(d, x) in `derivative`: the same bits as from
// those, for little more than the price of one, since they share the tail's
// exponential.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V GeluAndDerivative(D d, V x, V& derivative) {
  derivative = GeluDerivative(d, x);
  if constexpr (kIsDouble<D>) {
    return Gelu(d, x);
  } else {
    const V t = AbsUpTo(d, x, hn::Set(d, kGeluEnd));
    return hn::Mul(NormalDistribution(d, x, t), AtLeast(d, x, -kGeluEnd));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_GELU_INL_H_
