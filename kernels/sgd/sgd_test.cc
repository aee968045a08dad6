#include "kernels/sgd/sgd.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/base/isa.h"
#include "kernels/sgd/sgd_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr Sgd kOdd = {2e-2, 0.8, 0.3};

template <typename T>
struct State {
  GuardedArray<T> g, p, m;
  State(std::mt19937& random, size_t n)
      : g(n, n % 3), p(n, n % 5), m(n, n % 7) {
    std::normal_distribution<double> normal;
    for (size_t i = 0; i < n; ++i) {
      const double scale = std::exp(3 * normal(random));
      g[i] = static_cast<T>(scale * normal(random));
      p[i] = static_cast<T>(normal(random));
      m[i] = static_cast<T>(scale * normal(random));
    }
  }
  // Copies n elements of `other` from `at` on.
  void Take(State& other, size_t at) {
    std::copy_n(other.g.data() + at, g.size(), g.data());
    std::copy_n(other.p.data() + at, g.size(), p.data());
    std::copy_n(other.m.data() + at, g.size(), m.data());
  }
  void Step(const Sgd& options, bool momentum, ParallelFor& parallel) {
    if (momentum) {
      MomentumStep(options, g.data(), p.data(), m.data(), g.size(), parallel);
    } else {
      SgdStep(options, g.data(), p.data(), g.size(), parallel);
    }
  }
};

template <typename T>
class SgdTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(SgdTest, Scalars);

template <typename T>
void ExpectOneStepNearTheReference(const Sgd& o, bool momentum, size_t n,
                                   std::mt19937& random) {
  constexpr double kUnit = kSgdEpsilons * std::numeric_limits<T>::epsilon();
  ReversedFor parallel;
  State<T> s(random, n);
  std::vector<SgdRefElement> expected;
  for (size_t i = 0; i < n; ++i) {
    expected.push_back({s.p[i], s.m[i]});
    if (momentum) {
      MomentumStepRef(o.lr, o.momentum, o.weight_decay, s.g[i], expected[i]);
    } else {
      SgdStepRef(o.lr, o.weight_decay, s.g[i], expected[i]);
    }
  }
  s.Step(o, momentum, parallel);
  for (size_t i = 0; i < n; ++i) {
    const SgdRefElement& e = expected[i];
    ASSERT_NEAR(s.p[i], e.p, kUnit * e.p_scale) << i << " of " << n;
    ASSERT_NEAR(s.m[i], e.m, kUnit * e.m_scale) << i << " of " << n;
  }
}

// Every length around the vectors and the tasks, every parameter changed.
TYPED_TEST(SgdTest, IsNearTheReference) {
  ForEachTarget([] {
    std::mt19937 random(1);
    for (const bool momentum : {false, true}) {
      for (size_t n = 0; n <= 70; ++n) {
        ExpectOneStepNearTheReference<TypeParam>({1e-3, 0.9, 0}, momentum, n,
                                                 random);
      }
      for (const Sgd& o : {kOdd, Sgd{0, 0.9, 0.1}, Sgd{1, 0, 0.5},
                           Sgd{0.1, 1, 0}, Sgd{3, 0.99, 2}}) {
        ExpectOneStepNearTheReference<TypeParam>(o, momentum, 101, random);
      }
      ExpectOneStepNearTheReference<TypeParam>(kOdd, momentum, 2 * 16384 + 7,
                                               random);
    }
  });
}

