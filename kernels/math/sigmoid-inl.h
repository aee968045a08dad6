// The logistic function for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_SIGMOID_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
#undef POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
#else
#define POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"
#include "kernels/math/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// 1 / (1 + exp(-x)). float: error at most kSigmoidUlp, relative also where the
// result is small, down to the smallest normal float; beyond, denormals and 0.
// 0 for -inf, 1 for inf, NaN for NaN. double: from libm's exp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sigmoid(D d, V x) {
  // z = exp(-|x|) cannot overflow; 1 / (1 + z) where x >= 0, else z / (1 + z).
  // Both sides of the fraction carry the scale of z.
  const V one = hn::Set(d, kExpScale<D>);
  const V z = ScaledExpOfNonPositive(d, hn::Neg(hn::Abs(x)));
  const V numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), z, one);
  return hn::Div(numerator, hn::Add(one, z));
}

// The derivative s (1 - s) of Sigmoid where its value is s. Near s = 1 it knows
// no more than s does; SigmoidDerivativeAt is accurate there too.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SigmoidDerivative(D d, V s) {
  return hn::Mul(s, hn::Sub(hn::Set(d, hn::TFromD<D>{1}), s));
}

// The derivative z / (1 + z)^2, z = exp(-|x|), of Sigmoid at x.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SigmoidDerivativeAt(D d, V x) {
  const V one = hn::Set(d, kExpScale<D>);
  const V z = ScaledExpOfNonPositive(d, hn::Neg(hn::Abs(x)));
  const V sum = hn::Add(z, one);
  return hn::Div(hn::Mul(z, one), hn::Mul(sum, sum));
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
