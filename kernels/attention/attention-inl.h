// Vector code of attention.h, for dynamic or fixed sizes.
#if defined(POLARIZE_KERNELS_ATTENTION_ATTENTION_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_ATTENTION_ATTENTION_INL_H_
#undef POLARIZE_KERNELS_ATTENTION_ATTENTION_INL_H_
#else
#define POLARIZE_KERNELS_ATTENTION_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/attention/attention.h"
#include "kernels/attention/kinds-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sizes known when compiled, or not: the loops below read them through this.
template <size_t kKeys, size_t kWidth>
struct FixedSizes {
  explicit FixedSizes(const AttentionPlan&) {}
  static constexpr size_t keys() { return kKeys; }
  static constexpr size_t width() { return kWidth; }
};
struct DynamicSizes {
  explicit DynamicSizes(const AttentionPlan& plan)
      : keys_(plan.keys), width_(plan.head_width) {}
  size_t keys() const { return keys_; }
  size_t width() const { return width_; }
  size_t keys_, width_;
};

// Vectors no wider than what PaddedKeys rounds up to.
template <typename T>
using AttentionTag = hn::CappedTag<T, 64 / sizeof(T)>;

// A matrix whose element (row, term) is data[row * row_step + term *
// term_step].
template <typename T>
struct Strided {
  const T* data;
  size_t row_step, term_step;
};

// Rows of `width` numbers each.
template <typename T>
struct RowsOf {
  const T* data;
  size_t stride;
};

// Rows that go through the functions below together, so that one tree of
// shuffles reduces all of them.
template <typename T>
inline constexpr size_t kRowsAtOnce = hn::MaxLanes(AttentionTag<T>());

// A block of lanes' worth of rows of b.
template <typename T>
struct RowBlock {
  static constexpr size_t kRows = kBlockLanes<AttentionTag<T>>;
  // Rows from `rows` on are the last again.
  HWY_INLINE RowBlock(const RowsOf<T>& b, size_t first, size_t rows) {
    for (size_t m = 0; m < kRows; ++m) {
      row[m] = b.data + std::min(first + m, rows - 1) * b.stride;
    }
  }
  const T* row[kRows];
};

// Block b, lane l of the result, for any b: the part of a . row l that block b
// of every vector holds. ReduceParts adds the parts up.
template <class D, typename T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE V DotParts(D d, const T* HWY_RESTRICT a, const RowBlock<T>& b,
                      size_t width) {
  constexpr size_t kRows = RowBlock<T>::kRows;
  const size_t lanes = hn::Lanes(d);
  V sum[kRows];
  HWY_UNROLL(4)
  for (size_t m = 0; m < kRows; ++m) sum[m] = hn::Zero(d);
  size_t w = 0;
  for (; w + lanes <= width; w += lanes) {
    const V aw = hn::LoadU(d, a + w);
    HWY_UNROLL(4)
    for (size_t m = 0; m < kRows; ++m) {
      sum[m] = hn::MulAdd(aw, hn::LoadU(d, b.row[m] + w), sum[m]);
    }
  }
  if (w < width) {
    const size_t rest = width - w;
    const V aw = hn::LoadN(d, a + w, rest);
    HWY_UNROLL(4)
    for (size_t m = 0; m < kRows; ++m) {
      sum[m] = hn::MulAdd(aw, hn::LoadN(d, b.row[m] + w, rest), sum[m]);
    }
  }
  return ReduceBlocks(d, sum, SumOf());
}

