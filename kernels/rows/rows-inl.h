// Copies and sums of rows, one instruction set at a time.
// clang-format off
#if defined(POLARIZE_KERNELS_ROWS_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_ROWS_ROWS_INL_H_
#undef POLARIZE_KERNELS_ROWS_ROWS_INL_H_
#else
#define POLARIZE_KERNELS_ROWS_ROWS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

// to[0 .. width) = from[0 .. width).
template <typename T>
HWY_INLINE void CopyRow(const T* from, size_t width, T* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    hn::StoreU(hn::LoadU(d, from + c), d, to + c);
  }
  if (c < width) {
    hn::StoreN(hn::LoadN(d, from + c, width - c), d, to + c, width - c);
  }
}

// What becomes of the old contents of the array that a sum goes to.
enum class SumInto { kOverwrite, kAdd };

// Stores one vector of a sum, `lanes` lanes of it.
template <SumInto kInto, class D, class V>
HWY_INLINE void StoreSum(D d, V sum, size_t lanes,
                         hwy::HWY_NAMESPACE::TFromD<D>* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  if (lanes == hn::Lanes(d)) {
    if (kInto == SumInto::kAdd) sum = hn::Add(hn::LoadU(d, out), sum);
    hn::StoreU(sum, d, out);
  } else {
    if (kInto == SumInto::kAdd) sum = hn::Add(hn::LoadN(d, out, lanes), sum);
    hn::StoreN(sum, d, out, lanes);
  }
}

// out[0 .. width) (+)= the sum over k < count of dy[member[k] * stride + c],
// from left to right. Blocks of columns stay in registers while the rows of the
// list pass by.
template <SumInto kInto, typename T>
HWY_INLINE void SumRows(const T* dy, size_t stride, const uint32_t* member,
                        size_t count, size_t width, T* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes) {
    auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (size_t k = 0; k < count; ++k) {
      const T* row = dy + member[k] * stride + c;
      s0 = hn::Add(s0, hn::LoadU(d, row));
      s1 = hn::Add(s1, hn::LoadU(d, row + lanes));
      s2 = hn::Add(s2, hn::LoadU(d, row + 2 * lanes));
      s3 = hn::Add(s3, hn::LoadU(d, row + 3 * lanes));
    }
    StoreSum<kInto>(d, s0, lanes, out + c);
    StoreSum<kInto>(d, s1, lanes, out + c + lanes);
    StoreSum<kInto>(d, s2, lanes, out + c + 2 * lanes);
    StoreSum<kInto>(d, s3, lanes, out + c + 3 * lanes);
  }
  for (; c + lanes <= width; c += lanes) {
    auto sum = hn::Zero(d);
    for (size_t k = 0; k < count; ++k) {
      sum = hn::Add(sum, hn::LoadU(d, dy + member[k] * stride + c));
    }
    StoreSum<kInto>(d, sum, lanes, out + c);
  }
  if (c < width) {
    auto sum = hn::Zero(d);
    for (size_t k = 0; k < count; ++k) {
      sum = hn::Add(sum, hn::LoadN(d, dy + member[k] * stride + c, width - c));
    }
    StoreSum<kInto>(d, sum, width - c, out + c);
  }
}

// y[i] = x[index[i]] for i in [first, last).
template <typename T>
void GatherRowRange(const T* x, const uint32_t* index, size_t first,
                    size_t last, size_t width, T* y) {
  for (size_t i = first; i < last; ++i) {
    CopyRow(x + index[i] * width, width, y + i * width);
  }
}

// dx[s] += its segment's sum for s in [first, last).
template <typename T>
void AddSegmentRange(const T* dy, const uint32_t* segment_begin,
                     const uint32_t* member, size_t first, size_t last,
                     size_t width, T* dx) {
  for (size_t s = first; s < last; ++s) {
    const uint32_t begin = segment_begin[s], end = segment_begin[s + 1];
    if (begin > end) {
      HWY_ABORT("AddSegments: segment %zu begins at %u and ends at %u", s,
                begin, end);
    }
    if (begin == end) continue;
    SumRows<SumInto::kAdd>(dy, width, member + begin, end - begin, width,
                           dx + s * width);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_ROWS_ROWS_INL_H_
