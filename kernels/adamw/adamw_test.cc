#include "kernels/adamw/adamw.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/adamw/adamw_ref.h"
#include "kernels/base/bounds.h"
#include "kernels/base/isa.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr AdamW kOdd = {2e-2, 0.8, 0.99, 1e-5, 0.3};

template <typename T>
struct State {
  GuardedArray<T> g, p, m, v;
  State(std::mt19937& random, size_t n)
      : g(n, n % 3), p(n, n % 5), m(n, n % 7), v(n, n % 2) {
    std::normal_distribution<double> normal;
    for (size_t i = 0; i < n; ++i) {
      const double scale = std::exp(3 * normal(random));
      g[i] = static_cast<T>(scale * normal(random));
      p[i] = static_cast<T>(normal(random));
      m[i] = static_cast<T>(scale * normal(random));
      v[i] = static_cast<T>(scale * scale * std::abs(normal(random)));
    }
  }
  void Step(const AdamW& options, uint64_t step, ParallelFor& parallel) {
    AdamWStep(options, step, g.data(), p.data(), m.data(), v.data(), g.size(),
              parallel);
  }
};

template <typename T>
class AdamWTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(AdamWTest, Scalars);

template <typename T>
void ExpectOneStepNearTheReference(const AdamW& o, uint64_t step, size_t n,
                                   std::mt19937& random) {
  constexpr double kUnit = kAdamWEpsilons * std::numeric_limits<T>::epsilon();
  ReversedFor parallel;
  State<T> s(random, n);
  std::vector<AdamWRefElement> expected;
  for (size_t i = 0; i < n; ++i) {
    expected.push_back({s.p[i], s.m[i], s.v[i]});
    AdamWStepRef(o.lr, o.beta1, o.beta2, o.epsilon, o.weight_decay, step,
                 s.g[i], expected[i]);
  }
  s.Step(o, step, parallel);
  for (size_t i = 0; i < n; ++i) {
    const AdamWRefElement& e = expected[i];
    ASSERT_NEAR(s.p[i], e.p, kUnit * e.p_scale) << i << " of " << n;
    ASSERT_NEAR(s.m[i], e.m, kUnit * e.m_scale) << i << " of " << n;
    ASSERT_NEAR(s.v[i], e.v, kUnit * e.v_scale) << i << " of " << n;
  }
}

// Every length around the vectors and the tasks, every parameter changed.
TYPED_TEST(AdamWTest, IsNearTheReference) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    const AdamW kUsual = {1e-3, 0.9, 0.999, 1e-8, 0.01};
    for (size_t n = 0; n <= 70; ++n) {
      ExpectOneStepNearTheReference<TypeParam>(kUsual, n + 1, n, random);
    }
    for (const AdamW& o :
         {kOdd, AdamW{1e-3, 0.5, 0.999, 1e-8, 0}, AdamW{0, 0.9, 0.9, 1, 0.5},
          AdamW{1, 0, 0.5, 0, 0.1}, AdamW{1e-3, 0.9, 0, 1e-2, 0.1}}) {
      for (const uint64_t step : {1, 2, 30, 4000}) {
        ExpectOneStepNearTheReference<TypeParam>(o, step, 101, random);
      }
    }
    ExpectOneStepNearTheReference<TypeParam>(kOdd, 3, 2 * 16384 + 7, random);
  });
}

// Five steps of PyTorch 1.13.1 (CPU, AVX2), recorded by:
//
//   import torch
//   p = torch.nn.Parameter(torch.tensor([(i - 9) / 7 for i in range(19)]))
//   opt = torch.optim.AdamW([p], lr=2e-2, betas=(0.8, 0.99), eps=1e-5,
//                           weight_decay=0.3, foreach=False)
//   for t in range(1, 6):
//       p.grad = torch.tensor([((5 * i + 3 * t) % 11 - 5) / 8 *
//                              10.0 ** (i % 4 - 2) for i in range(19)])
//       opt.step()
//   print(', '.join(float(x).hex() for x in p))
TEST(AdamWTest, EqualsPyTorch) {
  constexpr size_t kN = 19;
  constexpr float kExpected[kN] = {
      -0x1.3a5af8p+0f, -0x1.1c82e8p+0f, -0x1.d8b7aap-1f, -0x1.c6a5cap-1f,
      -0x1.52cd4ep-1f, -0x1.2ebe6ep-1f, -0x1.7692acp-2f, -0x1.173a70p-2f,
      -0x1.55a01ap-3f, -0x1.60d5a0p-7f, 0x1.d48e28p-4f,  0x1.301c40p-2f,
      0x1.a76994p-2f,  0x1.33ffa8p-1f,  0x1.461348p-1f,  0x1.b9f590p-1f,
      0x1.de1260p-1f,  0x1.28b730p+0f,  0x1.408ddap+0f};
  constexpr double kPower[4] = {0.01, 0.1, 1, 10};
  SerialFor serial;
  ForEachTarget([&] {
    float g[kN], p[kN], m[kN] = {}, v[kN] = {};
    for (int i = 0; i < static_cast<int>(kN); ++i) {
      p[i] = static_cast<float>((i - 9) / 7.0);
    }
    for (int t = 1; t <= 5; ++t) {
      for (int i = 0; i < static_cast<int>(kN); ++i) {
        g[i] = static_cast<float>(((5 * i + 3 * t) % 11 - 5) / 8.0 *
                                  kPower[i % 4]);
      }
      AdamWStep(kOdd, t, g, p, m, v, kN, serial);
    }
    // Without fused multiply-add, to rounding.
    const bool fused = std::strcmp(ChosenTargetName(), "SSE2") != 0;
    for (size_t i = 0; i < kN; ++i) {
      if (fused) {
        EXPECT_EQ(p[i], kExpected[i]) << i;
      } else {
        EXPECT_NEAR(p[i], kExpected[i], 1e-6) << i;
      }
    }
  });
}

