#include "kernels/sigmoid_gate/sigmoid_gate.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/sigmoid_gate/sigmoid_gate_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr float kFloatMin = std::numeric_limits<float>::min();

// Numbers of both signs and several sizes.
float Factor(size_t i) {
  return (i % 2 == 0 ? 1.0f : -1.0f) * (0.5f + 0.37f * (i % 7));
}

// From gates whose logistic function is hardly normal up to where it is 1.
TEST(SigmoidGateTest, IsNearTheReferenceOverAllGates) {
  const std::vector<float> gates = FloatsBetween(-86, 1e30f, 200000);
  std::vector<float> x(gates.size()), y(gates.size()), open(gates.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = Factor(i);
  ForEachTarget([&] {
    SerialFor serial;
    SigmoidGateForward(x.data(), gates.data(), x.size(), y.data(), open.data(),
                       serial);
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_LE(UlpError(open[i], SigmoidGateRef(1, gates[i])), kSigmoidUlp)
          << gates[i];
      const double exact = SigmoidGateRef(x[i], gates[i]);
      if (std::abs(exact) < kFloatMin) continue;
      ASSERT_LE(UlpError(y[i], exact), kSigmoidGateUlp)
          << x[i] << " and " << gates[i];
    }
  });
}

TEST(SigmoidGateTest, GradientIsNearTheReferenceHoweverFarOpen) {
  std::vector<float> open = FloatsBetween(1e-30f, 1, 200000);
  for (const float below : FloatsBetween(0x1p-24f, 0.5f, 100000)) {
    open.push_back(1 - below);
  }
  const size_t n = open.size();
  std::vector<float> x(n), dy(n), dx(n), dgate(n);
  for (size_t i = 0; i < n; ++i) {
    x[i] = Factor(i);
    dy[i] = Factor(i + 3) * 0.1f;
  }
  ForEachTarget([&] {
    SerialFor serial;
    SigmoidGateBackward(x.data(), open.data(), dy.data(), n, dx.data(),
                        dgate.data(), serial);
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(dx[i], dy[i] * open[i]);
      const double exact = SigmoidGateGradientRef(x[i], open[i], dy[i]);
      ASSERT_LE(UlpError(dgate[i], exact), kSigmoidGateGradientUlp) << open[i];
    }
  });
}

template <typename T>
class SigmoidGateLengths : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(SigmoidGateLengths, Scalars);

// Everything a forward and a backward pass touch.
template <typename T>
struct Case {
  size_t n;
  GuardedArray<T> x, gate, y, open, dy, dx, dgate;

  Case(std::mt19937& random, size_t n)
      : n(n),
        x(n, n % 3),
        gate(n, 1),
        y(n, n % 5),
        open(n, n % 4),
        dy(n, 2),
        dx(n, n % 7),
        dgate(n, 3) {
    std::normal_distribution<double> normal(0, 4);
    for (auto* a : {&x, &gate, &dy}) {
      for (T& v : *a) v = static_cast<T>(normal(random));
    }
  }
  void Forward(ParallelFor& parallel) {
    SigmoidGateForward(x.data(), gate.data(), n, y.data(), open.data(),
                       parallel);
  }
  void Backward(ParallelFor& parallel) {
    SigmoidGateBackward(x.data(), open.data(), dy.data(), n, dx.data(),
                        dgate.data(), parallel);
  }
};

template <typename T>
void ExpectNearReference(const Case<T>& s) {
  const double bound = sizeof(T) == 8 ? 1e-15 : 1e-6;
  const auto expect_near = [&](double actual, double exact) {
    ASSERT_NEAR(actual, exact, bound * std::abs(exact));
  };
  for (size_t i = 0; i < s.n; ++i) {
    expect_near(s.open[i], SigmoidGateRef(1, s.gate[i]));
    expect_near(s.y[i], SigmoidGateRef(s.x[i], s.gate[i]));
    expect_near(s.dx[i], double{s.dy[i]} * s.open[i]);
    expect_near(s.dgate[i], SigmoidGateGradientRef(s.x[i], s.open[i], s.dy[i]));
  }
}

TYPED_TEST(SigmoidGateLengths, TakesAnyLengthAndPlace) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    ReversedFor parallel;
    std::vector<size_t> lengths;
    for (size_t n = 0; n <= 70; ++n) lengths.push_back(n);
    // Around a task's end.
    lengths.insert(lengths.end(), {300, 16383, 16384, 16385, 40000});
    for (const size_t n : lengths) {
      Case<TypeParam> s(random, n);
      s.Forward(parallel);
      s.Backward(parallel);
      ExpectNearReference(s);
    }
  });
}

