// The update of sign descent, one instruction set at a time.

// Once, for all instruction sets.
#ifndef POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_COEFFICIENTS_
#define POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_COEFFICIENTS_
namespace polarize {

// The scalars of one step, as the vector code wants them.
template <typename T>
struct SignDescentCoefficients {
  T keep;  // 1 - lr weight_decay
  T lr;
};

}  // namespace polarize
#endif  // POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_COEFFICIENTS_

// clang-format off
#if defined(POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_INL_H_
#undef POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_INL_H_
#else
#define POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

// The new p.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V SignDescentUpdate(
    D d, const SignDescentCoefficients<hwy::HWY_NAMESPACE::TFromD<D>>& k, V g,
    V p) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V signed_lr = hn::CopySign(hn::Set(d, k.lr), g);
  V step = hn::IfThenZeroElse(hn::Eq(g, hn::Zero(d)), signed_lr);
  step = hn::IfThenElse(hn::IsNaN(g), g, step);
  return hn::Sub(hn::Mul(p, hn::Set(d, k.keep)), step);
}

// The n elements from each pointer on.
template <typename T>
void SignDescentSlice(const SignDescentCoefficients<T>& coefficients,
                      const T* g, T* p, size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const SignDescentCoefficients<T> k = coefficients;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(
        SignDescentUpdate(d, k, hn::LoadU(d, g + i), hn::LoadU(d, p + i)), d,
        p + i);
  }
  if (i == n) return;
  const size_t rest = n - i;
  hn::StoreN(SignDescentUpdate(d, k, hn::LoadN(d, g + i, rest),
                               hn::LoadN(d, p + i, rest)),
             d, p + i, rest);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_INL_H_
