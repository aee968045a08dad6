// Vector code of linear_bf16.h: the tiles of linear-inl.h over pairs of terms.
#if defined(POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_INL_H_
#undef POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_INL_H_
#else
#define POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/base/parallel_for.h"
#include "kernels/linear/linear-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace bf16 {

using Pair = uint32_t;
using FloatTag = LinearTag<float>;
using PairTag = hn::RebindToUnsigned<FloatTag>;
using PairVec = hn::Vec<PairTag>;

#if HWY_ARCH_X86 && HWY_NATIVE_DOT_BF16
// These CPUs round two vectors at once, to the same bits but for denormals:
// those become 0, which is what their products take them for.
template <class V>
HWY_INLINE PairVec PairsOfNeighbours(V lower, V upper) {
  const hn::Repartition<hwy::bfloat16_t, FloatTag> d;
  return hn::BitCast(PairTag(), hn::OrderedDemote2To(d, lower, upper));
}

// Pairs of two vectors of floats, lane by lane.
template <class V>
HWY_INLINE PairVec Pairs(V first, V second) {
  // From [all of first, all of second].
  HWY_ALIGN static constexpr uint16_t kFrom[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const hn::Repartition<uint16_t, FloatTag> d;
  static_assert(hn::MaxLanes(d) == 32, "kFrom is for vectors of 64 bytes");
  const auto both = hn::BitCast(d, PairsOfNeighbours(first, second));
  return hn::BitCast(PairTag(),
                     hn::TableLookupLanes(both, hn::SetTableIndices(d, kFrom)));
}
#else
// The bits of x, rounded to their upper half. Integer arithmetic, and not
// Highway's conversion, which keeps denormals on some CPUs and not on others.
HWY_INLINE PairVec RoundBits(PairTag d, PairVec x) {
  const PairVec one = hn::Set(d, 1u);
  const PairVec odd = hn::And(hn::ShiftRight<16>(x), one);
  const PairVec rounded = hn::Add(x, hn::Add(odd, hn::Set(d, 0x7FFFu)));
  // Rounding up could make a NaN an infinity: a NaN is quieted and cut.
  const PairVec quiet = hn::Or(x, hn::Set(d, 0x400000u));
  const auto is_nan =
      hn::Gt(hn::And(x, hn::Set(d, 0x7FFFFFFFu)), hn::Set(d, 0x7F800000u));
  return hn::IfThenElse(is_nan, quiet, rounded);
}

// Pairs of two vectors of floats, lane by lane.
template <class V>
HWY_INLINE PairVec Pairs(V first, V second) {
  const PairTag d;
  const PairVec low = RoundBits(d, hn::BitCast(d, first));
  const PairVec high = RoundBits(d, hn::BitCast(d, second));
  return hn::Or(hn::ShiftRight<16>(low),
                hn::And(high, hn::Set(d, 0xFFFF0000u)));
}

// Pairs of neighbours in two vectors, one after the other.
template <class V>
HWY_INLINE PairVec PairsOfNeighbours(V lower, V upper) {
  const FloatTag d;
  return Pairs(hn::ConcatEven(d, upper, lower), hn::ConcatOdd(d, upper, lower));
}
#endif

// The same of two numbers.
HWY_INLINE Pair PairOf(float first, float second) {
  const FloatTag d;
  return hn::GetLane(Pairs(hn::Set(d, first), hn::Set(d, second)));
}

constexpr size_t Halved(size_t terms) { return (terms + 1) / 2; }

// to[i] = pair of first[i] and second[i], i < n; second may be nullptr: zeros.
HWY_INLINE void PairRows(const float* HWY_RESTRICT first,
                         const float* HWY_RESTRICT second, size_t n,
                         Pair* HWY_RESTRICT to) {
  const FloatTag d;
  const PairTag du;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto b = second == nullptr ? zero : hn::LoadU(d, second + i);
    hn::StoreU(Pairs(hn::LoadU(d, first + i), b), du, to + i);
  }
  if (i < n) {
    const auto b = second == nullptr ? zero : hn::LoadN(d, second + i, n - i);
    hn::StoreN(Pairs(hn::LoadN(d, first + i, n - i), b), du, to + i, n - i);
  }
}

