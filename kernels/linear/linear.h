// Linear layer: y = x W^T + b, and its gradients.
//
// Formula (weights as in PyTorch's nn.Linear, one output per row of W):
//   y[r, o]  = residual[r, o] + sum_i x[r, i] W[o, i] + b[o]
//   dx[r, i] = sum_o dy[r, o] W[o, i]
//   dW[o, i] = sum_r dy[r, o] x[r, i]        db[o] = sum_r dy[r, o]
// Between two layers, GELU and its gradient are taken where a product is
// written, while the numbers are in the nearest cache:
//   y = gelu(h), slope = gelu'(h) with h = x W^T + b
//   dh[r, i] = slope[r, i] sum_o dy[r, o] W[o, i]
//
// Shapes: x (rows, inner), W (outer, inner), b (outer), y and its residual and
// slope (rows, outer), dx and its residual and scale (rows, inner); every
// matrix dense and row-major, no alignment needed. T is float or double.
//
// W is packed once per step and read many times: PackForForward for y,
// PackForInputGradient for dx.
//
// Requirements, none of them checked: arrays have the sizes that are named here
// and packed ones those of the functions below; a packed array belongs to the
// instruction set it was packed on (isa.h): pack again after PinTarget. Any of
// rows, inner and outer may be 0.
//
// Aliasing: y, slope, dx, dW, db and packed arrays are overwritten. residual
// may be y (or dx) itself, which is then added to, and scale may be dx; nothing
// else may overlap an output.
//
// Special values: NaN and infinities propagate as IEEE arithmetic has it; the
// padding of a packed weight meets only rows that are thrown away. rows = 0
// leaves y and dx untouched and makes dW and db 0.
//
// Accuracy (bounds.h), as long as nothing underflows:
//   |error| <= (kDotTerms terms + kDotRoundings) epsilon / 2 sum |term|
// with the sum over all that makes an output, bias and residual included. terms
// is inner for y, outer for dx; dW and db are summed block by block, and theirs
// is min(rows, kGradientBlock) + rows / kGradientBlock, rounded down.
//
// With GELU: y and slope are what math.h makes of an h that is off by as much
// as above; neither changes faster than 1.13 times h.
//
// Determinism: each output is summed in ascending order by one task; the same
// bits for any number of threads. Different instruction sets may differ.
//
// Cost: rows inner outer multiply-adds for each of y, dx and dW; packing reads
// and writes its matrix once. Rows are taken by fours at the least, columns by
// half panels (16 floats with AVX-512). Scratch: what the caller keeps packed.
#ifndef POLARIZE_KERNELS_LINEAR_LINEAR_H_
#define POLARIZE_KERNELS_LINEAR_LINEAR_H_

#include <cstddef>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Elements of a packed weight: room for inner x (outer rounded up to a panel).
// The same for every instruction set, so that memory can be planned.
size_t PackedWeightSize(size_t inner, size_t outer);

// packed <- W for LinearForward: PackedWeightSize(inner, outer) elements.
template <typename T>
void PackForForward(const T* weight, size_t inner, size_t outer, T* packed);

// packed <- W for LinearInputGradient: PackedWeightSize(outer, inner) elements.
template <typename T>
void PackForInputGradient(const T* weight, size_t inner, size_t outer,
                          T* packed);

// y <- residual + x W^T + b. bias and residual may be nullptr (then absent).
template <typename T>
void LinearForward(const T* x, size_t rows, const T* packed, const T* bias,
                   const T* residual, size_t inner, size_t outer, T* y,
                   ParallelFor& parallel);

// y <- gelu(x W^T + b) and slope <- gelu' of the same, for
// LinearScaledInputGradient of the layer that reads y.
template <typename T>
void LinearGeluForward(const T* x, size_t rows, const T* packed, const T* bias,
                       size_t inner, size_t outer, T* y, T* slope,
                       ParallelFor& parallel);

// dx <- residual + dy W, with `packed` from PackForInputGradient. residual as
// above.
template <typename T>
void LinearInputGradient(const T* dy, size_t rows, const T* packed,
                         const T* residual, size_t inner, size_t outer, T* dx,
                         ParallelFor& parallel);

// dx <- scale (dy W), element by element: the gradient of what GELU was taken
// of, if scale is GELU's slope.
template <typename T>
void LinearScaledInputGradient(const T* dy, size_t rows, const T* packed,
                               const T* scale, size_t inner, size_t outer,
                               T* dx, ParallelFor& parallel);

// Columns with the padding of packed arrays: whole panels of any instruction
// set, of which the widest is 32.
constexpr size_t PaddedColumns(size_t columns) {
  return (columns + 31) / 32 * 32;
}

// Rows that LinearWeightGradient sums before it adds to the total.
inline constexpr size_t kGradientBlock = 256;

// dW <- dy^T x and db <- column sums of dy. dbias may be nullptr.
template <typename T>
void LinearWeightGradient(const T* x, const T* dy, size_t rows, size_t inner,
                          size_t outer, T* dweight, T* dbias,
                          ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LINEAR_LINEAR_H_
