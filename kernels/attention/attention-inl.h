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

// What a head's scores are made of beside products: s = scale q.k - bias, and
// the sink's.
template <typename T>
struct ScoreTerms {
  T scale, bias, sink;
};

// A vector of scores from one of products.
template <class A, class D, typename T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE V ScoreOf(D d, const ScoreTerms<T>& terms, V product) {
  const V scale = hn::Set(d, terms.scale);
  if (A::kBias) return hn::MulSub(product, scale, hn::Set(d, terms.bias));
  return hn::Mul(product, scale);
}

// shift[i] <- the largest score of row i, a sink's included.
template <class S, class D, typename T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE void StoreShift(D d, V largest, const ScoreTerms<T>& terms,
                           T* HWY_RESTRICT shift) {
  if (S::kSink) largest = hn::Max(largest, hn::Set(d, terms.sink));
  hn::Store(largest, d, shift);
}

// of_row, the shifts of rows -> their sums, the sink's activation included,
// which goes to sink_term (step row_step) if its logit is learned.
template <class A, class S, class D, typename T = hn::TFromD<D>,
          class V = hn::Vec<D>>
HWY_INLINE void StoreSums(D d, V sum, const ScoreTerms<T>& terms, size_t rows,
                          T* HWY_RESTRICT of_row, T* HWY_RESTRICT sink_term,
                          size_t row_step) {
  if (S::kSink) {
    V logit = hn::Set(d, terms.sink);
    if (A::kShift) logit = hn::Sub(logit, hn::Load(d, of_row));
    const V a = A::Value(d, logit);
    sum = hn::Add(sum, a);
    if (S::kLearned) {
      hn::Store(a, d, of_row);
      for (size_t i = 0; i < rows; ++i) sink_term[i * row_step] = of_row[i];
    }
  }
  hn::Store(sum, d, of_row);
}

// shift[i] <- the largest score of row i, for at most kRowsAtOnce rows.
template <class A, class S, typename T>
HWY_INLINE void LargestScores(const T* HWY_RESTRICT scores, size_t rows,
                              const uint32_t* HWY_RESTRICT visible,
                              const ScoreTerms<T>& terms, size_t padded,
                              T* HWY_RESTRICT shift) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  V largest[kRowsAtOnce<T>];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    largest[i] = hn::Set(d, -hwy::HighestValue<T>());
    if (i >= rows) continue;
    for (size_t j = 0; j < visible[i]; j += hn::Lanes(d)) {
      const V s = ScoreOf<A>(d, terms, hn::LoadU(d, scores + i * padded + j));
      const auto seen = hn::FirstN(d, visible[i] - j);
      largest[i] = hn::Max(largest[i], hn::IfThenElse(seen, s, largest[i]));
    }
  }
  StoreShift<S>(d, ReduceVectors(d, largest, rows, LargerOf()), terms, shift);
}

// Where the activations of some rows go: raw (step raw_step from row to row),
// their sums and what a learned sink adds to them (step row_step).
template <typename T>
struct RowOutputs {
  T* HWY_RESTRICT raw;
  size_t raw_step;
  T* HWY_RESTRICT sum;
  T* HWY_RESTRICT sink_term;
  size_t row_step;
};

// Products of at most kRowsAtOnce rows -> raw activations, their sums and, in
// place of the products, the weights.
template <class K, typename T>
HWY_INLINE void ActivateRows(const ScoreTerms<T>& terms, size_t rows,
                             const uint32_t* HWY_RESTRICT visible,
                             size_t padded, T* HWY_RESTRICT scores,
                             const RowOutputs<T>& out) {
  using A = typename K::Activation;
  using S = typename K::Sink;
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN T of_row[kRowsAtOnce<T>];
  HWY_ALIGN T inverse[kRowsAtOnce<T>];
  if (A::kShift) {
    LargestScores<A, S>(scores, rows, visible, terms, padded, of_row);
  }
  V sums[kRowsAtOnce<T>];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    sums[i] = hn::Zero(d);
    if (i >= rows) continue;
    for (size_t j = 0; j < padded; j += lanes) {
      V a = hn::Zero(d);
      if (j < visible[i]) {
        V s = hn::Zero(d);
        if (A::kUsesScores) {
          s = ScoreOf<A>(d, terms, hn::LoadU(d, scores + i * padded + j));
        }
        a = A::Value(d, A::kShift ? hn::Sub(s, hn::Set(d, of_row[i])) : s);
        a = hn::IfThenElseZero(hn::FirstN(d, visible[i] - j), a);
      }
      sums[i] = hn::Add(sums[i], a);
      hn::StoreU(a, d, out.raw + i * out.raw_step + j);
    }
  }
  StoreSums<A, S>(d, ReduceVectors(d, sums, rows, SumOf()), terms, rows, of_row,
                  out.sink_term, out.row_step);
  InverseDivisors<typename K::Normaliser>(of_row, inverse);
  for (size_t i = 0; i < rows; ++i) {
    out.sum[i * out.row_step] = of_row[i];
    const V factor = hn::Set(d, inverse[i]);
    for (size_t j = 0; j < padded; j += lanes) {
      const V a = hn::LoadU(d, out.raw + i * out.raw_step + j);
      hn::StoreU(hn::Mul(a, factor), d, scores + i * padded + j);
    }
  }
}

