#include "kernels/rms_norm/rms_norm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/rms_norm/rms_norm_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

template <typename T>
void FillNormal(std::mt19937& random, double mean, double deviation,
                GuardedArray<T>& a) {
  std::normal_distribution<double> normal(mean, deviation);
  for (T& v : a) v = static_cast<T>(normal(random));
}

template <typename T>
struct Case {
  size_t rows, width;
  GuardedArray<T> x, scale, residual, y;

  Case(std::mt19937& random, size_t rows, size_t width, double size = 2)
      : rows(rows),
        width(width),
        x(rows * width, width % 3),
        scale(width, 1),
        residual(rows * width, width % 4),
        y(rows * width, width % 5) {
    FillNormal(random, 0.3 * size, size, x);
    FillNormal(random, 1, 0.5, scale);
    FillNormal(random, 0, 1, residual);
    std::fill(y.begin(), y.end(), std::numeric_limits<T>::quiet_NaN());
  }
  void Run(double epsilon, double factor, bool with_residual) {
    RmsNorm(x.data(), scale.data(), with_residual ? residual.data() : nullptr,
            rows, width, static_cast<T>(epsilon), static_cast<T>(factor),
            y.data());
  }
};

template <typename T>
void ExpectNearReference(const Case<T>& s, double epsilon, double factor,
                         bool with_residual) {
  constexpr double kUnit = kRmsNormEpsilons * std::numeric_limits<T>::epsilon();
  for (size_t r = 0; r < s.rows; ++r) {
    const std::vector<double> x(s.x.data() + r * s.width,
                                s.x.data() + (r + 1) * s.width);
    const double rstd =
        RmsNormRstdRef(x.data(), s.width, static_cast<T>(epsilon));
    for (size_t c = 0; c < s.width; ++c) {
      const double term = x[c] * rstd * s.scale[c] * static_cast<T>(factor);
      const double old = with_residual ? s.residual[r * s.width + c] : 0;
      ASSERT_NEAR(s.y[r * s.width + c], old + term,
                  kUnit * (std::abs(term) + std::abs(old)))
          << "row " << r << " column " << c << " width " << s.width;
    }
  }
}

template <typename T>
class RmsNormTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(RmsNormTest, Scalars);

TYPED_TEST(RmsNormTest, IsNearTheReference) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    constexpr double kSizes[] = {1e-3, 1, 200};
    std::vector<size_t> widths;
    for (size_t w = 1; w <= 70; ++w) widths.push_back(w);
    widths.insert(widths.end(), {100, 128, 255, 1000, 4096});
    for (const size_t width : widths) {
      for (const double epsilon : {1e-5, 0.3}) {
        for (const double factor : {1.0, 0.08838834764831845}) {
          for (const bool with_residual : {false, true}) {
            Case<TypeParam> s(random, 3, width, kSizes[width % 3]);
            s.Run(epsilon, factor, with_residual);
            ExpectNearReference(s, epsilon, factor, with_residual);
          }
        }
      }
    }
  });
}

TYPED_TEST(RmsNormTest, TakesAnyNumberOfRows) {
  ForEachTarget([&] {
    std::mt19937 random(2);
    for (const size_t rows : {0, 1, 2, 65}) {
      Case<TypeParam> s(random, rows, 37);
      s.Run(1e-5, 1, true);
      ExpectNearReference(s, 1e-5, 1, true);
    }
  });
}

TYPED_TEST(RmsNormTest, WorksInPlaceOfXAndOfTheResidual) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::mt19937 random(3);
    Case<T> s(random, 5, 45);
    s.Run(1e-5, 0.5, true);
    std::vector<T> x(s.x.begin(), s.x.end());
    RmsNorm(x.data(), s.scale.data(), s.residual.data(), s.rows, s.width,
            T(1e-5), T(0.5), x.data());
    EXPECT_TRUE(std::equal(x.begin(), x.end(), s.y.begin()));
    std::vector<T> residual(s.residual.begin(), s.residual.end());
    RmsNorm(s.x.data(), s.scale.data(), residual.data(), s.rows, s.width,
            T(1e-5), T(0.5), residual.data());
    EXPECT_TRUE(std::equal(residual.begin(), residual.end(), s.y.begin()));
  });
}

TYPED_TEST(RmsNormTest, SpecialValuesStayInTheirRow) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::mt19937 random(4);
    for (const size_t width : {2, 7, 19, 64, 67}) {
      Case<T> s(random, 5, width);
      s.x[width - 1] = std::numeric_limits<T>::quiet_NaN();
      s.x[width] = std::numeric_limits<T>::infinity();
      for (size_t c = 0; c < width; ++c) {
        s.x[2 * width + c] = std::numeric_limits<T>::max() / 4;
        s.x[3 * width + c] = 0;
      }
      s.Run(1e-5, 1, false);
      EXPECT_TRUE(std::isnan(s.y[width]));
      for (size_t c = 0; c < width; ++c) {
        EXPECT_TRUE(std::isnan(s.y[c]));
        if (std::is_same<T, float>::value) {
          if (c > 0) {
            EXPECT_EQ(s.y[width + c], 0);
          }
          EXPECT_EQ(s.y[2 * width + c], 0);
        } else {
          EXPECT_TRUE(std::isnan(s.y[width + c]));
          EXPECT_TRUE(std::isnan(s.y[2 * width + c]));
        }
        EXPECT_EQ(s.y[3 * width + c], 0);
        EXPECT_TRUE(std::isfinite(s.y[4 * width + c]));
        EXPECT_NE(s.y[4 * width + c], 0);
      }
      s.Run(0, 1, false);
      EXPECT_TRUE(std::isnan(s.y[3 * width]));
    }
  });
}

TEST(RmsNormDeathTest, RowsHaveAWidth) {
  float a[8] = {};
  EXPECT_DEATH(RmsNorm<float>(a, a, nullptr, 3, 0, 1e-5f, 1.0f, a),
               "3 rows of width 0");
}

}  // namespace
}  // namespace polarize
