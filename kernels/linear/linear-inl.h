// Vector code of linear.h: matrix products, a tile of the result at a time.
//
// A tile is kTileRows rows times a panel of two vectors of columns, and is
// summed in registers: each loaded vector of the right-hand matrix serves
// kTileRows multiply-adds. Weights are packed into panels, [term][column] with
// zeros for columns that are missing. The right-hand matrix of a weight
// gradient is the input x, whose rows already have a panel's columns side by
// side: it is read in place.
#if defined(POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_
#undef POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_
#else
#define POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/base/parallel_for.h"
#include "kernels/math/gelu-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of at most 64 bytes: what PackedWeightSize plans for.
template <typename T>
using LinearTag = hn::CappedTag<T, 64 / sizeof(T)>;

// Rows of a tile: as many sums as the registers hold beside two panel vectors,
// the broadcast and, where multiply and add are separate, the product.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3  // smaller is newer; 32 registers
constexpr size_t kTileRows = 12;
#elif HWY_NATIVE_FMA
constexpr size_t kTileRows = 6;
#else
constexpr size_t kTileRows = 4;
#endif

// Rows that one task takes: a multiple of every kTileRows, small enough for L2.
constexpr size_t kTaskRows = 96;
// Outputs whose weight gradient one task takes: a multiple of every kTileRows.
// The fewer, the more often x is read; the more, the fewer tasks there are.
constexpr size_t kTaskOutputs = 48;
// Elements of a cache line.
template <typename T>
constexpr size_t kLine = 64 / sizeof(T);

template <typename T>
size_t PanelWidth() {
  return 2 * hn::Lanes(LinearTag<T>());
}

// How a tile is written: y = residual + scale (sum + bias), each of the three
// optional; then, with a slope, y = gelu(y) and slope = gelu'(y).
template <typename T>
struct Epilogue {
  T* y;
  size_t stride;
  const T* bias = nullptr;   // per column
  const T* scale = nullptr;  // laid out as y, like the next two
  const T* residual = nullptr;
  T* slope = nullptr;
  // The same from row `row` on.
  Epilogue From(size_t row) const {
    const auto moved = [&](auto* p) {
      return p == nullptr ? p : p + row * stride;
    };
    return {moved(y),     stride,          bias,
            moved(scale), moved(residual), moved(slope)};
  }
};

// Brings what the tile will read when it is written, and the slope, to the
// cache while the tile is summed: its rows are far apart, and the hardware does
// not foresee them.
template <typename T>
HWY_INLINE void FetchEpilogue(const Epilogue<T>& out, size_t row, size_t column,
                              size_t rows, size_t width) {
  if (out.scale == nullptr && out.residual == nullptr && out.slope == nullptr)
    return;
  for (const T* p :
       {out.scale, out.residual, static_cast<const T*>(out.slope)}) {
    if (p == nullptr) continue;
    for (size_t m = row; m < row + rows; ++m) {
      for (size_t i = column; i < column + width; i += kLine<T>) {
        hwy::Prefetch(p + m * out.stride + i);
      }
    }
  }
}

// Writes one vector of a row: `width` of its lanes.
template <class D, class V, typename T>
HWY_INLINE void WriteVector(D d, V sum, const Epilogue<T>& out, size_t row,
                            size_t column, size_t width) {
  const size_t at = row * out.stride + column;
  if (width >= hn::Lanes(d)) {
    if (out.bias != nullptr) {
      sum = hn::Add(sum, hn::LoadU(d, out.bias + column));
    }
    if (out.scale != nullptr) sum = hn::Mul(sum, hn::LoadU(d, out.scale + at));
    if (out.residual != nullptr) {
      sum = hn::Add(hn::LoadU(d, out.residual + at), sum);
    }
    hn::StoreU(sum, d, out.y + at);
  } else if (width > 0) {
    if (out.bias != nullptr) {
      sum = hn::Add(sum, hn::LoadN(d, out.bias + column, width));
    }
    if (out.scale != nullptr) {
      sum = hn::Mul(sum, hn::LoadN(d, out.scale + at, width));
    }
    if (out.residual != nullptr) {
      sum = hn::Add(hn::LoadN(d, out.residual + at, width), sum);
    }
    hn::StoreN(sum, d, out.y + at, width);
  }
}

