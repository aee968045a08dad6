#include "kernels/rms_norm/rms_norm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
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

// ---------------------------------------------------------------- gradient

// Everything a forward and a backward pass touch.
template <typename T>
struct Training {
  size_t rows, width;
  GuardedArray<T> x, scale, y, rstd, dy, dx, dscale, scratch;

  Training(std::mt19937& random, size_t rows, size_t width, double size = 2)
      : rows(rows),
        width(width),
        x(rows * width, width % 3),
        scale(width, 1),
        y(rows * width, width % 5),
        rstd(rows, 3),
        dy(rows * width, width % 7),
        dx(rows * width, width % 4),
        dscale(width, 2),
        scratch(RmsNormScratch(rows, width), 1) {
    FillNormal(random, 0.3 * size, size, x);
    FillNormal(random, 1, 0.5, scale);
    FillNormal(random, 0.1, 1, dy);
    // What must be overwritten.
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (auto* a : {&y, &rstd, &dx, &dscale, &scratch}) {
      std::fill(a->begin(), a->end(), nan);
    }
  }
  void Forward(double epsilon, ParallelFor& parallel) {
    RmsNormForward(x.data(), scale.data(), rows, width, static_cast<T>(epsilon),
                   y.data(), rstd.data(), parallel);
  }
  void Backward(ParallelFor& parallel) {
    RmsNormBackward(x.data(), scale.data(), rstd.data(), dy.data(), rows, width,
                    dx.data(), dscale.data(), scratch.data(), parallel);
  }
};

template <typename T>
std::vector<double> ToDouble(const GuardedArray<T>& a) {
  return std::vector<double>(a.data(), a.data() + a.size());
}

template <typename T>
void ExpectForwardIsRmsNorm(const Training<T>& s, double epsilon) {
  constexpr double kUnit = kRmsNormEpsilons * std::numeric_limits<T>::epsilon();
  const std::vector<double> x = ToDouble(s.x);
  std::vector<T> y(s.y.size());
  RmsNorm<T>(s.x.data(), s.scale.data(), nullptr, s.rows, s.width,
             static_cast<T>(epsilon), 1, y.data());
  EXPECT_TRUE(std::equal(y.begin(), y.end(), s.y.data()));
  for (size_t r = 0; r < s.rows; ++r) {
    const double exact = RmsNormRstdRef(x.data() + r * s.width, s.width,
                                        static_cast<T>(epsilon));
    ASSERT_NEAR(s.rstd[r], exact, kUnit * exact);
  }
}

template <typename T>
void ExpectBackwardNearReference(Training<T>& s, ParallelFor& parallel) {
  constexpr double kUnit =
      kRmsNormGradientEpsilons * std::numeric_limits<T>::epsilon();
  const size_t n = s.rows * s.width;
  const std::vector<double> x = ToDouble(s.x), scale = ToDouble(s.scale),
                            dy = ToDouble(s.dy);
  std::vector<double> dx(n), dx_size(n), dscale_size(s.width);
  std::vector<long double> dscale(s.width);
  for (size_t r = 0; r < s.rows; ++r) {
    const size_t at = r * s.width;
    RmsNormBackwardRowRef(
        x.data() + at, scale.data(), s.rstd[r], dy.data() + at, s.width,
        dx.data() + at, dscale.data(), dx_size.data() + at, dscale_size.data());
  }
  s.Backward(parallel);
  for (size_t i = 0; i < n; ++i) {
    ASSERT_NEAR(s.dx[i], dx[i], kUnit * dx_size[i]) << i << " of " << n;
  }
  for (size_t c = 0; c < s.width; ++c) {
    ASSERT_NEAR(static_cast<double>(s.dscale[c] - dscale[c]), 0,
                kUnit * dscale_size[c])
        << c;
  }
}

TYPED_TEST(RmsNormTest, GradientIsNearTheReference) {
  ForEachTarget([&] {
    std::mt19937 random(5);
    ReversedFor parallel;
    constexpr double kSizes[] = {1e-3, 1, 200};
    std::vector<size_t> widths;
    for (size_t w = 1; w <= 70; ++w) widths.push_back(w);
    widths.insert(widths.end(), {100, 128, 255, 1000});
    for (const size_t width : widths) {
      for (const double epsilon : {1e-5, 0.3}) {
        Training<TypeParam> s(random, 3, width, kSizes[width % 3]);
        s.Forward(epsilon, parallel);
        ExpectForwardIsRmsNorm(s, epsilon);
        ExpectBackwardNearReference(s, parallel);
      }
    }
  });
}

TYPED_TEST(RmsNormTest, GradientTakesAnyNumberOfRows) {
  ForEachTarget([&] {
    std::mt19937 random(6);
    ReversedFor parallel;
    for (const size_t rows : {0, 1, 127, 128, 129, 257, 4096}) {
      Training<TypeParam> s(random, rows, 37);
      s.Forward(1e-5, parallel);
      ExpectForwardIsRmsNorm(s, 1e-5);
      ExpectBackwardNearReference(s, parallel);
    }
  });
}

