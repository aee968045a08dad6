#include "tools/bench/machine.h"

// Unlike the kernels (kernels/base/simd_targets.h) with the targets that have a
// bfloat16 dot product.
#ifdef POLARIZE_FEW_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR)
#else
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/bench/machine.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Enough sums in flight for two units of latency 4 and more; they fit into 16
// registers with the factors.
constexpr size_t kSums = 12;

template <class D, class V>
void StoreSums(D d, const V (&sum)[kSums], float* out) {
  V total = hn::Zero(d);
  for (const V& s : sum) total = hn::Add(total, s);
  *out = hn::ReduceSum(d, total);
}

void DoMultiplyAdds(float* out) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const V a = hn::Set(d, *out), b = hn::Set(d, 0.5f);
  V sum[kSums];
  for (V& s : sum) s = b;
  const size_t rounds = kPeakMultiplyAdds / (kSums * hn::Lanes(d));
  for (size_t i = 0; i < rounds; ++i) {
    for (V& s : sum) s = hn::MulAdd(s, b, a);
  }
  StoreSums(d, sum, out);
}

bool DoBFloat16MultiplyAdds(float* out) {
#if defined(HWY_NATIVE_DOT_BF16) && HWY_NATIVE_DOT_BF16
  const hn::ScalableTag<float> d;
  const hn::Repartition<hwy::bfloat16_t, decltype(d)> dbf;
  using V = hn::Vec<decltype(d)>;
  const auto a = hn::Set(dbf, hwy::BF16FromF32(*out));
  const auto b = hn::Set(dbf, hwy::BF16FromF32(0.5f));
  V sum[kSums], unused = hn::Zero(d);
  for (V& s : sum) s = hn::Zero(d);
  const size_t rounds = kPeakMultiplyAdds / (kSums * hn::Lanes(dbf));
  for (size_t i = 0; i < rounds; ++i) {
    for (V& s : sum) s = hn::ReorderWidenMulAccumulate(d, a, b, s, unused);
  }
  StoreSums(d, sum, out);
  return true;
#else
  (void)out;
  return false;
#endif
}

float DoReadAll(const float* x, size_t n) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const size_t lanes = hn::Lanes(d);
  V sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (size_t i = 0; i < n; i += 4 * lanes) {
    sum0 = hn::Add(sum0, hn::LoadU(d, x + i));
    sum1 = hn::Add(sum1, hn::LoadU(d, x + i + lanes));
    sum2 = hn::Add(sum2, hn::LoadU(d, x + i + 2 * lanes));
    sum3 = hn::Add(sum3, hn::LoadU(d, x + i + 3 * lanes));
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)));
}

void DoTriad(const float* a, const float* b, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  const auto half = hn::Set(d, 0.5f);
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    hn::StoreU(hn::MulAdd(half, hn::LoadU(d, b + i), hn::LoadU(d, a + i)), d,
               y + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {

HWY_EXPORT(DoMultiplyAdds);
HWY_EXPORT(DoBFloat16MultiplyAdds);
HWY_EXPORT(DoReadAll);
HWY_EXPORT(DoTriad);

void MultiplyAdds(float* out) { HWY_DYNAMIC_DISPATCH(DoMultiplyAdds)(out); }

bool BFloat16MultiplyAdds(float* out) {
  return HWY_DYNAMIC_DISPATCH(DoBFloat16MultiplyAdds)(out);
}

float ReadAll(const float* x, size_t n) {
  return HWY_DYNAMIC_DISPATCH(DoReadAll)(x, n);
}

void Triad(const float* a, const float* b, float* y, size_t n) {
  HWY_DYNAMIC_DISPATCH(DoTriad)(a, b, y, n);
}

}  // namespace polarize
#endif