// The same for rows that fit into one vector, which stay in registers.
template <class K, typename T>
HWY_INLINE void ActivateShortRows(const ScoreTerms<T>& terms, size_t rows,
                                  const uint32_t* HWY_RESTRICT visible,
                                  T* HWY_RESTRICT scores,
                                  const RowOutputs<T>& out) {
  using A = typename K::Activation;
  using S = typename K::Sink;
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  constexpr size_t kRows = kRowsAtOnce<T>;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN T of_row[kRows];
  HWY_ALIGN T inverse[kRows];
  V a[kRows];
  if (A::kShift) {
    const V lowest = hn::Set(d, -hwy::HighestValue<T>());
    HWY_UNROLL(16)
    for (size_t i = 0; i < kRows; ++i) {
      a[i] = lowest;
      if (i >= rows) continue;
      const V s = ScoreOf<A>(d, terms, hn::LoadU(d, scores + i * lanes));
      a[i] = hn::IfThenElse(hn::FirstN(d, visible[i]), s, lowest);
    }
    StoreShift<S>(d, ReduceVectors(d, a, rows, LargerOf()), terms, of_row);
  }
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    a[i] = hn::Zero(d);
    if (i >= rows) continue;
    V s = hn::Zero(d);
    if (A::kUsesScores) {
      s = ScoreOf<A>(d, terms, hn::LoadU(d, scores + i * lanes));
    }
    if (A::kShift) s = hn::Sub(s, hn::Set(d, of_row[i]));
    const V value = A::Value(d, s);
    a[i] = hn::IfThenElseZero(hn::FirstN(d, visible[i]), value);
    hn::StoreU(a[i], d, out.raw + i * out.raw_step);
  }
  StoreSums<A, S>(d, ReduceVectors(d, a, rows, SumOf()), terms, rows, of_row,
                  out.sink_term, out.row_step);
  InverseDivisors<typename K::Normaliser>(of_row, inverse);
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    if (i >= rows) break;
    out.sum[i * out.row_step] = of_row[i];
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

// all[i] <- D'(S) sum_k dA_k A_k of at most kRowsAtOnce rows: what reaches each
// key of the row through the divisor D(S), S the row's sum.
template <class N, typename T>
HWY_INLINE void DivisorGradients(const T* HWY_RESTRICT weights,
                                 const T* HWY_RESTRICT gradient,
                                 const T* HWY_RESTRICT sum, size_t sum_step,
                                 size_t rows,
                                 const uint32_t* HWY_RESTRICT visible,
                                 size_t padded, T* HWY_RESTRICT all) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  V shared[kRowsAtOnce<T>];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    shared[i] = hn::Zero(d);
    if (i >= rows) continue;
    const T* weights_i = weights + i * padded;
    const T* gradient_i = gradient + i * padded;
    for (size_t j = 0; j < visible[i]; j += lanes) {
      // What is not visible is undefined in the gradient.
      const auto seen = hn::FirstN(d, visible[i] - j);
      const V da = hn::IfThenElseZero(seen, hn::LoadU(d, gradient_i + j));
      shared[i] = hn::MulAdd(da, hn::LoadU(d, weights_i + j), shared[i]);
    }
  }
  hn::Store(ReduceVectors(d, shared, rows, SumOf()), d, all);
  for (size_t i = 0; i < rows; ++i) all[i] *= N::Slope(sum[i * sum_step]);
}

