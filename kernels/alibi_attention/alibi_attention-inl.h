// Vector code of alibi_attention.h: both products with the tiles of
// linear-inl.h, for some queries at a time.
#if defined(POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_INL_H_
#undef POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_INL_H_
#else
#define POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/functional/function_ref.h"
#include "hwy/highway.h"
#include "kernels/alibi_attention/alibi_attention.h"
#include "kernels/linear/linear-inl.h"
#include "kernels/linear/linear.h"
#include "kernels/math/log-inl.h"
#include "kernels/math/sigmoid-inl.h"
#include "kernels/math/sum-inl.h"
#include "kernels/softmax/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace alibi {

namespace hn = hwy::HWY_NAMESPACE;

// Queries whose scores are there at once: whole tiles of any height.
constexpr size_t kQueries = 24;
static_assert(kQueries % kTileRows == 0, "queries make whole tiles");

// Panels whose columns are the rows of `from`: packed[h * panel + n] = row n's
// element h.
template <typename T>
void PackRowsAsColumns(const T* from, size_t rows, size_t stride, size_t width,
                       T* packed) {
  const size_t panel = PanelWidth<T>();
  for (size_t column = 0; column < rows; column += panel) {
    const size_t used = std::min(panel, rows - column);
    for (size_t n = 0; n < panel; n += 4) {
      const T* const row = from + (column + n) * stride;
      size_t h = 0;
      if (n + 4 <= used) {
        for (; h + 4 <= width; h += 4) {
          Transpose4x4(row + h, stride, packed + h * panel + n, panel);
        }
      }
      for (; h < width; ++h) {
        for (size_t i = 0; i < 4; ++i) {
          packed[h * panel + n + i] = n + i < used ? row[i * stride + h] : T(0);
        }
      }
    }
    packed += panel * width;
  }
}

// Panels of the columns of `from`.
template <typename T>
void PackColumns(const T* from, size_t rows, size_t stride, size_t width,
                 T* packed) {
  const size_t panel = PanelWidth<T>();
  for (size_t column = 0; column < width; column += panel) {
    const size_t used = std::min(panel, width - column);
    for (size_t j = 0; j < rows; ++j, packed += panel) {
      const T* const row = from + j * stride + column;
      std::copy(row, row + used, packed);
      std::fill(packed + used, packed + panel, T(0));
    }
  }
}

// out = left times panels of `terms` rows, the first `columns` columns.
template <typename T>
void Product(const T* left, size_t left_stride, size_t rows, size_t terms,
             const T* panels, size_t panel_rows, size_t columns,
             const Epilogue<T>& out) {
  const size_t panel = PanelWidth<T>();
  for (size_t column = 0; column < columns; column += panel) {
    const Right<T> right = {panels + column * panel_rows, panel};
    RowTiles<2, false>(RowMajor<T>{left, left_stride}, terms, right,
                       NoStreams<T>(), out, rows, column,
                       std::min(panel, columns - column));
  }
}

// The biased score of key `j` and those after it, for query i.
template <class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE V Biased(D d, V score, const AlibiHead<T>& head, size_t i,
                    size_t j) {
  const V place =
      hn::Sub(hn::Add(hn::Iota(d, 0), hn::Set(d, T(j))), hn::Set(d, T(i)));
  const V slope = hn::Set(d, head.slope), shift = hn::Set(d, head.shift);
  return hn::Add(score, hn::Sub(hn::Mul(slope, place), shift));
}

// s[0 .. n) <- op(the biased scores).
template <class D, class Op, typename T = hn::TFromD<D>>
HWY_INLINE void MapBiased(D d, const AlibiHead<T>& head, size_t i, size_t n,
                          T* s, Op op) {
  const size_t lanes = hn::Lanes(d);
  size_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    hn::StoreU(op(d, Biased(d, hn::LoadU(d, s + j), head, i, j)), d, s + j);
  }
  if (j < n) {
    const auto score = hn::LoadN(d, s + j, n - j);
    hn::StoreN(op(d, Biased(d, score, head, i, j)), d, s + j, n - j);
  }
}

