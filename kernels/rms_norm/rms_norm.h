// Root-mean-square normalisation of rows, with its gradient.
#ifndef POLARIZE_KERNELS_RMS_NORM_RMS_NORM_H_
#define POLARIZE_KERNELS_RMS_NORM_RMS_NORM_H_

#include <cstddef>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Every function exists for float and double.

// Divides each row by its root mean square, then scales it:
//
//   rstd = 1 / sqrt(sum_c x[c]^2 / width + epsilon)
//   y[c] = residual[c] + ((x[c] rstd) scale[c]) factor
//
// Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019), with the
// epsilon inside the root and products rounded one by one in this order. The
// factor stands for a constant that multiplies the normalised row (1/sqrt(H) of
// a query); 1 changes nothing.
//
// Shapes: x, residual and y are rows x width, row-major and dense; scale has
// `width` elements. residual may be nullptr (then absent).
// Requirements: width > 0 (checked); rows may be 0.
// Aliasing: y is OVERWRITTEN; it may be x or residual, nothing else may
// overlap.
// Special values, residual aside: NaN in a row of x makes the whole row NaN. An
// infinity makes its column NaN and the others 0, squares that overflow make
// the row 0; in double, whose sum keeps track of its roundings, both make the
// whole row NaN. A row of zeros gives 0, or NaN if epsilon is 0.
// Accuracy: |error| <= kRmsNormEpsilons T's epsilon (|x[c] rstd scale[c]
// factor| + |residual[c]|), as long as neither squares nor results are
// denormal.
// Determinism: a row depends on nothing but itself. Instruction sets differ in
// rounding.
// Cost: reads each row twice (once from memory), writes y once. No scratch.
template <typename T>
void RmsNorm(const T* x, const T* scale, const T* residual, size_t rows,
             size_t width, T epsilon, T factor, T* y);

// For training: the same bits as RmsNorm without residual and factor, the rstd
// of each row kept for the gradient, and the rows spread over threads.
//
// Shapes: as above; rstd has one element per row.
// Requirements: as above.
// Aliasing: y and rstd are OVERWRITTEN; y may be x, nothing else may overlap.
// The gradient reads x and rstd again.
// Special values: as above. rstd of a row with NaN is NaN, of one whose squares
// overflow 0 (in double NaN), of zeros 1 / sqrt(epsilon).
// Accuracy: y as above; rstd within kRmsNormEpsilons epsilons of itself.
// Determinism: as above; the same bits for any number of threads.
// Cost: as above. No scratch.
template <typename T>
void RmsNormForward(const T* x, const T* scale, size_t rows, size_t width,
                    T epsilon, T* y, T* rstd, ParallelFor& parallel);

// How many elements of scratch RmsNormBackward needs.
size_t RmsNormScratch(size_t rows, size_t width);

// The gradient of RmsNormForward, with n[c] = x[c] rstd and
// g[c] = dy[c] scale[c]:
//
//   dx[c] = rstd (g[c] - n[c] sum_k g[k] n[k] / width)
//   dscale[c] = sum_rows dy[c] n[c]
//
// Shapes: x, dy and dx are rows x width; scale and dscale have `width`
// elements; rstd is what RmsNormForward left. Requirements: width > 0
// (checked); rows may be 0. scratch: RmsNormScratch(rows, width) elements,
// contents irrelevant. Aliasing: dx and dscale are OVERWRITTEN (dscale with
// zeros if there are no rows). dx may be dy, nothing else may overlap. Special
// values: NaN in a row of x makes that row of dx and all of dscale NaN; NaN or
// an infinity in dy its row of dx and its column of dscale (or an infinity). A
// row with rstd 0, of finite numbers, has gradient 0. Accuracy: within
// kRmsNormGradientEpsilons units of T's epsilon against exact arithmetic on the
// same rstd, relative to rstd (|g[c]| + |n[c]| average |g n|) for dx and to the
// sum of the terms' magnitudes for dscale: rows are summed in chunks of fixed
// length and then chunk by chunk. Determinism: sums over rows are taken in an
// order that the number of rows alone fixes: the same bits for any number of
// threads. Instruction sets differ in rounding. Cost: reads x and dy twice
// (once from memory), writes dx once.
template <typename T>
void RmsNormBackward(const T* x, const T* scale, const T* rstd, const T* dy,
                     size_t rows, size_t width, T* dx, T* dscale, T* scratch,
                     ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_RMS_NORM_RMS_NORM_H_
