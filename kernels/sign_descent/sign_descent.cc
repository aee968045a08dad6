#include "kernels/sign_descent/sign_descent.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sign_descent/sign_descent.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/sign_descent/sign_descent-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

// A task is that many elements: a few microseconds, a multiple of every vector.
constexpr size_t kElementsPerTask = 16384;

}  // namespace

template <typename T>
void SignDescentStep(const SignDescent& options, const T* gradient,
                     T* parameter, size_t n, ParallelFor& parallel) {
  HWY_EXPORT_T(Table, SignDescentSlice<T>);
  const SignDescentCoefficients<T> k = {
      static_cast<T>(1 - options.lr * options.weight_decay),
      static_cast<T>(options.lr)};
  parallel.Run(hwy::DivCeil(n, kElementsPerTask), [&](size_t task) {
    const size_t i = task * kElementsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (k, gradient + i, parameter + i, std::min(n - i, kElementsPerTask));
  });
}

template void SignDescentStep(const SignDescent&, const float*, float*, size_t,
                              ParallelFor&);
template void SignDescentStep(const SignDescent&, const double*, double*,
                              size_t, ParallelFor&);

}  // namespace polarize
#endif
