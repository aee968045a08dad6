// Vector code of linear.h: matrix products over packed panels.
//
// A panel holds two vectors' worth of columns of the right-hand matrix for all
// terms of the sum, [term][column], padded with zeros. A tile of kTileRows rows
// times one panel is summed in registers, so each loaded panel vector serves
// kTileRows multiply-adds.
#if defined(POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_
#undef POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_
#else
#define POLARIZE_KERNELS_LINEAR_LINEAR_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/highway.h"
#include "kernels/base/parallel_for.h"

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

template <typename T>
size_t PanelWidth() {
  return 2 * hn::Lanes(LinearTag<T>());
}

// Columns of whole panels.
template <typename T>
size_t PaddedColumns(size_t columns) {
  return (columns + PanelWidth<T>() - 1) / PanelWidth<T>() * PanelWidth<T>();
}

// How a tile is written: y = residual + sum + bias, each of the two optional.
template <typename T>
struct Epilogue {
  const T* bias;      // per column, or nullptr
  const T* residual;  // laid out as y, or nullptr
  T* y;
  size_t stride;
};

// Writes one vector of a row: `width` of its lanes.
template <class D, class V, typename T>
HWY_INLINE void WriteVector(D d, V sum, const Epilogue<T>& out, size_t row,
                            size_t column, size_t width) {
  const size_t at = row * out.stride + column;
  if (width >= hn::Lanes(d)) {
    if (out.bias != nullptr) {
      sum = hn::Add(sum, hn::LoadU(d, out.bias + column));
    }
    if (out.residual != nullptr) {
      sum = hn::Add(hn::LoadU(d, out.residual + at), sum);
    }
    hn::StoreU(sum, d, out.y + at);
  } else if (width > 0) {
    if (out.bias != nullptr) {
      sum = hn::Add(sum, hn::LoadN(d, out.bias + column, width));
    }
    if (out.residual != nullptr) {
      sum = hn::Add(hn::LoadN(d, out.residual + at, width), sum);
    }
    hn::StoreN(sum, d, out.y + at, width);
  }
}

// kRows rows of `a` times one panel. Element (row, term) of `a` stands at
// a[row * row_step + term * kTermStep].
template <size_t kRows, size_t kTermStep, typename T>
HWY_INLINE void Tile(const T* HWY_RESTRICT a, size_t row_step, size_t terms,
                     const T* HWY_RESTRICT panel, const Epilogue<T>& out,
                     size_t row, size_t column, size_t columns) {
  const LinearTag<T> d;
  using V = hn::Vec<LinearTag<T>>;
  const size_t lanes = hn::Lanes(d);
  V sum0[kRows], sum1[kRows];
  HWY_UNROLL(16)
  for (size_t m = 0; m < kRows; ++m) sum0[m] = sum1[m] = hn::Zero(d);
  for (size_t k = 0; k < terms; ++k) {
    const V b0 = hn::LoadU(d, panel);
    const V b1 = hn::LoadU(d, panel + lanes);
    panel += 2 * lanes;
    HWY_UNROLL(16)
    for (size_t m = 0; m < kRows; ++m) {
      const V am = hn::Set(d, a[m * row_step + k * kTermStep]);
      sum0[m] = hn::MulAdd(am, b0, sum0[m]);
      sum1[m] = hn::MulAdd(am, b1, sum1[m]);
    }
  }
  const size_t width0 = std::min(columns - column, lanes);
  const size_t width1 = std::min(columns - column - width0, lanes);
  HWY_UNROLL(16)
  for (size_t m = 0; m < kRows; ++m) {
    WriteVector(d, sum0[m], out, row + m, column, width0);
    WriteVector(d, sum1[m], out, row + m, column + lanes, width1);
  }
}

// Rows [begin, end) of y = residual + a * panels + bias.
template <typename T>
void ProductRows(const T* a, size_t terms, const T* packed,
                 const Epilogue<T>& out, size_t begin, size_t end,
                 size_t columns) {
  const size_t width = PanelWidth<T>();
  for (size_t column = 0; column < columns; column += width) {
    const T* panel = packed + column * terms;
    size_t row = begin;
    for (; row + kTileRows <= end; row += kTileRows) {
      Tile<kTileRows, 1>(a + row * terms, terms, terms, panel, out, row, column,
                         columns);
    }
    for (; row + 4 <= end; row += 4) {
      Tile<4, 1>(a + row * terms, terms, terms, panel, out, row, column,
                 columns);
    }
    for (; row < end; ++row) {
      Tile<1, 1>(a + row * terms, terms, terms, panel, out, row, column,
                 columns);
    }
  }
}

template <typename T>
void ProductT(const T* a, size_t rows, size_t terms, const T* packed,
              const T* bias, const T* residual, size_t columns, T* y,
              ParallelFor& parallel) {
  const Epilogue<T> out = {bias, residual, y, columns};
  const size_t tasks = (rows + kTaskRows - 1) / kTaskRows;
  parallel.Run(tasks, [&](size_t task) {
    const size_t begin = task * kTaskRows;
    ProductRows(a, terms, packed, out, begin, std::min(rows, begin + kTaskRows),
                columns);
  });
}

