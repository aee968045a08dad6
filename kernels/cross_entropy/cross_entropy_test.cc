#include "kernels/cross_entropy/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/cross_entropy/cross_entropy_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

template <typename T>
struct Case {
  size_t rows, width;
  GuardedArray<T> logits, weight, loss, dlogits;
  GuardedArray<int32_t> target;
  GuardedArray<uint8_t> correct;

  // Logits of the given deviation, most of them multiples of it over 4 so that
  // maxima tie.
  Case(std::mt19937& random, size_t rows, size_t width, double deviation)
      : rows(rows),
        width(width),
        logits(rows * width, width % 5),
        weight(rows, 1),
        loss(rows, 2),
        dlogits(rows * width, width % 3),
        target(rows, 1),
        correct(rows, 3) {
    std::normal_distribution<double> normal;
    for (T& v : logits) {
      const double z = normal(random);
      v = static_cast<T>(deviation *
                         (random() % 4 ? std::round(4 * z) / 4 : z));
    }
    for (T& w : weight) w = static_cast<T>(normal(random));
    for (int32_t& t : target) t = random() % width;
    // Every third target a largest logit, not always the first.
    for (size_t r = 0; r < rows; r += 3) {
      const T* row = logits.data() + r * width;
      const T max = *std::max_element(row, row + width);
      for (size_t c = 0; c < width; ++c) {
        if (row[c] == max &&
            (c <= static_cast<size_t>(target[r]) || row[target[r]] != max)) {
          target[r] = static_cast<int32_t>(c);
        }
      }
    }
    // What must be overwritten.
    std::fill(loss.begin(), loss.end(), T(-7));
    std::fill(dlogits.begin(), dlogits.end(), T(-7));
    std::fill(correct.begin(), correct.end(), 7);
  }

  void Run(ParallelFor& parallel) {
    CrossEntropy(logits.data(), target.data(), weight.data(), rows, width,
                 loss.data(), dlogits.data(), correct.data(), parallel);
  }
};

template <typename T>
void ExpectNearReference(Case<T>& s) {
  using Limits = std::numeric_limits<T>;
  constexpr double kUnit = kCrossEntropyEpsilons * Limits::epsilon();
  const double tiny = Limits::denorm_min();
  ReversedFor parallel;
  s.Run(parallel);
  for (size_t r = 0; r < s.rows; ++r) {
    const std::vector<double> x(s.logits.data() + r * s.width,
                                s.logits.data() + (r + 1) * s.width);
    const size_t hit = static_cast<size_t>(s.target[r]);
    const CrossEntropyRefRow exact = CrossEntropyRef(x.data(), s.width, hit);
    const double loss = static_cast<double>(exact.loss);
    ASSERT_NEAR(s.loss[r], loss, kUnit * (1 + loss)) << r;
    ASSERT_EQ(s.correct[r], exact.correct ? 1 : 0) << r;
    for (size_t c = 0; c < s.width; ++c) {
      const double w = s.weight[r];
      const double below = static_cast<double>(exact.max - x[c]);
      const long double p = std::exp(x[c] - exact.max) / exact.sum;
      const double is_hit = c == hit ? 1 : 0;
      const double size =
          std::abs(w) * (static_cast<double>(p) * (1 + below) + is_hit);
      ASSERT_NEAR(s.dlogits[r * s.width + c],
                  static_cast<double>(w * (p - is_hit)),
                  kUnit * size + 2 * tiny * (1 + std::abs(w)))
          << "row " << r << " column " << c << " width " << s.width;
    }
  }
}

template <typename T>
class CrossEntropyTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(CrossEntropyTest, Scalars);

// Deviations from nearly equal logits to exponentials that underflow.
TYPED_TEST(CrossEntropyTest, IsNearTheReference) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    std::vector<size_t> widths;
    for (size_t w = 1; w <= 70; ++w) widths.push_back(w);
    widths.insert(widths.end(), {100, 128, 255, 1000, 5000});
    for (const size_t width : widths) {
      for (const double deviation : {0.01, 1.0, 10.0, 60.0, 500.0}) {
        Case<TypeParam> s(random, 6, width, deviation);
        ExpectNearReference(s);
      }
    }
  });
}

TYPED_TEST(CrossEntropyTest, TakesAnyNumberOfRows) {
  ForEachTarget([&] {
    std::mt19937 random(2);
    for (const size_t rows : {0, 1, 2, 15, 16, 17, 63, 64, 65, 200, 3072}) {
      Case<TypeParam> s(random, rows, 5, 2);
      ExpectNearReference(s);
    }
  });
}

TYPED_TEST(CrossEntropyTest, TheFirstMaximumWins) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    for (size_t width = 1; width <= 70; ++width) {
      for (size_t first = 0; first < width; ++first) {
        std::vector<T> logits(width, -1);
        for (size_t c = first; c < width; c += 3) logits[c] = 0;
        for (size_t at = 0; at < width; ++at) {
          const int32_t target = static_cast<int32_t>(at);
          T loss;
          uint8_t correct = 7;
          CrossEntropy<T>(logits.data(), &target, nullptr, 1, width, &loss,
                          nullptr, &correct, serial);
          ASSERT_EQ(correct, at == first) << at << " of " << width;
        }
      }
    }
  });
}

