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
  static constexpr bool kFixed = true;
  explicit FixedSizes(const AttentionPlan&) {}
  static constexpr size_t keys() { return kKeys; }
  static constexpr size_t width() { return kWidth; }
};
struct DynamicSizes {
  static constexpr bool kFixed = false;
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

// kRows rows of c = a b, with b (terms, columns) and c of the given strides.
template <size_t kRows, typename T>
HWY_INLINE void ProductBlock(const Strided<T>& a, size_t row, size_t terms,
                             const T* HWY_RESTRICT b, size_t b_stride,
                             size_t columns, T* HWY_RESTRICT c,
                             size_t c_stride) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  const T* HWY_RESTRICT from = a.data + row * a.row_step;
  for (size_t n = 0; n < columns; n += lanes) {
    const size_t width = std::min(lanes, columns - n);
    V sum[kRows];
    HWY_UNROLL(4)
    for (size_t m = 0; m < kRows; ++m) sum[m] = hn::Zero(d);
    for (size_t k = 0; k < terms; ++k) {
      const V bk = width == lanes ? hn::LoadU(d, b + k * b_stride + n)
                                  : hn::LoadN(d, b + k * b_stride + n, width);
      HWY_UNROLL(4)
      for (size_t m = 0; m < kRows; ++m) {
        const V am = hn::Set(d, from[m * a.row_step + k * a.term_step]);
        sum[m] = hn::MulAdd(am, bk, sum[m]);
      }
    }
    HWY_UNROLL(4)
    for (size_t m = 0; m < kRows; ++m) {
      T* to = c + (row + m) * c_stride + n;
      if (width == lanes) {
        hn::StoreU(sum[m], d, to);
      } else {
        hn::StoreN(sum[m], d, to, width);
      }
    }
  }
}

// c = a b for a few rows, terms and columns: everything stays in L1.
template <typename T>
HWY_INLINE void SmallProduct(const Strided<T>& a, size_t rows, size_t terms,
                             const T* b, size_t b_stride, size_t columns, T* c,
                             size_t c_stride) {
  size_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    ProductBlock<4>(a, row, terms, b, b_stride, columns, c, c_stride);
  }
  for (; row < rows; ++row) {
    ProductBlock<1>(a, row, terms, b, b_stride, columns, c, c_stride);
  }
}

template <typename T>
HWY_NOINLINE void DynamicProduct(const Strided<T>& a, size_t rows, size_t terms,
                                 const T* b, size_t b_stride, size_t columns,
                                 T* c, size_t c_stride) {
  SmallProduct(a, rows, terms, b, b_stride, columns, c, c_stride);
}

// SmallProduct, in line where the sizes are known: elsewhere that would only
// multiply the code by the number of kinds.
template <class Sizes, typename T>
HWY_INLINE void Product(const Strided<T>& a, size_t rows, size_t terms,
                        const T* b, size_t b_stride, size_t columns, T* c,
                        size_t c_stride) {
  if constexpr (Sizes::kFixed) {
    SmallProduct(a, rows, terms, b, b_stride, columns, c, c_stride);
  } else {
    DynamicProduct(a, rows, terms, b, b_stride, columns, c, c_stride);
  }
}

// to[w * padded + j] <- from[j * stride + w], zeros for the padding columns.
template <typename T>
HWY_INLINE void Transpose(const T* HWY_RESTRICT from, size_t stride,
                          size_t keys, size_t width, size_t padded,
                          T* HWY_RESTRICT to) {
  for (size_t w = 0; w < width; ++w) {
    for (size_t j = 0; j < keys; ++j) to[w * padded + j] = from[j * stride + w];
    std::fill(to + w * padded + keys, to + (w + 1) * padded, T(0));
  }
}

// to[row, :] <- elu(from[row, :]) + 1, densely.
template <typename T>
HWY_INLINE void Features(const T* HWY_RESTRICT from, size_t stride, size_t rows,
                         size_t width, T* HWY_RESTRICT to) {
  const AttentionTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t w = 0; w < width; w += lanes) {
      const size_t n = std::min(lanes, width - w);
      hn::StoreN(EluPlusOneValue(d, hn::LoadN(d, from + r * stride + w, n)), d,
                 to + r * width + w, n);
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
    for (size_t w = 0; w < width; w += lanes) {
      const size_t n = std::min(lanes, width - w);
      T* g = gradient + r * stride + w;
      const auto f = hn::LoadN(d, features + r * width + w, n);
      hn::StoreN(hn::Mul(hn::LoadN(d, g, n), EluPlusOneSlope(d, f)), d, g, n);
    }
  }
}