// dA in `gradient` -> ds in place, for at most kRowsAtOnce rows. With A = a /
// D(S), S = sum a:
//   da_j = (dA_j - D'(S) sum_k dA_k A_k) / D(S)     ds_j = da_j a'(s_j) c
template <class A, typename T>
HWY_INLINE void ScoreGradientRows(const T* HWY_RESTRICT raw, size_t raw_stride,
                                  const T* HWY_RESTRICT all,
                                  const T* HWY_RESTRICT inverse, T scale,
                                  size_t rows,
                                  const uint32_t* HWY_RESTRICT visible,
                                  size_t padded, T* HWY_RESTRICT gradient) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < rows; ++i) {
    const V divisor = hn::Set(d, all[i]);
    const V factor = hn::Set(d, scale * inverse[i]);
    for (size_t j = 0; j < padded; j += lanes) {
      V ds = hn::Zero(d);
      if (j < visible[i]) {
        const V da = hn::Sub(hn::LoadU(d, gradient + i * padded + j), divisor);
        const V a = hn::LoadU(d, raw + i * raw_stride + j);
        ds = hn::Mul(hn::Mul(da, factor), A::Slope(d, a));
        ds = hn::IfThenElseZero(hn::FirstN(d, visible[i] - j), ds);
      }
      hn::StoreU(ds, d, gradient + i * padded + j);
    }
  }
}

// The gradient of a learned logit z that comes from at most kRowsAtOnce rows:
// ds of a key of value 0, so that dA = 0:
//   dz = sum_i (0 - D'(S_i) sum_k dA_ik A_ik) / D(S_i) a'(z)
template <class A, typename T>
HWY_INLINE T SinkGradient(const T* HWY_RESTRICT sink_term, size_t row_step,
                          const T* HWY_RESTRICT all,
                          const T* HWY_RESTRICT inverse, size_t rows) {
  const AttentionTag<T> d;
  HWY_ALIGN T term[kRowsAtOnce<T>];
  for (size_t i = 0; i < kRowsAtOnce<T>; ++i) {
    term[i] = i < rows ? sink_term[i * row_step] : T(0);
  }
  hn::Store(A::Slope(d, hn::Load(d, term)), d, term);
  T gradient = 0;
  for (size_t i = 0; i < rows; ++i) gradient -= all[i] * inverse[i] * term[i];
  return gradient;
}

// The parts of one slice's scratch.
template <typename T>
struct AttentionWork {
  AttentionWork(T* at, size_t keys, size_t queries, size_t width)
      : weights(at),
        gradient(weights + queries * PaddedKeys(keys)),
        q_features(gradient + queries * PaddedKeys(keys)),
        k_features(q_features + queries * width),
        sinks(k_features + keys * width) {}
  T *weights, *gradient, *q_features, *k_features;
  T* sinks;  // the slice's part of the gradient of every head's logit
};

// Scores are divided by the temperature: exactly what they were if it is 1.
template <class K, typename T>
T ScaleOf(const AttentionPlan& plan, size_t width) {
  const T scale =
      K::Score::kScaled ? T(1) / std::sqrt(static_cast<T>(width)) : T(1);
  return scale / static_cast<T>(plan.temperature);
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
                            const Sizes& sizes, ScoreTerms<T> terms,
                            size_t context, size_t head,
                            const AttentionWork<T>& work) {
  const AttentionPlan& plan = args.plan;
  const size_t width = sizes.width(), keys = sizes.keys();
  const size_t padded = PaddedKeys(keys), stride = plan.heads * width;
  const size_t row = plan.query_begin[context];
  const size_t queries = plan.query_begin[context + 1] - row;
  const uint32_t* visible = plan.visible + row;
  const size_t at_query = row * stride + head * width;
  const size_t at_key = context * keys * stride + head * width;
  if (K::Activation::kUsesScores) {
    const auto q = ScoreOperand<typename K::Score>(
        args.q + at_query, stride, queries, width, work.q_features);
    const auto k = ScoreOperand<typename K::Score>(
        args.k + at_key, stride, keys, width, work.k_features);
    RowProducts(sizes, q, queries, k, visible, work.weights);
  }
  terms.sink = K::Sink::Logit(args.sink_logit, head);
  for (size_t i = 0; i < queries; i += kRowsAtOnce<T>) {
    const size_t at = (row + i) * plan.heads + head;
    const size_t rows = std::min(kRowsAtOnce<T>, queries - i);
    T* weights = work.weights + i * padded;
    const RowOutputs<T> out = {
        args.raw + at * padded, plan.heads * padded, args.sum + at,
        K::Sink::kLearned ? args.sink_term + at : nullptr, plan.heads};
    if (padded == kRowsAtOnce<T>) {
      ActivateShortRows<K>(terms, rows, visible + i, weights, out);
    } else {
      ActivateRows<K>(terms, rows, visible + i, padded, weights, out);
    }
  }
  SumOverKeys(sizes, work.weights, queries, visible,
              RowsOf<T>{args.v + at_key, stride}, args.o + at_query, stride);
}