TYPED_TEST(CrossEntropyTest, GivesOnlyWhatIsWanted) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(3);
    Case<T> s(random, 70, 21, 3);
    s.Run(serial);
    std::vector<T> loss(s.rows), in_place(s.logits.begin(), s.logits.end());
    CrossEntropy<T>(s.logits.data(), s.target.data(), nullptr, s.rows, s.width,
                    loss.data(), nullptr, nullptr, serial);
    EXPECT_TRUE(std::equal(loss.begin(), loss.end(), s.loss.begin()));
    std::fill(loss.begin(), loss.end(), 0);
    std::vector<uint8_t> correct(s.rows, 7);
    CrossEntropy<T>(in_place.data(), s.target.data(), s.weight.data(), s.rows,
                    s.width, loss.data(), in_place.data(), correct.data(),
                    serial);
    EXPECT_TRUE(std::equal(loss.begin(), loss.end(), s.loss.begin()));
    EXPECT_TRUE(
        std::equal(in_place.begin(), in_place.end(), s.dlogits.begin()));
    EXPECT_TRUE(std::equal(correct.begin(), correct.end(), s.correct.begin()));
  });
}

TYPED_TEST(CrossEntropyTest, OrderOfTasksDoesNotChangeBits) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    ReversedFor backward;
    std::mt19937 random(4), again(4);
    Case<T> a(random, 300, 33, 3), b(again, 300, 33, 3);
    a.Run(serial);
    b.Run(backward);
    EXPECT_EQ(std::memcmp(a.loss.data(), b.loss.data(), 300 * sizeof(T)), 0);
    EXPECT_EQ(
        std::memcmp(a.dlogits.data(), b.dlogits.data(), 300 * 33 * sizeof(T)),
        0);
  });
}

// Adding a constant to a row that leaves its logits exact changes no bit.
TYPED_TEST(CrossEntropyTest, IsInvariantToShifts) {
  using T = TypeParam;
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(5), again(5);
    Case<T> a(random, 20, 50, 1), b(again, 20, 50, 1);
    for (T& v : a.logits) v = std::round(v * 64) / 64;
    for (size_t i = 0; i < b.logits.size(); ++i)
      b.logits[i] = a.logits[i] + 1024;
    a.Run(serial);
    b.Run(serial);
    EXPECT_TRUE(std::equal(a.loss.begin(), a.loss.end(), b.loss.begin()));
    EXPECT_TRUE(
        std::equal(a.dlogits.begin(), a.dlogits.end(), b.dlogits.begin()));
  });
}

TYPED_TEST(CrossEntropyTest, SpecialValuesStayInTheirRow) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(6);
    for (const size_t width : {3, 8, 19, 32, 67}) {
      for (const size_t at : {size_t{0}, width / 2, width - 1}) {
        Case<T> s(random, 6, width, 1);
        T* row[6];
        for (size_t r = 0; r < 6; ++r) row[r] = s.logits.data() + r * width;
        row[0][at] = kNan;  // and the target is the largest number
        s.target[0] = at == 0 ? 1 : 0;
        row[0][s.target[0]] = 100;
        row[1][at] = kInf;
        s.target[1] = static_cast<int32_t>(at);
        std::fill(row[2], row[3], -kInf);
        s.target[2] = 0;
        row[3][at] = -kInf;  // not the target
        s.target[3] = at == 0 ? 1 : 0;
        row[4][at] = -kInf;  // the target
        s.target[4] = static_cast<int32_t>(at);
        s.Run(serial);
        for (size_t r = 0; r < 3; ++r) {
          EXPECT_TRUE(std::isnan(s.loss[r])) << r;
          for (size_t c = 0; c < width; ++c) {
            EXPECT_TRUE(std::isnan(s.dlogits[r * width + c])) << r << " " << c;
          }
        }
        EXPECT_EQ(s.correct[0], 0);
        EXPECT_EQ(s.correct[1], 1);
        EXPECT_EQ(s.correct[2], 1);
        EXPECT_TRUE(std::isfinite(s.loss[3]));
        EXPECT_EQ(s.dlogits[3 * width + at], 0);
        EXPECT_EQ(s.loss[4], kInf);
        EXPECT_EQ(s.correct[4], 0);
        EXPECT_EQ(s.dlogits[4 * width + at], -s.weight[4]);
        EXPECT_TRUE(std::isfinite(s.loss[5]));
      }
    }
  });
}

TEST(CrossEntropyGradientTest, EqualsFiniteDifferences) {
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(7);
    for (const size_t width : {2, 4, 21}) {
      Case<double> s(random, 5, width, 1.5);
      s.Run(serial);
      const std::vector<double> gradient(s.dlogits.begin(), s.dlogits.end());
      const auto total = [&](double& coordinate, double shift) {
        const double at = coordinate;
        coordinate = at + shift;
        s.Run(serial);
        coordinate = at;
        double sum = 0;
        for (size_t r = 0; r < s.rows; ++r) sum += s.weight[r] * s.loss[r];
        return sum;
      };
      double difference = 0, norm = 0;
      for (size_t i = 0; i < gradient.size(); ++i) {
        constexpr double kStep = 1e-3;
        double& x = s.logits[i];
        const double slope = (8 * (total(x, kStep) - total(x, -kStep)) -
                              (total(x, 2 * kStep) - total(x, -2 * kStep))) /
                             (12 * kStep);
        difference += (gradient[i] - slope) * (gradient[i] - slope);
        norm += slope * slope;
      }
      EXPECT_LT(std::sqrt(difference / norm), 1e-7) << width;
    }
  });
}

TEST(CrossEntropyDeathTest, NamesTheTargetOutOfRange) {
  SerialFor serial;
  std::mt19937 random(8);
  Case<float> s(random, 3, 4, 1);
  s.target[2] = 4;
  EXPECT_DEATH(s.Run(serial), "target.2. is 4, not in 0 .. 4 - 1");
  s.target[2] = -1;
  EXPECT_DEATH(s.Run(serial), "target.2. is -1, not in 0 .. 4 - 1");
  s.width = 0;
  EXPECT_DEATH(s.Run(serial), "3 rows of width 0");
}

}  // namespace
}  // namespace polarize
