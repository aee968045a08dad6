#include "kernels/adamw/adamw.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/adamw/adamw.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/adamw/adamw-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

// A task is that many elements: a few microseconds, a multiple of every vector.
constexpr size_t kElementsPerTask = 16384;

// Computed in double, rounded once.
template <typename T>
AdamWCoefficients<T> Coefficients(const AdamW& options, uint64_t step) {
  const double t = static_cast<double>(step);
  const double correction1 = 1 - std::pow(options.beta1, t);
  const double correction2 = 1 - std::pow(options.beta2, t);
  AdamWCoefficients<T> k;
  k.keep = static_cast<T>(1 - options.lr * options.weight_decay);
  k.beta1 = static_cast<T>(options.beta1);
  k.one_minus_beta1 = static_cast<T>(1 - options.beta1);
  k.beta2 = static_cast<T>(options.beta2);
  k.one_minus_beta2 = static_cast<T>(1 - options.beta2);
  k.root_correction2 = static_cast<T>(std::sqrt(correction2));
  k.minus_step_size = static_cast<T>(-options.lr / correction1);
  k.epsilon = static_cast<T>(options.epsilon);
  return k;
}

}  // namespace

template <typename T>
void AdamWStep(const AdamW& options, uint64_t step, const T* gradient,
               T* parameter, T* first_moment, T* second_moment, size_t n,
               ParallelFor& parallel) {
  if (step == 0) HWY_ABORT("AdamWStep: step 0, they count from 1");
  HWY_EXPORT_T(Table, AdamWSlice<T>);
  const AdamWCoefficients<T> k = Coefficients<T>(options, step);
  parallel.Run(hwy::DivCeil(n, kElementsPerTask), [&](size_t task) {
    const size_t i = task * kElementsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (k, gradient + i, parameter + i, first_moment + i, second_moment + i,
     std::min(n - i, kElementsPerTask));
  });
}

template void AdamWStep(const AdamW&, uint64_t, const float*, float*, float*,
                        float*, size_t, ParallelFor&);
template void AdamWStep(const AdamW&, uint64_t, const double*, double*, double*,
                        double*, size_t, ParallelFor&);

}  // namespace polarize
#endif