// c[i, j] <- a_i . b_j for j < visible[i]; the rest of c is undefined. Lanes
// are columns of a and b, so that neither has to be transposed, and what is not
// visible costs little.
template <class Sizes, typename T>
HWY_NOINLINE void RowProducts(const Sizes& sizes, const RowsOf<T>& a,
                              size_t all_rows, const RowsOf<T>& b,
                              const uint32_t* HWY_RESTRICT all_visible,
                              T* HWY_RESTRICT c) {
  const AttentionTag<T> d;
  using D = AttentionTag<T>;
  using V = hn::Vec<D>;
  constexpr size_t kBlock = kBlockLanes<D>, kParts = kVectorBlocks<D>;
  const size_t keys = sizes.keys(), width = sizes.width();
  const size_t padded = PaddedKeys(keys), lanes = hn::Lanes(d);
  HWY_ALIGN T parts[kRowsAtOnce<T>][kParts][hn::MaxLanes(D())];
  for (size_t row = 0; row < all_rows; row += kRowsAtOnce<T>) {
    const size_t rows = std::min(kRowsAtOnce<T>, all_rows - row);
    const uint32_t* HWY_RESTRICT visible = all_visible + row;
    for (size_t j = 0; j < keys; j += lanes) {
      for (size_t m = 0; m < kParts && j + m * kBlock < keys; ++m) {
        const RowBlock<T> block(b, j + m * kBlock, keys);
        for (size_t i = 0; i < rows; ++i) {
          if (visible[i] <= j + m * kBlock) continue;
          const T* a_i = a.data + (row + i) * a.stride;
          hn::Store(DotParts(d, a_i, block, width), d, parts[i][m]);
        }
      }
      for (size_t i = 0; i < rows; ++i) {
        if (visible[i] <= j) continue;
        V part[kParts];
        HWY_UNROLL(4)
        for (size_t m = 0; m < kParts; ++m) {
          const bool seen = m == 0 || j + m * kBlock < visible[i];
          part[m] = seen ? hn::Load(d, parts[i][m]) : part[0];
        }
        hn::StoreU(ReduceParts(d, part, SumOf()), d,
                   c + (row + i) * padded + j);
      }
    }
  }
}

// kRows rows and kVectors vectors of c = a b: the terms first .. last.
template <size_t kRows, size_t kVectors, typename T>
HWY_INLINE void WeightedBlock(const Strided<T>& a, size_t row, size_t first,
                              size_t last, const T* HWY_RESTRICT b,
                              size_t b_stride, T* HWY_RESTRICT c,
                              size_t c_stride) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  const T* HWY_RESTRICT from = a.data + row * a.row_step;
  V sum[kRows][kVectors];
  HWY_UNROLL(4)
  for (size_t m = 0; m < kRows; ++m) {
    HWY_UNROLL(4)
    for (size_t n = 0; n < kVectors; ++n) sum[m][n] = hn::Zero(d);
  }
  for (size_t k = first; k < last; ++k) {
    V bk[kVectors];
    HWY_UNROLL(4)
    for (size_t n = 0; n < kVectors; ++n) {
      bk[n] = hn::LoadU(d, b + k * b_stride + n * lanes);
    }
    HWY_UNROLL(4)
    for (size_t m = 0; m < kRows; ++m) {
      const V am = hn::Set(d, from[m * a.row_step + k * a.term_step]);
      HWY_UNROLL(4)
      for (size_t n = 0; n < kVectors; ++n) {
        sum[m][n] = hn::MulAdd(am, bk[n], sum[m][n]);
      }
    }
  }
  HWY_UNROLL(4)
  for (size_t m = 0; m < kRows; ++m) {
    HWY_UNROLL(4)
    for (size_t n = 0; n < kVectors; ++n) {
      hn::StoreU(sum[m][n], d, c + (row + m) * c_stride + n * lanes);
    }
  }
}

// The same for the last columns, fewer than a vector has.
template <size_t kRows, typename T>
HWY_INLINE void WeightedTail(const Strided<T>& a, size_t row, size_t first,
                             size_t last, const T* HWY_RESTRICT b,
                             size_t b_stride, size_t columns, T* HWY_RESTRICT c,
                             size_t c_stride) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  V sum[kRows];
  HWY_UNROLL(4)
  for (size_t m = 0; m < kRows; ++m) sum[m] = hn::Zero(d);
  for (size_t k = first; k < last; ++k) {
    const V bk = hn::LoadN(d, b + k * b_stride, columns);
    HWY_UNROLL(4)
    for (size_t m = 0; m < kRows; ++m) {
      const T am = a.data[(row + m) * a.row_step + k * a.term_step];
      sum[m] = hn::MulAdd(hn::Set(d, am), bk, sum[m]);
    }
  }
  HWY_UNROLL(4)
  for (size_t m = 0; m < kRows; ++m) {
    hn::StoreN(sum[m], d, c + (row + m) * c_stride, columns);
  }
}

