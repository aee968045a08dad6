#include "kernels/softmax/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/base/parallel_for.h"
#include "kernels/softmax/softmax_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<float> Softmax(const std::vector<float>& x) {
  std::vector<float> y(x.size());
  SerialFor serial;
  SoftmaxRows(x.data(), 1, x.size(), x.size(), y.data(), serial);
  return y;
}

// Uniform in [lo, hi); the engine's own numbers, which no library changes.
class Uniform {
 public:
  explicit Uniform(uint32_t seed) : engine_(seed) {}
  double operator()(double lo, double hi) {
    return lo + (hi - lo) * (engine_() * 0x1p-32);
  }

 private:
  std::mt19937 engine_;
};

void ExpectAccurate(const std::vector<float>& x, const std::string& what) {
  const std::vector<double> exact = reference::Softmax(x.data(), x.size());
  const std::vector<float> y = Softmax(x);
  double worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = UlpError(y[i], exact[i]);
    if (!(error <= worst)) {
      worst = error;
      where = i;
    }
  }
  EXPECT_LE(worst, kSoftmaxUlp)
      << what << ", n = " << x.size() << ", element " << where << ": "
      << y[where] << ", not " << exact[where];
}

std::vector<size_t> Lengths() {
  std::vector<size_t> lengths;
  for (size_t n = 1; n <= 66; ++n) lengths.push_back(n);
  lengths.insert(lengths.end(), {127, 128, 129, 1000, 4095, 4096});
  return lengths;
}

TEST(SoftmaxTest, IsAccurateForEveryLengthAndSpread) {
  ForEachTarget([] {
    Uniform uniform(1);
    for (const size_t n : Lengths()) {
      // From nearly equal values to all but one underflowing.
      for (const double spread : {1e-3, 1.0, 10.0, 50.0, 104.0, 1e4}) {
        std::vector<float> x(n);
        for (float& value : x) value = uniform(-spread, spread);
        ExpectAccurate(x, "spread " + std::to_string(spread));
      }
    }
  });
}

TEST(SoftmaxTest, IsAccurateForEqualValues) {
  ForEachTarget([] {
    for (const size_t n : Lengths()) {
      for (const float value : {0.0f, -1e4f, 1e4f, 1e-40f}) {
        ExpectAccurate(std::vector<float>(n, value), "equal");
      }
    }
  });
}

// Patterns that repeat in every vector, so that a sum's roundings do not
// cancel.
TEST(SoftmaxTest, IsAccurateForRepeatedValues) {
  ForEachTarget([] {
    Uniform uniform(9);
    for (int i = 0; i < 300; ++i) {
      const size_t period = size_t{4} << i % 6;
      std::vector<float> x(i % 2 == 0 ? 4096 : 240);
      for (size_t j = 0; j < x.size(); ++j) {
        x[j] = j < period ? uniform(-1, 1) : x[j - period];
      }
      ExpectAccurate(x, "repeated");
    }
  });
}

// Several rows at once: each has the bits that it has alone.
TEST(SoftmaxTest, ShortRowsAreAccurate) {
  ForEachTarget([] {
    SerialFor serial;
    Uniform uniform(10);
    for (size_t n = 1; n <= 17; ++n) {
      constexpr size_t kRows = 1000;
      std::vector<float> x(kRows * n), y(kRows * n);
      for (float& value : x) value = uniform(-4, 4);
      SoftmaxRows(x.data(), kRows, n, n, y.data(), serial);
      for (size_t i = 0; i < kRows; ++i) {
        const auto exact = reference::Softmax(x.data() + i * n, n);
        for (size_t j = 0; j < n; ++j) {
          ASSERT_LE(UlpError(y[i * n + j], exact[j]), kSoftmaxUlp) << n;
        }
      }
    }
  });
}