// The pairs of neighbours in a row of n floats: Halved(n).
HWY_INLINE void PairNeighbours(const float* HWY_RESTRICT from, size_t n,
                               Pair* HWY_RESTRICT to) {
  const FloatTag d;
  const PairTag du;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes, to += lanes) {
    hn::StoreU(PairsOfNeighbours(hn::LoadU(d, from + i),
                                 hn::LoadU(d, from + i + lanes)),
               du, to);
  }
  for (; i < n; i += 2) *to++ = PairOf(from[i], i + 1 < n ? from[i + 1] : 0.0f);
}

// sum + a[low] b[low] + a[high] b[high]; products of bfloat16 are exact.
template <class V>
HWY_INLINE V MulAddPairs(PairVec a, PairVec b, V sum) {
  const FloatTag d;
#if HWY_NATIVE_DOT_BF16
  const hn::Repartition<hwy::bfloat16_t, FloatTag> dbf;
  V unused = hn::Zero(d);
  return hn::ReorderWidenMulAccumulate(d, hn::BitCast(dbf, a),
                                       hn::BitCast(dbf, b), sum, unused);
#else
  const PairVec high = hn::Set(PairTag(), 0xFFFF0000u);
  sum = hn::MulAdd(hn::BitCast(d, hn::ShiftLeft<16>(a)),
                   hn::BitCast(d, hn::ShiftLeft<16>(b)), sum);
  return hn::MulAdd(hn::BitCast(d, hn::And(a, high)),
                    hn::BitCast(d, hn::And(b, high)), sum);
#endif
}

// As Tile of linear-inl.h. Right matrices are padded to whole panels here.
template <size_t kRows, size_t kVectors, bool kAllRows, bool kFetch = false,
          class Left>
HWY_INLINE void PairTile(const Left& left, size_t terms,
                         const Right<Pair>& right, Epilogue<float> out,
                         size_t row, size_t column, size_t rows, size_t width,
                         const Stream<Pair>& stream = {nullptr, 0}) {
  const FloatTag d;
  const PairTag du;
  using V = hn::Vec<FloatTag>;
  const size_t lanes = hn::Lanes(d);
  FetchEpilogue(out, row, column, rows, width);
  V sum0[kRows], sum1[kRows];
  HWY_UNROLL(16)
  for (size_t m = 0; m < kRows; ++m) sum0[m] = sum1[m] = hn::Zero(d);
  size_t offset[kRows];
  HWY_UNROLL(16)
  for (size_t m = 0; m < kRows; ++m) {
    offset[m] = left.Row(kAllRows ? m : std::min(m, rows - 1)) - left.at;
  }
  const Pair* HWY_RESTRICT a = left.at;
  const Pair* HWY_RESTRICT b = right.at;
  const Pair* fetch = stream.at;
  for (size_t k = 0; k < terms; ++k) {
    const PairVec b0 = hn::LoadU(du, b);
    const PairVec b1 = kVectors == 2 ? hn::LoadU(du, b + lanes) : b0;
    b += right.step;
    if constexpr (kFetch) {
      hwy::Prefetch(fetch);
      fetch += stream.step;
    }
    HWY_UNROLL(16)
    for (size_t m = 0; m < kRows; ++m) {
      const PairVec am = hn::Set(du, a[offset[m]]);
      sum0[m] = MulAddPairs(am, b0, sum0[m]);
      if (kVectors == 2) sum1[m] = MulAddPairs(am, b1, sum1[m]);
    }
    a += left.TermStep();
  }
  const size_t width0 = std::min(width, lanes);
  HWY_UNROLL(16)
  for (size_t m = 0; m < kRows; ++m) {
    if (!kAllRows && m == rows) break;
    WriteVector(d, sum0[m], out, row + m, column, width0);
    if (kVectors == 2) {
      WriteVector(d, sum1[m], out, row + m, column + lanes, width - width0);
    }
  }
  if (out.slope != nullptr) Activate(out, row, rows, column, width);
}

