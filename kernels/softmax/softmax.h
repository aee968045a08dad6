// Softmax of the rows of a matrix, whole or causal, and its gradient.
//
// Formula, per row:
//   y_j  = exp(x_j - m) / sum_k exp(x_k - m),  m = max_k x_k
//   dx_j = y_j (dy_j - sum_k y_k dy_k)
//
// Subtracting m changes nothing but the range (Blanchard, Higham and Higham,
// "Accurately computing the log-sum-exp and softmax functions", 2021).
//
// Shapes: rows x n matrices; every matrix of a call has `stride` elements from
// the start of a row to the next. Elements between n and stride are neither
// read nor written. Causal: n x n, row i sees the columns 0 .. i.
//
// Requirements: stride >= n (checked). Matrices are equal or do not overlap
// (not checked).
//
// Aliasing: y may be x; dx may be y or dy. Outputs are overwritten.
//
// Special values, per row:
//   no columns: nothing is written;
//   NaN or inf among the x of the row: all NaN (inf - inf has no value);
//   -inf: 0 there; -inf everywhere (a fully masked row): all NaN, as in
//   PyTorch;
//   causal: the columns after i are 0 and x is not read there.
//
// Denormal results are kept.
//
// Gradient: NaN or an infinity in y or dy makes the whole row NaN. It serves
// causal rows too: where y = 0, dx = 0 and dy, if finite, has no effect.
//
// Accuracy in float: each y within kSoftmaxUlp (kernels/base/bounds.h) of the
// exact softmax of the float32 values x - m, for n up to 4096 and any x
// (measured: 3.4 in rows of 16 or less, 2.5 in longer ones); rows sum to 1 but
// for those errors. Gradient: each dx_j within
// kSoftmaxGradientRelative y_j (|dy_j| + sum_k y_k |dy_k|), or the smallest
// denormal. In double: within 1e-13 relative, for gradient checks.
//
// Properties, to the last bit: y is never larger than 1; x_i <= x_j implies y_i
// <= y_j; rows that differ by a shift that leaves every x - m the same are
// equal.
//
// Determinism: the same bits for any number of threads; a row's bits depend on
// its x, its length and the instruction set.
//
// Cost: three passes over a row (maximum; exponentials and their sum; product
// with its reciprocal), two for the gradient; rows that fit into one vector
// stay in registers, a vector's number of them at once. Gradients of 32 MiB or
// more, unless in place, bypass the caches. No scratch.
#ifndef POLARIZE_KERNELS_SOFTMAX_SOFTMAX_H_
#define POLARIZE_KERNELS_SOFTMAX_SOFTMAX_H_

#include <cstddef>

#include "kernels/base/parallel_for.h"

namespace polarize {

void SoftmaxRows(const float* x, size_t rows, size_t n, size_t stride, float* y,
                 ParallelFor& parallel);
void SoftmaxRows(const double* x, size_t rows, size_t n, size_t stride,
                 double* y, ParallelFor& parallel);

void CausalSoftmaxRows(const float* x, size_t n, size_t stride, float* y,
                       ParallelFor& parallel);
void CausalSoftmaxRows(const double* x, size_t n, size_t stride, double* y,
                       ParallelFor& parallel);

void SoftmaxRowsGradient(const float* y, const float* dy, size_t rows, size_t n,
                         size_t stride, float* dx, ParallelFor& parallel);
void SoftmaxRowsGradient(const double* y, const double* dy, size_t rows,
                         size_t n, size_t stride, double* dx,
                         ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SOFTMAX_SOFTMAX_H_
