#include "kernels/rms_norm/rms_norm.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rms_norm/rms_norm.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/rms_norm/rms_norm-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

// A task is that many rows. In the gradient also the length of the partial
// sums: the 24576 heads of 3072 rows make 192 sums of 128 terms, about the most
// accurate split.
constexpr size_t kRowsPerTask = 128;

size_t Tasks(size_t rows) { return hwy::DivCeil(rows, kRowsPerTask); }

// Rows of a task.
size_t RowsOf(size_t task, size_t rows) {
  return std::min(kRowsPerTask, rows - task * kRowsPerTask);
}

void CheckWidth(size_t width, size_t rows) {
  if (width == 0) HWY_ABORT("rms_norm: %zu rows of width 0", rows);
}

}  // namespace

template <typename T>
void RmsNorm(const T* x, const T* scale, const T* residual, size_t rows,
             size_t width, T epsilon, T factor, T* y) {
  CheckWidth(width, rows);
  HWY_EXPORT_T(Table, rms_norm::NormRows<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)
  (x, scale, residual, rows, width, epsilon, factor, y, nullptr);
}

template <typename T>
void RmsNormForward(const T* x, const T* scale, size_t rows, size_t width,
                    T epsilon, T* y, T* rstd, ParallelFor& parallel) {
  CheckWidth(width, rows);
  HWY_EXPORT_T(Table, rms_norm::NormRows<T>);
  parallel.Run(Tasks(rows), [&](size_t task) {
    const size_t first = task * kRowsPerTask, at = first * width;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (x + at, scale, nullptr, RowsOf(task, rows), width, epsilon, T(1), y + at,
     rstd + first);
  });
}

size_t RmsNormScratch(size_t rows, size_t width) { return Tasks(rows) * width; }

template <typename T>
void RmsNormBackward(const T* x, const T* scale, const T* rstd, const T* dy,
                     size_t rows, size_t width, T* dx, T* dscale, T* scratch,
                     ParallelFor& parallel) {
  CheckWidth(width, rows);
  HWY_EXPORT_T(RowsTable, rms_norm::BackwardRows<T>);
  HWY_EXPORT_T(SumTable, rms_norm::SumParts<T>);
  parallel.Run(Tasks(rows), [&](size_t task) {
    const size_t first = task * kRowsPerTask, at = first * width;
    HWY_DYNAMIC_DISPATCH_T(RowsTable)
    (x + at, scale, rstd + first, dy + at, RowsOf(task, rows), width, dx + at,
     scratch + task * width);
  });
  HWY_DYNAMIC_DISPATCH_T(SumTable)(scratch, Tasks(rows), width, dscale);
}

template void RmsNorm(const float*, const float*, const float*, size_t, size_t,
                      float, float, float*);
template void RmsNorm(const double*, const double*, const double*, size_t,
                      size_t, double, double, double*);
template void RmsNormForward(const float*, const float*, size_t, size_t, float,
                             float*, float*, ParallelFor&);
template void RmsNormForward(const double*, const double*, size_t, size_t,
                             double, double*, double*, ParallelFor&);
template void RmsNormBackward(const float*, const float*, const float*,
                              const float*, size_t, size_t, float*, float*,
                              float*, ParallelFor&);
template void RmsNormBackward(const double*, const double*, const double*,
                              const double*, size_t, size_t, double*, double*,
                              double*, ParallelFor&);

}  // namespace polarize
#endif
