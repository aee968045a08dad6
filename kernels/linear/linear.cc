#include "kernels/linear/linear.h"

#include "kernels/base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear/linear.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/linear/linear-inl.h"

#if HWY_ONCE
namespace polarize {

size_t PackedWeightSize(size_t inner, size_t outer) {
  return inner * PaddedColumns(outer);
}

template <typename T>
void PackForForward(const T* weight, size_t inner, size_t outer, T* packed) {
  HWY_EXPORT_T(Table, PackForForwardT<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)(weight, inner, outer, packed);
}

template <typename T>
void PackForInputGradient(const T* weight, size_t inner, size_t outer,
                          T* packed) {
  HWY_EXPORT_T(Table, PackForInputGradientT<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)(weight, inner, outer, packed);
}

template <typename T>
void LinearWeightGradient(const T* x, const T* dy, size_t rows, size_t inner,
                          size_t outer, T* dweight, T* dbias,
                          ParallelFor& parallel) {
  HWY_EXPORT_T(Table, LinearWeightGradientT<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)
  (x, dy, rows, inner, outer, dweight, dbias, parallel);
}

template <typename T>
void LinearForward(const T* x, size_t rows, const T* packed, const T* bias,
                   const T* residual, size_t inner, size_t outer, T* y,
                   ParallelFor& parallel) {
  HWY_EXPORT_T(Table, LinearForwardT<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)
  (x, rows, packed, bias, residual, inner, outer, y, nullptr, parallel);
}

template <typename T>
void LinearGeluForward(const T* x, size_t rows, const T* packed, const T* bias,
                       size_t inner, size_t outer, T* y, T* slope,
                       ParallelFor& parallel) {
  HWY_EXPORT_T(Table, LinearForwardT<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)
  (x, rows, packed, bias, nullptr, inner, outer, y, slope, parallel);
}

template <typename T>
void LinearInputGradient(const T* dy, size_t rows, const T* packed,
                         const T* residual, size_t inner, size_t outer, T* dx,
                         ParallelFor& parallel) {
  HWY_EXPORT_T(Table, LinearInputGradientT<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)
  (dy, rows, packed, nullptr, residual, inner, outer, dx, parallel);
}

template <typename T>
void LinearScaledInputGradient(const T* dy, size_t rows, const T* packed,
                               const T* scale, size_t inner, size_t outer,
                               T* dx, ParallelFor& parallel) {
  HWY_EXPORT_T(Table, LinearInputGradientT<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)
  (dy, rows, packed, scale, nullptr, inner, outer, dx, parallel);
}

#define POLARIZE_INSTANTIATE(T)                                                \
  template void PackForForward<T>(const T*, size_t, size_t, T*);               \
  template void PackForInputGradient<T>(const T*, size_t, size_t, T*);         \
  template void LinearForward<T>(const T*, size_t, const T*, const T*,         \
                                 const T*, size_t, size_t, T*, ParallelFor&);  \
  template void LinearGeluForward<T>(const T*, size_t, const T*, const T*,     \
                                     size_t, size_t, T*, T*, ParallelFor&);    \
  template void LinearScaledInputGradient<T>(                                  \
      const T*, size_t, const T*, const T*, size_t, size_t, T*, ParallelFor&); \
  template void LinearInputGradient<T>(const T*, size_t, const T*, const T*,   \
                                       size_t, size_t, T*, ParallelFor&);      \
  template void LinearWeightGradient<T>(const T*, const T*, size_t, size_t,    \
                                        size_t, T*, T*, ParallelFor&);
POLARIZE_INSTANTIATE(float)
POLARIZE_INSTANTIATE(double)
#undef POLARIZE_INSTANTIATE

}  // namespace polarize
#endif
