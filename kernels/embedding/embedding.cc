#include "kernels/embedding/embedding.h"

#include <algorithm>
#include <limits>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/embedding/embedding.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/embedding/embedding-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

using Combine = EmbeddingShape::Combine;

// A task is that many rows of x, or of a table's gradient: an id may own many
// rows of dx.
constexpr size_t kRowsPerTask = 64;
constexpr size_t kIdsPerTask = 4;

void CheckShape(const EmbeddingShape& shape) {
  if (shape.combine == Combine::kAdd &&
      shape.token_width != shape.position_width) {
    HWY_ABORT("embedding: %zu token columns cannot be added to %zu of position",
              shape.token_width, shape.position_width);
  }
}

void CheckIds(const char* name, const int32_t* id, size_t rows, size_t limit) {
  for (size_t r = 0; r < rows; ++r) {
    if (id[r] < 0 || static_cast<size_t>(id[r]) >= limit) {
      HWY_ABORT("embedding: %s[%zu] is %d, not in 0 .. %zu - 1", name, r, id[r],
                limit);
    }
  }
}

void CheckArguments(const EmbeddingShape& shape, const int32_t* token,
                    const int32_t* position, size_t rows) {
  CheckShape(shape);
  if (rows > std::numeric_limits<uint32_t>::max()) {
    HWY_ABORT("embedding: %zu rows", rows);
  }
  CheckIds("token", token, rows, shape.vocabulary);
  if (shape.HasPositions()) {
    CheckIds("position", position, rows, shape.positions);
  }
}

// Counting sort. Row v's list becomes member[begin[v] .. begin[v + 1]), in
// ascending order. `begin` has ids + 2 elements; the last is only used here.
void ListRows(const int32_t* id, size_t rows, size_t ids, uint32_t* begin,
              uint32_t* member) {
  std::fill(begin, begin + ids + 2, 0u);
  // Counts two places ahead, so that the running sum leaves each list's
  // beginning one place ahead, and filling the lists moves it to its place.
  for (size_t r = 0; r < rows; ++r) ++begin[id[r] + 2];
  for (size_t v = 2; v < ids + 2; ++v) begin[v] += begin[v - 1];
  for (size_t r = 0; r < rows; ++r) {
    member[begin[id[r] + 1]++] = static_cast<uint32_t>(r);
  }
}

// The gradient of one table with `ids` rows, `width` columns.
template <typename T>
void TableGradient(const int32_t* id, size_t rows, size_t ids, const T* dx,
                   size_t stride, size_t width, T* dtable, uint32_t* scratch,
                   ParallelFor& parallel) {
  HWY_EXPORT_T(Table, embedding::SumListedRows<T>);
  uint32_t* begin = scratch;
  uint32_t* member = scratch + ids + 2;
  ListRows(id, rows, ids, begin, member);
  parallel.Run(hwy::DivCeil(ids, kIdsPerTask), [&](size_t task) {
    const size_t first = task * kIdsPerTask;
    HWY_DYNAMIC_DISPATCH_T(Table)
    (dx, stride, begin, member, first, std::min(ids, first + kIdsPerTask),
     width, dtable);
  });
}

}  // namespace

template <typename T>
void EmbeddingForward(const EmbeddingShape& shape, const int32_t* token,
                      const int32_t* position, size_t rows,
                      const T* token_table, const T* position_table, T* x,
                      ParallelFor& parallel) {
  CheckArguments(shape, token, position, rows);
  HWY_EXPORT_T(CopyTable, embedding::CopyColumns<T>);
  HWY_EXPORT_T(AddTable, embedding::AddTables<T>);
  const size_t width = shape.Width();
  parallel.Run(hwy::DivCeil(rows, kRowsPerTask), [&](size_t task) {
    const size_t first = task * kRowsPerTask;
    const size_t last = std::min(rows, first + kRowsPerTask);
    if (shape.combine == Combine::kAdd) {
      HWY_DYNAMIC_DISPATCH_T(AddTable)
      (token_table, token, position_table, position, first, last, width, x);
      return;
    }
    HWY_DYNAMIC_DISPATCH_T(CopyTable)
    (token_table, token, first, last, shape.token_width, width, x);
    if (shape.combine == Combine::kConcat) {
      HWY_DYNAMIC_DISPATCH_T(CopyTable)
      (position_table, position, first, last, shape.position_width, width,
       x + shape.token_width);
    }
  });
}

size_t EmbeddingScratch(const EmbeddingShape& shape, size_t rows) {
  // One table after the other uses it.
  const size_t ids = shape.HasPositions()
                         ? std::max(shape.vocabulary, shape.positions)
                         : shape.vocabulary;
  return ids + 2 + rows;
}

template <typename T>
void EmbeddingBackward(const EmbeddingShape& shape, const int32_t* token,
                       const int32_t* position, size_t rows, const T* dx,
                       T* dtoken_table, T* dposition_table, uint32_t* scratch,
                       ParallelFor& parallel) {
  CheckArguments(shape, token, position, rows);
  const size_t stride = shape.Width();
  TableGradient(token, rows, shape.vocabulary, dx, stride, shape.token_width,
                dtoken_table, scratch, parallel);
  if (!shape.HasPositions()) return;
  const bool behind = shape.combine == Combine::kConcat;
  TableGradient(position, rows, shape.positions,
                dx + (behind ? shape.token_width : 0), stride,
                shape.position_width, dposition_table, scratch, parallel);
}

template void EmbeddingForward(const EmbeddingShape&, const int32_t*,
                               const int32_t*, size_t, const float*,
                               const float*, float*, ParallelFor&);
template void EmbeddingForward(const EmbeddingShape&, const int32_t*,
                               const int32_t*, size_t, const double*,
                               const double*, double*, ParallelFor&);
template void EmbeddingBackward(const EmbeddingShape&, const int32_t*,
                                const int32_t*, size_t, const float*, float*,
                                float*, uint32_t*, ParallelFor&);
template void EmbeddingBackward(const EmbeddingShape&, const int32_t*,
                                const int32_t*, size_t, const double*, double*,
                                double*, uint32_t*, ParallelFor&);

}  // namespace polarize
#endif
