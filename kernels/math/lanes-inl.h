// A scalar function applied to every lane of a vector: how the functions of
// this folder serve double, which exists for gradient checks.
#if defined(POLARIZE_KERNELS_MATH_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_LANES_INL_H_
#undef POLARIZE_KERNELS_MATH_LANES_INL_H_
#else
#define POLARIZE_KERNELS_MATH_LANES_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
inline constexpr bool kIsDouble = sizeof(hn::TFromD<D>) == sizeof(double);

template <class D, class V, class Function>
HWY_INLINE V MapLanes(D d, V x, Function f) {
  HWY_ALIGN hn::TFromD<D> lanes[HWY_MAX(hn::MaxLanes(D()), size_t{1})];
  hn::Store(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = f(lanes[i]);
  return hn::Load(d, lanes);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_LANES_INL_H_
