#include "kernels/math/math.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/math/math_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kMinNormal = std::numeric_limits<float>::min();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr size_t kPatterns = 200000;

struct Function {
  const char* name;
  void (*array)(const float*, float*, size_t);
  void (*array_double)(const double*, double*, size_t);
  void (*gradient)(const float*, const float*, float*, size_t);
  void (*gradient_double)(const double*, const double*, double*, size_t);
  double (*reference)(double);
  double (*derivative)(double);
};

#define POLARIZE_RECORD(Name)                                                \
  {                                                                          \
#Name, &Name, &Name, &Name##Gradient, &Name##Gradient, &reference::Name, \
        &reference::Name##Derivative                                         \
  }

constexpr Function kExp = POLARIZE_RECORD(Exp);
constexpr Function kLog = POLARIZE_RECORD(Log);
constexpr Function kErf = POLARIZE_RECORD(Erf);
constexpr Function kSigmoid = POLARIZE_RECORD(Sigmoid);
constexpr Function kElu = POLARIZE_RECORD(Elu);
constexpr Function kGelu = POLARIZE_RECORD(Gelu);
constexpr Function kFunctions[] = {kExp, kLog, kErf, kSigmoid, kElu, kGelu};

// A range of x and the error allowed there: in ULP, or absolute where positive.
struct Range {
  float lo, hi;
  double ulp;
  double absolute;
};

double Error(float actual, double exact, const Range& range) {
  if (range.absolute > 0 && std::isfinite(actual)) {
    return std::abs(actual - exact);
  }
  return UlpError(actual, exact);
}

// The worst x of the range is reported, not the first.
void CheckRange(const Function& f, const Range& range) {
  const std::vector<float> x = FloatsBetween(range.lo, range.hi, kPatterns);
  std::vector<float> y(x.size());
  f.array(x.data(), y.data(), x.size());
  size_t worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!(Error(y[i], f.reference(x[i]), range) <=
          Error(y[worst], f.reference(x[worst]), range))) {
      worst = i;
    }
  }
  const double error = Error(y[worst], f.reference(x[worst]), range);
  EXPECT_LE(error, range.absolute > 0 ? range.absolute : range.ulp)
      << f.name << "(" << x[worst] << ") = " << y[worst] << ", not "
      << f.reference(x[worst]) << ", in [" << range.lo << ", " << range.hi
      << "]";
}

void CheckRanges(const Function& f, const std::vector<Range>& ranges) {
  ForEachTarget([&] {
    for (const Range& range : ranges) CheckRange(f, range);
  });
}

// Every range straddles a threshold of the code, of the result (overflow,
// denormals) or covers what is between.

TEST(MathTest, ExpIsAccurate) {
  CheckRanges(kExp, {{-kMax, kMax, kExpUlp, 0},
                     {-105.5f, -86.5f, kExpUlp, 0},
                     {86.5f, 89.5f, kExpUlp, 0},
                     {-88.0f, -0.01f, kExpUlp, 0},
                     {0.01f, 89.0f, kExpUlp, 0},
                     {-0.4f, 0.4f, kExpUlp, 0}});
}

TEST(MathTest, LogIsAccurate) {
  CheckRanges(kLog, {{kDenormal, kMax, kLogUlp, 0},
                     {kDenormal, 4 * kMinNormal, kLogUlp, 0},
                     {0.5f, 2.0f, kLogUlp, 0},
                     {0.999f, 1.001f, kLogUlp, 0},
                     {0.70f, 0.71f, kLogUlp, 0},
                     {1.41f, 1.42f, kLogUlp, 0}});
}

TEST(MathTest, ErfIsAccurate) {
  CheckRanges(kErf, {{-kMax, kMax, kErfUlp, 0},
                     {-4.5f, -0.5f, kErfUlp, 0},
                     {0.5f, 4.5f, kErfUlp, 0},
                     {0.99f, 1.01f, kErfUlp, 0},
                     {3.99f, 4.01f, kErfUlp, 0}});
}