// Sums over many rows of one sign, where a single running sum would drift.
TYPED_TEST(RmsNormTest, SumsOverManyRowsStayAccurate) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::mt19937 random(7);
    SerialFor serial;
    Training<T> s(random, 24576, 32);
    for (T& v : s.x) v = std::abs(v);
    for (T& v : s.dy) v = static_cast<T>(1 + std::abs(v));
    s.Forward(1e-5, serial);
    ExpectBackwardNearReference(s, serial);
  });
}

TYPED_TEST(RmsNormTest, OrderOfTasksDoesNotChangeBits) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    ReversedFor backward;
    std::mt19937 random(8), again(8);
    Training<T> a(random, 400, 65), b(again, 400, 65);
    a.Forward(1e-5, serial);
    b.Forward(1e-5, backward);
    a.Backward(serial);
    b.Backward(backward);
    const auto same = [](const GuardedArray<T>& p, const GuardedArray<T>& q) {
      return std::memcmp(p.data(), q.data(), p.size() * sizeof(T)) == 0;
    };
    EXPECT_TRUE(same(a.y, b.y));
    EXPECT_TRUE(same(a.rstd, b.rstd));
    EXPECT_TRUE(same(a.dx, b.dx));
    EXPECT_TRUE(same(a.dscale, b.dscale));
  });
}

TYPED_TEST(RmsNormTest, TrainingWorksInPlace) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(9);
    Training<T> s(random, 5, 45);
    s.Forward(1e-5, serial);
    std::vector<T> x(s.x.begin(), s.x.end()), rstd(s.rows);
    RmsNormForward(x.data(), s.scale.data(), s.rows, s.width, T(1e-5), x.data(),
                   rstd.data(), serial);
    EXPECT_TRUE(std::equal(x.begin(), x.end(), s.y.begin()));
    s.Backward(serial);
    std::vector<T> both(s.dy.begin(), s.dy.end());
    RmsNormBackward(s.x.data(), s.scale.data(), s.rstd.data(), both.data(),
                    s.rows, s.width, both.data(), s.dscale.data(),
                    s.scratch.data(), serial);
    EXPECT_TRUE(std::equal(both.begin(), both.end(), s.dx.begin()));
  });
}

TYPED_TEST(RmsNormTest, SpecialValuesOfTheGradient) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(10);
    for (const size_t width : {2, 7, 19, 64, 67}) {
      Training<T> s(random, 4, width);
      s.dy[width - 1] = std::numeric_limits<T>::quiet_NaN();
      for (size_t c = 0; c < width; ++c) s.x[width + c] = 0;
      s.Forward(1e-5, serial);
      EXPECT_NEAR(s.rstd[1], 1 / std::sqrt(1e-5), 1e-3);
      s.rstd[2] = 0;
      s.Backward(serial);
      for (size_t c = 0; c < width; ++c) {
        EXPECT_TRUE(std::isnan(s.dx[c]));
        EXPECT_EQ(s.dx[width + c], s.rstd[1] * (s.dy[width + c] * s.scale[c]));
        EXPECT_EQ(s.dx[2 * width + c], 0);
        EXPECT_TRUE(std::isfinite(s.dx[3 * width + c]));
        EXPECT_EQ(std::isnan(s.dscale[c]), c == width - 1);
      }
      s.x[3 * width] = std::numeric_limits<T>::quiet_NaN();
      s.Forward(1e-5, serial);
      EXPECT_TRUE(std::isnan(s.rstd[3]));
      s.Backward(serial);
      for (size_t c = 0; c < width; ++c) {
        EXPECT_TRUE(std::isnan(s.dx[3 * width + c]));
        EXPECT_TRUE(std::isnan(s.dscale[c]));
      }
    }
  });
}

TEST(RmsNormGradientTest, EqualsFiniteDifferences) {
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(11);
    for (const size_t width : {3, 5, 16, 33}) {
      for (const double epsilon : {1e-5, 0.5}) {
        Training<double> s(random, 4, width);
        s.Forward(epsilon, serial);
        s.Backward(serial);
        const auto expect = [&](GuardedArray<double>& variable,
                                const GuardedArray<double>& gradient) {
          const auto loss = [&] {
            s.Forward(epsilon, serial);
            double sum = 0;
            for (size_t i = 0; i < s.y.size(); ++i) sum += s.dy[i] * s.y[i];
            return sum;
          };
          EXPECT_LT(GradientError(variable.data(), gradient.data(),
                                  variable.size(), loss),
                    1e-7)
              << "width " << width << ", " << variable.size() << " elements";
        };
        expect(s.x, s.dx);
        expect(s.scale, s.dscale);
      }
    }
  });
}

TEST(RmsNormDeathTest, RowsHaveAWidth) {
  SerialFor serial;
  float a[8] = {};
  EXPECT_DEATH(RmsNorm<float>(a, a, nullptr, 3, 0, 1e-5f, 1.0f, a),
               "3 rows of width 0");
  EXPECT_DEATH(RmsNormForward(a, a, 3, 0, 1e-5f, a, a, serial),
               "3 rows of width 0");
  EXPECT_DEATH(RmsNormBackward(a, a, a, a, 2, 0, a, a, a, serial),
               "2 rows of width 0");
}

}  // namespace
}  // namespace polarize
