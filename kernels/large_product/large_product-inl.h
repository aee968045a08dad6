// Vector code of large_product.h: the tiles of linear-inl.h and
// linear_bf16-inl.h, over blocks of terms.
#if defined(POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_INL_H_
#undef POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_INL_H_
#else
#define POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/linear/linear-inl.h"
#include "kernels/linear_bf16/linear_bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace large_product {

namespace hn = hwy::HWY_NAMESPACE;
using bf16::Pair;
using FloatTag = LinearTag<float>;

// Terms of a block, floats or pairs: 64 KiB of a panel, which with the rows of
// x that meet it stays in L2 (a tile's own 12 rows: 24 KiB, in L1).
constexpr size_t kBlockTerms = 512;
// Rows that meet a block of W while it is in L2: whole tiles of any height.
constexpr size_t kBlockRows = 264;
static_assert(kBlockRows % kTileRows == 0, "rows of a block are whole tiles");

// ------------------------------------------------------------------ packing

// One vector of W as floats.
HWY_INLINE hn::Vec<FloatTag> LoadWeights(FloatTag d, const float* from) {
  return hn::LoadU(d, from);
}
HWY_INLINE hn::Vec<FloatTag> LoadWeights(FloatTag d, const uint16_t* from) {
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::Rebind<uint16_t, FloatTag> dh;
  const auto bits = hn::PromoteTo(du, hn::LoadU(dh, from));
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}
HWY_INLINE float WeightOf(float w) { return w; }
HWY_INLINE float WeightOf(uint16_t w) {
  return hwy::BitCastScalar<float>(static_cast<uint32_t>(w) << 16);
}

// to[0 .. panel) = from[0 .. used), then zeros.
template <typename W>
HWY_INLINE void CopyPanelRow(const W* from, size_t used, size_t panel,
                             float* to) {
  const FloatTag d;
  if (used == panel) {
    const size_t lanes = hn::Lanes(d);
    hn::StoreU(LoadWeights(d, from), d, to);
    hn::StoreU(LoadWeights(d, from + lanes), d, to + lanes);
    return;
  }
  for (size_t n = 0; n < used; ++n) to[n] = WeightOf(from[n]);
  std::fill(to + used, to + panel, 0.0f);
}

template <typename W>
void PackRows(const W* from, size_t first, size_t count, size_t inner,
              size_t outer, float* packed) {
  const size_t panel = PanelWidth<float>();
  for (size_t k = first; k < first + count; ++k, from += outer) {
    for (size_t column = 0; column < outer; column += panel) {
      CopyPanelRow(from + column, std::min(panel, outer - column), panel,
                   packed + column * inner + k * panel);
    }
  }
}

// to[0 .. panel) = pairs of two rows, `next` being nullptr behind the last;
// rounded, which changes nothing that was bfloat16 (but that a denormal may
// become 0).
template <typename W>
HWY_INLINE void PairPanelRow(const W* row, const W* next, size_t used,
                             size_t panel, Pair* to) {
  HWY_ALIGN float first[2 * HWY_MAX_BYTES / sizeof(float)];
  HWY_ALIGN float second[2 * HWY_MAX_BYTES / sizeof(float)];
  CopyPanelRow(row, used, panel, first);
  CopyPanelRow(next == nullptr ? row : next, next == nullptr ? 0 : used, panel,
               second);
  bf16::PairRows(first, second, panel, to);
}

template <typename W>
void PackPairRows(const W* from, size_t first, size_t count, size_t inner,
                  size_t outer, Pair* packed) {
  const size_t panel = PanelWidth<float>(), pairs = bf16::Halved(inner);
  for (size_t k = 0; k < count; k += 2, from += 2 * outer) {
    const W* const next = k + 1 < count ? from + outer : nullptr;
    for (size_t column = 0; column < outer; column += panel) {
      PairPanelRow(from + column, next == nullptr ? nullptr : next + column,
                   std::min(panel, outer - column), panel,
                   packed + column * pairs + (first + k) / 2 * panel);
    }
  }
}

