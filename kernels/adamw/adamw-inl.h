// The update of AdamW, one instruction set at a time.

// Once, for all instruction sets.
#ifndef POLARIZE_KERNELS_ADAMW_ADAMW_COEFFICIENTS_
#define POLARIZE_KERNELS_ADAMW_ADAMW_COEFFICIENTS_
namespace polarize {

// The scalars of one step, as the vector code wants them.
template <typename T>
struct AdamWCoefficients {
  T keep;  // 1 - lr weight_decay
  T beta1, one_minus_beta1;
  T beta2, one_minus_beta2;
  T root_correction2;  // sqrt(1 - beta2^step)
  T minus_step_size;   // -lr / (1 - beta1^step)
  T epsilon;
};

}  // namespace polarize
#endif  // POLARIZE_KERNELS_ADAMW_ADAMW_COEFFICIENTS_

// clang-format off
#if defined(POLARIZE_KERNELS_ADAMW_ADAMW_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_ADAMW_ADAMW_INL_H_
#undef POLARIZE_KERNELS_ADAMW_ADAMW_INL_H_
#else
#define POLARIZE_KERNELS_ADAMW_ADAMW_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

// Updates one vector of p, m and v from the gradient g.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void AdamWUpdate(
    D d, const AdamWCoefficients<hwy::HWY_NAMESPACE::TFromD<D>>& k, V g, V& p,
    V& m, V& v) {
  namespace hn = hwy::HWY_NAMESPACE;
  p = hn::Mul(p, hn::Set(d, k.keep));
  m = hn::MulAdd(g, hn::Set(d, k.one_minus_beta1),
                 hn::Mul(m, hn::Set(d, k.beta1)));
  v = hn::MulAdd(hn::Mul(hn::Set(d, k.one_minus_beta2), g), g,
                 hn::Mul(v, hn::Set(d, k.beta2)));
  const V root = hn::Div(hn::Sqrt(v), hn::Set(d, k.root_correction2));
  const V denominator = hn::Add(root, hn::Set(d, k.epsilon));
  // Not fused: PyTorch rounds the quotient before it adds.
  p = hn::Add(p,
              hn::Div(hn::Mul(hn::Set(d, k.minus_step_size), m), denominator));
}

// The n elements from each pointer on.
template <typename T>
void AdamWSlice(const AdamWCoefficients<T>& coefficients, const T* g, T* p,
                T* m, T* v, size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const AdamWCoefficients<T> k = coefficients;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto pi = hn::LoadU(d, p + i), mi = hn::LoadU(d, m + i),
         vi = hn::LoadU(d, v + i);
    AdamWUpdate(d, k, hn::LoadU(d, g + i), pi, mi, vi);
    hn::StoreU(pi, d, p + i);
    hn::StoreU(mi, d, m + i);
    hn::StoreU(vi, d, v + i);
  }
  if (i == n) return;
  const size_t rest = n - i;
  auto pi = hn::LoadN(d, p + i, rest), mi = hn::LoadN(d, m + i, rest),
       vi = hn::LoadN(d, v + i, rest);
  AdamWUpdate(d, k, hn::LoadN(d, g + i, rest), pi, mi, vi);
  hn::StoreN(pi, d, p + i, rest);
  hn::StoreN(mi, d, m + i, rest);
  hn::StoreN(vi, d, v + i, rest);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_ADAMW_ADAMW_INL_H_
