// Softmax of one row and its gradient, for kernels that hold a row at a time.
#if defined(POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
#undef POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
#else
#define POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
#endif

#include <cstddef>
#include <limits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The largest of x[0 .. n), n > 0. Of a row with NaN: anything.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T RowMaximum(D d, const T* x, size_t n) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  V a = hn::Set(d, -std::numeric_limits<T>::infinity()), b = a, c = a, e = a;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = hn::Max(a, hn::LoadU(d, x + i));
    b = hn::Max(b, hn::LoadU(d, x + i + lanes));
    c = hn::Max(c, hn::LoadU(d, x + i + 2 * lanes));
    e = hn::Max(e, hn::LoadU(d, x + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) a = hn::Max(a, hn::LoadU(d, x + i));
  if (i < n) b = hn::Max(b, hn::LoadNOr(b, d, x + i, n - i));
  return hn::ReduceMax(d, hn::Max(hn::Max(a, b), hn::Max(c, e)));
}

// y = kExpScale exp(x - largest); returns the sum of y.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE double ShiftedExponentials(D d, const T* x, T largest, size_t n,
                                      T* y) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  const V shift = hn::Set(d, largest);
  QuadSum<D> sum(d);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    V e[4];
    HWY_UNROLL(4)
    for (size_t k = 0; k < 4; ++k) {
      const V s = hn::Sub(hn::LoadU(d, x + i + k * lanes), shift);
      e[k] = FastScaledExpOfNonPositive(d, s);
    }
    HWY_UNROLL(4)
    for (size_t k = 0; k < 4; ++k) hn::StoreU(e[k], d, y + i + k * lanes);
    sum.Add(e[0], e[1], e[2], e[3]);
  }
  for (; i + lanes <= n; i += lanes) {
    const V s = hn::Sub(hn::LoadU(d, x + i), shift);
    const V e = FastScaledExpOfNonPositive(d, s);
    hn::StoreU(e, d, y + i);
    sum.Add(e);
  }
  if (i < n) {
    const size_t rest = n - i;
    const V s = hn::Sub(hn::LoadN(d, x + i, rest), shift);
    const V e = FastScaledExpOfNonPositive(d, s);
    hn::StoreN(e, d, y + i, rest);
    sum.Add(hn::IfThenElseZero(hn::FirstN(d, rest), e));
  }
  return sum.Total();
}

// y = softmax(x), more elements than a vector has; the contract is softmax.h's.
// y may be x.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void LongSoftmaxRow(D d, const T* x, size_t n, T* y) {
  const double total = ShiftedExponentials(d, x, RowMaximum(d, x, n), n, y);
  const auto factor = hn::Set(d, static_cast<T>(1 / total));
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), factor), d, y + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    hn::StoreN(hn::Mul(hn::LoadN(d, y + i, rest), factor), d, y + i, rest);
  }
}

// Lane i: one over the sum of the lanes of row[i], i < count. In float the sums
// of more than four lanes, and the quotient, are taken in double.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SumReciprocals(D d, const V* row, size_t count) {
  if constexpr (kIsDouble<D> || hn::MaxLanes(D()) < 4) {
    const V sum = ReduceVectors(d, row, count, SumOf());
    return hn::Div(hn::Set(d, hn::TFromD<D>(1)), sum);
  } else {
    constexpr size_t kBlocks = hn::MaxLanes(D()) / 4;
    const hn::RepartitionToWide<D> dw;
    using W = hn::Vec<decltype(dw)>;
    W sum[2];
    if constexpr (kBlocks == 1) {
      const V lanes = ReduceBlocks(d, row, SumOf());
      sum[0] = hn::PromoteLowerTo(dw, lanes);
      sum[1] = hn::PromoteUpperTo(dw, lanes);
    } else {
      W of_block[kBlocks];  // the sums of four rows, if 4 blocks in two parts
      HWY_UNROLL(4)
      for (size_t b = 0; b < kBlocks; ++b) {
        of_block[b] = hn::Zero(dw);
        if (4 * b >= count) continue;
        const V lanes = ReduceBlocks(d, row + 4 * b, SumOf());
        of_block[b] = hn::Add(hn::PromoteLowerTo(dw, lanes),
                              hn::PromoteUpperTo(dw, lanes));
      }
      HWY_UNROLL(2)
      for (size_t b = 0; b < 2; ++b) {
        if constexpr (kBlocks == 2) {
          sum[b] = of_block[b];
        } else {
          const W first = of_block[2 * b], second = of_block[2 * b + 1];
          sum[b] = hn::Add(hn::ConcatLowerLower(dw, second, first),
                           hn::ConcatUpperUpper(dw, second, first));
        }
      }
    }
    const hn::Rebind<float, decltype(dw)> dh;
    const W one = hn::Set(dw, 1.0);
    return hn::Combine(d, hn::DemoteTo(dh, hn::Div(one, sum[1])),
                       hn::DemoteTo(dh, hn::Div(one, sum[0])));
  }
}

