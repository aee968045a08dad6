// Embedding of rows, one instruction set at a time.
// clang-format off
#if defined(POLARIZE_KERNELS_EMBEDDING_EMBEDDING_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_EMBEDDING_EMBEDDING_INL_H_
#undef POLARIZE_KERNELS_EMBEDDING_EMBEDDING_INL_H_
#else
#define POLARIZE_KERNELS_EMBEDDING_EMBEDDING_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/rows/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace embedding {

// Columns of x filled from one table: x[r * stride + c] = table[id[r]][c] for r
// in [first, last), c < width.
template <typename T>
void CopyColumns(const T* table, const int32_t* id, size_t first, size_t last,
                 size_t width, size_t stride, T* x) {
  for (size_t r = first; r < last; ++r) {
    CopyRow(table + static_cast<size_t>(id[r]) * width, width, x + r * stride);
  }
}

// out[0 .. width) = a + b.
template <typename T>
HWY_INLINE void AddTwoRows(const T* a, const T* b, size_t width, T* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, a + c), hn::LoadU(d, b + c)), d, out + c);
  }
  if (c < width) {
    const size_t rest = width - c;
    hn::StoreN(hn::Add(hn::LoadN(d, a + c, rest), hn::LoadN(d, b + c, rest)), d,
               out + c, rest);
  }
}

// x[r] = a[a_id[r]] + b[b_id[r]] for r in [first, last).
template <typename T>
void AddTables(const T* a, const int32_t* a_id, const T* b, const int32_t* b_id,
               size_t first, size_t last, size_t width, T* x) {
  for (size_t r = first; r < last; ++r) {
    AddTwoRows(a + static_cast<size_t>(a_id[r]) * width,
               b + static_cast<size_t>(b_id[r]) * width, width, x + r * width);
  }
}

// dtable[v] = the sum of the listed rows of dx for v in [first, last): row v's
// list is member[begin[v] .. begin[v + 1]).
template <typename T>
void SumListedRows(const T* dx, size_t stride, const uint32_t* begin,
                   const uint32_t* member, size_t first, size_t last,
                   size_t width, T* dtable) {
  for (size_t v = first; v < last; ++v) {
    SumRows<SumInto::kOverwrite>(dx, stride, member + begin[v],
                                 begin[v + 1] - begin[v], width,
                                 dtable + v * width);
  }
}

}  // namespace embedding
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_EMBEDDING_EMBEDDING_INL_H_
