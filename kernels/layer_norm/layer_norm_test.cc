#include "kernels/layer_norm/layer_norm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/layer_norm/layer_norm_ref.h"
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
std::vector<double> ToDouble(const GuardedArray<T>& a) {
  return std::vector<double>(a.data(), a.data() + a.size());
}

// Everything a forward and a backward pass touch.
template <typename T>
struct Case {
  size_t rows, width;
  GuardedArray<T> x, weight, bias, y, mean, rstd, dy, dx, dweight, dbias,
      scratch;

  Case(std::mt19937& random, size_t rows, size_t width, double x_mean = 0.5)
      : rows(rows),
        width(width),
        x(rows * width, width % 3),
        weight(width, 1),
        bias(width, 2),
        y(rows * width, width % 5),
        mean(rows, 3),
        rstd(rows, 1),
        dy(rows * width, width % 7),
        dx(rows * width, width % 4),
        dweight(width, 1),
        dbias(width),
        scratch(LayerNormScratch(rows, width), 1) {
    FillNormal(random, x_mean, 2, x);
    FillNormal(random, 1, 0.5, weight);
    FillNormal(random, 0, 1, bias);
    FillNormal(random, 0.1, 1, dy);
    FillNormal(random, 0, 1, dx);
    // What must be overwritten.
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (auto* a : {&y, &mean, &rstd, &dweight, &dbias, &scratch}) {
      std::fill(a->begin(), a->end(), nan);
    }
  }

  void Forward(double epsilon, ParallelFor& parallel) {
    LayerNormForward(x.data(), weight.data(), bias.data(), rows, width,
                     static_cast<T>(epsilon), y.data(), mean.data(),
                     rstd.data(), parallel);
  }
  void Backward(ParallelFor& parallel) {
    LayerNormBackward(x.data(), weight.data(), mean.data(), rstd.data(),
                      dy.data(), rows, width, dx.data(), dweight.data(),
                      dbias.data(), scratch.data(), parallel);
  }
};

template <typename T>
void ExpectForwardNearReference(const Case<T>& s, double epsilon) {
  constexpr double kUnit =
      kLayerNormEpsilons * std::numeric_limits<T>::epsilon();
  const std::vector<double> x = ToDouble(s.x);
  for (size_t r = 0; r < s.rows; ++r) {
    const double* row = x.data() + r * s.width;
    const LayerNormRefMoments exact =
        LayerNormMomentsRef(row, s.width, static_cast<T>(epsilon));
    double largest = 0;
    for (size_t c = 0; c < s.width; ++c) {
      largest = std::max(largest, std::abs(row[c]));
    }
    ASSERT_NEAR(s.mean[r], exact.mean, kUnit * largest);
    ASSERT_NEAR(s.rstd[r], exact.rstd, kUnit * exact.rstd);
    for (size_t c = 0; c < s.width; ++c) {
      const double w = s.weight[c], b = s.bias[c];
      ASSERT_NEAR(s.y[r * s.width + c], LayerNormRef(row, c, w, b, exact),
                  kUnit * (largest * exact.rstd * std::abs(w) + std::abs(b)))
          << "row " << r << " column " << c << " width " << s.width;
    }
  }
}

template <typename T>
void ExpectBackwardNearReference(Case<T>& s, ParallelFor& parallel) {
  constexpr double kUnit =
      kLayerNormGradientEpsilons * std::numeric_limits<T>::epsilon();
  const size_t n = s.rows * s.width;
  const std::vector<double> x = ToDouble(s.x), weight = ToDouble(s.weight),
                            dy = ToDouble(s.dy);
  std::vector<double> dx = ToDouble(s.dx), dx_scale(n), dweight(s.width),
                      dbias(s.width), dweight_scale(s.width),
                      dbias_scale(s.width);
  for (size_t r = 0; r < s.rows; ++r) {
    const size_t at = r * s.width;
    LayerNormBackwardRowRef(
        x.data() + at, weight.data(), {s.mean[r], s.rstd[r]}, dy.data() + at,
        s.width, dx.data() + at, dweight.data(), dbias.data(),
        dx_scale.data() + at, dweight_scale.data(), dbias_scale.data());
  }
  s.Backward(parallel);
  for (size_t i = 0; i < n; ++i) {
    ASSERT_NEAR(s.dx[i], dx[i], kUnit * dx_scale[i]) << i << " of " << n;
  }
  for (size_t c = 0; c < s.width; ++c) {
    ASSERT_NEAR(s.dweight[c], dweight[c], kUnit * dweight_scale[c]) << c;
    ASSERT_NEAR(s.dbias[c], dbias[c], kUnit * dbias_scale[c]) << c;
  }
}

