// Products of a matrix of padded columns with vectors, and its updates.
#if defined(POLARIZE_KERNELS_VALUE_SOFTMAX_MATRIX_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_VALUE_SOFTMAX_MATRIX_INL_H_
#undef POLARIZE_KERNELS_VALUE_SOFTMAX_MATRIX_INL_H_
#else
#define POLARIZE_KERNELS_VALUE_SOFTMAX_MATRIX_INL_H_
#endif

#include <cstddef>
#include <utility>

#include "hwy/highway.h"

// For lambdas, which are what loops over vectors repeat: one that is called and
// not made a part of its caller would have all arrays of a step in memory.
#undef POLARIZE_INLINED
#define POLARIZE_INLINED HWY_ATTR __attribute__((always_inline))

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The lengths here are multiples of 8, which every vector divides.
using DoubleTag = hn::CappedTag<double, 8>;
using DoubleVec = hn::Vec<DoubleTag>;

// A number known when compiling, that does for a size_t.
template <size_t kValue>
using Constant = std::integral_constant<size_t, kValue>;

// body(0) .. body(kCount - 1), without a loop: the compiler, which leaves short
// loops alone, then keeps arrays that they index in registers.
template <size_t... kIndex, class Body>
HWY_INLINE void UnrollIndices(std::index_sequence<kIndex...>,
                              const Body& body) {
  (body(kIndex), ...);
}
template <size_t kCount, class Body>
HWY_INLINE void Unroll(const Body& body) {
  UnrollIndices(std::make_index_sequence<kCount>(), body);
}

// body(i) for the first element i of each vector of a padded length; a short
// length that is known when compiling is unrolled, so that arrays of that
// length stay in registers.
template <class Body>
HWY_INLINE void ForVectors(size_t length, const Body& body) {
  const size_t lanes = hn::Lanes(DoubleTag());
  for (size_t i = 0; i < length; i += lanes) body(i);
}
template <size_t kLength, class Body>
HWY_INLINE void ForVectors(Constant<kLength>, const Body& body) {
  constexpr size_t kLanes = hn::MaxLanes(DoubleTag());
  if constexpr (kLength / kLanes <= 4) {
    Unroll<kLength / kLanes>([&](size_t v)
                                 POLARIZE_INLINED { body(v * kLanes); });
  } else {
    ForVectors(size_t{kLength}, body);
  }
}

// kVectors vectors of rows of y = M x, from row `first`.
template <size_t kVectors, class Columns>
HWY_INLINE void MatVecBlock(const double* m, size_t stride, Columns columns,
                            const double* x, size_t first, double* y) {
  const DoubleTag d;
  // Enough sums that multiply-adds need not wait for each other.
  constexpr size_t kSums = kVectors >= 4 ? 1 : 4 / kVectors;
  constexpr size_t kLanes = hn::MaxLanes(d);
  DoubleVec sums[kSums * kVectors];
  Unroll<kSums * kVectors>([&](size_t i)
                               POLARIZE_INLINED { sums[i] = hn::Zero(d); });
  m += first;
  const auto add_column = [&](size_t j, size_t to) POLARIZE_INLINED {
    const DoubleVec factor = hn::Set(d, x[j]);
    Unroll<kVectors>([&](size_t v) POLARIZE_INLINED {
      DoubleVec& sum = sums[to * kVectors + v];
      sum = hn::MulAdd(factor, hn::Load(d, m + j * stride + v * kLanes), sum);
    });
  };
  size_t j = 0;
  for (; j + kSums <= columns; j += kSums) {
    Unroll<kSums>([&](size_t k) POLARIZE_INLINED { add_column(j + k, k); });
  }
  for (; j < columns; ++j) add_column(j, 0);
  Unroll<kVectors>([&](size_t v) POLARIZE_INLINED {
    DoubleVec sum = sums[v];
    if constexpr (kSums == 2) sum = hn::Add(sum, sums[kVectors + v]);
    if constexpr (kSums == 4) {
      sum = hn::Add(hn::Add(sum, sums[1]), hn::Add(sums[2], sums[3]));
    }
    hn::Store(sum, d, y + first + v * kLanes);
  });
}

// y = M x: M has `columns` columns of `rows` (padded) entries, `stride` apart.
template <class Rows, class Columns>
HWY_INLINE void MatVec(const double* m, size_t stride, Rows rows,
                       Columns columns, const double* x, double* y) {
  constexpr size_t kLanes = hn::MaxLanes(DoubleTag());
  size_t row = 0;
  for (; row + 4 * kLanes <= rows; row += 4 * kLanes) {
    MatVecBlock<4>(m, stride, columns, x, row, y);
  }
  if (row + 2 * kLanes <= rows) {
    MatVecBlock<2>(m, stride, columns, x, row, y);
    row += 2 * kLanes;
  }
  if (row < rows) MatVecBlock<1>(m, stride, columns, x, row, y);
}

// The sum of x_i y_i over a padded length.
template <class Length>
HWY_INLINE double InnerProduct(Length length, const double* x,
                               const double* y) {
  const DoubleTag d;
  DoubleVec sum = hn::Zero(d);
  ForVectors(length, [&](size_t i) POLARIZE_INLINED {
    sum = hn::MulAdd(hn::Load(d, x + i), hn::Load(d, y + i), sum);
  });
  return hn::ReduceSum(d, sum);
}

// Whether every x_i is a finite number, over a padded length.
template <class Length>
HWY_INLINE bool AllFinite(Length length, const double* x) {
  const DoubleTag d;
  const DoubleVec zero = hn::Zero(d);
  DoubleVec sum = zero;  // of 0 x_i, which is NaN for the others
  ForVectors(length, [&](size_t i) POLARIZE_INLINED {
    sum = hn::MulAdd(hn::Load(d, x + i), zero, sum);
  });
  return hn::AllTrue(d, hn::Eq(sum, zero));
}

// y_j = sum_i x_i M_ij: a product per column, then zeros up to the padded
// number of columns.
template <class Rows, class Columns, class PaddedColumns>
HWY_INLINE void TransposedMatVec(const double* m, size_t stride, Rows rows,
                                 Columns columns, PaddedColumns padded,
                                 const double* x, double* y) {
  for (size_t j = 0; j < columns; ++j) {
    y[j] = InnerProduct(rows, m + j * stride, x);
  }
  for (size_t j = columns; j < padded; ++j) y[j] = 0;
}

// Every column j of M += factors_j x.
template <class Rows, class Columns>
HWY_INLINE void AddOuterProduct(const double* x, const double* factors,
                                size_t stride, Rows rows, Columns columns,
                                double* m) {
  const DoubleTag d;
  for (size_t j = 0; j < columns; ++j) {
    const DoubleVec factor = hn::Set(d, factors[j]);
    ForVectors(rows, [&](size_t i) POLARIZE_INLINED {
      double* const at = m + j * stride + i;
      hn::Store(hn::MulAdd(factor, hn::Load(d, x + i), hn::Load(d, at)), d, at);
    });
  }
}

// y = factor x over a padded length.
template <class Length>
HWY_INLINE void Scale(Length length, double factor, const double* x,
                      double* y) {
  const DoubleTag d;
  const DoubleVec scale = hn::Set(d, factor);
  ForVectors(length, [&](size_t i) POLARIZE_INLINED {
    hn::Store(hn::Mul(scale, hn::Load(d, x + i)), d, y + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_VALUE_SOFTMAX_MATRIX_INL_H_
