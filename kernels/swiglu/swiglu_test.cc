#include "kernels/swiglu/swiglu.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/swiglu/swiglu_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr float kFloatInf = std::numeric_limits<float>::infinity();

TEST(SwiGluTest, IsNearTheReferenceOverAllGates) {
  // From gates whose logistic function is hardly normal up to where it is 1.
  std::vector<float> gates = FloatsBetween(-86, 1e30f, 200000);
  std::vector<float> ups(gates.size()), y(gates.size());
  for (size_t i = 0; i < ups.size(); ++i) {
    ups[i] = (i % 2 == 0 ? 1.0f : -1.0f) * (0.5f + 0.37f * (i % 7));
  }
  ForEachTarget([&] {
    SwiGlu(gates.data(), ups.data(), gates.size(), y.data());
    for (size_t i = 0; i < gates.size(); ++i) {
      const double exact = SwiGluRef(gates[i], ups[i]);
      if (std::abs(exact) < std::numeric_limits<float>::min()) continue;
      ASSERT_LE(UlpError(y[i], exact), kSwigluUlp)
          << gates[i] << " and " << ups[i];
    }
  });
}

template <typename T>
class SwiGluLengths : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(SwiGluLengths, Scalars);

TYPED_TEST(SwiGluLengths, TakesAnyLengthAndPlace) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::mt19937 random(1);
    std::normal_distribution<double> normal(0, 4);
    for (size_t n = 0; n <= 300; n += n < 70 ? 1 : 23) {
      GuardedArray<T> gate(n, n % 3), up(n, 1), y(n, n % 5);
      for (T& v : gate) v = static_cast<T>(normal(random));
      for (T& v : up) v = static_cast<T>(normal(random));
      SwiGlu(gate.data(), up.data(), n, y.data());
      const double bound = sizeof(T) == 8 ? 1e-15 : 1e-6;
      for (size_t i = 0; i < n; ++i) {
        const double exact = SwiGluRef(gate[i], up[i]);
        ASSERT_NEAR(y[i], exact, bound * std::abs(exact));
      }
      const std::vector<T> apart(y.begin(), y.end());
      SwiGlu(gate.data(), up.data(), n, gate.data());
      EXPECT_TRUE(std::equal(apart.begin(), apart.end(), gate.begin()));
    }
  });
}

TYPED_TEST(SwiGluLengths, WorksInPlaceOfUp) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::vector<T> gate = {-3, -1, 0, 2, 5}, up = {1, 2, 3, -4, 5}, y(5);
    SwiGlu(gate.data(), up.data(), 5, y.data());
    SwiGlu(gate.data(), up.data(), 5, up.data());
    EXPECT_EQ(y, up);
    EXPECT_NEAR(y[3], -4 * 2 / (1 + std::exp(-2.0)), 1e-5);
  });
}

TEST(SwiGluTest, SpecialValues) {
  ForEachTarget([&] {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> gate = {nan, 1, -kFloatInf, kFloatInf, -200, 0};
    const std::vector<float> up = {1, nan, 1, 2, 3, -5};
    std::vector<float> y(gate.size());
    SwiGlu(gate.data(), up.data(), gate.size(), y.data());
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_TRUE(std::isnan(y[1]));
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], kFloatInf);
    EXPECT_EQ(y[4], 0);
    EXPECT_EQ(y[5], 0);
  });
}

}  // namespace
}  // namespace polarize
