// Vector code of swiglu.h.
#if defined(POLARIZE_KERNELS_SWIGLU_SWIGLU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_SWIGLU_SWIGLU_INL_H_
#undef POLARIZE_KERNELS_SWIGLU_SWIGLU_INL_H_
#else
#define POLARIZE_KERNELS_SWIGLU_SWIGLU_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "kernels/math/array-inl.h"
#include "kernels/math/sigmoid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace swiglu {

namespace hn = hwy::HWY_NAMESPACE;

struct GateOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V gate, V up) const {
    return hn::Mul(hn::Mul(gate, Sigmoid(d, gate)), up);
  }
};

template <typename T>
void Gate(const T* gate, const T* up, size_t n, T* y) {
  MapArrays(gate, up, y, n, GateOp());
}

}  // namespace swiglu
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_SWIGLU_SWIGLU_INL_H_