template <size_t kRows, typename T>
HWY_INLINE void WeightedRows(const Strided<T>& a, size_t row, size_t first,
                             size_t last, const T* b, size_t b_stride,
                             size_t columns, T* c, size_t c_stride) {
  // As many accumulators as registers permit: each load of b then serves kRows
  // products, each broadcast of a serves kVectors.
  constexpr size_t kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;
  const size_t lanes = hn::Lanes(AttentionTag<T>());
  size_t n = 0;
  for (; n + kVectors * lanes <= columns; n += kVectors * lanes) {
    WeightedBlock<kRows, kVectors>(a, row, first, last, b + n, b_stride, c + n,
                                   c_stride);
  }
  if (kVectors > 2 && n + 2 * lanes <= columns) {
    WeightedBlock<kRows, 2>(a, row, first, last, b + n, b_stride, c + n,
                            c_stride);
    n += 2 * lanes;
  }
  if (n + lanes <= columns) {
    WeightedBlock<kRows, 1>(a, row, first, last, b + n, b_stride, c + n,
                            c_stride);
    n += lanes;
  }
  if (n < columns) {
    WeightedTail<kRows>(a, row, first, last, b + n, b_stride, columns - n,
                        c + n, c_stride);
  }
}

// c_i = sum_j weights_ij b_j over what is visible: o from v, dq from k.
template <class Sizes, typename T>
HWY_NOINLINE void SumOverKeys(const Sizes& sizes, const T* weights, size_t rows,
                              const uint32_t* HWY_RESTRICT visible,
                              const RowsOf<T>& b, T* c, size_t c_stride) {
  const size_t width = sizes.width();
  const Strided<T> a = {weights, PaddedKeys(sizes.keys()), 1};
  size_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    // At least one term: a row without keys has weights of 0 or NaN.
    const uint32_t last = std::max(std::max(visible[i], visible[i + 1]),
                                   std::max(visible[i + 2], visible[i + 3]));
    WeightedRows<4>(a, i, 0, std::max<size_t>(1, last), b.data, b.stride, width,
                    c, c_stride);
  }
  for (; i < rows; ++i) {
    WeightedRows<1>(a, i, 0, std::max<size_t>(1, visible[i]), b.data, b.stride,
                    width, c, c_stride);
  }
}

// c_j = sum_i weights_ij b_i over the rows that see key j: dv from do, dk from
// q.
template <class Sizes, typename T>
HWY_NOINLINE void SumOverQueries(const Sizes& sizes, const T* weights,
                                 size_t rows,
                                 const uint32_t* HWY_RESTRICT visible,
                                 const RowsOf<T>& b, T* c, size_t c_stride) {
  const size_t width = sizes.width(), keys = sizes.keys();
  const Strided<T> a = {weights, 1, PaddedKeys(keys)};
  size_t first = 0, j = 0;
  for (; j + 4 <= keys; j += 4) {
    while (first < rows && visible[first] <= j) ++first;
    WeightedRows<4>(a, j, first, rows, b.data, b.stride, width, c, c_stride);
  }
  for (; j < keys; ++j) {
    while (first < rows && visible[first] <= j) ++first;
    WeightedRows<1>(a, j, first, rows, b.data, b.stride, width, c, c_stride);
  }
}

// to[row, :] <- elu(from[row, :]) + 1, densely.
template <typename T>
HWY_INLINE void Features(const T* HWY_RESTRICT from, size_t stride, size_t rows,
                         size_t width, T* HWY_RESTRICT to) {
  const AttentionTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < rows; ++r) {
    const T* x = from + r * stride;
    T* y = to + r * width;
    size_t w = 0;
    for (; w + lanes <= width; w += lanes) {
      hn::StoreU(EluPlusOneValue(d, hn::LoadU(d, x + w)), d, y + w);
    }
    if (w < width) {
      const auto rest = hn::LoadN(d, x + w, width - w);
      hn::StoreN(EluPlusOneValue(d, rest), d, y + w, width - w);
    }
  }
}

// gradient[row, :] *= slope of elu + 1, from the features.
template <typename T>
HWY_INLINE void TimesFeatureSlope(const T* HWY_RESTRICT features, size_t rows,
                                  size_t width, size_t stride,
                                  T* HWY_RESTRICT gradient) {
  const AttentionTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < rows; ++r) {
    const T* f = features + r * width;
    T* g = gradient + r * stride;
    size_t w = 0;
    for (; w + lanes <= width; w += lanes) {
      const auto slope = EluPlusOneSlope(d, hn::LoadU(d, f + w));
      hn::StoreU(hn::Mul(hn::LoadU(d, g + w), slope), d, g + w);
    }
    if (w < width) {
      const size_t n = width - w;
      const auto slope = EluPlusOneSlope(d, hn::LoadN(d, f + w, n));
      hn::StoreN(hn::Mul(hn::LoadN(d, g + w, n), slope), d, g + w, n);
    }
  }
}