// How many of `count` short rows of n elements can be stored in order as whole
// vectors, what is beyond a row's end being overwritten by the rows that
// follow. Whole stores are several times as fast as masked ones out of cache.
template <class D>
HWY_INLINE size_t CoveredRows(D d, size_t count, size_t n, size_t stride) {
  const size_t lanes = hn::Lanes(d);
  if (stride != n || count * n < lanes) return 0;
  return (count * n - lanes) / n + 1;
}

// The same for `count` rows at once, at most as many as a vector has lanes, and
// no longer than that: row i has columns(i) elements. covered: CoveredRows, or
// 0 if rows differ in length.
template <class D, class Columns, typename T = hn::TFromD<D>>
HWY_INLINE void ShortSoftmaxRows(D d, const T* x, size_t count, size_t stride,
                                 T* y, Columns columns, size_t covered) {
  using V = hn::Vec<D>;
  constexpr size_t kRows = hn::MaxLanes(D());
  const V lowest = hn::Set(d, -std::numeric_limits<T>::infinity());
  V row[kRows];
  HWY_ALIGN T of_row[kRows];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    row[i] =
        i < count ? hn::LoadNOr(lowest, d, x + i * stride, columns(i)) : lowest;
  }
  hn::Store(ReduceVectors(d, row, count, LargerOf()), d, of_row);
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    // Of a column that is not there: exp(-105), which the sum does not feel.
    const V s = hn::Sub(row[i], hn::Set(d, of_row[i]));
    row[i] = FastScaledExpOfNonPositive(d, s);
  }
  hn::Store(SumReciprocals(d, row, count), d, of_row);
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    if (i >= count) break;
    const V weights = hn::Mul(row[i], hn::Set(d, of_row[i]));
    if (i < covered) {
      hn::StoreU(weights, d, y + i * stride);
    } else {
      hn::StoreN(weights, d, y + i * stride, columns(i));
    }
  }
}

// y = softmax(x), rows of columns(i) elements, not more than n.
template <class D, class Columns, typename T = hn::TFromD<D>>
HWY_INLINE void SoftmaxOfRows(D d, const T* x, size_t rows, size_t n,
                              size_t stride, T* y, Columns columns) {
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < rows;) {
    size_t count = 0;
    while (count < lanes && i + count < rows && columns(i + count) <= lanes) {
      ++count;
    }
    const auto from_here = [&](size_t k) { return columns(i + k); };
    const size_t covered =
        columns(i) == n ? CoveredRows(d, count, n, stride) : 0;
    const T* from = x + i * stride;
    T* to = y + i * stride;
    if (count == lanes) {
      ShortSoftmaxRows(d, from, hn::MaxLanes(D()), stride, to, from_here,
                       covered);
    } else if (count > 0) {
      ShortSoftmaxRows(d, from, count, stride, to, from_here, covered);
    } else {
      LongSoftmaxRow(d, from, columns(i), to);
      count = 1;
    }
    i += count;
  }
}

// The sum of y dy.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T RowProduct(D d, const T* y, const T* dy, size_t n) {
  const size_t lanes = hn::Lanes(d);
  const auto product = [&](size_t i) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, y + i), hn::LoadU(d, dy + i));
  };
  QuadSum<D> sum(d);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum.Add(product(i), product(i + lanes), product(i + 2 * lanes),
            product(i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) sum.Add(product(i));
  if (i < n) {
    const size_t rest = n - i;
    sum.Add(hn::Mul(hn::LoadN(d, y + i, rest), hn::LoadN(d, dy + i, rest)));
  }
  return static_cast<T>(sum.Total());
}

