// Token and position embedding of rows, with its gradient.
#ifndef POLARIZE_KERNELS_EMBEDDING_EMBEDDING_H_
#define POLARIZE_KERNELS_EMBEDDING_EMBEDDING_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/parallel_for.h"

namespace polarize {

// The two tables and how a row is made of them. Letters: V token ids, P
// positions, E the width of a row.
struct EmbeddingShape {
  enum class Combine {
    kConcat,     // token columns first, position columns behind them
    kAdd,        // element by element
    kTokenOnly,  // no positions; their table and ids are not looked at
  };

  Combine combine;
  size_t vocabulary;      // V, rows of the token table
  size_t positions;       // P, rows of the position table
  size_t token_width;     // columns of the token table
  size_t position_width;  // columns of the position table; kAdd: token_width

  bool HasPositions() const { return combine != Combine::kTokenOnly; }
  // E
  size_t Width() const {
    return combine == Combine::kConcat ? token_width + position_width
                                       : token_width;
  }
};

// The functions on tables exist for float and double.
//
// Shapes: x and dx are rows x E, row-major and dense like the tables; token
// and position hold one id per row. With kTokenOnly the pointers to positions
// may be null.
// Requirements, all checked: 0 <= token[r] < V and 0 <= position[r] < P; with
// kAdd both widths are equal. rows, V, P and the widths may be 0.
// Special values: NaN, infinities and denormals are copied and added like
// every number, and reach only the columns and rows they belong to.
// Determinism: the same bits for any number of threads and on every
// instruction set.

// x[r] = [table[token[r]] | positions[position[r]]], their sum, or
// table[token[r]] alone.
//
// OVERWRITES x, which must not overlap the tables. Exact but for the one
// rounding of kAdd.
// Cost: one write of x, reads of the listed rows. No scratch.
template <typename T>
void EmbeddingForward(const EmbeddingShape& shape, const int32_t* token,
                      const int32_t* position, size_t rows,
                      const T* token_table, const T* position_table, T* x,
                      ParallelFor& parallel);

// How many elements of scratch EmbeddingBackward needs.
size_t EmbeddingScratch(const EmbeddingShape& shape, size_t rows);

// The gradient with respect to both tables:
//
//   dtoken_table[v] = sum over the rows r with token[r] = v of dx[r]'s token
//   columns, dposition_table[p] likewise (with kAdd both read all columns)
//
// summed in ascending r; ids that do not occur get zeros.
// OVERWRITES both gradients, which must not overlap dx.
// scratch: EmbeddingScratch(shape, rows) elements, contents irrelevant; holds
// the rows sorted by id. Fewer than 2^32 rows (checked).
// Accuracy: that of a sum from left to right.
// Cost: one read of dx per table, one write of the gradients.
template <typename T>
void EmbeddingBackward(const EmbeddingShape& shape, const int32_t* token,
                       const int32_t* position, size_t rows, const T* dx,
                       T* dtoken_table, T* dposition_table, uint32_t* scratch,
                       ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_EMBEDDING_EMBEDDING_H_
