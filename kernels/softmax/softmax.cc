#include "kernels/softmax/softmax.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/softmax.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/softmax/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace {

// Rows begin .. end of a matrix whose row i has the first min(n, i + seen)
// columns unmasked: seen = n for whole rows, 1 for causal ones.
template <typename T>
HWY_INLINE void Forward(const T* x, size_t begin, size_t end, size_t n,
                        size_t seen, size_t stride, T* y) {
  const hn::ScalableTag<T> d;
  const T* from = x + begin * stride;
  T* to = y + begin * stride;
  if (seen == n) {
    SoftmaxOfRows(d, from, end - begin, n, stride, to,
                  [n](size_t) { return n; });
    return;
  }
  const auto columns = [=](size_t i) { return HWY_MIN(n, begin + i + seen); };
  SoftmaxOfRows(d, from, end - begin, n, stride, to, columns);
  for (size_t i = 0; i < end - begin; ++i) {
    std::fill(to + i * stride + columns(i), to + i * stride + n, T(0));
  }
}

// Rows begin .. end of `rows`.
template <typename T>
HWY_INLINE void Gradient(const T* y, const T* dy, size_t begin, size_t end,
                         size_t rows, size_t n, size_t stride, T* dx) {
  const size_t at = begin * stride;
  const bool stream =
      rows * n * sizeof(T) >= kStreamBytes && dx != y && dx != dy;
  GradientOfRows(hn::ScalableTag<T>(), y + at, dy + at, end - begin, n, stride,
                 dx + at, stream);
}

}  // namespace

void ForwardFloat(const float* x, size_t begin, size_t end, size_t n,
                  size_t seen, size_t stride, float* y) {
  Forward(x, begin, end, n, seen, stride, y);
}
void ForwardDouble(const double* x, size_t begin, size_t end, size_t n,
                   size_t seen, size_t stride, double* y) {
  Forward(x, begin, end, n, seen, stride, y);
}
void GradientFloat(const float* y, const float* dy, size_t begin, size_t end,
                   size_t rows, size_t n, size_t stride, float* dx) {
  Gradient(y, dy, begin, end, rows, n, stride, dx);
}
void GradientDouble(const double* y, const double* dy, size_t begin, size_t end,
                    size_t rows, size_t n, size_t stride, double* dx) {
  Gradient(y, dy, begin, end, rows, n, stride, dx);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {

HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(GradientFloat);
HWY_EXPORT(GradientDouble);

namespace {

// Large enough to pay for handing out a task, small enough to share out.
constexpr size_t kElementsPerTask = 8192;

// Calls body(begin, end) for slices of the rows, which depend on the shape
// only.
template <class Body>
void ForRows(size_t rows, size_t n, size_t stride, ParallelFor& parallel,
             const Body& body) {
  if (stride < n) HWY_ABORT("softmax: stride %zu below n %zu", stride, n);
  if (rows == 0 || n == 0) return;
  const size_t per_task = std::max<size_t>(1, kElementsPerTask / n);
  const size_t tasks = (rows + per_task - 1) / per_task;
  parallel.Run(tasks, [&](size_t task) {
    const size_t begin = task * per_task;
    body(begin, std::min(rows, begin + per_task));
  });
}

}  // namespace

void SoftmaxRows(const float* x, size_t rows, size_t n, size_t stride, float* y,
                 ParallelFor& parallel) {
  ForRows(rows, n, stride, parallel, [&](size_t begin, size_t end) {
    HWY_DYNAMIC_DISPATCH(ForwardFloat)(x, begin, end, n, n, stride, y);
  });
}
void SoftmaxRows(const double* x, size_t rows, size_t n, size_t stride,
                 double* y, ParallelFor& parallel) {
  ForRows(rows, n, stride, parallel, [&](size_t begin, size_t end) {
    HWY_DYNAMIC_DISPATCH(ForwardDouble)(x, begin, end, n, n, stride, y);
  });
}

void CausalSoftmaxRows(const float* x, size_t n, size_t stride, float* y,
                       ParallelFor& parallel) {
  ForRows(n, n, stride, parallel, [&](size_t begin, size_t end) {
    HWY_DYNAMIC_DISPATCH(ForwardFloat)(x, begin, end, n, 1, stride, y);
  });
}
void CausalSoftmaxRows(const double* x, size_t n, size_t stride, double* y,
                       ParallelFor& parallel) {
  ForRows(n, n, stride, parallel, [&](size_t begin, size_t end) {
    HWY_DYNAMIC_DISPATCH(ForwardDouble)(x, begin, end, n, 1, stride, y);
  });
}

void SoftmaxRowsGradient(const float* y, const float* dy, size_t rows, size_t n,
                         size_t stride, float* dx, ParallelFor& parallel) {
  ForRows(rows, n, stride, parallel, [&](size_t begin, size_t end) {
    HWY_DYNAMIC_DISPATCH(GradientFloat)
    (y, dy, begin, end, rows, n, stride, dx);
  });
}
void SoftmaxRowsGradient(const double* y, const double* dy, size_t rows,
                         size_t n, size_t stride, double* dx,
                         ParallelFor& parallel) {
  ForRows(rows, n, stride, parallel, [&](size_t begin, size_t end) {
    HWY_DYNAMIC_DISPATCH(GradientDouble)
    (y, dy, begin, end, rows, n, stride, dx);
  });
}

}  // namespace polarize
#endif