// inverse[i] <- 1 / divisor(sum[i]) for kRowsAtOnce rows.
template <class N, typename T>
HWY_INLINE void InverseDivisors(const T* HWY_RESTRICT sum,
                                T* HWY_RESTRICT inverse) {
  const AttentionTag<T> d;
  HWY_ALIGN T divisor[kRowsAtOnce<T>];
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) divisor[i] = N::Divisor(sum[i]);
  const auto one = hn::Set(d, T(1));
  hn::Store(hn::Div(one, hn::Load(d, divisor)), d, inverse);
}

// shift[i] <- the largest score of row i, for at most kRowsAtOnce rows.
template <typename T>
HWY_INLINE void LargestScores(const T* HWY_RESTRICT scores, size_t rows,
                              const uint32_t* HWY_RESTRICT visible, T scale,
                              size_t padded, T* HWY_RESTRICT shift) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const V c = hn::Set(d, scale);
  V largest[kRowsAtOnce<T>];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    largest[i] = hn::Set(d, -hwy::HighestValue<T>());
    if (i >= rows) continue;
    for (size_t j = 0; j < visible[i]; j += hn::Lanes(d)) {
      const V s = hn::Mul(hn::LoadU(d, scores + i * padded + j), c);
      const auto seen = hn::FirstN(d, visible[i] - j);
      largest[i] = hn::Max(largest[i], hn::IfThenElse(seen, s, largest[i]));
    }
  }
  hn::Store(ReduceVectors(d, largest, rows, LargerOf()), d, shift);
}

// Scores of at most kRowsAtOnce rows -> raw activations, their sums (step
// sum_step) and, in place of the scores, the weights.
template <class A, class N, typename T>
HWY_INLINE void ActivateRows(T scale, size_t rows,
                             const uint32_t* HWY_RESTRICT visible,
                             size_t padded, T* HWY_RESTRICT scores,
                             T* HWY_RESTRICT raw, size_t raw_stride,
                             T* HWY_RESTRICT sum, size_t sum_step) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  const V c = hn::Set(d, scale);
  HWY_ALIGN T of_row[kRowsAtOnce<T>];
  HWY_ALIGN T inverse[kRowsAtOnce<T>];
  if (A::kShift) LargestScores(scores, rows, visible, scale, padded, of_row);
  V sums[kRowsAtOnce<T>];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    sums[i] = hn::Zero(d);
    if (i >= rows) continue;
    for (size_t j = 0; j < padded; j += lanes) {
      V a = hn::Zero(d);
      if (j < visible[i]) {
        V s = c;
        if (A::kUsesScores) {
          s = hn::Mul(hn::LoadU(d, scores + i * padded + j), c);
        }
        a = A::Value(d, A::kShift ? hn::Sub(s, hn::Set(d, of_row[i])) : s);
        a = hn::IfThenElseZero(hn::FirstN(d, visible[i] - j), a);
      }
      sums[i] = hn::Add(sums[i], a);
      hn::StoreU(a, d, raw + i * raw_stride + j);
    }
  }
  hn::Store(ReduceVectors(d, sums, rows, SumOf()), d, of_row);
  InverseDivisors<N>(of_row, inverse);
  for (size_t i = 0; i < rows; ++i) {
    sum[i * sum_step] = of_row[i];
    const V factor = hn::Set(d, inverse[i]);
    for (size_t j = 0; j < padded; j += lanes) {
      const V a = hn::LoadU(d, raw + i * raw_stride + j);
      hn::StoreU(hn::Mul(a, factor), d, scores + i * padded + j);
    }
  }
}