// As `mean`, but NaN if it is infinite.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V FiniteOrNan(D, V mean) {
  return hn::Add(mean, hn::Sub(mean, mean));
}

// dx = y (dy - sum(y dy)), n elements, y = softmax(x). dx may be y or dy unless
// `stream`: past the caches where aligned.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void LongGradientRow(D d, const T* y, const T* dy, size_t n, T* dx,
                                bool stream) {
  const size_t lanes = hn::Lanes(d);
  const auto mean = FiniteOrNan(d, hn::Set(d, RowProduct(d, y, dy, n)));
  const auto gradient = [&](size_t i) HWY_ATTR {
    const auto centred = hn::Sub(hn::LoadU(d, dy + i), mean);
    return hn::Mul(hn::LoadU(d, y + i), centred);
  };
  const auto store_part = [&](size_t i, size_t count) HWY_ATTR {
    const auto centred = hn::Sub(hn::LoadN(d, dy + i, count), mean);
    hn::StoreN(hn::Mul(hn::LoadN(d, y + i, count), centred), d, dx + i, count);
  };
  size_t i = 0;
  if (n >= 16 * lanes) {
    i = ElementsToAlignment(d, dx);
    if (i > 0) store_part(0, i);
  }
  if (stream && ElementsToAlignment(d, dx + i) == 0) {
    for (; i + lanes <= n; i += lanes) hn::Stream(gradient(i), d, dx + i);
  }
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const auto first = gradient(i), second = gradient(i + lanes);
    hn::StoreU(first, d, dx + i);
    hn::StoreU(second, d, dx + i + lanes);
  }
  for (; i + lanes <= n; i += lanes) hn::StoreU(gradient(i), d, dx + i);
  if (i < n) store_part(i, n - i);
}

// The same for `count` rows at once, as in ShortSoftmaxRows.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void ShortGradientRows(D d, const T* y, const T* dy, size_t count,
                                  size_t n, size_t stride, T* dx) {
  using V = hn::Vec<D>;
  constexpr size_t kRows = hn::MaxLanes(D());
  V product[kRows], weights[kRows], slope[kRows];
  HWY_ALIGN T mean[kRows];
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    const size_t at = i * stride, columns = i < count ? n : 0;
    weights[i] = hn::LoadN(d, y + at, columns);
    slope[i] = hn::LoadN(d, dy + at, columns);
    product[i] = hn::Mul(weights[i], slope[i]);
  }
  const V sum = ReduceVectors(d, product, count, SumOf());
  hn::Store(FiniteOrNan(d, sum), d, mean);
  const size_t covered = CoveredRows(d, count, n, stride);
  HWY_UNROLL(16)
  for (size_t i = 0; i < kRows; ++i) {
    if (i >= count) break;
    const size_t at = i * stride;
    const V centred = hn::Sub(slope[i], hn::Set(d, mean[i]));
    const V gradient = hn::Mul(weights[i], centred);
    if (i < covered) {
      hn::StoreU(gradient, d, dx + at);
    } else {
      hn::StoreN(gradient, d, dx + at, n);
    }
  }
}

// dx = y (dy - sum(y dy)), rows of n elements. stream: as in LongGradientRow,
// for rows longer than a vector.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void GradientOfRows(D d, const T* y, const T* dy, size_t rows,
                               size_t n, size_t stride, T* dx,
                               bool stream = false) {
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  if (n <= lanes) {
    for (; i + lanes <= rows; i += lanes) {
      const size_t at = i * stride;
      ShortGradientRows(d, y + at, dy + at, hn::MaxLanes(D()), n, stride,
                        dx + at);
    }
    if (i < rows) {
      const size_t at = i * stride;
      ShortGradientRows(d, y + at, dy + at, rows - i, n, stride, dx + at);
    }
    return;
  }
  for (; i < rows; ++i) {
    const size_t at = i * stride;
    LongGradientRow(d, y + at, dy + at, n, dx + at, stream);
  }
  if (stream) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_SOFTMAX_SOFTMAX_INL_H_