// Kingma and Ba's Adam is AdamW without decay, to the bit: the decay is a
// factor of p, rounded before anything else is done with p, and 1 without
// decay.
TYPED_TEST(AdamWTest, WithoutDecayIsAdam) {
  using T = TypeParam;
  AdamW adam = kOdd;
  adam.weight_decay = 0;
  ForEachTarget([&] {
    std::mt19937 random(4);
    SerialFor serial;
    State<T> with_decay(random, 67), without(random, 67);
    for (size_t i = 0; i < 67; ++i) {
      without.g[i] = with_decay.g[i];
      without.m[i] = with_decay.m[i];
      without.v[i] = with_decay.v[i];
      without.p[i] =
          with_decay.p[i] * static_cast<T>(1 - kOdd.lr * kOdd.weight_decay);
    }
    with_decay.Step(kOdd, 3, serial);
    without.Step(adam, 3, serial);
    EXPECT_TRUE(
        std::equal(without.p.begin(), without.p.end(), with_decay.p.begin()));
    EXPECT_TRUE(
        std::equal(without.m.begin(), without.m.end(), with_decay.m.begin()));
    EXPECT_TRUE(
        std::equal(without.v.begin(), without.v.end(), with_decay.v.begin()));
  });
}

// An element's result does not depend on where it lies.
TYPED_TEST(AdamWTest, LengthsAndPositionsDoNotChangeBits) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::mt19937 random(2);
    SerialFor serial;
    State<T> whole(random, 16384 + 50);
    for (const size_t at : {size_t{0}, size_t{3}, size_t{16380}}) {
      State<T> part(random, 37);
      std::copy_n(whole.g.data() + at, 37, part.g.data());
      std::copy_n(whole.p.data() + at, 37, part.p.data());
      std::copy_n(whole.m.data() + at, 37, part.m.data());
      std::copy_n(whole.v.data() + at, 37, part.v.data());
      part.Step(kOdd, 7, serial);
      State<T> copy(random, whole.g.size());
      std::copy(whole.g.begin(), whole.g.end(), copy.g.begin());
      std::copy(whole.p.begin(), whole.p.end(), copy.p.begin());
      std::copy(whole.m.begin(), whole.m.end(), copy.m.begin());
      std::copy(whole.v.begin(), whole.v.end(), copy.v.begin());
      copy.Step(kOdd, 7, serial);
      constexpr size_t kBytes = 37 * sizeof(T);
      EXPECT_EQ(std::memcmp(copy.p.data() + at, part.p.data(), kBytes), 0);
      EXPECT_EQ(std::memcmp(copy.m.data() + at, part.m.data(), kBytes), 0);
      EXPECT_EQ(std::memcmp(copy.v.data() + at, part.v.data(), kBytes), 0);
    }
  });
}

TYPED_TEST(AdamWTest, SpecialValues) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  ForEachTarget([&] {
    SerialFor serial;
    const T huge = std::sqrt(std::numeric_limits<T>::max()) * 64;
    T g[] = {kNan, kInf, -kInf, huge, 0, 0, 0, 1};
    T p[] = {1, 1, 1, 1, 1, kNan, 1, 1};
    T m[] = {0, 0, 0, 0, 0, 0, kNan, 0};
    T v[8] = {};
    AdamWStep(kOdd, 1, g, p, m, v, 8, serial);
    for (const int i : {0, 1, 2, 5, 6}) EXPECT_TRUE(std::isnan(p[i])) << i;
    EXPECT_EQ(v[3], kInf);
    EXPECT_EQ(p[3], static_cast<T>(1 - kOdd.lr * kOdd.weight_decay));
    EXPECT_EQ(p[4], static_cast<T>(1 - kOdd.lr * kOdd.weight_decay));
    EXPECT_LT(p[7], p[4]);
    // 0 / 0 without epsilon.
    T zero[3] = {}, one = 1;
    AdamWStep(AdamW{1e-3, 0.9, 0.999, 0, 0}, 1, zero, &one, zero + 1, zero + 2,
              1, serial);
    EXPECT_TRUE(std::isnan(one));
  });
}

TEST(AdamWDeathTest, StepsCountFromOne) {
  SerialFor serial;
  float a[4] = {};
  EXPECT_DEATH(AdamWStep(kOdd, 0, a, a + 1, a + 2, a + 3, 1, serial), "step 0");
}

}  // namespace
}  // namespace polarize
