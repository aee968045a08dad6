// A polynomial of a vector.
#if defined(POLARIZE_KERNELS_MATH_POLYNOMIAL_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_POLYNOMIAL_INL_H_
#undef POLARIZE_KERNELS_MATH_POLYNOMIAL_INL_H_
#else
#define POLARIZE_KERNELS_MATH_POLYNOMIAL_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// c[I] + c[I+1] x + ... + c[N-1] x^(N-1-I), by Horner's rule. A recursion and
// not a loop, so that no compiler leaves a loop behind.
template <size_t I = 0, class D, class V, size_t N>
HWY_INLINE V Polynomial(D d, V x, const float (&c)[N]) {
  if constexpr (I + 1 == N) {
    return hn::Set(d, c[I]);
  } else {
    return hn::MulAdd(Polynomial<I + 1>(d, x, c), x, hn::Set(d, c[I]));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_POLYNOMIAL_INL_H_