TEST(MathTest, SigmoidIsAccurateDownItsTail) {
  CheckRanges(kSigmoid, {{-kMax, kMax, kSigmoidUlp, 0},
                         {-105.5f, -86.5f, kSigmoidUlp, 0},
                         {-88.0f, -0.01f, kSigmoidUlp, 0},
                         {0.01f, 88.0f, kSigmoidUlp, 0},
                         {15.0f, 25.0f, kSigmoidUlp, 0},
                         {-0.4f, 0.4f, kSigmoidUlp, 0}});
}

TEST(MathTest, EluIsAccurate) {
  CheckRanges(kElu, {{-kMax, kMax, kEluUlp, 0},
                     {-21.0f, -15.0f, kEluUlp, 0},
                     {-15.0f, -0.3f, kEluUlp, 0},
                     {-0.4f, 0.4f, kEluUlp, 0},
                     {-1e-29f, -1e-31f, kEluUlp, 0}});
}

TEST(MathTest, GeluIsAccurate) {
  CheckRanges(kGelu, {{kGeluUlpFrom, kMax, kGeluUlp, 0},
                      {kGeluUlpFrom, -0.5f, kGeluUlp, 0},
                      {0.5f, 16.0f, kGeluUlp, 0},
                      {-0.81f, -0.79f, kGeluUlp, 0},
                      {0.79f, 0.81f, kGeluUlp, 0},
                      {-5.9f, -5.6f, 0, kGeluAbsolute},
                      {-kMax, kGeluUlpFrom, 0, kGeluAbsolute},
                      {-16.0f, kGeluUlpFrom, 0, kGeluAbsolute}});
}

TEST(MathTest, GeluOfTheFarLeftVanishes) {
  ForEachTarget([] {
    for (const float x : {-15.0f, -16.0f, -100.0f, -1e30f, -kMax, -kInf}) {
      float y;
      Gelu(&x, &y, 1);
      EXPECT_EQ(y, 0) << x;
      EXPECT_TRUE(std::signbit(y)) << x;
    }
  });
}

// The derivative's error, with dy a power of two so that the product is exact.
void CheckDerivative(const Function& f, const Range& range) {
  constexpr float kDy = -2;
  const std::vector<float> x = FloatsBetween(range.lo, range.hi, kPatterns);
  const std::vector<float> dy(x.size(), kDy);
  std::vector<float> dx(x.size());
  f.gradient(x.data(), dy.data(), dx.data(), x.size());
  double worst = 0;
  float where = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = Error(dx[i] / kDy, f.derivative(x[i]), range);
    if (!(error <= worst)) {
      worst = error;
      where = x[i];
    }
  }
  EXPECT_LE(worst, range.absolute > 0 ? range.absolute : range.ulp)
      << f.name << " at " << where;
}

TEST(MathTest, DerivativesAreAccurate) {
  ForEachTarget([] {
    CheckDerivative(kExp, {-87, 88, kExpUlp, 0});
    CheckDerivative(kLog, {1e-37f, 1e37f, 0.51, 0});
    for (const float limit : {kMax, 20.0f, 6.0f, 1.0f}) {
      CheckDerivative(kErf, {-limit, limit, 0, kErfDerivativeAbsolute});
      CheckDerivative(kGelu, {-limit, limit, 0, kGeluDerivativeAbsolute});
    }
    CheckDerivative(kSigmoid, {-87, 87, kSigmoidDerivativeUlp, 0});
    CheckDerivative(kSigmoid, {0.1f, 87, kSigmoidDerivativeUlp, 0});
    CheckDerivative(kElu, {-87, kMax, kExpUlp, 0});
  });
}

TEST(MathTest, SigmoidGradientFromAValueIsAccurate) {
  ForEachTarget([] {
    for (const auto& range : {std::pair<float, float>{kDenormal, 1.0f},
                              {kDenormal, 4 * kMinNormal},
                              {0.25f, 0.75f},
                              {0.49f, 0.51f},
                              {0.99f, 1.0f}}) {
      const auto y = FloatsBetween(range.first, range.second, kPatterns);
      std::vector<float> dy(y.size()), dx(y.size());
      for (size_t i = 0; i < y.size(); ++i) {
        dy[i] = (i % 2 == 0 ? 1.0f : -1.0f) * (1 + 0.01f * (i % 97));
      }
      SigmoidGradientFromValue(y.data(), dy.data(), dx.data(), y.size());
      double worst = 0;
      float where = 0;
      for (size_t i = 0; i < y.size(); ++i) {
        const double exact = static_cast<double>(dy[i]) * y[i] * (1.0 - y[i]);
        const double error = UlpError(dx[i], exact);
        if (!(error <= worst)) {
          worst = error;
          where = y[i];
        }
      }
      EXPECT_LE(worst, kSigmoidValueGradientUlp) << where;
    }
  });
}