// All of one panel's tiles.
template <size_t kVectors, class Left>
HWY_INLINE void PairTiles(const Left& left, size_t terms,
                          const Right<Pair>& right, const Epilogue<float>& out,
                          size_t rows, size_t column, size_t width) {
  size_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows) {
    PairTile<kTileRows, kVectors, true>(left.From(row), terms, right, out, row,
                                        column, kTileRows, width);
  }
  if (kTileRows > 8 && row + 8 <= rows) {
    PairTile<8, kVectors, true>(left.From(row), terms, right, out, row, column,
                                8, width);
    row += 8;
  }
  for (; row < rows; row += 4) {
    PairTile<4, kVectors, false>(left.From(row), terms, right, out, row, column,
                                 std::min<size_t>(4, rows - row), width);
  }
}

template <class Left>
void PairPanel(const Left& left, size_t terms, const Right<Pair>& right,
               const Epilogue<float>& out, size_t rows, size_t column) {
  const size_t panel = PanelWidth<float>();
  const size_t width = std::min(panel, out.stride - column);
  if (width > panel / 2) {
    PairTiles<2>(left, terms, right, out, rows, column, width);
  } else {
    PairTiles<1>(left, terms, right, out, rows, column, width);
  }
}

// Rounds rows [begin, begin + used) of `a`: into pairs of neighbours and,
// unless that is nullptr, into pairs of rows, for the weight gradient.
void RoundRows(const float* a, size_t begin, size_t used, size_t columns,
               Pair* neighbours, Pair* row_pairs) {
  const size_t pairs = Halved(columns), padded = PaddedColumns(columns);
  const size_t end = begin + used;
  for (size_t r = begin; r < end; r += 2) {
    const float* const row = a + r * columns;
    const float* const next = r + 1 < end ? row + columns : nullptr;
    PairNeighbours(row, columns, neighbours + r * pairs);
    if (next != nullptr) {
      PairNeighbours(next, columns, neighbours + (r + 1) * pairs);
    }
    if (row_pairs != nullptr) {
      Pair* const to = row_pairs + r / 2 * padded;
      PairRows(row, next, columns, to);
      std::fill(to + columns, to + padded, Pair{0});
    }
  }
}

// Each task rounds its rows of `a` first, unless that is nullptr.
void Product(const float* a, size_t rows, size_t terms, const Pair* packed,
             const Epilogue<float>& all, Pair* rounded, Pair* row_pairs,
             ParallelFor& parallel) {
  static_assert(kTaskRows % 2 == 0, "a task must hold whole pairs of rows");
  const size_t tasks = (rows + kTaskRows - 1) / kTaskRows;
  const size_t pairs = Halved(terms), panel = PanelWidth<float>();
  parallel.Run(tasks, [&](size_t task) {
    const size_t begin = task * kTaskRows;
    const size_t used = std::min(kTaskRows, rows - begin);
    if (a != nullptr) RoundRows(a, begin, used, terms, rounded, row_pairs);
    const Epilogue<float> out = all.From(begin);
    const RowMajor<Pair> left = {rounded + begin * pairs, pairs};
    for (size_t column = 0; column < out.stride; column += panel) {
      PairPanel(left, pairs, Right<Pair>{packed + column * pairs, panel}, out,
                used, column);
    }
  });
}

void Forward(const float* x, size_t rows, const Pair* packed, const float* bias,
             const float* residual, size_t inner, size_t outer, float* y,
             float* slope, Pair* rounded, Pair* row_pairs,
             ParallelFor& parallel) {
  Epilogue<float> out = {y, outer};
  out.bias = bias;
  out.residual = residual;
  out.slope = slope;
  Product(x, rows, inner, packed, out, rounded, row_pairs, parallel);
}

