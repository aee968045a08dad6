// Layer normalisation of rows, with its gradient.
#ifndef POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_H_
#define POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_H_

#include <cstddef>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Both functions exist for float and double.
//
// Shapes: x, y, dy, dx are rows x width, row-major and dense; weight, bias and
// their gradients have `width` elements, mean and rstd one per row.
// Requirements: width > 0 (checked); rows may be 0.
// Determinism: a row depends on nothing but itself, and sums over rows are
// taken in an order that the number of rows alone fixes: the same bits for any
// number of threads. Instruction sets differ in rounding.

// Normalises each row to mean 0 and variance 1, then scales and shifts:
//
//   mean = sum_c x[c] / width
//   rstd = 1 / sqrt(sum_c (x[c] - mean)^2 / width + epsilon)
//   y[c] = (x[c] - mean) rstd weight[c] + bias[c]
//
// Ba, Kiros and Hinton, "Layer Normalization" (2016), with the biased variance
// and the epsilon of PyTorch (1e-5 there by default). The mean comes first and
// the deviations from it second, so that nothing cancels.
//
// Aliasing: y, mean and rstd are OVERWRITTEN; y may be x, nothing else may
// overlap. The gradient reads x, mean and rstd again.
// Special values: NaN or an infinity in a row makes its whole y NaN, in weight
// or bias that column. A variance that overflows gives y = bias. A constant row
// gives y = bias to rounding if epsilon > 0 (exactly where the mean is exact)
// and NaN if epsilon is 0. Both hold as long as neither the row's sum nor x[c]
// - mean overflows: a sum that does makes the whole y NaN, a difference that
// does makes y[c] NaN.
// Accuracy: against exact arithmetic, in units of kLayerNormEpsilons times T's
// epsilon: mean within A = max_c |x[c]|, rstd within rstd, y within
// A rstd |weight[c]| + |bias[c]|; as long as A rstd <= 1 / (8 sqrt(T's
// epsilon)), 362 in float. Beyond, the mean's rounding shows in the variance.
// Cost: reads each row three times (once from memory), writes y once. No
// scratch.
template <typename T>
void LayerNormForward(const T* x, const T* weight, const T* bias, size_t rows,
                      size_t width, T epsilon, T* y, T* mean, T* rstd,
                      ParallelFor& parallel);

// How many elements of scratch LayerNormBackward needs.
size_t LayerNormScratch(size_t rows, size_t width);

// The gradient of LayerNormForward, with n[c] = (x[c] - mean) rstd and
// g[c] = dy[c] weight[c]:
//
//   dx[c] += rstd (g[c] - sum_k g[k] / width - n[c] sum_k g[k] n[k] / width)
//   dweight[c] = sum_rows dy[c] n[c]
//   dbias[c] = sum_rows dy[c]
//
// mean and rstd are those that LayerNormForward left.
// scratch: LayerNormScratch(rows, width) elements, contents irrelevant.
// Aliasing: dx is ADDED TO (the residual stream's gradient arrives in it),
// dweight and dbias are OVERWRITTEN (with zeros if there are no rows). dx may
// be dy, whose values are then added to; nothing else may overlap.
// Special values: NaN or an infinity in a row of x or dy makes that row of dx,
// and all of dweight or the columns of dbias it meets, NaN (or infinite).
// Accuracy: within kLayerNormGradientEpsilons units of T's epsilon against
// exact arithmetic on the same mean and rstd, relative to |old dx| + rstd
// (|g[c]| + average |g| + |n[c]| average |g n|) for dx and to the sum of the
// terms' magnitudes for dweight and dbias: rows are summed in chunks of fixed
// length and then chunk by chunk.
// Cost: reads x and dy twice (once from memory), reads and writes dx once.
template <typename T>
void LayerNormBackward(const T* x, const T* weight, const T* mean,
                       const T* rstd, const T* dy, size_t rows, size_t width,
                       T* dx, T* dweight, T* dbias, T* scratch,
                       ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LAYER_NORM_LAYER_NORM_H_