// One large value whose sum with the rest a float sum would get wrong.
TEST(SoftmaxTest, IsAccurateWithAnOutlier) {
  ForEachTarget([] {
    for (const size_t n : Lengths()) {
      for (const float gap : {5.0f, 16.0f, 17.5f, 80.0f, 100.0f, 2e4f}) {
        for (const size_t at : {size_t{0}, n / 2, n - 1}) {
          std::vector<float> x(n, -1e4f);
          x[at] += gap;
          ExpectAccurate(x, "outlier");
        }
      }
    }
  });
}

TEST(SoftmaxTest, KeepsDenormalResults) {
  ForEachTarget([] {
    std::vector<float> x(200, 0.0f);
    for (size_t i = 0; i < 100; ++i) x[i] = -80.0f - 0.25f * i;
    ExpectAccurate(x, "denormal");
    const std::vector<float> y = Softmax(x);
    size_t denormals = 0;
    for (const float value : y) {
      denormals += value > 0 && value < std::numeric_limits<float>::min();
    }
    EXPECT_GT(denormals, 20u);
  });
}

TEST(SoftmaxTest, RowsSumToOneAndKeepTheOrder) {
  ForEachTarget([] {
    Uniform uniform(2);
    for (const size_t n : Lengths()) {
      std::vector<float> x(n);
      for (float& value : x) value = uniform(-20, 20);
      std::sort(x.begin(), x.end());
      const std::vector<float> y = Softmax(x);
      double sum = 0;
      for (const float value : y) sum += value;
      EXPECT_NEAR(sum, 1, kSoftmaxUlp * 0x1p-23) << n;
      EXPECT_TRUE(std::is_sorted(y.begin(), y.end())) << n;
      EXPECT_LE(y.back(), 1) << n;
    }
  });
}

// Neighbouring floats are where a polynomial could step down: dense walks over
// the exponentials' whole range.
TEST(SoftmaxTest, NeverStepsDownBetweenNeighbours) {
  ForEachTarget([] {
    for (const float lo : {-104.5f, -20.0f, -1.5f, -0.36f, -0.01f}) {
      const std::vector<float> x = FloatsBetween(lo, 0.0f, 300000);
      const std::vector<float> y = Softmax(x);
      EXPECT_TRUE(std::is_sorted(y.begin(), y.end())) << lo;
    }
  });
}

// Values on a coarse binary grid, so that the shifted ones are exact.
TEST(SoftmaxTest, DoesNotChangeWithAShift) {
  ForEachTarget([] {
    Uniform uniform(3);
    for (const size_t n : Lengths()) {
      std::vector<float> x(n), shifted(n);
      for (size_t i = 0; i < n; ++i) {
        x[i] = std::round(uniform(-64, 64) * 16) / 16;
        shifted[i] = x[i] + 1000.0f;
      }
      EXPECT_EQ(Softmax(x), Softmax(shifted)) << n;
    }
  });
}

TEST(SoftmaxTest, SpecialValues) {
  ForEachTarget([] {
    for (const size_t n : {1, 2, 15, 16, 17, 40}) {
      for (size_t at = 0; at < n; ++at) {
        // NaN and inf: no element has a value.
        for (const float special : {kNaN, -kNaN, kInf}) {
          std::vector<float> x(n, 0.5f);
          x[n / 3] = 1e4f;
          x[at] = special;
          for (const float y : Softmax(x)) EXPECT_TRUE(std::isnan(y));
        }
        // All masked but one.
        std::vector<float> x(n, -kInf);
        x[at] = -3;
        const std::vector<float> y = Softmax(x);
        for (size_t i = 0; i < n; ++i) EXPECT_EQ(y[i], i == at ? 1 : 0);
      }
      // All masked.
      for (const float y : Softmax(std::vector<float>(n, -kInf))) {
        EXPECT_TRUE(std::isnan(y));
      }
      // The largest difference overflows to -inf.
      std::vector<float> x(n, std::numeric_limits<float>::lowest());
      x[0] = std::numeric_limits<float>::max();
      const std::vector<float> y = Softmax(x);
      for (size_t i = 0; i < n; ++i) EXPECT_EQ(y[i], i == 0 ? 1 : 0);
    }
  });
}