// Scores of one row -> activations in place; returns their sum.
template <class A, typename T>
HWY_INLINE T ActivateRow(T scale, size_t visible, size_t padded,
                         T* HWY_RESTRICT row) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  const V c = hn::Set(d, scale);
  V shift = hn::Zero(d);
  if (A::kShift) {
    V largest = hn::Set(d, -hwy::HighestValue<T>());
    for (size_t j = 0; j < visible; j += lanes) {
      const V s = hn::Mul(hn::LoadU(d, row + j), c);
      const auto seen = hn::FirstN(d, visible - j);
      largest = hn::Max(largest, hn::IfThenElse(seen, s, largest));
    }
    shift = hn::MaxOfLanes(d, largest);
  }
  V sum = hn::Zero(d);
  for (size_t j = 0; j < padded; j += lanes) {
    V a = hn::Zero(d);
    if (j < visible) {
      const V s = hn::Mul(hn::LoadU(d, row + j), c);
      a = A::Value(d, A::kShift ? hn::Sub(s, shift) : s);
      a = hn::IfThenElseZero(hn::FirstN(d, visible - j), a);
    }
    sum = hn::Add(sum, a);
    hn::StoreU(a, d, row + j);
  }
  return hn::ReduceSum(d, sum);
}

// weights[j] <- a[j] / divisor(sum).
template <class N, typename T>
HWY_INLINE void NormaliseRow(const T* HWY_RESTRICT a, T sum, size_t padded,
                             T* HWY_RESTRICT weights) {
  const AttentionTag<T> d;
  const auto divisor = hn::Set(d, N::Divisor(sum));
  for (size_t j = 0; j < padded; j += hn::Lanes(d)) {
    hn::StoreU(hn::Div(hn::LoadU(d, a + j), divisor), d, weights + j);
  }
}

// dA in `gradient` -> ds in place. With A = a / D(S), S = sum a:
//   da_j = (dA_j - D'(S) sum_k dA_k A_k) / D(S)     ds_j = da_j a'(s_j) c
template <class A, class N, typename T>
HWY_INLINE void ScoreGradientRow(const T* HWY_RESTRICT a,
                                 const T* HWY_RESTRICT weights, T sum, T scale,
                                 size_t visible, size_t padded,
                                 T* HWY_RESTRICT gradient) {
  const AttentionTag<T> d;
  using V = hn::Vec<AttentionTag<T>>;
  const size_t lanes = hn::Lanes(d);
  V shared = hn::Zero(d);
  for (size_t j = 0; j < visible; j += lanes) {
    shared = hn::MulAdd(hn::LoadU(d, gradient + j), hn::LoadU(d, weights + j),
                        shared);
  }
  const V mean = hn::Set(d, N::Slope(sum) * hn::ReduceSum(d, shared));
  const V divisor = hn::Set(d, N::Divisor(sum));
  const V c = hn::Set(d, scale);
  for (size_t j = 0; j < padded; j += lanes) {
    V ds = hn::Zero(d);
    if (j < visible) {
      const V da = hn::Div(hn::Sub(hn::LoadU(d, gradient + j), mean), divisor);
      const V slope = hn::Mul(A::Slope(d, hn::LoadU(d, a + j)), c);
      ds = hn::IfThenElseZero(hn::FirstN(d, visible - j), hn::Mul(da, slope));
    }
    hn::StoreU(ds, d, gradient + j);
  }
}

// The parts of one slice's scratch.
template <typename T>
struct AttentionWork {
  AttentionWork(T* at, size_t keys, size_t queries, size_t width)
      : transposed(at),
        weights(transposed + width * PaddedKeys(keys)),
        gradient(weights + queries * PaddedKeys(keys)),
        q_features(gradient + queries * PaddedKeys(keys)),
        k_features(q_features + queries * width) {}
  T *transposed, *weights, *gradient, *q_features, *k_features;
};