// The same for rows that fit into one vector, which stay in registers.
template <class A, class N, typename T>
HWY_INLINE void ActivateShortRows(T scale, size_t rows,
                                  const uint32_t* HWY_RESTRICT visible,
                                  T* HWY_RESTRICT scores, T* HWY_RESTRICT raw,
                                  size_t raw_stride, T* HWY_RESTRICT sum,
                                  size_t sum_step) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  constexpr size_t kRows = kRowsAtOnce<T>;
  const size_t lanes = hn::Lanes(d);
  const V c = hn::Set(d, scale);
  HWY_ALIGN T of_row[kRows];
  HWY_ALIGN T inverse[kRows];
  V a[kRows];
  if (A::kShift) {
    const V lowest = hn::Set(d, -hwy::HighestValue<T>());
    HWY_UNROLL(16)
    for (size_t i = 0; i < kRows; ++i) {
      a[i] = lowest;
      if (i >= rows) continue;
      const V s = hn::Mul(hn::LoadU(d, scores + i * lanes), c);
      a[i] = hn::IfThenElse(hn::FirstN(d, visible[i]), s, lowest);
    }
    hn::Store(ReduceVectors(d, a, rows, LargerOf()), d, of_row);
  }
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    a[i] = hn::Zero(d);
    if (i >= rows) continue;
    V s = c;
    if (A::kUsesScores) s = hn::Mul(hn::LoadU(d, scores + i * lanes), c);
    if (A::kShift) s = hn::Sub(s, hn::Set(d, of_row[i]));
    const V value = A::Value(d, s);
    a[i] = hn::IfThenElseZero(hn::FirstN(d, visible[i]), value);
    hn::StoreU(a[i], d, raw + i * raw_stride);
  }
  hn::Store(ReduceVectors(d, a, rows, SumOf()), d, of_row);
  InverseDivisors<N>(of_row, inverse);
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    if (i >= rows) break;
    sum[i * sum_step] = of_row[i];
    const V weights = hn::Mul(a[i], hn::Set(d, inverse[i]));
    hn::StoreU(weights, d, scores + i * lanes);
  }
}

// raw and sum, as forward left them -> weights and inverse divisors, for at
// most kRowsAtOnce rows.
template <class N, typename T>
HWY_INLINE void NormaliseRows(const T* HWY_RESTRICT raw, size_t raw_stride,
                              const T* HWY_RESTRICT sum, size_t sum_step,
                              size_t rows, size_t padded,
                              T* HWY_RESTRICT inverse,
                              T* HWY_RESTRICT weights) {
  const AttentionTag<T> d;
  HWY_ALIGN T sums[kRowsAtOnce<T>];
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    sums[i] = i < rows ? sum[i * sum_step] : T(1);
  }
  InverseDivisors<N>(sums, inverse);
  for (size_t i = 0; i < rows; ++i) {
    const auto factor = hn::Set(d, inverse[i]);
    for (size_t j = 0; j < padded; j += hn::Lanes(d)) {
      const auto a = hn::LoadU(d, raw + i * raw_stride + j);
      hn::StoreU(hn::Mul(a, factor), d, weights + i * padded + j);
    }
  }
}

// dA in `gradient` -> ds in place, for at most kRowsAtOnce rows. With A = a /
// D(S), S = sum a:
//   da_j = (dA_j - D'(S) sum_k dA_k A_k) / D(S)     ds_j = da_j a'(s_j) c
template <class A, class N, typename T>
HWY_INLINE void ScoreGradientRows(const T* HWY_RESTRICT raw, size_t raw_stride,
                                  const T* HWY_RESTRICT weights,
                                  const T* HWY_RESTRICT sum, size_t sum_step,
                                  const T* HWY_RESTRICT inverse, T scale,
                                  size_t rows,
                                  const uint32_t* HWY_RESTRICT visible,
                                  size_t padded, T* HWY_RESTRICT gradient) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  V shared[kRowsAtOnce<T>];
  HWY_ALIGN T mean[kRowsAtOnce<T>];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    shared[i] = hn::Zero(d);
    if (i >= rows) continue;
    const T* weights_i = weights + i * padded;
    T* gradient_i = gradient + i * padded;
    for (size_t j = 0; j < visible[i]; j += lanes) {
      // What is not visible is undefined in the gradient.
      const auto seen = hn::FirstN(d, visible[i] - j);
      const V da = hn::IfThenElseZero(seen, hn::LoadU(d, gradient_i + j));
      shared[i] = hn::MulAdd(da, hn::LoadU(d, weights_i + j), shared[i]);
    }
  }
  hn::Store(ReduceVectors(d, shared, rows, SumOf()), d, mean);
  for (size_t i = 0; i < rows; ++i) {
    const V all = hn::Set(d, N::Slope(sum[i * sum_step]) * mean[i]);
    const V factor = hn::Set(d, scale * inverse[i]);
    for (size_t j = 0; j < padded; j += lanes) {
      V ds = hn::Zero(d);
      if (j < visible[i]) {
        const V da = hn::Sub(hn::LoadU(d, gradient + i * padded + j), all);
        const V a = hn::LoadU(d, raw + i * raw_stride + j);
        ds = hn::Mul(hn::Mul(da, factor), A::Slope(d, a));
        ds = hn::IfThenElseZero(hn::FirstN(d, visible[i] - j), ds);
      }
      hn::StoreU(ds, d, gradient + i * padded + j);
    }
  }
}