void InputGradient(const float* dy, size_t rows, const Pair* packed,
                   const float* scale, const float* residual, size_t inner,
                   size_t outer, float* dx, Pair* rounded, Pair* row_pairs,
                   ParallelFor& parallel) {
  Epilogue<float> out = {dx, inner};
  out.scale = scale;
  out.residual = residual;
  Product(dy, rows, outer, packed, out, rounded, row_pairs, parallel);
}

// Panels of W^T. Four rows at a time are rounded, some terms of each, and
// transposed.
void PackForForward(const float* weight, size_t inner, size_t outer,
                    Pair* packed) {
  constexpr size_t kPairs = 32;
  HWY_ALIGN Pair rounded[4 * kPairs];
  const size_t panel = PanelWidth<float>(), pairs = Halved(inner);
  for (size_t column = 0; column < outer; column += panel) {
    for (size_t k = 0; k < pairs; k += kPairs) {
      const size_t used = std::min(kPairs, pairs - k);
      for (size_t n = 0; n < panel; n += 4) {
        for (size_t i = 0; i < 4; ++i) {
          const size_t row = column + n + i;
          Pair* const to = rounded + i * kPairs;
          if (row < outer) {
            PairNeighbours(weight + row * inner + 2 * k,
                           std::min(2 * used, inner - 2 * k), to);
          } else {
            std::fill(to, to + used, Pair{0});
          }
        }
        Pair* const to = packed + k * panel + n;
        size_t j = 0;
        for (; j + 4 <= used; j += 4) {
          Transpose4x4(rounded + j, kPairs, to + j * panel, panel);
        }
        for (; j < used; ++j) {
          for (size_t i = 0; i < 4; ++i) {
            to[j * panel + i] = rounded[i * kPairs + j];
          }
        }
      }
    }
    packed += panel * pairs;
  }
}

void PackForInputGradient(const float* weight, size_t inner, size_t outer,
                          Pair* packed) {
  const size_t panel = PanelWidth<float>();
  for (size_t column = 0; column < inner; column += panel) {
    const size_t used = std::min(panel, inner - column);
    for (size_t k = 0; k < outer; k += 2, packed += panel) {
      const float* row = weight + k * inner + column;
      PairRows(row, k + 1 < outer ? row + inner : nullptr, used, packed);
      std::fill(packed + used, packed + panel, Pair{0});
    }
  }
}

// ------------------------------------------------------- weight gradients

void WeightGradient(const Pair* pairs_x, const Pair* pairs_dy, const float* dy,
                    size_t rows, size_t inner, size_t outer, float* dweight,
                    float* dbias, ParallelFor& parallel) {
  static_assert(kGradientBlock % 2 == 0, "a block must hold whole pairs");
  const size_t tasks = (outer + kTaskOutputs - 1) / kTaskOutputs;
  const size_t x_step = PaddedColumns(inner), dy_step = PaddedColumns(outer);
  parallel.Run(tasks, [&](size_t task) {
    const size_t at = task * kTaskOutputs;
    const size_t used = std::min(kTaskOutputs, outer - at);
    Epilogue<float> out = {dweight + at * inner, inner};
    float* db = dbias == nullptr ? nullptr : dbias + at;
    if (db != nullptr) std::fill(db, db + used, 0.0f);
    if (rows == 0) std::fill(out.y, out.y + used * inner, 0.0f);
    for (size_t begin = 0; begin < rows; begin += kGradientBlock) {
      const size_t terms = std::min(kGradientBlock, rows - begin);
      if (db != nullptr) {
        AddColumnSums(dy + begin * outer + at, outer, terms, used, db);
      }
      const Pair* x = pairs_x + begin / 2 * x_step;
      const Transposed<Pair> left = {pairs_dy + begin / 2 * dy_step + at,
                                     dy_step};
      for (size_t column = 0; column < inner; column += PanelWidth<float>()) {
        PairPanel(left, Halved(terms), Right<Pair>{x + column, x_step}, out,
                  used, column);
      }
      out.residual = out.y;
    }
  });
}

bool Native() { return HWY_NATIVE_DOT_BF16 != 0; }

}  // namespace bf16
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // toggle guard
