// The exponential linear unit for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_ELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_ELU_INL_H_
#undef POLARIZE_KERNELS_MATH_ELU_INL_H_
#else
#define POLARIZE_KERNELS_MATH_ELU_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// x where x >= 0, else exp(x) - 1. float: error at most kEluUlp. -1 for -inf,
// inf for inf, NaN for NaN, 0 keeps its sign.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Elu(D d, V x) {
  const V negative = Expm1(d, x);
  return hn::IfThenElse(hn::Ge(x, hn::Zero(d)), x, negative);
}

// The derivative of Elu at x: 1 where x >= 0, else exp(x), accurate also where
// the value plus 1 has cancelled.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V EluDerivativeAt(D d, V x) {
  const V one = hn::Set(d, hn::TFromD<D>{1});
  return hn::IfThenElse(hn::Ge(x, hn::Zero(d)), one, Exp(d, x));
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_ELU_INL_H_
