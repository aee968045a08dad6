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

// Lane i of the result: the lanes of v[i], i < count, in a fixed order. v has
// MaxLanes(d) vectors; those from `count` rounded up to kBlockLanes on are not
// read, and their lanes are anything.
template <class D, class Op, class V = hn::Vec<D>>
HWY_INLINE V ReduceVectors(D d, const V* v, size_t count, Op op) {
  constexpr size_t kBlock = kBlockLanes<D>;
  const V first = ReduceBlocks(d, v, op);
  if constexpr (hn::MaxLanes(D()) == kBlock) {
    return first;
  } else if constexpr (hn::MaxLanes(D()) == 2 * kBlock) {
    const V second = count > kBlock ? ReduceBlocks(d, v + kBlock, op) : first;
    return op(hn::ConcatLowerLower(d, second, first),
              hn::ConcatUpperUpper(d, second, first));
  } else {
    static_assert(hn::MaxLanes(D()) == 4 * kBlock, "vectors of 4 blocks");
    const V third =
        count > 2 * kBlock ? ReduceBlocks(d, v + 2 * kBlock, op) : first;
    const V even = op(hn::ConcatLowerLower(d, third, first),
                      hn::ConcatUpperUpper(d, third, first));
    V odd = even;
    if (count > kBlock) {
      const V second = ReduceBlocks(d, v + kBlock, op);
      const V fourth =
          count > 3 * kBlock ? ReduceBlocks(d, v + 3 * kBlock, op) : second;
      odd = op(hn::ConcatLowerLower(d, fourth, second),
               hn::ConcatUpperUpper(d, fourth, second));
    }
    // even: two blocks of the first, then two of the third; odd likewise.
    return op(hn::OddEvenBlocks(odd, even),
              hn::SwapAdjacentBlocks(hn::OddEvenBlocks(even, odd)));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_REDUCE_INL_H_