// The parts of one slice's scratch.
template <typename T>
struct AttentionWork {
  AttentionWork(T* at, size_t keys, size_t queries, size_t width)
      : weights(at),
        gradient(weights + queries * PaddedKeys(keys)),
        q_features(gradient + queries * PaddedKeys(keys)),
        k_features(q_features + queries * width) {}
  T *weights, *gradient, *q_features, *k_features;
};

template <typename T>
T ScaleOf(bool scaled, size_t width) {
  return scaled ? T(1) / std::sqrt(static_cast<T>(width)) : T(1);
}

// q or k as the score reads them: rows themselves, or their features.
template <class Score, typename T>
HWY_INLINE RowsOf<T> ScoreOperand(const T* x, size_t stride, size_t rows,
                                  size_t width, T* features) {
  if (!Score::kFeatures) return {x, stride};
  Features(x, stride, rows, width, features);
  return {features, width};
}

// One head of one context, forward.
template <class K, class Sizes, typename T>
HWY_INLINE void HeadForward(const AttentionForwardArgs<T>& args,
                            const Sizes& sizes, size_t context, size_t head,
                            const AttentionWork<T>& work) {
  using A = typename K::Activation;
  using N = typename K::Normaliser;
  const AttentionPlan& plan = args.plan;
  const size_t width = sizes.width(), keys = sizes.keys();
  const size_t padded = PaddedKeys(keys), stride = plan.heads * width;
  const size_t row = plan.query_begin[context];
  const size_t queries = plan.query_begin[context + 1] - row;
  const uint32_t* visible = plan.visible + row;
  const size_t at_query = row * stride + head * width;
  const size_t at_key = context * keys * stride + head * width;
  if (A::kUsesScores) {
    const auto q = ScoreOperand<typename K::Score>(
        args.q + at_query, stride, queries, width, work.q_features);
    const auto k = ScoreOperand<typename K::Score>(
        args.k + at_key, stride, keys, width, work.k_features);
    RowProducts(sizes, q, queries, k, visible, work.weights);
  }
  const T scale = ScaleOf<T>(K::Score::kScaled, width);
  for (size_t i = 0; i < queries; i += kRowsAtOnce<T>) {
    const size_t at = (row + i) * plan.heads + head;
    const size_t rows = std::min(kRowsAtOnce<T>, queries - i);
    T* weights = work.weights + i * padded;
    T* raw = args.raw + at * padded;
    if (padded == kRowsAtOnce<T>) {
      ActivateShortRows<A, N>(scale, rows, visible + i, weights, raw,
                              plan.heads * padded, args.sum + at, plan.heads);
    } else {
      ActivateRows<A, N>(scale, rows, visible + i, padded, weights, raw,
                         plan.heads * padded, args.sum + at, plan.heads);
    }
  }
  SumOverKeys(sizes, work.weights, queries, visible,
              RowsOf<T>{args.v + at_key, stride}, args.o + at_query, stride);
}

