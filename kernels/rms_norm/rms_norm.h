// Root-mean-square normalisation of rows.
#ifndef POLARIZE_KERNELS_RMS_NORM_RMS_NORM_H_
#define POLARIZE_KERNELS_RMS_NORM_RMS_NORM_H_

#include <cstddef>

namespace polarize {

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
// `width` elements. residual may be nullptr (then absent). T is float or
// double.
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

}  // namespace polarize

#endif  // POLARIZE_KERNELS_RMS_NORM_RMS_NORM_H_