// GELU of a tile just written. Not inlined: a tile is long, and its code is
// there many times.
template <typename T>
HWY_NOINLINE void Activate(const Epilogue<T>& out, size_t row, size_t rows,
                           size_t column, size_t width) {
  const LinearTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t m = row; m < row + rows; ++m) {
    T* y = out.y + m * out.stride + column;
    T* slope = out.slope + m * out.stride + column;
    size_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      auto derivative = hn::Zero(d);
      hn::StoreU(GeluAndDerivative(d, hn::LoadU(d, y + i), derivative), d,
                 y + i);
      hn::StoreU(derivative, d, slope + i);
    }
    if (i < width) {
      auto derivative = hn::Zero(d);
      const auto x = hn::LoadN(d, y + i, width - i);
      hn::StoreN(GeluAndDerivative(d, x, derivative), d, y + i, width - i);
      hn::StoreN(derivative, d, slope + i, width - i);
    }
  }
}

// The left matrix of a product. Row(m)[k * TermStep()] is its element (row m,
// term k); From(m) is the matrix without its first m rows.
template <typename T>
struct RowMajor {
  const T* at;
  size_t step;
  HWY_INLINE const T* Row(size_t m) const { return at + m * step; }
  HWY_INLINE size_t TermStep() const { return 1; }
  HWY_INLINE RowMajor From(size_t m) const { return {Row(m), step}; }
};
template <typename T>
struct Transposed {
  const T* at;
  size_t step;
  HWY_INLINE const T* Row(size_t m) const { return at + m; }
  HWY_INLINE size_t TermStep() const { return step; }
  HWY_INLINE Transposed From(size_t m) const { return {Row(m), step}; }
};

// The right matrix: its rows stand `step` apart.
template <typename T>
struct Right {
  const T* at;
  size_t step;
};

// What a tile brings to the cache for those after it: for each term a line, the
// next one `step` further on.
template <typename T>
struct Stream {
  const T* at;
  size_t step;
};

// Which rows and columns of a tile exist.
enum class Cover {
  kFull,       // all rows; and what whole vectors read
  kFewRows,    // `rows` of them: the missing ones repeat the last
  kFewColumns  // `rows` of them, and nothing may be read beyond `width` columns
};

// kRows rows of the left matrix times kVectors vectors of columns: writes
// `rows` and `width` of them. `out` is a copy: what vectors write could be
// anything to a compiler, and it would read *out again for each of them.
template <size_t kRows, size_t kVectors, Cover kCover, bool kFetch, class Left,
          typename T>
