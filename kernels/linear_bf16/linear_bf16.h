// The products of linear.h with factors rounded to bfloat16.
//
// Formula: those of linear.h, for float, with every factor of a product (x, W,
// dy) rounded to bfloat16 (8 bits of precision; to nearest, ties to even)
// first. Sums, bias, residual, GELU, slope, scale and db are float32 and not
// rounded. Source: the usual mixed-precision training, with float32 master
// weights.
//
// Where it pays: CPUs with AVX512_BF16 that Highway has a target for
// (AVX3_ZEN4: AMD from Zen 4; AVX3_SPR: Intel from Sapphire Rapids) multiply
// two pairs for what a float product costs; FasterThanFloat() says whether this
// is one. Elsewhere the same sums are made of float products, slower than
// linear.h.
//
// Shapes: as in linear.h. Packed arrays hold pairs of neighbouring terms; an
// odd last term is paired with 0.
//
// Requirements, none of them checked: as in linear.h; sizes of rounded and
// row_pairs as below (terms: inner of y, outer of dx).
//
// Aliasing: as in linear.h; rounded and row_pairs are overwritten unless the
// left factor is nullptr.
//
// Special values: NaN stays NaN; a float above the largest bfloat16 by half a
// unit becomes infinite. A term that is denormal may count as 0.
//
// Accuracy (bounds.h): against the exact sum of the products of rounded factors
// as in linear.h, with one term more where the number of terms is odd.
//
// Determinism: the same bits for any number of threads; instruction sets may
// differ in the order of a sum. PinTarget(AVX3) leaves AVX3_ZEN4 and AVX3_SPR
// out, which ChosenTargetName() calls AVX3 when nothing is pinned.
//
// Cost: that of linear.h, half of it where FasterThanFloat(); and one pass over
// a left factor that is to be rounded. Scratch: rounded and row_pairs, the
// caller's.
#ifndef POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_H_
#define POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Two bfloat16: the earlier term in the lower half.
using BF16Pair = uint32_t;

// Whether the instruction set that runs multiplies bfloat16 by itself.
bool FasterThanFloat();

// Pairs of a packed weight, for PackForForwardBF16; of the input gradient's
// with inner and outer exchanged.
size_t PackedWeightSizeBF16(size_t inner, size_t outer);
void PackForForwardBF16(const float* weight, size_t inner, size_t outer,
                        BF16Pair* packed);
void PackForInputGradientBF16(const float* weight, size_t inner, size_t outer,
                              BF16Pair* packed);

// A product rounds its left factor once, for whatever else reads it:
//   rounded    RoundedSizeBF16(rows, terms) pairs, of neighbours in a row. The
//              left factor itself may be nullptr: then `rounded` is read as an
//              earlier product of the same rows and terms left it, and
//              row_pairs is not written.
//   row_pairs  RowPairsSizeBF16(rows, terms) pairs, of two rows each, as
//              LinearWeightGradientBF16 reads them. nullptr: not wanted.
size_t RoundedSizeBF16(size_t rows, size_t terms);
size_t RowPairsSizeBF16(size_t rows, size_t terms);

// y <- residual + x W^T + b; bias and residual may be nullptr.
void LinearForwardBF16(const float* x, size_t rows, const BF16Pair* packed,
                       const float* bias, const float* residual, size_t inner,
                       size_t outer, float* y, BF16Pair* rounded,
                       BF16Pair* row_pairs, ParallelFor& parallel);

// y <- gelu(x W^T + b), slope <- gelu' of the same.
void LinearGeluForwardBF16(const float* x, size_t rows, const BF16Pair* packed,
                           const float* bias, size_t inner, size_t outer,
                           float* y, float* slope, BF16Pair* rounded,
                           BF16Pair* row_pairs, ParallelFor& parallel);

// dx <- residual + scale (dy W); scale and residual may be nullptr.
void LinearInputGradientBF16(const float* dy, size_t rows,
                             const BF16Pair* packed, const float* scale,
                             const float* residual, size_t inner, size_t outer,
                             float* dx, BF16Pair* rounded, BF16Pair* row_pairs,
                             ParallelFor& parallel);

// dW <- dy^T x from row_pairs of x and of dy; db <- column sums of dy itself,
// which may be nullptr with dbias.
void LinearWeightGradientBF16(const BF16Pair* row_pairs_x,
                              const BF16Pair* row_pairs_dy, const float* dy,
                              size_t rows, size_t inner, size_t outer,
                              float* dweight, float* dbias,
                              ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_H_
