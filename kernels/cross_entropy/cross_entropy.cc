#include "kernels/cross_entropy/cross_entropy.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cross_entropy/cross_entropy.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/cross_entropy/cross_entropy-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

constexpr size_t kRowsPerTask = HWY_NAMESPACE::cross_entropy::kMaxRows;

void CheckTargets(const int32_t* target, size_t rows, size_t width) {
  if (width == 0) HWY_ABORT("cross_entropy: %zu rows of width 0", rows);
  for (size_t r = 0; r < rows; ++r) {
    if (target[r] < 0 || static_cast<size_t>(target[r]) >= width) {
      HWY_ABORT("cross_entropy: target[%zu] is %d, not in 0 .. %zu - 1", r,
                target[r], width);
    }
  }
}

}  // namespace

template <typename T>
void CrossEntropy(const T* logits, const int32_t* target, const T* weight,
                  size_t rows, size_t width, T* loss, T* dlogits,
                  uint8_t* correct, ParallelFor& parallel) {
  CheckTargets(target, rows, width);
  HWY_EXPORT_T(Table, cross_entropy::CrossEntropyRows<T>);
  parallel.Run(hwy::DivCeil(rows, kRowsPerTask), [&](size_t task) {
    const size_t r = task * kRowsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (logits + r * width, target + r, weight == nullptr ? nullptr : weight + r,
     std::min(rows - r, kRowsPerTask), width, loss + r,
     dlogits == nullptr ? nullptr : dlogits + r * width,
     correct == nullptr ? nullptr : correct + r);
  });
}

template void CrossEntropy(const float*, const int32_t*, const float*, size_t,
                           size_t, float*, float*, uint8_t*, ParallelFor&);
template void CrossEntropy(const double*, const int32_t*, const double*, size_t,
                           size_t, double*, double*, uint8_t*, ParallelFor&);

}  // namespace polarize
#endif