// Panels of the matrix whose element (term, column) is
// w[term * term_step + column * column_step].
template <typename T>
void PackPanels(const T* HWY_RESTRICT w, size_t term_step, size_t column_step,
                size_t terms, size_t columns, T* HWY_RESTRICT packed) {
  const size_t width = PanelWidth<T>();
  for (size_t column = 0; column < columns; column += width) {
    const size_t used = std::min(width, columns - column);
    const T* from = w + column * column_step;
    for (size_t k = 0; k < terms; ++k, packed += width) {
      for (size_t n = 0; n < used; ++n) {
        packed[n] = from[k * term_step + n * column_step];
      }
      std::fill(packed + used, packed + width, T(0));
    }
  }
}

template <typename T>
void PackForForwardT(const T* weight, size_t inner, size_t outer, T* packed) {
  PackPanels(weight, 1, inner, inner, outer, packed);
}

template <typename T>
void PackForInputGradientT(const T* weight, size_t inner, size_t outer,
                           T* packed) {
  PackPanels(weight, inner, 1, outer, inner, packed);
}

// x in blocks of kGradientBlock rows, each block as panels, so that one panel
// of one block is contiguous.
template <typename T>
void PackInputT(const T* x, size_t rows, size_t inner, T* packed,
                ParallelFor& parallel) {
  const size_t padded = PaddedColumns<T>(inner);
  const size_t blocks = (rows + kGradientBlock - 1) / kGradientBlock;
  parallel.Run(blocks, [&](size_t block) {
    const size_t begin = block * kGradientBlock;
    const size_t used = std::min(kGradientBlock, rows - begin);
    PackPanels(x + begin * inner, inner, 1, used, inner,
               packed + begin * padded);
  });
}

// left[k * kTileRows + m] <- dy[k, m] for a tile's columns of dy (zeros where
// `used` ends early), and the columns' sums added to dbias.
template <typename T>
HWY_INLINE void PackTile(const T* HWY_RESTRICT dy, size_t stride, size_t terms,
                         size_t used, T* HWY_RESTRICT left,
                         T* HWY_RESTRICT dbias) {
  T sum[kTileRows] = {};
  for (size_t k = 0; k < terms; ++k) {
    T* to = left + k * kTileRows;
    const T* from = dy + k * stride;
    if (used == kTileRows) {
      for (size_t m = 0; m < kTileRows; ++m) to[m] = from[m];
    } else {
      for (size_t m = 0; m < kTileRows; ++m) to[m] = m < used ? from[m] : T(0);
    }
    for (size_t m = 0; m < kTileRows; ++m) sum[m] += to[m];
  }
  if (dbias == nullptr) return;
  for (size_t m = 0; m < used; ++m) dbias[m] += sum[m];
}

// One tile's rows of dW over one block of rows of x: overwritten by the first
// block, added to by the others.
template <typename T>
HWY_INLINE void GradientTile(const T* left, size_t terms, const T* panels,
                             size_t inner, size_t used, bool first, T* dw) {
  const Epilogue<T> out = {nullptr, first ? nullptr : dw, dw, inner};
  const size_t width = PanelWidth<T>();
  for (size_t column = 0; column < inner; column += width) {
    const T* panel = panels + column * terms;
    if (used == kTileRows) {
      Tile<kTileRows, kTileRows>(left, 1, terms, panel, out, 0, column, inner);
    } else {
      for (size_t m = 0; m < used; ++m) {
        Tile<1, kTileRows>(left + m, 1, terms, panel, out, m, column, inner);
      }
    }
  }
}

template <typename T>
void LinearWeightGradientT(const T* packed_x, const T* dy, size_t rows,
                           size_t inner, size_t outer, T* dweight, T* dbias,
                           ParallelFor& parallel) {
  const size_t padded = PaddedColumns<T>(inner);
  const size_t tasks = (outer + kTileRows - 1) / kTileRows;
  parallel.Run(tasks, [&](size_t task) {
    const size_t at = task * kTileRows;
    const size_t used = std::min(kTileRows, outer - at);
    T* dw = dweight + at * inner;
    T* db = dbias == nullptr ? nullptr : dbias + at;
    if (db != nullptr) std::fill(db, db + used, T(0));
    if (rows == 0) std::fill(dw, dw + used * inner, T(0));
    HWY_ALIGN T left[kGradientBlock * kTileRows];
    for (size_t begin = 0; begin < rows; begin += kGradientBlock) {
      const size_t terms = std::min(kGradientBlock, rows - begin);
      PackTile(dy + begin * outer + at, outer, terms, used, left, db);
      GradientTile(left, terms, packed_x + begin * padded, inner, used,
                   begin == 0, dw);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // toggle guard
