// Attention as score x activation x normaliser x sink.
//
// For one head, query row i that sees the first visible(i) keys of its context:
//   s_ij = score(q_i, k_j) / temperature
//   a_ij = activation(s_ij), 0 where key j is not visible
//   S_i  = sum_j a_ij, + activation(z) if the kind has a sink of logit z
//   A_ij = a_ij / divisor(S_i)
//   o_i  = sum_j A_ij v_j
// Kinds are rows of one table: kinds-inl.h holds the policies, their gradients
// and that table. Source of the first twelve: the paper's table 1, and the
// reference's code where they differ; scale c = 1 / sqrt(head width). The
// others:
//   softmax_1     e^s_ij / (1 + sum_j e^s_ij): a sink of logit 0. E. Miller,
//                 "Attention Is Off By One" (2023)
//   softmax_sink  the same with e^z_h for 1, z_h learned per head (gpt-oss)
//
//   exp_unnorm    e^s_ij: softmax without its normaliser
//
//   sigmoid_bias  1 / (1 + e^-(s_ij - ln J)). J. Ramapuram et al., "Theory,
//                 Analysis, and Best Practices for Sigmoid Self-Attention"
//                 (2024)
//
//   relu_norm, relu_unnorm   max(s_ij, 0), over its sum + 1e-9 or as it is
//
// Shapes (letters in kernels/README.md): C contexts of J keys; N heads of width
// H; R query rows, those of context c being rows query_begin[c] ..
// query_begin[c+1].
//   q, o, dq, do_   (R, N*H)       k, v, dk, dv   (C*J, N*H)
//   raw             (R, N, PaddedKeys(J))   the a_ij, zero where not visible
//   sum             (R, N)                  the S_i
//   sink_logit, d_sink_logit  (N)           the z_h, and their gradient
//   sink_term       (R, N)                  the activations of z_h in S_i
// Dense, row-major, no alignment needed. T is float or double. C and the
// queries of a context may be 0.
//
// Requirements: kind < AttentionKinds().size() (checked). J and H at least 1,
// query_begin ascending from 0 to R, visible[i] <= J, temperature above 0,
// scratch of at least AttentionScratch elements; backward gets raw, sum and
// sink_term as forward left them (none of these checked). The three arrays of
// sinks are read and written by kinds with a learned sink alone.
//
// Aliasing: o, raw, sum, sink_term, dq, dk, dv and d_sink_logit are
// overwritten; dq and dk are untouched if the kind does not use scores. They
// and scratch overlap nothing; inputs may overlap each other.
//
// Special values: a query that sees no key, or only scores of -inf under exp,
// gives NaN with a plain sum and no sink (0/0), else 0. A sink of logit -inf is
// none: the bits are softmax's. NaN or +inf as a logit makes its head NaN.
// exp_unnorm is infinite where e^s_ij overflows. NaN and infinities in a
// context stay in that context and head, but may reach each of its rows (0 *
// NaN), as in PyTorch.
//
// Accuracy (bounds.h) of row i of a head, j over the keys it sees:
//   u_i  = kAttentionTerms (H + J) epsilon
//          (1 + max_j sum_w |q_iw k_jw| / temperature) max(1, max_j |A_ij|)
//   A_ij within u_i, o_iw within u_i (1 + sum_j |v_jw|)
// and for relu_norm, whose sum may be next to nothing, u_i / min(1, S_i +
// 1e-9); tested for J and H up to 35 and 32. This is absolute: of a weight far
// smaller than 1, few digits may be right. Sums over the keys, those of the
// softmax kind too, are plain, a tree of one partial sum per lane, and weights
// are products with the rounded inverse of the divisor: softmax.h's bound does
// not hold here. Gradients in float: dq, dk, dv and d_sink_logit each within
// kAttentionGradientNorm of the double instance's, in the norm, for inputs of a
// standard normal distribution.
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
  const char* name;  // the reference's, where it has the kind
  bool uses_scores;  // false: q and k have no influence and no gradient
  bool shared_mlp;   // q and k go through one MLP per block first
  // Rows sum to 1 by construction (softmax, sum); a row whose raw weights are
  // all 0, which relu_norm may have, to 0.
  bool normalised;
  bool signed_weights;  // weights may be negative
  bool learned_sink;    // a parameter per head: the logit of a sink
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
  double temperature = 1;       // scores are divided by it
};

// Columns of a row of `raw`: J rounded up to whole vectors of any target.
constexpr size_t PaddedKeys(size_t keys) { return (keys + 15) / 16 * 16; }

// Contexts are cut into this many slices, one task each.
inline constexpr size_t kAttentionSlices = 16;

// Elements of scratch for forward or backward. max_queries: the most query rows
// of one context. One slice needs: the weights and their gradient, the features
// of q and k, and its part of the gradient of the sinks' logits.
constexpr size_t AttentionSliceScratch(size_t keys, size_t max_queries,
                                       size_t heads, size_t head_width) {
  return 2 * max_queries * PaddedKeys(keys) +
         (max_queries + keys) * head_width + heads;
}
constexpr size_t AttentionScratch(size_t keys, size_t max_queries, size_t heads,
                                  size_t head_width) {
  return kAttentionSlices *
         AttentionSliceScratch(keys, max_queries, heads, head_width);
}

template <typename T>
struct AttentionForwardArgs {
  AttentionPlan plan;
  const T *q, *k, *v;
  T *o, *raw, *sum;
  T* scratch;
  const T* sink_logit = nullptr;
  T* sink_term = nullptr;
};

template <typename T>
struct AttentionBackwardArgs {
  AttentionPlan plan;
  const T *q, *k, *v, *raw, *sum, *d_o;
  T *dq, *dk, *dv;
  T* scratch;
  const T* sink_term = nullptr;
  T* d_sink_logit = nullptr;
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
