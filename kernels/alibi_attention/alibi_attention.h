// Causal attention of one head with linear biases (ALiBi), forward only, and
// what there is to say of a row of its weights.
#ifndef POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_H_
#define POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_H_

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace polarize {

// All functions exist for float and double.

enum class AlibiActivation { kSoftmax, kSigmoid };

// One head of one sequence.
template <typename T>
struct AlibiHead {
  size_t positions;  // T
  size_t width;      // H
  size_t stride;     // elements from a position to the next, in every array
  T slope;           // not negative
  T shift;           // ln of a number of keys that sigmoids are to be scaled by
  AlibiActivation activation;
};

// Query i sees the keys j <= i:
//
//   s_ij = (sum_h q_ih k_jh) + (slope (j - i) - shift)
//   P_ij = exp(s_ij - m_i) / sum_l exp(s_il - m_i)   or   1 / (1 + exp(-s_ij))
//   o_ih = sum_j P_ij v_jh
//
// with every operation rounded by itself in the order of the parentheses.
// Press, Smith and Lewis, "Train Short, Test Long" (2022); sigmoid: Ramapuram
// et al., "Theory, Analysis, and Best Practices for Sigmoid Self-Attention"
// (2024). Scores are not scaled: q comes scaled.
//
// Shapes: q, k, v and o: `positions` rows of `width` elements, `stride` apart.
// v and o may be nullptr, both of them: then only `row` learns anything.
// row(i, P_i): called for i = 0, 1, ... in order, with `positions` weights of
// which those after i are 0; valid during the call.
// scratch: AlibiScratch(positions, width) elements, overwritten.
// Requirements: width > 0, stride >= width (checked).
// Aliasing: o is OVERWRITTEN and may overlap nothing; of o, elements between
// the rows are left alone.
// Special values: NaN in q_i makes row i's weights NaN, in k_j those of the
// rows that see j (a sigmoid's: of that key alone). NaN or an infinity in v_j
// makes column h of o NaN or infinite in the rows that see j, and NaN in those
// of the same block of 24 that do not (their weight of 0 times NaN). A score
// that overflows to infinity: a softmax row is NaN, a sigmoid 0 or 1.
// Accuracy (bounds.h): with S = max_j sum_h |q_ih k_jh| and B = max_j |bias|,
//   d = ((kDotTerms H + kDotRoundings) S + 4 B) epsilon
//   |error of P_ij| <= P_ij (2 d + kSoftmaxUlp epsilon), unless it is denormal
//   |error of o_ih| <= (2 d + (kSoftmaxUlp + kDotTerms T) epsilon)
//                      sum_j |P_ij v_jh|
// Determinism: a row depends on itself and what it sees alone; instruction sets
// differ in rounding.
// Cost: T^2 H multiply-adds (half of T^2 for scores, half for o), rounded up to
// blocks of 24 queries. No threads: heads are independent.
template <typename T>
void AlibiAttention(const T* q, const T* k, const T* v,
                    const AlibiHead<T>& head, T* o, T* scratch,
                    absl::FunctionRef<void(size_t, const T*)> row);

size_t AlibiScratch(size_t positions, size_t width);

// A row of weights that are not negative.
struct AttentionRow {
  double largest;  // 0 without weights
  double first;    // weights[0], 0 without weights
  double sum;
  double entropy;  // in nats, -sum_j p_j ln p_j with p_j = weights[j] / sum
};

// Special values: NaN among the weights makes sum and entropy NaN, and the
// largest NaN; a sum of 0 makes the entropy NaN.
// Accuracy (bounds.h): largest and first exact; sum within
// kAttentionRowEpsilons epsilons of itself, entropy within as many of
// 1 + |ln sum| + sum_j p_j |ln weights[j]|, weights being normal or 0.
template <typename T>
AttentionRow DescribeAttentionRow(const T* weights, size_t n);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ALIBI_ATTENTION_ALIBI_ATTENTION_H_