template <typename T>
class LayerNormTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(LayerNormTest, Scalars);

TYPED_TEST(LayerNormTest, IsNearTheReference) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    ReversedFor parallel;
    constexpr double kMeans[] = {0.5, 30, -200};
    std::vector<size_t> widths;
    for (size_t w = 1; w <= 70; ++w) widths.push_back(w);
    widths.insert(widths.end(), {100, 128, 255, 256, 512, 1000});
    for (const size_t width : widths) {
      for (const double epsilon : {1e-5, 0.3}) {
        Case<TypeParam> s(random, 3, width, kMeans[width % 3]);
        s.Forward(epsilon, parallel);
        ExpectForwardNearReference(s, epsilon);
        ExpectBackwardNearReference(s, parallel);
      }
    }
  });
}

TYPED_TEST(LayerNormTest, TakesAnyNumberOfRows) {
  ForEachTarget([&] {
    std::mt19937 random(2);
    ReversedFor parallel;
    for (const size_t rows : {0, 1, 63, 64, 65, 129, 4096}) {
      Case<TypeParam> s(random, rows, 37);
      s.Forward(1e-5, parallel);
      ExpectForwardNearReference(s, 1e-5);
      ExpectBackwardNearReference(s, parallel);
    }
  });
}

// Sums over many rows of one sign, where a single running sum would drift.
TYPED_TEST(LayerNormTest, SumsOverManyRowsStayAccurate) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::mt19937 random(3);
    SerialFor serial;
    Case<T> s(random, 4096, 64);
    for (T& v : s.dy) v = static_cast<T>(1 + std::abs(v));
    std::vector<long double> exact(s.width);
    for (size_t i = 0; i < s.dy.size(); ++i) exact[i % s.width] += s.dy[i];
    s.Forward(1e-5, serial);
    s.Backward(serial);
    for (size_t c = 0; c < s.width; ++c) {
      EXPECT_NEAR(static_cast<double>(s.dbias[c] / exact[c]), 1,
                  4 * std::numeric_limits<T>::epsilon());
    }
  });
}

TYPED_TEST(LayerNormTest, OrderOfTasksDoesNotChangeBits) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    ReversedFor backward;
    std::mt19937 random(4), again(4);
    Case<T> a(random, 200, 65), b(again, 200, 65);
    a.Forward(1e-5, serial);
    b.Forward(1e-5, backward);
    a.Backward(serial);
    b.Backward(backward);
    const auto same = [](const GuardedArray<T>& p, const GuardedArray<T>& q) {
      return std::memcmp(p.data(), q.data(), p.size() * sizeof(T)) == 0;
    };
    EXPECT_TRUE(same(a.y, b.y));
    EXPECT_TRUE(same(a.dx, b.dx));
    EXPECT_TRUE(same(a.dweight, b.dweight));
    EXPECT_TRUE(same(a.dbias, b.dbias));
  });
}

TYPED_TEST(LayerNormTest, WorksInPlace) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(5);
    Case<T> s(random, 5, 45);
    s.Forward(1e-5, serial);
    std::vector<T> in_place(s.x.begin(), s.x.end());
    LayerNormForward(in_place.data(), s.weight.data(), s.bias.data(), s.rows,
                     s.width, T(1e-5), in_place.data(), s.mean.data(),
                     s.rstd.data(), serial);
    EXPECT_TRUE(std::equal(in_place.begin(), in_place.end(), s.y.begin()));
    std::copy(s.dy.begin(), s.dy.end(), s.dx.begin());
    std::vector<T> both(s.dy.begin(), s.dy.end());
    s.Backward(serial);
    LayerNormBackward(s.x.data(), s.weight.data(), s.mean.data(), s.rstd.data(),
                      both.data(), s.rows, s.width, both.data(),
                      s.dweight.data(), s.dbias.data(), s.scratch.data(),
                      serial);
    EXPECT_TRUE(std::equal(both.begin(), both.end(), s.dx.begin()));
  });
}

