// A vector function applied to arrays of any length and alignment.
#if defined(POLARIZE_KERNELS_MATH_ARRAY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_ARRAY_INL_H_
#undef POLARIZE_KERNELS_MATH_ARRAY_INL_H_
#else
#define POLARIZE_KERNELS_MATH_ARRAY_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Results of so many bytes do not stay in a cache: they go past it, which saves
// reading what they overwrite.
constexpr size_t kStreamBytes = size_t{1} << 25;

// Elements before `to` is aligned to a vector.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE size_t ElementsToAlignment(D d, const T* to) {
  const size_t bytes = hn::Lanes(d) * sizeof(T);
  return (bytes - reinterpret_cast<uintptr_t>(to) % bytes) % bytes / sizeof(T);
}

// to[0 .. Lanes) = v; `stream` needs an aligned `to`, and hwy::FlushStream when
// all is stored.
template <class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE void StoreOrStream(D d, V v, T* to, bool stream) {
  if (HWY_UNLIKELY(stream)) {
    hn::Stream(v, d, to);
  } else {
    hn::StoreU(v, d, to);
  }
}

// Stores vector(i), elements i and on, and part(i, count), the first `count` of
// them, into to[0 .. n). Arrays that are not short are stored aligned: a store
// across two cache lines costs two. may_stream: `to` is none of the inputs.
template <class D, class Vector, class Part, typename T = hn::TFromD<D>>
HWY_INLINE void StoreVectors(D d, T* to, size_t n, bool may_stream,
                             const Vector& vector, const Part& part) {
  const size_t lanes = hn::Lanes(d);
  const bool stream = may_stream && n * sizeof(T) >= kStreamBytes;
  size_t i = 0;
  if (n >= 16 * lanes) {
    i = ElementsToAlignment(d, to);
    if (i > 0) hn::StoreN(part(0, i), d, to, i);
  }
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const auto first = vector(i), second = vector(i + lanes);
    StoreOrStream(d, first, to + i, stream);
    StoreOrStream(d, second, to + i + lanes, stream);
  }
  if (i + lanes <= n) {
    StoreOrStream(d, vector(i), to + i, stream);
    i += lanes;
  }
  if (i < n) hn::StoreN(part(i, n - i), d, to + i, n - i);
  if (stream) hwy::FlushStream();
}

// y[i] = op(x[i]), i < n. op(d, v) is called with vectors; y may be x.
template <typename T, class Op>
HWY_INLINE void MapArray(const T* x, T* y, size_t n, Op op) {
  const hn::ScalableTag<T> d;
  StoreVectors(
      d, y, n, y != x,
      [&](size_t i) HWY_ATTR { return op(d, hn::LoadU(d, x + i)); },
      [&](size_t i, size_t count)
          HWY_ATTR { return op(d, hn::LoadN(d, x + i, count)); });
}

// z[i] = op(x[i], y[i]), i < n; z may be x or y.
template <typename T, class Op>
HWY_INLINE void MapArrays(const T* x, const T* y, T* z, size_t n, Op op) {
  const hn::ScalableTag<T> d;
  StoreVectors(
      d, z, n, z != x && z != y,
      [&](size_t i)
          HWY_ATTR { return op(d, hn::LoadU(d, x + i), hn::LoadU(d, y + i)); },
      [&](size_t i, size_t count) HWY_ATTR {
        return op(d, hn::LoadN(d, x + i, count), hn::LoadN(d, y + i, count));
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_ARRAY_INL_H_
