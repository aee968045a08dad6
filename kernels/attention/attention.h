// Attention of the paper's table 1, as score x activation x normaliser.
//
// For one head, query row i that sees the first visible(i) keys of its context:
//   s_ij = score(q_i, k_j)
//   a_ij = activation(s_ij), 0 where key j is not visible
//   A_ij = a_ij / divisor(sum_j a_ij)
//   o_i  = sum_j A_ij v_j
// The reference's twelve names are rows of one table: kinds-inl.h holds the
// policies, their gradients and that table. Source: the paper's table 1 and the
// reference's code where they differ; scale c = 1 / sqrt(head width).
//
// Shapes (letters in kernels/README.md): C contexts of J keys; N heads of width
// H; R query rows, those of context c being rows query_begin[c] ..
// query_begin[c+1].
//   q, o, dq, do_   (R, N*H)       k, v, dk, dv   (C*J, N*H)
//   raw             (R, N, PaddedKeys(J))   the a_ij, zero where not visible
//   sum             (R, N)                  the sums over j of a_ij
// Dense, row-major, no alignment needed. T is float or double. C and the
// queries of a context may be 0.
//
// Requirements: kind < AttentionKinds().size() (checked). J and H at least 1,
// query_begin ascending from 0 to R, visible[i] <= J, scratch of at least
// AttentionScratch elements; backward gets raw and sum as forward left them
// (none of these checked).
//
// Aliasing: o, raw, sum, dq, dk and dv are overwritten; dq and dk are untouched
// if the kind does not use scores. They and scratch overlap nothing; inputs may
// overlap each other.
//
// Special values: a query that sees no key gives NaN with a plain sum (0/0) and
// 0 with the other normalisers. NaN and infinities in a context stay in that
// context and head, but may reach each of its rows (0 * NaN), as in PyTorch.
//
// Accuracy (bounds.h) of row i of a head, j over the keys it sees:
//   u_i  = kAttentionTerms (H + J) epsilon (1 + max_j sum_w |q_iw k_jw|)
//          max(1, max_j |A_ij|)
//   A_ij within u_i, o_iw within u_i (1 + sum_j |v_jw|)
// tested for J and H up to 35 and 32. This is absolute: of a weight far smaller
// than 1, few digits may be right. Sums over the keys, those of the softmax
// kind too, are plain, a tree of one partial sum per lane, and weights are
// products with the rounded inverse of the divisor: softmax.h's bound does not
// hold here.
// Gradients in float: dq, dk and dv each within kAttentionGradientNorm of the
// double instance's, in the norm, for inputs of a standard normal distribution.
//
// Determinism: kAttentionSlices fixed slices of the contexts; the same bits for
// any number of threads and for fixed or dynamic sizes. Instruction sets may
// differ.
//
// Cost, per query row and head, J the keys it sees, rounded up by blocks of at
// most 4 keys and 4 rows: 2 J H multiply-adds forward and 4 J H backward, and
// PaddedKeys(J) activations; a kind that does not use scores half and a quarter
// of the products. Scratch: AttentionScratch elements, contents irrelevant
// before and after.
#ifndef POLARIZE_KERNELS_ATTENTION_ATTENTION_H_
#define POLARIZE_KERNELS_ATTENTION_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// What a kind is, for those who choose, check and report it.
struct AttentionKind {
  const char* name;     // the reference's
  bool uses_scores;     // false: q and k have no influence and no gradient
  bool shared_mlp;      // q and k go through one MLP per block first
  bool normalised;      // rows sum to 1 by construction (softmax, sum)
  bool signed_weights;  // weights may be negative
};

// Every kind, in the table's order: an index into it is a `kind` below.
absl::Span<const AttentionKind> AttentionKinds();

// The sizes and index lists of one call. They outlive it.
struct AttentionPlan {
  size_t contexts;
  size_t keys;  // J, per context
  size_t heads;
  size_t head_width;
  const uint32_t* query_begin;  // contexts + 1 entries, ascending
  const uint32_t* visible;      // per query row: how many keys it sees, <= keys
};

// Columns of a row of `raw`: J rounded up to whole vectors of any target.
constexpr size_t PaddedKeys(size_t keys) { return (keys + 15) / 16 * 16; }

// Contexts are cut into this many slices, one task each.
inline constexpr size_t kAttentionSlices = 16;

// Elements of scratch for forward or backward. max_queries: the most query rows
// of one context. One slice needs: the weights and their gradient, and the
// features of q and k.
constexpr size_t AttentionSliceScratch(size_t keys, size_t max_queries,
                                       size_t head_width) {
  return 2 * max_queries * PaddedKeys(keys) + (max_queries + keys) * head_width;
}
constexpr size_t AttentionScratch(size_t keys, size_t max_queries,
                                  size_t head_width) {
  return kAttentionSlices *
         AttentionSliceScratch(keys, max_queries, head_width);
}

template <typename T>
struct AttentionForwardArgs {
  AttentionPlan plan;
  const T *q, *k, *v;
  T *o, *raw, *sum;
  T* scratch;
};

template <typename T>
struct AttentionBackwardArgs {
  AttentionPlan plan;
  const T *q, *k, *v, *raw, *sum, *d_o;
  T *dq, *dk, *dv;
  T* scratch;
};

template <typename T>
void AttentionForward(size_t kind, const AttentionForwardArgs<T>& args,
                      ParallelFor& parallel);

template <typename T>
void AttentionBackward(size_t kind, const AttentionBackwardArgs<T>& args,
                       ParallelFor& parallel);

// weights[j] <- A_ij of one row and head, from its raw row and sum as
// AttentionForward left them: the very numbers that multiplied v.
template <typename T>
void AttentionWeights(size_t kind, const T* raw, T sum, size_t keys,
                      T* weights);

// An instance compiled for one kind, number of keys and head width, on the side
// of an experiment whose configuration names them. Same bits as the dynamic
// one.
struct FixedAttention {
  size_t kind;
  size_t keys;
  size_t head_width;
  void (*forward)(const AttentionForwardArgs<float>&, ParallelFor&);
  void (*backward)(const AttentionBackwardArgs<float>&, ParallelFor&);
};

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ATTENTION_ATTENTION_H_