// A tile's rows of x, term by term: to[k * height + m] = row m's term k. Rows
// from `used` on are zeros.
inline void PackLeftTile(const float* x, size_t stride, size_t used,
                         size_t terms, size_t height, float* to) {
  size_t m = 0;
  for (; m + 4 <= used; m += 4) {
    const float* const from = x + m * stride;
    size_t k = 0;
    for (; k + 4 <= terms; k += 4) {
      Transpose4x4(from + k, stride, to + k * height + m, height);
    }
    for (; k < terms; ++k) {
      for (size_t i = 0; i < 4; ++i) {
        to[k * height + m + i] = from[i * stride + k];
      }
    }
  }
  for (; m < height; ++m) {
    for (size_t k = 0; k < terms; ++k) {
      to[k * height + m] = m < used ? x[m * stride + k] : 0.0f;
    }
  }
}

// The same of pairs; `terms` floats are half as many of these.
inline void PackLeftTile(const float* x, size_t stride, size_t used,
                         size_t terms, size_t height, Pair* to) {
  constexpr size_t kChunk = 32;  // pairs
  HWY_ALIGN Pair rounded[4 * kChunk];
  const size_t pairs = bf16::Halved(terms);
  for (size_t m = 0; m < height; m += 4) {
    const size_t rows = std::min<size_t>(4, height - m);
    for (size_t k = 0; k < pairs; k += kChunk) {
      const size_t some = std::min(kChunk, pairs - k);
      for (size_t i = 0; i < 4; ++i) {
        Pair* const row = rounded + i * kChunk;
        if (m + i < used) {
          bf16::PairNeighbours(x + (m + i) * stride + 2 * k,
                               std::min(2 * some, terms - 2 * k), row);
        } else {
          std::fill(row, row + some, Pair{0});
        }
      }
      size_t j = 0;
      if (rows == 4) {
        for (; j + 4 <= some; j += 4) {
          Transpose4x4(rounded + j, kChunk, to + (k + j) * height + m, height);
        }
      }
      for (; j < some; ++j) {
        for (size_t i = 0; i < rows; ++i) {
          to[(k + j) * height + m + i] = rounded[i * kChunk + j];
        }
      }
    }
  }
}

// ------------------------------------------------------------------- tiles

// How many rows the tile has that starts with so many left.
HWY_INLINE size_t TileHeight(size_t left) {
  if (left >= kTileRows) return kTileRows;
  return kTileRows > 8 && left >= 8 ? 8 : 4;
}

template <size_t kRows, size_t kVectors, Cover kCover, bool kFetch>
HWY_INLINE void AnyTile(const float* left, size_t terms,
                        const Right<float>& right, const Stream<float>& stream,
                        const Epilogue<float>& out, size_t row, size_t column,
                        size_t rows, size_t width) {
  Tile<kRows, kVectors, kCover, kFetch>(Transposed<float>{left, kRows}, terms,
                                        right, stream, out, row, column, rows,
                                        width);
}
template <size_t kRows, size_t kVectors, Cover kCover, bool kFetch>
HWY_INLINE void AnyTile(const Pair* left, size_t terms,
                        const Right<Pair>& right, const Stream<Pair>& stream,
                        const Epilogue<float>& out, size_t row, size_t column,
                        size_t rows, size_t width) {
  bf16::PairTile<kRows, kVectors, kCover == Cover::kFull, kFetch>(
      Transposed<Pair>{left, kRows}, terms, right, out, row, column, rows,
      width, stream);
}

// Elements by which a tile's prefetches advance: four times the same line, so
// that memory keeps up. A panel's row has as many of these steps as there are
// tiles that fetch.
constexpr size_t kFetchStep = 4;

