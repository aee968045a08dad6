#include "kernels/sigmoid_gate/sigmoid_gate.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sigmoid_gate/sigmoid_gate.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/sigmoid_gate/sigmoid_gate-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

// Whole vectors, and work of a few microseconds.
constexpr size_t kElementsPerTask = size_t{1} << 14;

size_t Tasks(size_t n) { return hwy::DivCeil(n, kElementsPerTask); }

size_t ElementsOf(size_t first, size_t n) {
  return std::min(kElementsPerTask, n - first);
}

}  // namespace

template <typename T>
void SigmoidGateForward(const T* x, const T* gate, size_t n, T* y, T* open,
                        ParallelFor& parallel) {
  HWY_EXPORT_T(Table, sigmoid_gate::Forward<T>);
  parallel.Run(Tasks(n), [&](size_t task) {
    const size_t at = task * kElementsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (x + at, gate + at, ElementsOf(at, n), y + at, open + at);
  });
}

template <typename T>
void SigmoidGateBackward(const T* x, const T* open, const T* dy, size_t n,
                         T* dx, T* dgate, ParallelFor& parallel) {
  HWY_EXPORT_T(Table, sigmoid_gate::Backward<T>);
  parallel.Run(Tasks(n), [&](size_t task) {
    const size_t at = task * kElementsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (x + at, open + at, dy + at, ElementsOf(at, n), dx + at, dgate + at);
  });
}

template void SigmoidGateForward(const float*, const float*, size_t, float*,
                                 float*, ParallelFor&);
template void SigmoidGateForward(const double*, const double*, size_t, double*,
                                 double*, ParallelFor&);
template void SigmoidGateBackward(const float*, const float*, const float*,
                                  size_t, float*, float*, ParallelFor&);
template void SigmoidGateBackward(const double*, const double*, const double*,
                                  size_t, double*, double*, ParallelFor&);

}  // namespace polarize
#endif
