// Rows by index: gathering them, and the gradient of that.
#ifndef POLARIZE_KERNELS_ROWS_ROWS_H_
#define POLARIZE_KERNELS_ROWS_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Both functions exist for float and double.
//
// Shapes: arrays of rows are row-major and dense, `width` elements a row.
// Requirements: every index names a row of the array it points into (the
// kernel cannot know how many there are, so this is not checked); width and the
// numbers of rows may be 0.
// Special values: NaN, infinities and denormals are copied and added like
// every number.
// Determinism: a row of the output depends on nothing but the rows it names,
// in the given order; the same bits for any number of threads and on every
// instruction set. No scratch.

// Copies listed rows: y[i] = x[index[i]] for i < n.
//
// Overwrites y, which must not overlap x.
// Cost: one read and one write of y.
template <typename T>
void GatherRows(const T* x, const uint32_t* index, size_t n, size_t width, T* y,
                ParallelFor& parallel);

// Adds to each row the sum of the rows that it was copied to; the gradient of
// GatherRows with respect to x, given the inverse lists:
//
//   dx[s] += dy[member[b]] + dy[member[b + 1]] + ... + dy[member[e - 1]]
//   with b = segment_begin[s], e = segment_begin[s + 1], for s < segments.
//
// The sum is taken from left to right and then ADDED to dx; a row with an empty
// list keeps its bits. segment_begin has segments + 1 ascending entries
// (checked: aborts where one descends). dx must not overlap dy.
// Accuracy: that of a sum from left to right, e - b - 1 roundings and one for
// dx.
// Cost: one read of the listed rows, one read and write of dx.
template <typename T>
void AddSegments(const T* dy, const uint32_t* segment_begin,
                 const uint32_t* member, size_t segments, size_t width, T* dx,
                 ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ROWS_ROWS_H_
