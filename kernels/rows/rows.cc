#include "kernels/rows/rows.h"

#include <algorithm>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rows/rows.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/rows/rows-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

// A task is that many rows of the output: some microseconds of work.
constexpr size_t kRowsPerTask = 64;

}  // namespace

template <typename T>
void GatherRows(const T* x, const uint32_t* index, size_t n, size_t width, T* y,
                ParallelFor& parallel) {
  HWY_EXPORT_T(Table, GatherRowRange<T>);
  parallel.Run(hwy::DivCeil(n, kRowsPerTask), [&](size_t task) {
    const size_t first = task * kRowsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (x, index, first, std::min(n, first + kRowsPerTask), width, y);
  });
}

template <typename T>
void AddSegments(const T* dy, const uint32_t* segment_begin,
                 const uint32_t* member, size_t segments, size_t width, T* dx,
                 ParallelFor& parallel) {
  HWY_EXPORT_T(Table, AddSegmentRange<T>);
  parallel.Run(hwy::DivCeil(segments, kRowsPerTask), [&](size_t task) {
    const size_t first = task * kRowsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (dy, segment_begin, member, first, std::min(segments, first + kRowsPerTask),
     width, dx);
  });
}

template void GatherRows(const float*, const uint32_t*, size_t, size_t, float*,
                         ParallelFor&);
template void GatherRows(const double*, const uint32_t*, size_t, size_t,
                         double*, ParallelFor&);
template void AddSegments(const float*, const uint32_t*, const uint32_t*,
                          size_t, size_t, float*, ParallelFor&);
template void AddSegments(const double*, const uint32_t*, const uint32_t*,
                          size_t, size_t, double*, ParallelFor&);

}  // namespace polarize
#endif
