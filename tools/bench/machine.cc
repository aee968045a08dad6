#include "tools/bench/machine.h"

#define POLARIZE_BF16_TARGETS
#include "kernels/base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/bench/machine.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Enough sums in flight for two units of latency 5; with the factors they fit
// into 16 registers. Not an array: the compiler keeps that in memory.
constexpr size_t kSums = 12;

template <class V>
struct Sums {
  V a, b, c, d, e, f, g, h, i, j, k, l;
};

// Different ones: equal sums would be computed once.
template <class D>
Sums<hn::Vec<D>> Begin(D d, const float* x) {
  return {hn::Set(d, x[0]), hn::Set(d, x[1]),  hn::Set(d, x[2]),
          hn::Set(d, x[3]), hn::Set(d, x[4]),  hn::Set(d, x[5]),
          hn::Set(d, x[6]), hn::Set(d, x[7]),  hn::Set(d, x[8]),
          hn::Set(d, x[9]), hn::Set(d, x[10]), hn::Set(d, x[11])};
}

template <class D, class V>
float Total(D d, const Sums<V>& s) {
  const V first =
      hn::Add(hn::Add(hn::Add(s.a, s.b), hn::Add(s.c, s.d)), hn::Add(s.e, s.f));
  const V second =
      hn::Add(hn::Add(hn::Add(s.g, s.h), hn::Add(s.i, s.j)), hn::Add(s.k, s.l));
  return hn::ReduceSum(d, hn::Add(first, second));
}

// `next` of every sum, in registers.
#define POLARIZE_FOR_ALL_SUMS(next) \
  next(a);                          \
  next(b);                          \
  next(c);                          \
  next(d);                          \
  next(e);                          \
  next(f);                          \
  next(g);                          \
  next(h);                          \
  next(i);                          \
  next(j);                          \
  next(k);                          \
  next(l)

void DoMultiplyAdds(float* x) {
  const hn::ScalableTag<float> df;
  using V = hn::Vec<decltype(df)>;
  const V factor = hn::Set(df, 0.5f), term = hn::Set(df, *x);
  Sums<V> s = Begin(df, x);
  const size_t rounds = kPeakMultiplyAdds / (kSums * hn::Lanes(df));
  for (size_t round = 0; round < rounds; ++round) {
#define POLARIZE_NEXT(sum) s.sum = hn::MulAdd(s.sum, factor, term)
    POLARIZE_FOR_ALL_SUMS(POLARIZE_NEXT);
#undef POLARIZE_NEXT
  }
  *x = Total(df, s);
}

bool DoBFloat16MultiplyAdds(float* x) {
#if defined(HWY_NATIVE_DOT_BF16) && HWY_NATIVE_DOT_BF16
  const hn::ScalableTag<float> df;
  const hn::Repartition<hwy::bfloat16_t, decltype(df)> dbf;
  using V = hn::Vec<decltype(df)>;
  const auto left = hn::Set(dbf, hwy::BF16FromF32(*x));
  const auto right = hn::Set(dbf, hwy::BF16FromF32(0.5f));
  V unused = hn::Zero(df);
  Sums<V> s = Begin(df, x);
  const size_t rounds = kPeakMultiplyAdds / (kSums * hn::Lanes(dbf));
  for (size_t round = 0; round < rounds; ++round) {
#define POLARIZE_NEXT(sum) \
  s.sum = hn::ReorderWidenMulAccumulate(df, left, right, s.sum, unused)
    POLARIZE_FOR_ALL_SUMS(POLARIZE_NEXT);
#undef POLARIZE_NEXT
  }
  *x = Total(df, s);
  return true;
#else
  (void)x;
  return false;
#endif
}

#undef POLARIZE_FOR_ALL_SUMS

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

void MultiplyAdds(float* x) { HWY_DYNAMIC_DISPATCH(DoMultiplyAdds)(x); }

bool BFloat16MultiplyAdds(float* x) {
  return HWY_DYNAMIC_DISPATCH(DoBFloat16MultiplyAdds)(x);
}

float ReadAll(const float* x, size_t n) {
  return HWY_DYNAMIC_DISPATCH(DoReadAll)(x, n);
}

void Triad(const float* a, const float* b, float* y, size_t n) {
  HWY_DYNAMIC_DISPATCH(DoTriad)(a, b, y, n);
}

}  // namespace polarize
#endif