struct Same {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return x;
  }
};
struct SigmoidOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return Sigmoid(d, x);
  }
};

// A row of products to a row of weights, of which i + 1 are not 0.
template <typename T>
void Weigh(const AlibiHead<T>& head, size_t i, T* s) {
  const hn::ScalableTag<T> d;
  if (head.activation == AlibiActivation::kSoftmax) {
    MapBiased(d, head, i, i + 1, s, Same());
    LongSoftmaxRow(d, s, i + 1, s);
  } else {
    MapBiased(d, head, i, i + 1, s, SigmoidOp());
  }
  std::fill(s + i + 1, s + head.positions, T(0));
}

template <typename T>
void Attend(const T* q, const T* k, const T* v, const AlibiHead<T>& head, T* o,
            T* scratch, absl::FunctionRef<void(size_t, const T*)> row) {
  const size_t n = head.positions, width = head.width;
  const size_t keys = PaddedColumns(n);
  T* const packed_k = scratch;
  T* const packed_v = packed_k + keys * width;
  T* const queries = packed_v + n * PaddedColumns(width);
  T* const scores = queries + kQueries * width;
  PackRowsAsColumns(k, n, head.stride, width, packed_k);
  if (v != nullptr) PackColumns(v, n, head.stride, width, packed_v);
  for (size_t begin = 0; begin < n; begin += kQueries) {
    const size_t end = std::min(n, begin + kQueries), rows = end - begin;
    for (size_t i = begin; i < end; ++i) {
      const T* const from = q + i * head.stride;
      std::copy(from, from + width, queries + (i - begin) * width);
    }
    const Epilogue<T> to_scores = {scores, keys};
    Product(queries, width, rows, width, packed_k, width, end, to_scores);
    for (size_t i = begin; i < end; ++i) {
      T* const s = scores + (i - begin) * keys;
      Weigh(head, i, s);
      row(i, s);
    }
    if (v == nullptr) continue;
    const Epilogue<T> to_o = {o + begin * head.stride, head.stride};
    Product(scores, keys, rows, end, packed_v, n, width, to_o);
  }
}

// ------------------------------------------------------------ rows of weights

// w ln w, and 0 of 0.
template <class D, class V>
HWY_INLINE V TimesLog(D d, V w) {
  const V zero = hn::Zero(d);
  return hn::IfThenElse(hn::Eq(w, zero), zero, hn::Mul(w, Log(d, w)));
}

template <typename T>
AttentionRow Describe(const T* weights, size_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  QuadSum<decltype(d)> sum(d), logs(d);
  auto largest = hn::Zero(d);
  size_t j = 0;
  for (; j + 4 * lanes <= n; j += 4 * lanes) {
    const auto a = hn::LoadU(d, weights + j);
    const auto b = hn::LoadU(d, weights + j + lanes);
    const auto c = hn::LoadU(d, weights + j + 2 * lanes);
    const auto e = hn::LoadU(d, weights + j + 3 * lanes);
    largest = hn::Max(largest, hn::Max(hn::Max(a, b), hn::Max(c, e)));
    sum.Add(a, b, c, e);
    logs.Add(TimesLog(d, a), TimesLog(d, b), TimesLog(d, c), TimesLog(d, e));
  }
  for (; j < n; j += lanes) {
    const auto a = hn::LoadN(d, weights + j, std::min(lanes, n - j));
    largest = hn::Max(largest, a);
    sum.Add(a);
    logs.Add(TimesLog(d, a));
  }
  AttentionRow result;
  result.sum = sum.Total();
  // NaN, wherever it stands, shows in the sum alone: Max may lose it.
  result.largest = std::isnan(result.sum)
                       ? result.sum
                       : static_cast<double>(hn::ReduceMax(d, largest));
  result.first = n == 0 ? 0 : weights[0];
  result.entropy = std::log(result.sum) - logs.Total() / result.sum;
  return result;
}

}  // namespace alibi
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_INL_H_