TEST(MathTest, SigmoidGradientFromAValueAnyLengthAlignmentAndAliasing) {
  ForEachTarget([] {
    // Beyond 256 elements the stores of every instruction set are aligned.
    for (size_t n = 0; n <= 300; n += n < 70 ? 1 : 23) {
      for (const size_t misalign : {0, 1, 7}) {
        GuardedArray<float> y(n, misalign), dy(n, 2), dx(n, misalign + 3);
        for (size_t i = 0; i < n; ++i) {
          y[i] = (i % 23 + 0.5f) / 24;
          dy[i] = 1.0f + i % 3;
        }
        std::vector<float> expected(n);
        for (size_t i = 0; i < n; ++i) {
          SigmoidGradientFromValue(&y[i], &dy[i], &expected[i], 1);
        }
        const std::vector<float> value(y.begin(), y.end());
        SigmoidGradientFromValue(y.data(), dy.data(), dx.data(), n);
        SigmoidGradientFromValue(y.data(), dy.data(), y.data(), n);
        SigmoidGradientFromValue(value.data(), dy.data(), dy.data(), n);
        for (size_t i = 0; i < n; ++i) {
          ASSERT_EQ(dx[i], expected[i]) << n << " " << i;
          ASSERT_EQ(y[i], expected[i]) << n << " " << i;
          ASSERT_EQ(dy[i], expected[i]) << n << " " << i;
        }
      }
    }
  });
}

TEST(MathTest, SigmoidGradientFromAValueSpecialValues) {
  ForEachTarget([] {
    const float y[] = {0, 1, 0.5f, 0, kNaN, -kNaN, 0.5f, 0.5f, 1};
    const float dy[] = {3, 3, 3, kInf, 1, 1, kNaN, -kInf, -kInf};
    const float expected[] = {0, 0, 0.75f, kNaN, kNaN, kNaN, kNaN, -kInf, kNaN};
    float dx[9];
    SigmoidGradientFromValue(y, dy, dx, 9);
    for (size_t i = 0; i < 9; ++i) {
      EXPECT_TRUE(dx[i] == expected[i] ||
                  (std::isnan(dx[i]) && std::isnan(expected[i])))
          << i;
    }
  });
}

// In double against the gradient from x, for which finite differences speak.
TEST(MathTest, SigmoidGradientFromAValueIsThatFromX) {
  double x[40], y[40], dy[40], dx[40], from_x[40];
  for (int i = 0; i < 40; ++i) {
    x[i] = 0.4 * i - 8;
    dy[i] = 1 + i % 3;
  }
  Sigmoid(x, y, 40);
  SigmoidGradientFromValue(y, dy, dx, 40);
  SigmoidGradient(x, dy, from_x, 40);
  for (int i = 0; i < 40; ++i) {
    // Near y = 1 the value's own rounding counts.
    EXPECT_NEAR(dx[i], from_x[i], 1e-15 * dy[i]) << x[i];
  }
}

// So large that results bypass the caches: the same bits as piece by piece, and
// nothing beside them.
TEST(MathTest, LargeArraysHaveTheSameBits) {
  constexpr size_t kSize = (size_t{1} << 23) + 21, kPiece = 999, kGap = 3;
  std::vector<float> x(kSize), y(kSize + 2 * kGap), piece(kPiece);
  for (size_t i = 0; i < kSize; ++i) x[i] = (i * 37 % 1001) * 0.016f - 8.0f;
  ForEachTarget([&] {
    for (const bool gradient : {false, true}) {
      std::fill(y.begin(), y.end(), -7.0f);
      float* to = y.data() + kGap;
      const auto run = [&](const float* from, float* out, size_t n) {
        if (gradient) {
          SigmoidGradientFromValue(from, from, out, n);
        } else {
          Sigmoid(from, out, n);
        }
      };
      run(x.data(), to, kSize);
      for (size_t i = 0; i < kSize; i += kPiece) {
        const size_t count = std::min(kPiece, kSize - i);
        run(x.data() + i, piece.data(), count);
        ASSERT_TRUE(std::equal(to + i, to + i + count, piece.data())) << i;
      }
      for (size_t i = 0; i < kGap; ++i) {
        EXPECT_EQ(y[i], -7.0f);
        EXPECT_EQ(to[kSize + i], -7.0f);
      }
    }
  });
}

