// Cross entropy of rows of logits, with its gradient.
#ifndef POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_H_
#define POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Loss, gradient and hit of every row in one go; exists for float and double.
//
//   M = max_c logits[r][c],  S = sum_c exp(logits[r][c] - M)
//   loss[r] = log(S) - (logits[r][target[r]] - M)
//   dlogits[r][c] = weight[r] (exp(logits[r][c] - M) / S - [c = target[r]])
//   correct[r] = 1 if target[r] is the first c with logits[r][c] = M, else 0
//
// The maximum is subtracted so that nothing overflows (Blanchard, Higham and
// Higham, "Accurately computing the log-sum-exp and softmax functions", 2021);
// PyTorch computes the same.
//
// Shapes: logits and dlogits are rows x width, row-major and dense; target,
// weight, loss and correct have one element per row. loss is NOT multiplied by
// weight, which is the derivative of whatever the caller makes of the losses.
// Requirements: width > 0 and 0 <= target[r] < width (both checked); rows may
// be 0. dlogits may be null, then weight may be too; correct may be null.
// Aliasing: loss, dlogits and correct are OVERWRITTEN. dlogits may be logits,
// nothing else may overlap.
// Special values: NaN in a row makes its loss and its dlogits NaN and correct
// 0. So does an infinite logit or a row of nothing but -inf, for loss and
// dlogits; correct still compares. Other logits of -inf have probability 0; the
// loss is infinite if the target has one.
// Accuracy: against exact arithmetic, in units of kCrossEntropyEpsilons times
// T's epsilon: loss within 1 + loss; dlogits within |weight| (p (1 + M -
// logits) + [c = target]) with p the probability, denormals aside; for any
// width, as the sum is compensated.
// Determinism: a row depends on nothing but itself: the same bits for any
// number of threads. Instruction sets differ in rounding.
// Cost: reads each row twice (once from memory), plus one read and write of
// dlogits; every exponential is computed once. No scratch.
template <typename T>
void CrossEntropy(const T* logits, const int32_t* target, const T* weight,
                  size_t rows, size_t width, T* loss, T* dlogits,
                  uint8_t* correct, ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_H_