HWY_INLINE void Tile(const Left& left, size_t terms, const Right<T>& right,
                     const Stream<T>& stream, Epilogue<T> out, size_t row,
                     size_t column, size_t rows, size_t width) {
  static_assert(kVectors == 1 || kVectors == 2, "sums are named one by one");
  constexpr bool kAllRows = kCover == Cover::kFull;
  const LinearTag<T> d;
  using V = hn::Vec<LinearTag<T>>;
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
  const T* HWY_RESTRICT a = left.at;
  const T* HWY_RESTRICT b = right.at;
  const T* fetch = stream.at;
  for (size_t k = 0; k < terms; ++k) {
    const V b0 =
        kCover == Cover::kFewColumns ? hn::LoadN(d, b, width) : hn::LoadU(d, b);
    const V b1 = kVectors == 2 ? hn::LoadU(d, b + lanes) : b0;
    b += right.step;
    if constexpr (kFetch) {
      hwy::Prefetch(fetch);
      fetch += stream.step;
    }
    HWY_UNROLL(16)
    for (size_t m = 0; m < kRows; ++m) {
      const V am = hn::Set(d, a[offset[m]]);
      sum0[m] = hn::MulAdd(am, b0, sum0[m]);
      if (kVectors == 2) sum1[m] = hn::MulAdd(am, b1, sum1[m]);
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

// What tiles without a stream are given.
template <typename T>
struct NoStreams {
  static constexpr bool kFetch = false;
  Stream<T> Of(size_t) const { return {nullptr, 0}; }
};

// `rows` rows of the left matrix times at most kVectors vectors of columns.
// Few rows at the end cost as much as the next multiple of four.
template <size_t kVectors, bool kPartial, class Left, class Streams, typename T>
HWY_INLINE void RowTiles(const Left& left, size_t terms, const Right<T>& right,
                         const Streams& streams, const Epilogue<T>& out,
                         size_t rows, size_t column, size_t width) {
  constexpr Cover kMany = kPartial ? Cover::kFewColumns : Cover::kFull;
  constexpr Cover kFew = kPartial ? Cover::kFewColumns : Cover::kFewRows;
  size_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows) {
    Tile<kTileRows, kVectors, kMany, Streams::kFetch>(
        left.From(row), terms, right, streams.Of(row / kTileRows), out, row,
        column, kTileRows, width);
  }
  if (kTileRows > 8 && row + 8 <= rows) {
    Tile<8, kVectors, kMany, false>(left.From(row), terms, right, Stream<T>(),
                                    out, row, column, 8, width);
    row += 8;
  }
  for (; row < rows; row += 4) {
    Tile<4, kVectors, kFew, false>(left.From(row), terms, right, Stream<T>(),
                                   out, row, column,
                                   std::min<size_t>(4, rows - row), width);
  }
}

// y = a * panels, written as `out` says: `rows` rows.
template <typename T>
void ProductRows(const RowMajor<T>& a, size_t terms, const T* packed,
                 const Epilogue<T>& out, size_t rows) {
  const size_t panel = PanelWidth<T>(), columns = out.stride;
  for (size_t column = 0; column < columns; column += panel) {
    const Right<T> right = {packed + column * terms, panel};
    const size_t width = std::min(panel, columns - column);
    if (width > panel / 2) {
      RowTiles<2, false>(a, terms, right, NoStreams<T>(), out, rows, column,
                         width);
    } else {
      RowTiles<1, false>(a, terms, right, NoStreams<T>(), out, rows, column,
                         width);
    }
  }
}

template <typename T>
void ProductT(const T* a, size_t rows, size_t terms, const T* packed,
              const Epilogue<T>& out, ParallelFor& parallel) {
  const size_t tasks = (rows + kTaskRows - 1) / kTaskRows;
  const RowMajor<T> left = {a, terms};
  parallel.Run(tasks, [&](size_t task) {
    const size_t begin = task * kTaskRows;
    ProductRows(left.From(begin), terms, packed, out.From(begin),
                std::min(kTaskRows, rows - begin));
  });
}

template <typename T>
void LinearForwardT(const T* x, size_t rows, const T* packed, const T* bias,
                    const T* residual, size_t inner, size_t outer, T* y,
                    T* slope, ParallelFor& parallel) {
  Epilogue<T> out = {y, outer};
  out.bias = bias;
  out.residual = residual;
  out.slope = slope;
  ProductT(x, rows, inner, packed, out, parallel);
}

template <typename T>
void LinearInputGradientT(const T* dy, size_t rows, const T* packed,
                          const T* scale, const T* residual, size_t inner,
                          size_t outer, T* dx, ParallelFor& parallel) {
  Epilogue<T> out = {dx, inner};
  out.scale = scale;
  out.residual = residual;
  ProductT(dy, rows, outer, packed, out, parallel);
}

// ------------------------------------------------------------------ packing

// to[column * to_step + row] = from[row * from_step + column], 4 x 4 elements.
// Vectors of four floats or two doubles exist everywhere.
template <typename T>
HWY_INLINE void Transpose4x4(const T* HWY_RESTRICT from, size_t from_step,
                             T* HWY_RESTRICT to, size_t to_step) {
  constexpr size_t kLanes = 16 / sizeof(T);
  const hn::FixedTag<T, kLanes> d;
  for (size_t i = 0; i < 4; i += kLanes) {
    for (size_t j = 0; j < 4; j += kLanes) {
      const T* f = from + i * from_step + j;
      T* t = to + j * to_step + i;
      const auto a = hn::LoadU(d, f), b = hn::LoadU(d, f + from_step);
      if constexpr (kLanes == 2) {
        hn::StoreU(hn::InterleaveLower(d, a, b), d, t);
        hn::StoreU(hn::InterleaveUpper(d, a, b), d, t + to_step);
      } else {
        const auto c = hn::LoadU(d, f + 2 * from_step);
        const auto e = hn::LoadU(d, f + 3 * from_step);
        // Two by two: a0 c0 a1 c1, b0 d0 b1 d1 -> a0 b0 c0 d0, ...
        const auto ac0 = hn::InterleaveLower(d, a, c);
        const auto ac1 = hn::InterleaveUpper(d, a, c);
        const auto be0 = hn::InterleaveLower(d, b, e);
        const auto be1 = hn::InterleaveUpper(d, b, e);
        hn::StoreU(hn::InterleaveLower(d, ac0, be0), d, t);
        hn::StoreU(hn::InterleaveUpper(d, ac0, be0), d, t + to_step);
        hn::StoreU(hn::InterleaveLower(d, ac1, be1), d, t + 2 * to_step);
        hn::StoreU(hn::InterleaveUpper(d, ac1, be1), d, t + 3 * to_step);
      }
    }
  }
}

// Panels of W^T: terms are W's columns.
template <typename T>
void PackForForwardT(const T* HWY_RESTRICT weight, size_t inner, size_t outer,
                     T* HWY_RESTRICT packed) {
  const size_t panel = PanelWidth<T>();
  for (size_t column = 0; column < outer; column += panel) {
    const size_t used = std::min(panel, outer - column);
    const T* from = weight + column * inner;
    size_t n = 0;
    for (; n + 4 <= used; n += 4) {
      size_t k = 0;
      for (; k + 4 <= inner; k += 4) {
        Transpose4x4(from + n * inner + k, inner, packed + k * panel + n,
                     panel);
      }
      for (; k < inner; ++k) {
        for (size_t i = n; i < n + 4; ++i) {
          packed[k * panel + i] = from[i * inner + k];
        }
      }
    }
    for (; n < panel; ++n) {
      for (size_t k = 0; k < inner; ++k) {
        packed[k * panel + n] = n < used ? from[n * inner + k] : T(0);
      }
    }
    packed += panel * inner;
  }
}

// Panels of W: terms are W's rows.
template <typename T>
void PackForInputGradientT(const T* HWY_RESTRICT weight, size_t inner,
                           size_t outer, T* HWY_RESTRICT packed) {
  const LinearTag<T> d;
  const size_t lanes = hn::Lanes(d), panel = 2 * lanes;
  for (size_t column = 0; column < inner; column += panel) {
    const size_t used = std::min(panel, inner - column);
    for (size_t k = 0; k < outer; ++k, packed += panel) {
      const T* from = weight + k * inner + column;
      if (used == panel) {
        hn::StoreU(hn::LoadU(d, from), d, packed);
        hn::StoreU(hn::LoadU(d, from + lanes), d, packed + lanes);
      } else {
        for (size_t n = 0; n < panel; ++n)
          packed[n] = n < used ? from[n] : T(0);
      }
    }
  }
}

// --------------------------------------------------------- weight gradients

// db[i] += sum of column i over `rows` rows of dy, for `columns` columns.
template <typename T>
void AddColumnSums(const T* HWY_RESTRICT dy, size_t stride, size_t rows,
                   size_t columns, T* HWY_RESTRICT db) {
  const LinearTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t at = 0;
  for (; at + 3 * lanes <= columns; at += 3 * lanes) {
    auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0;
    const T* from = dy + at;
    for (size_t r = 0; r < rows; ++r, from += stride) {
      sum0 = hn::Add(sum0, hn::LoadU(d, from));
      sum1 = hn::Add(sum1, hn::LoadU(d, from + lanes));
      sum2 = hn::Add(sum2, hn::LoadU(d, from + 2 * lanes));
    }
    T* to = db + at;
    hn::StoreU(hn::Add(hn::LoadU(d, to), sum0), d, to);
    hn::StoreU(hn::Add(hn::LoadU(d, to + lanes), sum1), d, to + lanes);
    hn::StoreU(hn::Add(hn::LoadU(d, to + 2 * lanes), sum2), d, to + 2 * lanes);
  }
  for (; at < columns; at += lanes) {
    const size_t n = std::min(lanes, columns - at);
    auto sum = hn::Zero(d);
    for (size_t r = 0; r < rows; ++r) {
      sum = hn::Add(sum, hn::LoadN(d, dy + r * stride + at, n));
    }
    hn::StoreN(hn::Add(hn::LoadN(d, db + at, n), sum), d, db + at, n);
  }
}

// What the tiles of a panel fetch: the same columns of x in the next block of
// rows, a line of a row each, then a line of dy. Rows are far apart, so that
// the hardware does not foresee them; unfetched, they wait for the shared
// cache.
template <typename T>
struct NextBlock {
  static constexpr bool kFetch = true;
  const T *x, *dy;  // the panel's columns, and one line of the task's
  size_t x_step, dy_step, lines;  // lines: of the panel
  bool exists;
  Stream<T> Of(size_t tile) const {
    if (exists && tile < lines) return {x + tile * kLine<T>, x_step};
    if (exists && tile == lines) return {dy, dy_step};
    return {x, 0};
  }
};

// `used` rows of dW (and db) += one block: `terms` rows of x and dy. The first
// block overwrites.
template <typename T>
void GradientBlock(const T* x, const T* dy, size_t terms, size_t inner,
                   size_t outer, size_t used, bool first, bool last, T* dw,
                   T* db) {
  if (db != nullptr) AddColumnSums(dy, outer, terms, used, db);
  Epilogue<T> out = {dw, inner};
  out.residual = first ? nullptr : dw;
  const Transposed<T> left = {dy, outer};
  const size_t lanes = hn::Lanes(LinearTag<T>()), panel = 2 * lanes;
  size_t column = 0;
  for (; column + panel <= inner; column += panel) {
    const size_t line = column / panel * kLine<T>;
    const T* const at = x + column;
    const bool fetch = !last && line < used;
    const NextBlock<T> next = {fetch ? at + terms * inner : at,
                               fetch ? dy + terms * outer + line : at,
                               inner,
                               outer,
                               panel / kLine<T>,
                               fetch};
    RowTiles<2, false>(left, terms, Right<T>{at, inner}, next, out, used,
                       column, panel);
  }
  const NoStreams<T> none;
  if (column + lanes <= inner) {
    RowTiles<1, false>(left, terms, Right<T>{x + column, inner}, none, out,
                       used, column, lanes);
    column += lanes;
  }
  if (column < inner) {
    RowTiles<1, true>(left, terms, Right<T>{x + column, inner}, none, out, used,
                      column, inner - column);
  }
}

template <typename T>
void LinearWeightGradientT(const T* x, const T* dy, size_t rows, size_t inner,
                           size_t outer, T* dweight, T* dbias,
                           ParallelFor& parallel) {
  const size_t tasks = (outer + kTaskOutputs - 1) / kTaskOutputs;
  parallel.Run(tasks, [&](size_t task) {
    const size_t at = task * kTaskOutputs;
    const size_t used = std::min(kTaskOutputs, outer - at);
    T* dw = dweight + at * inner;
    T* db = dbias == nullptr ? nullptr : dbias + at;
    if (db != nullptr) std::fill(db, db + used, T(0));
    if (rows == 0) std::fill(dw, dw + used * inner, T(0));
    for (size_t begin = 0; begin < rows; begin += kGradientBlock) {
      const size_t terms = std::min(kGradientBlock, rows - begin);
      // A shorter last block is not fetched ahead: a tile fetches `terms` rows.
      const bool last = begin + terms + kGradientBlock > rows;
      GradientBlock(x + begin * inner, dy + begin * outer + at, terms, inner,
                    outer, used, begin == 0, last, dw, db);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // toggle guard