TEST(SoftmaxTest, EmptyMatricesAreLeftAlone) {
  SerialFor serial;
  float y = 7;
  SoftmaxRows(&y, 0, 1, 1, &y, serial);
  SoftmaxRows(&y, 3, 0, 0, &y, serial);
  CausalSoftmaxRows(&y, 0, 1, &y, serial);
  SoftmaxRowsGradient(&y, &y, 0, 1, 1, &y, serial);
  SoftmaxRowsGradient(&y, &y, 3, 0, 1, &y, serial);
  EXPECT_EQ(y, 7);
}

TEST(SoftmaxDeathTest, AStrideBelowTheRowAborts) {
  SerialFor serial;
  float y[4] = {};
  EXPECT_DEATH(SoftmaxRows(y, 1, 4, 3, y, serial), "stride 3 below n 4");
}

// Strides, misalignment, guard pages, in place, and elements between the rows.
TEST(SoftmaxTest, AnyShapeAlignmentAndAliasing) {
  ForEachTarget([] {
    ReversedFor reverse;
    Uniform uniform(4);
    for (size_t n = 1; n <= 40; ++n) {
      for (const size_t gap : {0, 3}) {
        // Few rows, and groups of short ones with some left over.
        const size_t rows = n % 3 == 0 ? 1 + n % 4 : 16 + n % 23;
        const size_t stride = n + gap;
        const size_t size = (rows - 1) * stride + n;
        GuardedArray<float> x(size, n % 3), y(size, n % 5);
        for (float& value : x) value = uniform(-3, 3);
        std::fill(y.begin(), y.end(), -7.0f);
        SoftmaxRows(x.data(), rows, n, stride, y.data(), reverse);
        for (size_t i = 0; i < rows; ++i) {
          const float* row = x.data() + i * stride;
          const auto expected = Softmax(std::vector<float>(row, row + n));
          for (size_t j = 0; j < stride && i * stride + j < size; ++j) {
            ASSERT_EQ(y[i * stride + j], j < n ? expected[j] : -7.0f);
          }
        }
        SoftmaxRows(x.data(), rows, n, stride, x.data(), reverse);
        for (size_t i = 0; i < size; ++i) {
          ASSERT_TRUE(i % stride >= n || x[i] == y[i]);
        }
      }
    }
  });
}

TEST(SoftmaxTest, CausalRowsSeeTheirPast) {
  ForEachTarget([] {
    SerialFor serial;
    ReversedFor reverse;
    Uniform uniform(5);
    for (const size_t n : {1, 2, 7, 12, 16, 17, 33, 200}) {
      for (const size_t gap : {0, 5}) {
        const size_t stride = n + gap, size = (n - 1) * stride + n;
        GuardedArray<float> x(size, 1), y(size, 2);
        for (float& value : x) value = uniform(-3, 3);
        for (size_t i = 0; i < n; ++i) {
          for (size_t j = i + 1; j < n; ++j) x[i * stride + j] = kNaN;
        }
        std::fill(y.begin(), y.end(), -7.0f);
        CausalSoftmaxRows(x.data(), n, stride, y.data(), reverse);
        for (size_t i = 0; i < n; ++i) {
          const float* row = x.data() + i * stride;
          const auto expected = Softmax(std::vector<float>(row, row + i + 1));
          for (size_t j = 0; j < stride && i * stride + j < size; ++j) {
            const float other = j < n ? 0.0f : -7.0f;
            ASSERT_EQ(y[i * stride + j], j <= i ? expected[j] : other)
                << n << " " << i << " " << j;
          }
        }
        CausalSoftmaxRows(x.data(), n, stride, x.data(), serial);
        for (size_t i = 0; i < size; ++i) {
          ASSERT_TRUE(i % stride >= n || x[i] == y[i]);
        }
      }
    }
  });
}

