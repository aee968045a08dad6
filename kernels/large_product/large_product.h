// y = x W for matrices that no cache holds.
//
// Formula: y[r, o] = sum_i x[r, i] W[i, o], in float32; with BF16, both factors
// rounded to bfloat16 first (to nearest, ties to even) and sums in float32.
//
// The products of linear.h sum all terms of a tile in one go, which suits some
// hundred terms. Here the terms are taken in blocks (Goto and van de Geijn,
// "Anatomy of high-performance matrix multiplication", 2008): a block of x is
// copied so that a tile reads it in order, a block of W is fetched while the
// one before it is used, and y is summed up block by block.
//
// Shapes: x (rows, inner), W (inner, outer), y (rows, outer), dense and
// row-major. W comes as float or as BF16Bits and is packed once, some rows at a
// time, so that a file is read in order; packed arrays have the sizes of
// linear.h and linear_bf16.h.
//
// Requirements: PackProductRowsBF16 starts at an even row (checked) and takes
// an even number of rows but at the end; otherwise none is checked. A packed
// array belongs to the instruction set it was packed on (isa.h). Any of rows,
// inner and outer may be 0; without terms y is 0.
//
// Aliasing: y, packed and scratch are overwritten; nothing may overlap.
//
// Special values: as IEEE arithmetic has it; in BF16 as linear_bf16.h.
//
// Accuracy (bounds.h), as long as nothing underflows:
//   |error| <= (kDotTerms inner + kDotRoundings) epsilon / 2 sum |term|
// against the exact sum of the products of the (rounded) factors, with one term
// more where BF16 pairs an odd last one.
//
// Determinism: each row depends on itself alone, and is summed in ascending
// order block by block: the same bits for any number of rows around it.
// Different instruction sets may differ.
//
// Threads: none; rows are independent, and a caller splits them. 256 rows a
// call make W's way from memory a hundredth of the time.
//
// Cost: rows inner outer multiply-adds (half the time in BF16 where
// FasterThanFloat() of linear_bf16.h); W is read from memory once per 264 rows.
#ifndef POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_H_
#define POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_H_

#include <cstddef>
#include <cstdint>

#include "kernels/linear_bf16/linear_bf16.h"

namespace polarize {

// The upper half of a float's bits.
using BF16Bits = uint16_t;

// Elements of a packed W.
size_t PackedProductSize(size_t inner, size_t outer);
size_t PackedProductSizeBF16(size_t inner, size_t outer);

// Puts rows first .. first + count - 1 of W, which start at `from`, into
// `packed`. Calls for different rows may run at once.
void PackProductRows(const float* from, size_t first, size_t count,
                     size_t inner, size_t outer, float* packed);
void PackProductRows(const BF16Bits* from, size_t first, size_t count,
                     size_t inner, size_t outer, float* packed);
void PackProductRowsBF16(const float* from, size_t first, size_t count,
                         size_t inner, size_t outer, BF16Pair* packed);
void PackProductRowsBF16(const BF16Bits* from, size_t first, size_t count,
                         size_t inner, size_t outer, BF16Pair* packed);

// Elements of scratch of one call, floats or pairs.
size_t LargeProductScratch();

void LargeProduct(const float* x, size_t rows, const float* packed,
                  size_t inner, size_t outer, float* y, float* scratch);
void LargeProductBF16(const float* x, size_t rows, const BF16Pair* packed,
                      size_t inner, size_t outer, float* y, BF16Pair* scratch);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_H_