// One head of one context, backward.
template <class K, class Sizes, typename T>
HWY_INLINE void HeadBackward(const AttentionBackwardArgs<T>& args,
                             const Sizes& sizes, T scale, size_t context,
                             size_t head, const AttentionWork<T>& work) {
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
  for (size_t i = 0; i < queries; i += kRowsAtOnce<T>) {
    const size_t rows = std::min(kRowsAtOnce<T>, queries - i);
    const size_t at = (row + i) * plan.heads + head;
    const T* raw = args.raw + at * padded;
    HWY_ALIGN T inverse[kRowsAtOnce<T>];
    NormaliseRows<N>(raw, plan.heads * padded, args.sum + at, plan.heads, rows,
                     padded, inverse, work.weights + i * padded);
    if (!A::kUsesScores) continue;
    T* gradient = work.gradient + i * padded;
    HWY_ALIGN T all[kRowsAtOnce<T>];
    DivisorGradients<N>(work.weights + i * padded, gradient, args.sum + at,
                        plan.heads, rows, visible + i, padded, all);
    ScoreGradientRows<A>(raw, plan.heads * padded, all, inverse, scale, rows,
                         visible + i, padded, gradient);
    if (K::Sink::kLearned) {
      work.sinks[head] +=
          SinkGradient<A>(args.sink_term + at, plan.heads, all, inverse, rows);
    }
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
      AttentionSliceScratch(sizes.keys(), queries, plan.heads, sizes.width());
  parallel.Run(kAttentionSlices, [&](size_t slice) {
    const AttentionWork<T> work(scratch + slice * size, sizes.keys(), queries,
                                sizes.width());
    std::fill_n(work.sinks, plan.heads, T(0));
    const size_t end = (slice + 1) * plan.contexts / kAttentionSlices;
    for (size_t c = slice * plan.contexts / kAttentionSlices; c < end; ++c) {
      for (size_t h = 0; h < plan.heads; ++h) body(c, h, work);
    }
  });
}

// gradient[head] <- the parts that slices left in their scratch, in order.
template <class Sizes, typename T>
void AddSinkGradients(const AttentionPlan& plan, const Sizes& sizes, T* scratch,
                      T* gradient) {
  const size_t queries = MostQueries(plan);
  const size_t size =
      AttentionSliceScratch(sizes.keys(), queries, plan.heads, sizes.width());
  std::fill_n(gradient, plan.heads, T(0));
  for (size_t slice = 0; slice < kAttentionSlices; ++slice) {
    const AttentionWork<T> work(scratch + slice * size, sizes.keys(), queries,
                                sizes.width());
    for (size_t h = 0; h < plan.heads; ++h) gradient[h] += work.sinks[h];
  }
}

template <class K, class Sizes, typename T>
void ForwardT(const AttentionForwardArgs<T>& args, ParallelFor& parallel) {
  const Sizes sizes(args.plan);
  const ScoreTerms<T> terms = {ScaleOf<K, T>(args.plan, sizes.width()),
                               K::Activation::template Bias<T>(sizes.keys()),
                               T(0)};
  ForEachHead(args.plan, sizes, args.scratch, parallel,
              [&](size_t c, size_t h, const AttentionWork<T>& work) {
                HeadForward<K>(args, sizes, terms, c, h, work);
              });
}

template <class K, class Sizes, typename T>
void BackwardT(const AttentionBackwardArgs<T>& args, ParallelFor& parallel) {
  const Sizes sizes(args.plan);
  const T scale = ScaleOf<K, T>(args.plan, sizes.width());
  ForEachHead(args.plan, sizes, args.scratch, parallel,
              [&](size_t c, size_t h, const AttentionWork<T>& work) {
                HeadBackward<K>(args, sizes, scale, c, h, work);
              });
  if (K::Sink::kLearned) {
    AddSinkGradients(args.plan, sizes, args.scratch, args.d_sink_logit);
  }
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
