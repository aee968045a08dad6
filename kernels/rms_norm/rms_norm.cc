#include "kernels/rms_norm/rms_norm.h"

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rms_norm/rms_norm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/rms_norm/rms_norm-inl.h"

#if HWY_ONCE
namespace polarize {

template <typename T>
void RmsNorm(const T* x, const T* scale, const T* residual, size_t rows,
             size_t width, T epsilon, T factor, T* y) {
  if (width == 0) HWY_ABORT("rms_norm: %zu rows of width 0", rows);
  HWY_EXPORT_T(Table, rms_norm::NormRows<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)
  (x, scale, residual, rows, width, epsilon, factor, y);
}

template void RmsNorm(const float*, const float*, const float*, size_t, size_t,
                      float, float, float*);
template void RmsNorm(const double*, const double*, const double*, size_t,
                      size_t, double, double, double*);

}  // namespace polarize
#endif
