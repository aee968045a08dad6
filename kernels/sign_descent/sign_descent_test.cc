#include "kernels/sign_descent/sign_descent.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/sign_descent/sign_descent_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr SignDescent kOdd = {2e-2, 0.3};

// Every third gradient is 0, half of those negative.
template <typename T>
struct State {
  GuardedArray<T> g, p;
  State(std::mt19937& random, size_t n) : g(n, n % 3), p(n, n % 5) {
    std::normal_distribution<double> normal;
    for (size_t i = 0; i < n; ++i) {
      g[i] = static_cast<T>(std::exp(5 * normal(random)) * normal(random));
      if (random() % 3 == 0) g[i] = std::copysign(T(0), g[i]);
      p[i] = static_cast<T>(normal(random));
    }
  }
  void Step(const SignDescent& options, ParallelFor& parallel) {
    SignDescentStep(options, g.data(), p.data(), g.size(), parallel);
  }
};

template <typename T>
class SignDescentTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(SignDescentTest, Scalars);

template <typename T>
void ExpectOneStepNearTheReference(const SignDescent& o, size_t n,
                                   std::mt19937& random) {
  constexpr double kUnit =
      kSignDescentEpsilons * std::numeric_limits<T>::epsilon();
  ReversedFor parallel;
  State<T> s(random, n);
  std::vector<double> expected, scale;
  for (size_t i = 0; i < n; ++i) {
    expected.push_back(
        SignDescentStepRef(o.lr, o.weight_decay, s.g[i], s.p[i]));
    scale.push_back(std::abs(s.p[i] * (1 - o.lr * o.weight_decay)) + o.lr);
  }
  s.Step(o, parallel);
  for (size_t i = 0; i < n; ++i) {
    ASSERT_NEAR(s.p[i], expected[i], kUnit * scale[i]) << i << " of " << n;
  }
}

// Every length around the vectors and the tasks, every parameter changed.
TYPED_TEST(SignDescentTest, IsNearTheReference) {
  ForEachTarget([] {
    std::mt19937 random(1);
    for (size_t n = 0; n <= 70; ++n) {
      ExpectOneStepNearTheReference<TypeParam>({1e-3, 0}, n, random);
    }
    for (const SignDescent& o :
         {kOdd, SignDescent{0, 0.1}, SignDescent{1, 0.5}, SignDescent{3, 1}}) {
      ExpectOneStepNearTheReference<TypeParam>(o, 101, random);
    }
    ExpectOneStepNearTheReference<TypeParam>(kOdd, 2 * 16384 + 7, random);
  });
}

// An element's result does not depend on where it lies, nor on the instruction
// set.
TYPED_TEST(SignDescentTest, LengthsPositionsAndTargetsDoNotChangeBits) {
  using T = TypeParam;
  constexpr size_t kLength = 37;
  std::vector<T> first;
  ForEachTarget([&] {
    std::mt19937 random(2);
    SerialFor serial;
    State<T> whole(random, 16384 + 50);
    const std::vector<T> before(whole.p.begin(), whole.p.end());
    whole.Step(kOdd, serial);
    for (const size_t at : {size_t{0}, size_t{3}, size_t{16380}}) {
      State<T> part(random, kLength);
      std::copy_n(whole.g.data() + at, kLength, part.g.data());
      std::copy_n(before.data() + at, kLength, part.p.data());
      part.Step(kOdd, serial);
      EXPECT_EQ(
          std::memcmp(whole.p.data() + at, part.p.data(), kLength * sizeof(T)),
          0);
    }
    if (first.empty()) first.assign(whole.p.begin(), whole.p.end());
    EXPECT_EQ(
        std::memcmp(whole.p.data(), first.data(), first.size() * sizeof(T)), 0);
  });
}

TYPED_TEST(SignDescentTest, SpecialValues) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  constexpr T kTiny = std::numeric_limits<T>::denorm_min();
  ForEachTarget([&] {
    SerialFor serial;
    T g[] = {kNan, -kNan, 1, kInf, -kInf, T(0), -T(0), kTiny, -kTiny, 1, 1};
    T p[] = {1, 1, kNan, 1, 1, 1, 1, 1, 1, kInf, -kInf};
    SignDescentStep(SignDescent{0.25, 1}, g, p, 11, serial);
    for (const int i : {0, 1, 2}) EXPECT_TRUE(std::isnan(p[i])) << i;
    const T expected[] = {0.5, 1, 0.75, 0.75, 0.5, 1, kInf, -kInf};
    for (int i = 0; i < 8; ++i) EXPECT_EQ(p[3 + i], expected[i]) << i;
  });
}

}  // namespace
}  // namespace polarize