TYPED_TEST(SigmoidGateLengths, WorksInPlace) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(2);
    Case<T> s(random, 45);
    s.Forward(serial);
    s.Backward(serial);
    const auto expect_equal = [](const std::vector<T>& a, GuardedArray<T>& b) {
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin()));
    };
    std::vector<T> y(s.x.begin(), s.x.end()),
        open(s.gate.begin(), s.gate.end());
    SigmoidGateForward(y.data(), open.data(), s.n, y.data(), open.data(),
                       serial);
    expect_equal(y, s.y);
    expect_equal(open, s.open);
    std::vector<T> dx(s.dy.begin(), s.dy.end());
    SigmoidGateBackward(s.x.data(), open.data(), dx.data(), s.n, dx.data(),
                        open.data(), serial);
    expect_equal(dx, s.dx);
    expect_equal(open, s.dgate);
    std::vector<T> x(s.x.begin(), s.x.end());
    SigmoidGateBackward(x.data(), s.open.data(), s.dy.data(), s.n, dx.data(),
                        x.data(), serial);
    expect_equal(x, s.dgate);
  });
}

TYPED_TEST(SigmoidGateLengths, OrderOfTasksDoesNotChangeBits) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    ReversedFor backward;
    std::mt19937 random(3), again(3);
    Case<T> a(random, 70001), b(again, 70001);
    a.Forward(serial);
    b.Forward(backward);
    a.Backward(serial);
    b.Backward(backward);
    const auto same = [](const GuardedArray<T>& p, const GuardedArray<T>& q) {
      return std::memcmp(p.data(), q.data(), p.size() * sizeof(T)) == 0;
    };
    EXPECT_TRUE(same(a.y, b.y));
    EXPECT_TRUE(same(a.open, b.open));
    EXPECT_TRUE(same(a.dx, b.dx));
    EXPECT_TRUE(same(a.dgate, b.dgate));
  });
}

TYPED_TEST(SigmoidGateLengths, SpecialValues) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  ForEachTarget([&] {
    SerialFor serial;
    const std::vector<T> x = {kNan, 1, -3, -3, kInf, kInf, 5, -5};
    const std::vector<T> gate = {1, kNan, -kInf, kInf, -kInf, 0, 40, -2000};
    const size_t n = x.size();
    std::vector<T> y(n), open(n), dx(n), dgate(n);
    SigmoidGateForward(x.data(), gate.data(), n, y.data(), open.data(), serial);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_TRUE(std::isnan(y[1]));
    EXPECT_EQ(y[2], 0);
    EXPECT_EQ(y[3], -3);
    EXPECT_TRUE(std::isnan(y[4]));
    EXPECT_EQ(y[5], kInf);
    EXPECT_EQ(y[6], 5);
    EXPECT_EQ(open[6], 1);
    EXPECT_EQ(y[7], 0);
    const std::vector<T> dy(n, 2);
    SigmoidGateBackward(x.data(), open.data(), dy.data(), n, dx.data(),
                        dgate.data(), serial);
    EXPECT_FALSE(std::isnan(dx[0]));
    EXPECT_TRUE(std::isnan(dgate[0]));
    EXPECT_TRUE(std::isnan(dx[1]));
    EXPECT_TRUE(std::isnan(dgate[1]));
    for (const size_t closed : {2, 7}) {
      EXPECT_EQ(dx[closed], 0);
      EXPECT_EQ(dgate[closed], 0);
    }
    for (const size_t opened : {3, 6}) {
      EXPECT_EQ(dx[opened], 2);
      EXPECT_EQ(dgate[opened], 0);
    }
    EXPECT_TRUE(std::isnan(dgate[4]));
    EXPECT_EQ(dgate[5], kInf);
  });
}

TEST(SigmoidGateGradientTest, EqualsFiniteDifferences) {
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(4);
    for (const size_t n : {1, 5, 33}) {
      Case<double> s(random, n);
      s.Forward(serial);
      s.Backward(serial);
      const auto loss = [&] {
        s.Forward(serial);
        double sum = 0;
        for (size_t i = 0; i < n; ++i) sum += s.dy[i] * s.y[i];
        return sum;
      };
      EXPECT_LT(GradientError(s.x.data(), s.dx.data(), n, loss), 1e-7) << n;
      EXPECT_LT(GradientError(s.gate.data(), s.dgate.data(), n, loss), 1e-7)
          << n;
    }
  });
}

}  // namespace
}  // namespace polarize