TEST(SoftmaxTest, GradientIsAccurate) {
  ForEachTarget([] {
    Uniform uniform(6);
    ReversedFor reverse;
    for (const size_t n : Lengths()) {
      const size_t stride = n + n % 3;
      for (const double spread : {0.1, 5.0, 100.0}) {
        GuardedArray<float> x(n, 1), dy(stride + n, 2), dx(stride + n, n % 4);
        GuardedArray<float> y(stride + n, 3);
        for (size_t row = 0; row < 2; ++row) {
          for (float& value : x) value = uniform(-spread, spread);
          const auto p = Softmax(std::vector<float>(x.begin(), x.end()));
          std::copy(p.begin(), p.end(), y.data() + row * stride);
        }
        for (float& value : dy) value = uniform(-1, 2);
        SoftmaxRowsGradient(y.data(), dy.data(), 2, n, stride, dx.data(),
                            reverse);
        for (size_t row = 0; row < 2; ++row) {
          std::vector<double> scale;
          const size_t at = row * stride;
          const std::vector<double> exact = reference::SoftmaxGradient(
              y.data() + at, dy.data() + at, n, &scale);
          for (size_t j = 0; j < n; ++j) {
            ASSERT_NEAR(dx[at + j], exact[j],
                        kSoftmaxGradientRelative * scale[j] + 0x1p-149)
                << n << " " << spread;
          }
        }
        // In place of either input.
        GuardedArray<float> other(stride + n);
        std::copy(y.begin(), y.end(), other.begin());
        SoftmaxRowsGradient(other.data(), dy.data(), 2, n, stride, other.data(),
                            reverse);
        SoftmaxRowsGradient(y.data(), dy.data(), 2, n, stride, dy.data(),
                            reverse);
        for (size_t j = 0; j < stride + n; ++j) {
          if (j % stride >= n) continue;
          ASSERT_EQ(other[j], dx[j]);
          ASSERT_EQ(dy[j], dx[j]);
        }
      }
    }
  });
}

TEST(SoftmaxTest, GradientOfManyRowsIsThatOfEach) {
  ForEachTarget([] {
    SerialFor serial;
    ReversedFor reverse;
    Uniform uniform(11);
    for (size_t n = 1; n <= 40; ++n) {
      for (const size_t gap : {0, 3}) {
        const size_t rows = 16 + n % 23, stride = n + gap;
        const size_t size = (rows - 1) * stride + n;
        GuardedArray<float> y(size, n % 3), dy(size, 2), dx(size, n % 5);
        for (float& value : y) value = uniform(0, 1);
        for (float& value : dy) value = uniform(-1, 1);
        std::fill(dx.begin(), dx.end(), -7.0f);
        SoftmaxRowsGradient(y.data(), dy.data(), rows, n, stride, dx.data(),
                            reverse);
        std::vector<float> one(n);
        for (size_t i = 0; i < rows; ++i) {
          const size_t at = i * stride;
          SoftmaxRowsGradient(y.data() + at, dy.data() + at, 1, n, n,
                              one.data(), serial);
          for (size_t j = 0; j < stride && at + j < size; ++j) {
            ASSERT_EQ(dx[at + j], j < n ? one[j] : -7.0f) << n << " " << i;
          }
        }
      }
    }
  });
}