// One head of one context, backward.
template <class K, class Sizes, typename T>
HWY_INLINE void HeadBackward(const AttentionBackwardArgs<T>& args,
                             const Sizes& sizes, size_t context, size_t head,
                             const AttentionWork<T>& work) {
  using A = typename K::Activation;
  using N = typename K::Normaliser;
  const AttentionPlan& plan = args.plan;
  const size_t width = sizes.width(), keys = sizes.keys();
  const size_t padded = PaddedKeys(keys), stride = plan.heads * width;
  const size_t row = plan.query_begin[context];
  const size_t queries = plan.query_begin[context + 1] - row;
  const uint32_t* visible = plan.visible + row;
  const size_t at_query = row * stride + head * width;
  const size_t at_key = context * keys * stride + head * width;
  const RowsOf<T> d_o = {args.d_o + at_query, stride};
  // dA_ij = do_i . v_j
  if (A::kUsesScores) {
    RowProducts(sizes, d_o, queries, RowsOf<T>{args.v + at_key, stride},
                visible, work.gradient);
  }
  const T scale = ScaleOf<T>(K::Score::kScaled, width);
  for (size_t i = 0; i < queries; i += kRowsAtOnce<T>) {
    const size_t rows = std::min(kRowsAtOnce<T>, queries - i);
    const size_t at = (row + i) * plan.heads + head;
    const T* raw = args.raw + at * padded;
    HWY_ALIGN T inverse[kRowsAtOnce<T>];
    NormaliseRows<N>(raw, plan.heads * padded, args.sum + at, plan.heads, rows,
                     padded, inverse, work.weights + i * padded);
    if (!A::kUsesScores) continue;
    ScoreGradientRows<A, N>(raw, plan.heads * padded, work.weights + i * padded,
                            args.sum + at, plan.heads, inverse, scale, rows,
                            visible + i, padded, work.gradient + i * padded);
  }
  // dv_j = sum_i A_ij do_i
  SumOverQueries(sizes, work.weights, queries, visible, d_o, args.dv + at_key,
                 stride);
  if (!A::kUsesScores) return;
  const auto q = ScoreOperand<typename K::Score>(
      args.q + at_query, stride, queries, width, work.q_features);
  const auto k = ScoreOperand<typename K::Score>(args.k + at_key, stride, keys,
                                                 width, work.k_features);
  // dq_i = sum_j ds_ij k_j, dk_j = sum_i ds_ij q_i
  SumOverKeys(sizes, work.gradient, queries, visible, k, args.dq + at_query,
              stride);
  SumOverQueries(sizes, work.gradient, queries, visible, q, args.dk + at_key,
                 stride);
  if (K::Score::kFeatures) {
    TimesFeatureSlope(q.data, queries, width, stride, args.dq + at_query);
    TimesFeatureSlope(k.data, keys, width, stride, args.dk + at_key);
  }
}

inline size_t MostQueries(const AttentionPlan& plan) {
  size_t most = 0;
  for (size_t c = 0; c < plan.contexts; ++c) {
    most =
        std::max<size_t>(most, plan.query_begin[c + 1] - plan.query_begin[c]);
  }
  return most;
}

// Calls body(context, head, work) for all, slice by slice.
template <class Sizes, typename T, class Body>
HWY_INLINE void ForEachHead(const AttentionPlan& plan, const Sizes& sizes,
                            T* scratch, ParallelFor& parallel,
                            const Body& body) {
  const size_t queries = MostQueries(plan);
  const size_t size =
      AttentionSliceScratch(sizes.keys(), queries, sizes.width());
  parallel.Run(kAttentionSlices, [&](size_t slice) {
    const AttentionWork<T> work(scratch + slice * size, sizes.keys(), queries,
                                sizes.width());
    const size_t end = (slice + 1) * plan.contexts / kAttentionSlices;
    for (size_t c = slice * plan.contexts / kAttentionSlices; c < end; ++c) {
      for (size_t h = 0; h < plan.heads; ++h) body(c, h, work);
    }
  });
}

template <class K, class Sizes, typename T>
void ForwardT(const AttentionForwardArgs<T>& args, ParallelFor& parallel) {
  const Sizes sizes(args.plan);
  ForEachHead(args.plan, sizes, args.scratch, parallel,
              [&](size_t c, size_t h, const AttentionWork<T>& work) {
                HeadForward<K>(args, sizes, c, h, work);
              });
}

template <class K, class Sizes, typename T>
void BackwardT(const AttentionBackwardArgs<T>& args, ParallelFor& parallel) {
  const Sizes sizes(args.plan);
  ForEachHead(args.plan, sizes, args.scratch, parallel,
              [&](size_t c, size_t h, const AttentionWork<T>& work) {
                HeadBackward<K>(args, sizes, c, h, work);
              });
}

template <class K, typename T>
void WeightsT(const T* raw, T sum, size_t keys, T* weights) {
  // As ActivateRows, which may write whole vectors and this may not.
  const T inverse = T(1) / K::Normaliser::Divisor(sum);
  for (size_t j = 0; j < keys; ++j) weights[j] = raw[j] * inverse;
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // toggle guard
