#include "kernels/sgd/sgd.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sgd/sgd.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/sgd/sgd-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

// A task is that many elements: a few microseconds, a multiple of every vector.
constexpr size_t kElementsPerTask = 16384;

template <typename T>
SgdCoefficients<T> Coefficients(const Sgd& options) {
  return {static_cast<T>(-options.lr), static_cast<T>(options.momentum),
          static_cast<T>(options.weight_decay)};
}

}  // namespace

template <typename T>
void SgdStep(const Sgd& options, const T* gradient, T* parameter, size_t n,
             ParallelFor& parallel) {
  HWY_EXPORT_T(Table, SgdSlice<T>);
  const SgdCoefficients<T> k = Coefficients<T>(options);
  parallel.Run(hwy::DivCeil(n, kElementsPerTask), [&](size_t task) {
    const size_t i = task * kElementsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (k, gradient + i, parameter + i, std::min(n - i, kElementsPerTask));
  });
}

template <typename T>
void MomentumStep(const Sgd& options, const T* gradient, T* parameter,
                  T* running_sum, size_t n, ParallelFor& parallel) {
  HWY_EXPORT_T(Table, MomentumSlice<T>);
  const SgdCoefficients<T> k = Coefficients<T>(options);
  parallel.Run(hwy::DivCeil(n, kElementsPerTask), [&](size_t task) {
    const size_t i = task * kElementsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (k, gradient + i, parameter + i, running_sum + i,
     std::min(n - i, kElementsPerTask));
  });
}

template void SgdStep(const Sgd&, const float*, float*, size_t, ParallelFor&);
template void SgdStep(const Sgd&, const double*, double*, size_t, ParallelFor&);
template void MomentumStep(const Sgd&, const float*, float*, float*, size_t,
                           ParallelFor&);
template void MomentumStep(const Sgd&, const double*, double*, double*, size_t,
                           ParallelFor&);

}  // namespace polarize
#endif
