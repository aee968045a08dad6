// The error function for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_ERF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_ERF_INL_H_
#undef POLARIZE_KERNELS_MATH_ERF_INL_H_
#else
#define POLARIZE_KERNELS_MATH_ERF_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"
#include "kernels/math/exp-square-inl.h"
#include "kernels/math/lanes-inl.h"
#include "kernels/math/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From tools/fit/tables.py: p of the formula erf(x) = x + x p(x^2) for
// |x| <= 1, and t of 1 - erf(x) = exp(t(x)) for 1 <= x <= 4.
constexpr float kErfNear[] = {0.128379166f,   -0.37612626f,   0.112835854f,
                              -0.0268538129f, 0.00518832775f, -0.000801019371f,
                              7.85386146e-05f};
constexpr float kErfFar[] = {0.000188468402f, -1.12958026f,    -0.633216381f,
                             -0.108422101f,   0.0252103414f,   -0.00420528557f,
                             0.000441472745f, -2.16976223e-05f};

// erf(x) = 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. float:
// error at most kErfUlp; erf(+-inf) = +-1, NaN gives NaN, 0 keeps its sign.
// double: libm's.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Erf(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) { return std::erf(t); });
  } else {
    // From 4 on erf is 1 to the last bit.
    const V four = hn::Set(d, 4.0f), one = hn::Set(d, 1.0f);
    const V magnitude = hn::Abs(x);
    const V a = hn::IfThenElse(hn::Gt(magnitude, four), four, magnitude);
    const V near = hn::MulAdd(a, Polynomial(d, hn::Mul(a, a), kErfNear), a);
    // The exponent is between 0 and -19: nothing to clamp.
    const V exponent = Polynomial(d, a, kErfFar);
    const V far = hn::Sub(one, ExpWithin(d, exponent));
    return hn::CopySign(hn::IfThenElse(hn::Lt(a, one), near, far), x);
  }
}

// The derivative 2 / sqrt(pi) exp(-x^2) of Erf at x. float: absolute error at
// most kErfDerivativeAbsolute. 0 for +-inf, NaN for NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ErfDerivative(D d, V x) {
  constexpr double kTwoOverSqrtPi = 1.1283791670955126;
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x,
                    [](double t) { return kTwoOverSqrtPi * std::exp(-t * t); });
  } else {
    // Beyond 12 it is 0.
    const V t = AbsUpTo(d, x, hn::Set(d, 12.0f));
    const V factor = hn::Set(d, static_cast<float>(kTwoOverSqrtPi));
    return ExpOfMinusSquare(d, t, 1.0f, factor);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_ERF_INL_H_
