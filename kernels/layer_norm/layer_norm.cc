#include "kernels/layer_norm/layer_norm.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm/layer_norm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/layer_norm/layer_norm-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

// A task is that many rows. In the gradient also the length of the partial
// sums: 4096 rows make 64 sums of 64 terms, the most accurate split.
constexpr size_t kRowsPerTask = 64;

size_t Tasks(size_t rows) { return hwy::DivCeil(rows, kRowsPerTask); }

size_t LastRow(size_t task, size_t rows) {
  return std::min(rows, (task + 1) * kRowsPerTask);
}

void CheckWidth(size_t width, size_t rows) {
  if (width == 0) HWY_ABORT("layer_norm: %zu rows of width 0", rows);
}

}  // namespace

template <typename T>
void LayerNormForward(const T* x, const T* weight, const T* bias, size_t rows,
                      size_t width, T epsilon, T* y, T* mean, T* rstd,
                      ParallelFor& parallel) {
  CheckWidth(width, rows);
  HWY_EXPORT_T(Table, layer_norm::ForwardRows<T>);
  parallel.Run(Tasks(rows), [&](size_t task) {
    HWY_DYNAMIC_DISPATCH_T(Table)
    (x, weight, bias, task * kRowsPerTask, LastRow(task, rows), width, epsilon,
     y, mean, rstd);
  });
}

size_t LayerNormScratch(size_t rows, size_t width) {
  return Tasks(rows) * 2 * width;
}

template <typename T>
void LayerNormBackward(const T* x, const T* weight, const T* mean,
                       const T* rstd, const T* dy, size_t rows, size_t width,
                       T* dx, T* dweight, T* dbias, T* scratch,
                       ParallelFor& parallel) {
  CheckWidth(width, rows);
  HWY_EXPORT_T(RowsTable, layer_norm::BackwardRows<T>);
  HWY_EXPORT_T(SumTable, layer_norm::SumParts<T>);
  // Each task's part of dweight, and its part of dbias behind it.
  parallel.Run(Tasks(rows), [&](size_t task) {
    T* part = scratch + task * 2 * width;
    HWY_DYNAMIC_DISPATCH_T(RowsTable)
    (x, weight, mean, rstd, dy, task * kRowsPerTask, LastRow(task, rows), width,
     dx, part, part + width);
  });
  HWY_DYNAMIC_DISPATCH_T(SumTable)
  (scratch, Tasks(rows), 2 * width, width, dweight);
  HWY_DYNAMIC_DISPATCH_T(SumTable)
  (scratch + width, Tasks(rows), 2 * width, width, dbias);
}

template void LayerNormForward(const float*, const float*, const float*, size_t,
                               size_t, float, float*, float*, float*,
                               ParallelFor&);
template void LayerNormForward(const double*, const double*, const double*,
                               size_t, size_t, double, double*, double*,
                               double*, ParallelFor&);
template void LayerNormBackward(const float*, const float*, const float*,
                                const float*, const float*, size_t, size_t,
                                float*, float*, float*, float*, ParallelFor&);
template void LayerNormBackward(const double*, const double*, const double*,
                                const double*, const double*, size_t, size_t,
                                double*, double*, double*, double*,
                                ParallelFor&);

}  // namespace polarize
#endif