TYPED_TEST(LayerNormTest, SpecialValuesStayInTheirRow) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(6);
    for (const size_t width : {1, 7, 19, 64, 67}) {
      Case<T> s(random, 6, width);
      s.x[0] = kNan;
      s.x[2 * width - 1] = kInf;
      for (size_t c = 0; c < width; ++c) s.x[2 * width + c] = 3;
      for (size_t c = 0; c < width; ++c) {  // the squares overflow
        s.x[3 * width + c] =
            std::numeric_limits<T>::max() / 1024 * (c % 2 == 0 ? 1 : T(-1));
      }
      s.dy[5 * width - 1] = kNan;
      s.Forward(1e-5, serial);
      s.Backward(serial);
      for (size_t c = 0; c < width; ++c) {
        EXPECT_TRUE(std::isnan(s.y[c]));
        EXPECT_TRUE(std::isnan(s.y[width + c]));
        EXPECT_EQ(s.y[2 * width + c], s.bias[c]);
        if (width > 1) {
          EXPECT_EQ(s.y[3 * width + c], s.bias[c]);
        }
        EXPECT_TRUE(std::isfinite(s.y[4 * width + c]));
        EXPECT_TRUE(std::isnan(s.dx[c]));
        EXPECT_TRUE(std::isnan(s.dx[width + c]));
        EXPECT_TRUE(std::isfinite(s.dx[2 * width + c]));
        EXPECT_TRUE(std::isnan(s.dx[4 * width + c]));
        EXPECT_TRUE(std::isfinite(s.dx[5 * width + c]));
        EXPECT_TRUE(std::isnan(s.dweight[c]));
        EXPECT_EQ(std::isnan(s.dbias[c]), c == width - 1);
      }
      // Without epsilon a constant row has no scale.
      s.Forward(0, serial);
      for (size_t c = 0; c < width; ++c) {
        EXPECT_TRUE(std::isnan(s.y[2 * width + c]));
      }
    }
  });
}

TYPED_TEST(LayerNormTest, RowsThatOverflow) {
  using T = TypeParam;
  constexpr T kMax = std::numeric_limits<T>::max();
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(8);
    Case<T> sum(random, 1, 8);  // whatever the order of its terms
    for (T& v : sum.x) v = kMax / 8 * 7;
    sum.Forward(1e-5, serial);
    for (const T y : sum.y) EXPECT_TRUE(std::isnan(y));

    Case<T> difference(random, 1, 4);  // the mean is -max / 8
    for (T& v : difference.x) v = -kMax / 2;
    difference.x[0] = kMax;
    difference.Forward(1e-5, serial);
    EXPECT_TRUE(std::isnan(difference.y[0]));
    for (size_t c = 1; c < 4; ++c) {
      EXPECT_EQ(difference.y[c], difference.bias[c]);
    }
  });
}

TEST(LayerNormGradientTest, EqualsFiniteDifferences) {
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(7);
    for (const size_t width : {3, 5, 16, 33}) {
      for (const double epsilon : {1e-5, 0.5}) {
        Case<double> s(random, 4, width);
        std::fill(s.dx.begin(), s.dx.end(), 0);
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
        expect(s.weight, s.dweight);
        expect(s.bias, s.dbias);
      }
    }
  });
}

TEST(LayerNormDeathTest, RowsHaveAWidth) {
  SerialFor serial;
  float a[8] = {};
  EXPECT_DEATH(LayerNormForward(a, a, a, 3, 0, 1e-5f, a, a, a, serial),
               "3 rows of width 0");
  EXPECT_DEATH(LayerNormBackward(a, a, a, a, a, 2, 0, a, a, a, a, serial),
               "2 rows of width 0");
}

}  // namespace
}  // namespace polarize
