#include "kernels/swiglu/swiglu.h"

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/swiglu/swiglu.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/swiglu/swiglu-inl.h"

#if HWY_ONCE
namespace polarize {

template <typename T>
void SwiGlu(const T* gate, const T* up, size_t n, T* y) {
  HWY_EXPORT_T(Table, swiglu::Gate<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)(gate, up, n, y);
}

template void SwiGlu(const float*, const float*, size_t, float*);
template void SwiGlu(const double*, const double*, size_t, double*);

}  // namespace polarize
#endif