// Every parity of length and misalignment, between inaccessible pages; in and
// out of place give the same bits as one element at a time.
TEST(MathTest, AnyLengthAlignmentAndAliasing) {
  ForEachTarget([] {
    for (const Function& f : kFunctions) {
      // Beyond 256 elements the stores of every instruction set are aligned.
      for (size_t n = 0; n <= 300; n += n < 70 ? 1 : 23) {
        for (const size_t misalign : {0, 1, 7}) {
          GuardedArray<float> x(n, misalign), y(n, misalign + 3);
          for (size_t i = 0; i < n; ++i) x[i] = 0.25f * (i % 23) - 2.5f;
          f.array(x.data(), y.data(), n);
          std::vector<float> expected(n);
          for (size_t i = 0; i < n; ++i) f.array(&x[i], &expected[i], 1);
          f.array(x.data(), x.data(), n);
          for (size_t i = 0; i < n; ++i) {
            if (std::isnan(expected[i])) continue;  // log of negatives
            ASSERT_EQ(y[i], expected[i]) << f.name << " " << n << " " << i;
            ASSERT_EQ(x[i], expected[i]) << f.name << " " << n << " " << i;
          }
        }
      }
    }
  });
}

TEST(MathTest, GradientsOfAnyLengthAlignmentAndAliasing) {
  ForEachTarget([] {
    for (const Function& f : kFunctions) {
      for (size_t n = 0; n <= 70; ++n) {
        GuardedArray<float> x(n, n % 5), dy(n, 2), dx(n, n % 7);
        for (size_t i = 0; i < n; ++i) {
          x[i] = 0.25f * (i % 23) - 2.625f;
          dy[i] = 1.0f + i % 3;
        }
        f.gradient(x.data(), dy.data(), dx.data(), n);
        f.gradient(x.data(), dy.data(), dy.data(), n);
        for (size_t i = 0; i < n; ++i) {
          const double exact = f.derivative(x[i]) * (1.0 + i % 3);
          ASSERT_NEAR(dx[i], exact, 2e-6 * (1 + std::abs(exact)))
              << f.name << " " << n << " " << i;
          ASSERT_EQ(dy[i], dx[i]) << f.name << " " << n << " " << i;
        }
      }
    }
  });
}

TEST(MathTest, DoubleInstancesAgreeWithTheReference) {
  ForEachTarget([] {
    for (const Function& f : kFunctions) {
      for (size_t n = 0; n <= 20; ++n) {
        GuardedArray<double> x(n, n % 3), y(n), dx(n);
        const std::vector<double> dy(n, 0.5);
        const double from = &f == &kFunctions[1] ? 0.1 : -5.3;
        for (size_t i = 0; i < n; ++i) x[i] = from + 0.61 * i;
        f.array_double(x.data(), y.data(), n);
        f.gradient_double(x.data(), dy.data(), dx.data(), n);
        for (size_t i = 0; i < n; ++i) {
          const double exact = f.reference(x[i]), slope = f.derivative(x[i]);
          EXPECT_NEAR(y[i], exact, 1e-14 * std::abs(exact)) << f.name << x[i];
          EXPECT_NEAR(dx[i], 0.5 * slope, 1e-14 * std::abs(slope) + 1e-16)
              << f.name << x[i];
        }
      }
    }
  });
}

