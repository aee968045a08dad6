// A vector function applied to arrays of any length and alignment.
#if defined(POLARIZE_KERNELS_MATH_ARRAY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_ARRAY_INL_H_
#undef POLARIZE_KERNELS_MATH_ARRAY_INL_H_
#else
#define POLARIZE_KERNELS_MATH_ARRAY_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// y[i] = op(x[i]), i < n. op(d, v) is called with vectors; y may be x.
template <typename T, class Op>
HWY_INLINE void MapArray(const T* x, T* y, size_t n, Op op) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(op(d, hn::LoadU(d, x + i)), d, y + i);
  }
  if (i < n) hn::StoreN(op(d, hn::LoadN(d, x + i, n - i)), d, y + i, n - i);
}

// z[i] = op(x[i], y[i]), i < n; z may be x or y.
template <typename T, class Op>
HWY_INLINE void MapArrays(const T* x, const T* y, T* z, size_t n, Op op) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(op(d, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, z + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    hn::StoreN(op(d, hn::LoadN(d, x + i, rest), hn::LoadN(d, y + i, rest)), d,
               z + i, rest);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_ARRAY_INL_H_