template <typename T>
T ScaleOf(bool scaled, size_t width) {
  return scaled ? T(1) / std::sqrt(static_cast<T>(width)) : T(1);
}

// q and k as the score reads them: rows themselves, or their features.
template <typename T>
struct Operand {
  const T* data;
  size_t stride;
};

template <class Score, typename T>
HWY_INLINE Operand<T> ScoreOperand(const T* x, size_t stride, size_t rows,
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
  const AttentionPlan& plan = args.plan;
  const size_t width = sizes.width(), keys = sizes.keys();
  const size_t padded = PaddedKeys(keys), stride = plan.heads * width;
  const size_t row = plan.query_begin[context];
  const size_t queries = plan.query_begin[context + 1] - row;
  const size_t at_key = context * keys * stride + head * width;
  T* raw = args.raw + (row * plan.heads + head) * padded;
  const size_t raw_stride = plan.heads * padded;
  if (A::kUsesScores) {
    const auto q = ScoreOperand<typename K::Score>(
        args.q + row * stride + head * width, stride, queries, width,
        work.q_features);
    const auto k = ScoreOperand<typename K::Score>(
        args.k + at_key, stride, keys, width, work.k_features);
    Transpose(k.data, k.stride, keys, width, padded, work.transposed);
    Product<Sizes, T>({q.data, q.stride, 1}, queries, width, work.transposed,
                      padded, padded, raw, raw_stride);
  }
  const T scale = ScaleOf<T>(K::Score::kScaled, width);
  for (size_t i = 0; i < queries; ++i) {
    const T sum = ActivateRow<A>(scale, plan.visible[row + i], padded,
                                 raw + i * raw_stride);
    args.sum[(row + i) * plan.heads + head] = sum;
    NormaliseRow<typename K::Normaliser>(raw + i * raw_stride, sum, padded,
                                         work.weights + i * padded);
  }
  Product<Sizes, T>({work.weights, padded, 1}, queries, keys, args.v + at_key,
                    stride, width, args.o + row * stride + head * width,
                    stride);
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
  const size_t at_query = row * stride + head * width;
  const size_t at_key = context * keys * stride + head * width;
  const T* raw = args.raw + (row * plan.heads + head) * padded;
  const size_t raw_stride = plan.heads * padded;
  const T* d_o = args.d_o + at_query;
  for (size_t i = 0; i < queries; ++i) {
    NormaliseRow<N>(raw + i * raw_stride,
                    args.sum[(row + i) * plan.heads + head], padded,
                    work.weights + i * padded);
  }
  // dv_j = sum_i A_ij do_i
  Product<Sizes, T>({work.weights, 1, padded}, keys, queries, d_o, stride,
                    width, args.dv + at_key, stride);
  if (!A::kUsesScores) return;
  // dA_ij = do_i . v_j
  Transpose(args.v + at_key, stride, keys, width, padded, work.transposed);
  Product<Sizes, T>({d_o, stride, 1}, queries, width, work.transposed, padded,
                    padded, work.gradient, padded);
  const T scale = ScaleOf<T>(K::Score::kScaled, width);
  for (size_t i = 0; i < queries; ++i) {
    ScoreGradientRow<A, N>(raw + i * raw_stride, work.weights + i * padded,
                           args.sum[(row + i) * plan.heads + head], scale,
                           plan.visible[row + i], padded,
                           work.gradient + i * padded);
  }
  const auto q = ScoreOperand<typename K::Score>(
      args.q + at_query, stride, queries, width, work.q_features);
  const auto k = ScoreOperand<typename K::Score>(args.k + at_key, stride, keys,
                                                 width, work.k_features);
  // dq_i = sum_j ds_ij k_j, dk_j = sum_i ds_ij q_i
  Product<Sizes, T>({work.gradient, padded, 1}, queries, keys, k.data, k.stride,
                    width, args.dq + at_query, stride);
  Product<Sizes, T>({work.gradient, 1, padded}, keys, queries, q.data, q.stride,
                    width, args.dk + at_key, stride);
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
  // As NormaliseRow, which may write whole vectors and this may not.
  const T divisor = K::Normaliser::Divisor(sum);
  for (size_t j = 0; j < keys; ++j) weights[j] = raw[j] / divisor;
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // toggle guard