// So large that results bypass the caches, rows aligned or not: each row has
// the bits that it has alone, and what is between rows stays.
TEST(SoftmaxTest, LargeGradientsHaveTheSameBits) {
  ForEachTarget([] {
    ReversedFor reverse;
    SerialFor serial;
    constexpr size_t kElements = size_t{1} << 23;
    std::vector<float> y(kElements + 40000), dy(y.size()), dx(y.size());
    for (size_t i = 0; i < y.size(); ++i) {
      y[i] = (i * 37 % 1001) * 1e-5f;
      dy[i] = (i * 41 % 1013) * 0.01f - 5;
    }
    for (const size_t n : {64, 1000, 1027}) {
      const size_t rows = (kElements + n - 1) / n;
      const size_t stride = n == 1000 ? n + 4 : n;
      std::vector<float> one(n);
      std::fill(dx.begin(), dx.end(), -7.0f);
      SoftmaxRowsGradient(y.data(), dy.data(), rows, n, stride, dx.data(),
                          reverse);
      for (size_t i = 0; i < rows; ++i) {
        const size_t at = i * stride;
        SoftmaxRowsGradient(y.data() + at, dy.data() + at, 1, n, n, one.data(),
                            serial);
        ASSERT_TRUE(std::equal(one.begin(), one.end(), dx.data() + at))
            << n << " " << i;
        for (size_t j = n; j < stride; ++j) ASSERT_EQ(dx[at + j], -7.0f);
      }
    }
  });
}

TEST(SoftmaxTest, GradientSpecialValues) {
  ForEachTarget([] {
    SerialFor serial;
    for (const size_t n : {2, 16, 19}) {
      // A masked column: no gradient, and its dy does not matter.
      std::vector<float> y(n, 1.0f / (n - 1)), dy(n, 1.0f), dx(n), dx2(n);
      y[1] = 0;
      dy[0] = 3;
      SoftmaxRowsGradient(y.data(), dy.data(), 1, n, n, dx.data(), serial);
      dy[1] = 1e30f;
      SoftmaxRowsGradient(y.data(), dy.data(), 1, n, n, dx2.data(), serial);
      EXPECT_EQ(dx[1], 0);
      EXPECT_EQ(dx, dx2);
      for (const float special : {kNaN, kInf, -kInf}) {
        dy[n - 1] = special;
        SoftmaxRowsGradient(y.data(), dy.data(), 1, n, n, dx.data(), serial);
        for (const float value : dx) EXPECT_TRUE(std::isnan(value));
      }
    }
  });
}

TEST(SoftmaxTest, DoubleInstanceAgreesWithTheReference) {
  ForEachTarget([] {
    Uniform uniform(7);
    SerialFor serial;
    for (size_t n = 1; n <= 40; ++n) {
      GuardedArray<double> x(n, n % 3), y(n, 1);
      for (double& value : x) value = uniform(-30, 30);
      SoftmaxRows(x.data(), 1, n, n, y.data(), serial);
      const auto exact = reference::Softmax(x.data(), n);
      for (size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(y[i], exact[i], 1e-13 * exact[i]);
      }
    }
  });
}

// The gradient of sum_j w_j y_j; `causal` has the same gradient function.
void CheckGradient(size_t n, bool causal) {
  Uniform uniform(8);
  SerialFor serial;
  std::vector<double> x(n * n), w(n * n), y(n * n), dx(n * n);
  for (double& value : x) value = uniform(-2, 2);
  for (double& value : w) value = uniform(-1, 1);
  const auto objective = [&] {
    if (causal) {
      CausalSoftmaxRows(x.data(), n, n, y.data(), serial);
    } else {
      SoftmaxRows(x.data(), n, n, n, y.data(), serial);
    }
    double sum = 0;
    for (size_t j = 0; j < y.size(); ++j) sum += w[j] * y[j];
    return sum;
  };
  objective();
  SoftmaxRowsGradient(y.data(), w.data(), n, n, n, dx.data(), serial);
  EXPECT_LT(GradientError(x.data(), dx.data(), x.size(), objective), 1e-7) << n;
}

TEST(SoftmaxTest, GradientMatchesFiniteDifferences) {
  for (const size_t n : {2, 5, 12}) {
    CheckGradient(n, false);
    CheckGradient(n, true);
  }
}

}  // namespace
}  // namespace polarize
