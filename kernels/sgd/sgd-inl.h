// The updates of gradient descent, one instruction set at a time.

// Once, for all instruction sets.
#ifndef POLARIZE_KERNELS_SGD_SGD_COEFFICIENTS_
#define POLARIZE_KERNELS_SGD_SGD_COEFFICIENTS_
namespace polarize {

// The scalars of one step, as the vector code wants them.
template <typename T>
struct SgdCoefficients {
  T minus_lr, momentum, weight_decay;
};

}  // namespace polarize
#endif  // POLARIZE_KERNELS_SGD_SGD_COEFFICIENTS_

// clang-format off
#if defined(POLARIZE_KERNELS_SGD_SGD_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_SGD_SGD_INL_H_
#undef POLARIZE_KERNELS_SGD_SGD_INL_H_
#else
#define POLARIZE_KERNELS_SGD_SGD_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

// The new p.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V SgdUpdate(D d,
                       const SgdCoefficients<hwy::HWY_NAMESPACE::TFromD<D>>& k,
                       V g, V p) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V direction = hn::MulAdd(hn::Set(d, k.weight_decay), p, g);
  return hn::MulAdd(hn::Set(d, k.minus_lr), direction, p);
}

// Updates one vector of m; returns the new p.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V
MomentumUpdate(D d, const SgdCoefficients<hwy::HWY_NAMESPACE::TFromD<D>>& k,
               V g, V p, V& m) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V direction = hn::MulAdd(hn::Set(d, k.weight_decay), p, g);
  // Not fused: PyTorch rounds the product before it adds.
  m = hn::Add(hn::Mul(hn::Set(d, k.momentum), m), direction);
  return hn::MulAdd(hn::Set(d, k.minus_lr), m, p);
}

// The n elements from each pointer on.
template <typename T>
void SgdSlice(const SgdCoefficients<T>& coefficients, const T* g, T* p,
              size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const SgdCoefficients<T> k = coefficients;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(SgdUpdate(d, k, hn::LoadU(d, g + i), hn::LoadU(d, p + i)), d,
               p + i);
  }
  if (i == n) return;
  const size_t rest = n - i;
  hn::StoreN(
      SgdUpdate(d, k, hn::LoadN(d, g + i, rest), hn::LoadN(d, p + i, rest)), d,
      p + i, rest);
}

template <typename T>
void MomentumSlice(const SgdCoefficients<T>& coefficients, const T* g, T* p,
                   T* m, size_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const SgdCoefficients<T> k = coefficients;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto mi = hn::LoadU(d, m + i);
    const auto pi =
        MomentumUpdate(d, k, hn::LoadU(d, g + i), hn::LoadU(d, p + i), mi);
    hn::StoreU(pi, d, p + i);
    hn::StoreU(mi, d, m + i);
  }
  if (i == n) return;
  const size_t rest = n - i;
  auto mi = hn::LoadN(d, m + i, rest);
  const auto pi = MomentumUpdate(d, k, hn::LoadN(d, g + i, rest),
                                 hn::LoadN(d, p + i, rest), mi);
  hn::StoreN(pi, d, p + i, rest);
  hn::StoreN(mi, d, m + i, rest);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_SGD_SGD_INL_H_