// Fourth-order central differences of the double instance. Elu's kink at 0 is
// between two points.
TEST(MathTest, GradientsMatchFiniteDifferences) {
  constexpr double kStep = 1e-3;
  for (const Function& f : kFunctions) {
    const double from = f.array == kLog.array ? 0.3 : -4.05;
    double difference = 0, norm = 0;
    for (int i = 0; i < 80; ++i) {
      const double x = from + 0.1 * i, one = 1;
      const double shifted[4] = {x - 2 * kStep, x - kStep, x + kStep,
                                 x + 2 * kStep};
      double y[4], dx;
      f.array_double(shifted, y, 4);
      f.gradient_double(&x, &one, &dx, 1);
      const double slope = (y[0] - 8 * y[1] + 8 * y[2] - y[3]) / (12 * kStep);
      difference += (dx - slope) * (dx - slope);
      norm += slope * slope;
    }
    EXPECT_LT(std::sqrt(difference / norm), 1e-7) << f.name;
  }
}

struct Special {
  const Function& f;
  float x, y, derivative;
};

void ExpectSame(float actual, float expected, const Special& s) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << s.f.name << " at " << s.x;
  } else {
    EXPECT_EQ(actual, expected) << s.f.name << " at " << s.x;
    EXPECT_EQ(std::signbit(actual), std::signbit(expected))
        << s.f.name << " at " << s.x;
  }
}

TEST(MathTest, SpecialValues) {
  const Special specials[] = {
      {kExp, -kInf, 0, 0},
      {kExp, kInf, kInf, kInf},
      {kExp, -0.0f, 1, 1},
      {kExp, kDenormal, 1, 1},
      {kLog, 0, -kInf, kInf},
      {kLog, -0.0f, -kInf, -kInf},
      {kLog, 1, 0, 1},
      {kLog, -kDenormal, kNaN, -kInf},
      {kLog, -kInf, kNaN, -0.0f},
      {kLog, kInf, kInf, 0},
      {kErf, -kInf, -1, 0},
      {kErf, kInf, 1, 0},
      {kErf, -0.0f, -0.0f, static_cast<float>(2 / std::sqrt(M_PI))},
      {kSigmoid, -kInf, 0, 0},
      {kSigmoid, kInf, 1, 0},
      {kSigmoid, 0, 0.5f, 0.25f},
      {kElu, -kInf, -1, 0},
      {kElu, kInf, kInf, 1},
      {kElu, -0.0f, -0.0f, 1},
      {kElu, -kDenormal, -kDenormal, 1},
      {kGelu, -kInf, -0.0f, -0.0f},
      {kGelu, kInf, kInf, 1},
      {kGelu, -0.0f, -0.0f, 0.5f},
  };
  ForEachTarget([&] {
    for (const Special& s : specials) {
      const float one = 1;
      float y, dx;
      s.f.array(&s.x, &y, 1);
      ExpectSame(y, s.y, s);
      s.f.gradient(&s.x, &one, &dx, 1);
      ExpectSame(std::abs(dx), std::abs(s.derivative), s);
    }
  });
}

// NaN of either sign, in every lane, beside numbers that must not change.
TEST(MathTest, NaNPropagatesInItsLane) {
  ForEachTarget([] {
    for (const Function& f : kFunctions) {
      for (const float nan : {kNaN, -kNaN}) {
        for (size_t lane = 0; lane < 20; ++lane) {
          std::vector<float> x(20, 0.75f), y(20), dx(20), dy(20, 1.0f);
          float plain;
          f.array(&x[0], &plain, 1);
          x[lane] = nan;
          f.array(x.data(), y.data(), x.size());
          f.gradient(x.data(), dy.data(), dx.data(), x.size());
          for (size_t i = 0; i < x.size(); ++i) {
            EXPECT_EQ(std::isnan(y[i]), i == lane) << f.name;
            EXPECT_EQ(std::isnan(dx[i]), i == lane) << f.name;
            EXPECT_TRUE(i == lane || y[i] == plain) << f.name;
          }
        }
      }
    }
  });
}

TEST(MathTest, DoubleSpecialValues) {
  const double inf = std::numeric_limits<double>::infinity();
  const double x[] = {-inf, inf, std::nan("")}, one[] = {1, 1, 1};
  double y[3], dx[3];
  Gelu(x, y, 3);
  GeluGradient(x, one, dx, 3);
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], inf);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_EQ(dx[0], 0);
  EXPECT_EQ(dx[1], 1);
  EXPECT_TRUE(std::isnan(dx[2]));
  Sigmoid(x, y, 3);
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 1);
  EXPECT_TRUE(std::isnan(y[2]));
}

}  // namespace
}  // namespace polarize