// All tiles of one panel: x's rows as PackLeftTile left them, one after the
// other. The first tiles fetch the block of W that comes next, if there is one.
template <size_t kVectors, typename P>
HWY_INLINE void PanelTiles(const P* left, size_t terms, const Right<P>& right,
                           const P* next, const Epilogue<float>& out,
                           size_t rows, size_t column, size_t width) {
  size_t row = 0;
  for (; row + kTileRows <= rows; row += kTileRows) {
    const P* const tile = left + row * terms;
    const size_t part = row / kTileRows;
    if (next != nullptr && part < right.step / kFetchStep) {
      const Stream<P> stream = {next + part * terms * kFetchStep, kFetchStep};
      AnyTile<kTileRows, kVectors, Cover::kFull, true>(
          tile, terms, right, stream, out, row, column, kTileRows, width);
    } else {
      AnyTile<kTileRows, kVectors, Cover::kFull, false>(
          tile, terms, right, Stream<P>(), out, row, column, kTileRows, width);
    }
  }
  if (kTileRows > 8 && row + 8 <= rows) {
    AnyTile<8, kVectors, Cover::kFull, false>(left + row * terms, terms, right,
                                              Stream<P>(), out, row, column, 8,
                                              width);
    row += 8;
  }
  for (; row < rows; row += 4) {
    AnyTile<4, kVectors, Cover::kFewRows, false>(
        left + row * terms, terms, right, Stream<P>(), out, row, column,
        std::min<size_t>(4, rows - row), width);
  }
}

// Adds (or, at first, writes) one block of terms to `rows` rows of y. inner: of
// W, in elements of `packed`; `begin` and `terms` likewise.
template <typename P>
void BlockProduct(const P* left, size_t begin, size_t terms, size_t inner,
                  const P* packed, const Epilogue<float>& out, size_t rows) {
  const size_t panel = PanelWidth<float>(), outer = out.stride;
  for (size_t column = 0; column < outer; column += panel) {
    const P* const at = packed + column * inner + begin * panel;
    const Right<P> right = {at, panel};
    const P* const next = column + panel < outer ? at + panel * inner : nullptr;
    const size_t width = std::min(panel, outer - column);
    if (width > panel / 2) {
      PanelTiles<2>(left, terms, right, next, out, rows, column, width);
    } else {
      PanelTiles<1>(left, terms, right, next, out, rows, column, width);
    }
  }
}

// inner: of x, in floats. kPerTerm floats make an element of P.
template <size_t kPerTerm, typename P>
void ProductOf(const float* x, size_t rows, const P* packed, size_t inner,
               size_t outer, float* y, P* scratch) {
  const size_t terms = (inner + kPerTerm - 1) / kPerTerm;
  if (terms == 0) std::fill(y, y + rows * outer, 0.0f);
  for (size_t first = 0; first < rows; first += kBlockRows) {
    const size_t some = std::min(kBlockRows, rows - first);
    Epilogue<float> out = {y + first * outer, outer};
    for (size_t begin = 0; begin < terms; begin += kBlockTerms) {
      const size_t used = std::min(kBlockTerms, terms - begin);
      const float* const from = x + first * inner + begin * kPerTerm;
      const size_t floats = std::min(used * kPerTerm, inner - begin * kPerTerm);
      for (size_t row = 0; row < some;) {
        const size_t height = TileHeight(some - row);
        PackLeftTile(from + row * inner, inner, std::min(height, some - row),
                     floats, height, scratch + row * used);
        row += height;
      }
      BlockProduct(scratch, begin, used, terms, packed, out, some);
      out.residual = out.y;
    }
  }
}

inline void FloatProduct(const float* x, size_t rows, const float* packed,
                         size_t inner, size_t outer, float* y, float* scratch) {
  ProductOf<1>(x, rows, packed, inner, outer, y, scratch);
}
inline void PairProduct(const float* x, size_t rows, const Pair* packed,
                        size_t inner, size_t outer, float* y, Pair* scratch) {
  ProductOf<2>(x, rows, packed, inner, outer, y, scratch);
}

}  // namespace large_product
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_INL_H_
