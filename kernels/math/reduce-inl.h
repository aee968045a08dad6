// Many vectors reduced to one at once: lane i is the sum, or the maximum, of
// the lanes of vector i. Far fewer shuffles than a reduction of each.
#if defined(POLARIZE_KERNELS_MATH_REDUCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_REDUCE_INL_H_
#undef POLARIZE_KERNELS_MATH_REDUCE_INL_H_
#else
#define POLARIZE_KERNELS_MATH_REDUCE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

struct SumOf {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Add(a, b);
  }
};
struct LargerOf {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Max(a, b);
  }
};

// Vectors of one 16-byte block or of 2 or 4: how many a block has lanes.
template <class D>
inline constexpr size_t kBlockLanes = HWY_MIN(size_t{16} /
                                                  sizeof(hn::TFromD<D>),
                                              hn::MaxLanes(D()));

// Block b of the result, lane l: the lanes of block b of vector l.
template <class D, class Op, class V = hn::Vec<D>>
HWY_INLINE V ReduceBlocks(D d, const V* v, Op op) {
  if constexpr (kBlockLanes<D> == 1) {
    return v[0];
  } else if constexpr (kBlockLanes<D> == 2) {
    return op(hn::InterleaveLower(d, v[0], v[1]),
              hn::InterleaveUpper(d, v[0], v[1]));
  } else {
    const hn::Repartition<uint64_t, D> pairs;
    const auto ab = hn::BitCast(pairs, op(hn::InterleaveLower(d, v[0], v[1]),
                                          hn::InterleaveUpper(d, v[0], v[1])));
    const auto cd = hn::BitCast(pairs, op(hn::InterleaveLower(d, v[2], v[3]),
                                          hn::InterleaveUpper(d, v[2], v[3])));
    return op(hn::BitCast(d, hn::InterleaveLower(pairs, ab, cd)),
              hn::BitCast(d, hn::InterleaveUpper(pairs, ab, cd)));
  }
}

// Blocks of 16 bytes in a vector.
template <class D>
inline constexpr size_t kVectorBlocks = hn::MaxLanes(D()) / kBlockLanes<D>;

// Block i of the result: the blocks of part[i], lane by lane, for every block i
// of a vector.
template <class D, class Op, class V = hn::Vec<D>>
HWY_INLINE V ReduceParts(D d, const V* part, Op op) {
  if constexpr (kVectorBlocks<D> == 1) {
    return part[0];
  } else if constexpr (kVectorBlocks<D> == 2) {
    return op(hn::ConcatLowerLower(d, part[1], part[0]),
              hn::ConcatUpperUpper(d, part[1], part[0]));
  } else {
    static_assert(kVectorBlocks<D> == 4, "vectors of 1, 2 or 4 blocks");
    // Two blocks of part 0, then two of part 2; odd likewise.
    const V even = op(hn::ConcatLowerLower(d, part[2], part[0]),
                      hn::ConcatUpperUpper(d, part[2], part[0]));
    const V odd = op(hn::ConcatLowerLower(d, part[3], part[1]),
                     hn::ConcatUpperUpper(d, part[3], part[1]));
    return op(hn::OddEvenBlocks(odd, even),
              hn::SwapAdjacentBlocks(hn::OddEvenBlocks(even, odd)));
  }
}

// Lane i of the result: the lanes of v[i], i < count, in a fixed order. v has
// MaxLanes(d) vectors; those from `count` rounded up to kBlockLanes on are not
// read, and their lanes are anything.
template <class D, class Op, class V = hn::Vec<D>>
HWY_INLINE V ReduceVectors(D d, const V* v, size_t count, Op op) {
  V part[kVectorBlocks<D>];
  HWY_UNROLL(4)
  for (size_t i = 0; i < kVectorBlocks<D>; ++i) {
    const size_t first = i * kBlockLanes<D>;
    part[i] =
        i == 0 || first < count ? ReduceBlocks(d, v + first, op) : part[0];
  }
  return ReduceParts(d, part, op);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_REDUCE_INL_H_