// Five steps of PyTorch 2.15.0 (CPU, AVX-512), recorded by:
//
//   import torch
//   for momentum in (0, 0.8):
//       p = torch.nn.Parameter(torch.tensor([(i - 9) / 7 for i in range(19)]))
//       opt = torch.optim.SGD([p], lr=2e-2, momentum=momentum,
//                             weight_decay=0.3, foreach=False)
//       for t in range(1, 6):
//           p.grad = torch.tensor([((5 * i + 3 * t) % 11 - 5) / 8 *
//                                  10.0 ** (i % 4 - 2) for i in range(19)])
//           opt.step()
//       print(', '.join(float(x).hex() for x in p))
TEST(SgdTest, EqualsPyTorch) {
  constexpr size_t kN = 19;
  constexpr float kExpected[2][kN] = {
      {-0x1.3f5fa2p+0f, -0x1.1bf71ep+0f, -0x1.e7f272p-1f, -0x1.0113b2p+0f,
       -0x1.62dc98p-1f, -0x1.1c2650p-1f, -0x1.9acae0p-2f, -0x1.9f2080p-3f,
       -0x1.1be50ep-3f, -0x1.822966p-11f, 0x1.fa9982p-4f, 0x1.4ef332p-2f,
       0x1.a9d26cp-2f, 0x1.1cc960p-1f, 0x1.5a0b10p-1f, 0x1.b5e458p-1f,
       0x1.f0cc52p-1f, 0x1.1c4680p+0f, 0x1.414b74p+0f},
      {-0x1.32a2aep+0f, -0x1.105680p+0f, -0x1.cbaec4p-1f, -0x1.3804b0p+0f,
       -0x1.54a7aap-1f, -0x1.11455ap-1f, -0x1.6e69d2p-2f, -0x1.df0160p-4f,
       -0x1.10fd28p-3f, -0x1.2ee044p-9f, 0x1.d2cc38p-4f, 0x1.4789fep-2f,
       0x1.98f61ep-2f, 0x1.124f54p-1f, 0x1.3f344ep-1f, 0x1.db55d6p-1f,
       0x1.dcf0c8p-1f, 0x1.11a372p+0f, 0x1.36784ap+0f}};
  constexpr double kPower[4] = {0.01, 0.1, 1, 10};
  SerialFor serial;
  ForEachTarget([&] {
    for (const bool momentum : {false, true}) {
      float g[kN], p[kN], m[kN] = {};
      for (int i = 0; i < static_cast<int>(kN); ++i) {
        p[i] = static_cast<float>((i - 9) / 7.0);
      }
      for (int t = 1; t <= 5; ++t) {
        for (int i = 0; i < static_cast<int>(kN); ++i) {
          g[i] = static_cast<float>(((5 * i + 3 * t) % 11 - 5) / 8.0 *
                                    kPower[i % 4]);
        }
        if (momentum) {
          MomentumStep(kOdd, g, p, m, kN, serial);
        } else {
          SgdStep(kOdd, g, p, kN, serial);
        }
      }
      // Without fused multiply-add, to rounding.
      const bool fused = std::strcmp(ChosenTargetName(), "SSE2") != 0;
      for (size_t i = 0; i < kN; ++i) {
        if (fused) {
          EXPECT_EQ(p[i], kExpected[momentum][i]) << i;
        } else {
          EXPECT_NEAR(p[i], kExpected[momentum][i], 1e-6) << i;
        }
      }
    }
  });
}

// A running sum of which nothing stays is the gradient.
TYPED_TEST(SgdTest, MomentumZeroIsPlain) {
  ForEachTarget([] {
    std::mt19937 random(3);
    SerialFor serial;
    State<TypeParam> plain(random, 67), with_sum(random, 67);
    with_sum.Take(plain, 0);
    plain.Step({0.1, 0.7, 0.2}, /*momentum=*/false, serial);
    with_sum.Step({0.1, 0, 0.2}, /*momentum=*/true, serial);
    EXPECT_TRUE(std::equal(plain.p.begin(), plain.p.end(), with_sum.p.begin()));
  });
}

// An element's result does not depend on where it lies.
TYPED_TEST(SgdTest, LengthsAndPositionsDoNotChangeBits) {
  using T = TypeParam;
  constexpr size_t kLength = 37, kBytes = kLength * sizeof(T);
  ForEachTarget([&] {
    std::mt19937 random(2);
    SerialFor serial;
    for (const bool momentum : {false, true}) {
      State<T> whole(random, 16384 + 50);
      for (const size_t at : {size_t{0}, size_t{3}, size_t{16380}}) {
        State<T> part(random, kLength), copy(random, whole.g.size());
        part.Take(whole, at);
        copy.Take(whole, 0);
        part.Step(kOdd, momentum, serial);
        copy.Step(kOdd, momentum, serial);
        EXPECT_EQ(std::memcmp(copy.p.data() + at, part.p.data(), kBytes), 0);
        EXPECT_EQ(std::memcmp(copy.m.data() + at, part.m.data(), kBytes), 0);
      }
    }
  });
}

TYPED_TEST(SgdTest, SpecialValues) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  ForEachTarget([&] {
    SerialFor serial;
    for (const double decay : {0.0, 0.3}) {
      for (const bool momentum : {false, true}) {
        T g[] = {kNan, kInf, -kInf, 0, 0, 0, 0, 0};
        T p[] = {1, 1, 1, kNan, kInf, -kInf, 1, 1};
        T m[] = {0, 0, 0, 0, 0, 0, kNan, kInf};
        const Sgd options = {0.1, 0.9, decay};
        if (momentum) {
          MomentumStep(options, g, p, m, 8, serial);
        } else {
          SgdStep(options, g, p, 8, serial);
        }
        for (const int i : {0, 3, 4, 5}) EXPECT_TRUE(std::isnan(p[i])) << i;
        EXPECT_EQ(p[1], -kInf);
        EXPECT_EQ(p[2], kInf);
        if (!momentum) continue;
        EXPECT_TRUE(std::isnan(p[6]));
        EXPECT_EQ(p[7], -kInf);
      }
    }
  });
}

}  // namespace
}  // namespace polarize
