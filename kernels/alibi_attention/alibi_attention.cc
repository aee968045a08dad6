#include "kernels/alibi_attention/alibi_attention.h"

#include "kernels/base/simd_targets.h"
#include "kernels/linear/linear.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/alibi_attention/alibi_attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/alibi_attention/alibi_attention-inl.h"

#if HWY_ONCE
namespace polarize {

size_t AlibiScratch(size_t positions, size_t width) {
  const size_t queries = HWY_NAMESPACE::alibi::kQueries;
  const size_t keys = PaddedColumns(positions);
  return keys * width + positions * PaddedColumns(width) + queries * width +
         queries * keys;
}

template <typename T>
void AlibiAttention(const T* q, const T* k, const T* v,
                    const AlibiHead<T>& head, T* o, T* scratch,
                    absl::FunctionRef<void(size_t, const T*)> row) {
  if (head.width == 0 || head.stride < head.width) {
    HWY_ABORT("alibi_attention: width %zu, stride %zu", head.width,
              head.stride);
  }
  HWY_EXPORT_T(Table, alibi::Attend<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)(q, k, v, head, o, scratch, row);
}

template <typename T>
AttentionRow DescribeAttentionRow(const T* weights, size_t n) {
  HWY_EXPORT_T(Table, alibi::Describe<T>);
  return HWY_DYNAMIC_DISPATCH_T(Table)(weights, n);
}

#define POLARIZE_INSTANTIATE(T)                                            \
  template void AlibiAttention(const T*, const T*, const T*,               \
                               const AlibiHead<T>&, T*, T*,                \
                               absl::FunctionRef<void(size_t, const T*)>); \
  template AttentionRow DescribeAttentionRow(const T*, size_t);
POLARIZE_INSTANTIATE(float)
POLARIZE_INSTANTIATE(double)
#undef POLARIZE_INSTANTIATE

}  // namespace polarize
#endif
