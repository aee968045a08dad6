#include "kernels/alibi_attention/alibi_attention.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/alibi_attention/alibi_attention_ref.h"
#include "kernels/base/bounds.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

template <typename T>
struct Case {
  AlibiHead<T> head;
  // The last row ends with its head, at an inaccessible page.
  GuardedArray<T> q, k, v, o, scratch;
  std::vector<std::vector<T>> weights;  // as `row` saw them

  static size_t Size(const AlibiHead<T>& head) {
    if (head.positions == 0) return 0;
    return (head.positions - 1) * head.stride + head.width;
  }
  Case(std::mt19937& random, const AlibiHead<T>& head, double size)
      : head(head),
        q(Size(head), head.positions % 3),
        k(Size(head), 1),
        v(Size(head), head.width % 4),
        o(Size(head), 2),
        scratch(AlibiScratch(head.positions, head.width)) {
    std::normal_distribution<double> normal(0, 1);
    const double q_size = size / std::sqrt(static_cast<double>(head.width));
    for (T& x : q) x = static_cast<T>(q_size * normal(random));
    for (T& x : k) x = static_cast<T>(normal(random));
    for (T& x : v) x = static_cast<T>(normal(random));
    std::fill(o.begin(), o.end(), T(7));
    std::fill(scratch.begin(), scratch.end(),
              std::numeric_limits<T>::quiet_NaN());
  }

  void Run(bool with_values = true) {
    weights.clear();
    AlibiAttention<T>(q.data(), k.data(), with_values ? v.data() : nullptr,
                      head, with_values ? o.data() : nullptr, scratch.data(),
                      [&](size_t i, const T* row) {
                        EXPECT_EQ(i, weights.size());
                        weights.emplace_back(row, row + head.positions);
                      });
  }

  void ExpectNearReference() const {
    const double epsilon = std::numeric_limits<T>::epsilon();
    ASSERT_EQ(weights.size(), head.positions);
    for (size_t i = 0; i < head.positions; ++i) {
      const AlibiRowRef row = AlibiRowRefOf(
          q.data() + i * head.stride, k.data(), i, head.width, head.stride,
          head.slope, head.shift, head.activation == AlibiActivation::kSigmoid);
      // In double, libm's exp and the reference have errors of their own.
      const double d =
          ((kDotTerms * head.width + kDotRoundings) * row.magnitude +
           4 * row.bias + (sizeof(T) == 8 ? 8 : 0)) *
          epsilon;
      const double relative = 2 * d + kSoftmaxUlp * epsilon;
      for (size_t j = 0; j < head.positions; ++j) {
        const double exact = j <= i ? row.weights[j] : 0;
        ASSERT_NEAR(weights[i][j], exact,
                    relative * exact + std::numeric_limits<T>::min())
            << "query " << i << " key " << j << " of " << head.positions;
      }
      for (size_t h = 0; h < head.width; ++h) {
        double sum = 0, magnitude = 0;
        for (size_t j = 0; j <= i; ++j) {
          const double term = row.weights[j] * v[j * head.stride + h];
          sum += term;
          magnitude += std::abs(term);
        }
        ASSERT_NEAR(
            o[i * head.stride + h], sum,
            (relative + kDotTerms * head.positions * epsilon) * magnitude)
            << "query " << i << " column " << h << " of " << head.positions;
      }
    }
  }
};

template <typename T>
AlibiHead<T> HeadOf(size_t positions, size_t width, size_t more, double slope,
                    double shift, AlibiActivation activation) {
  return {positions,
          width,
          width + more,
          static_cast<T>(slope),
          static_cast<T>(shift),
          activation};
}

template <typename T>
class AlibiAttentionTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(AlibiAttentionTest, Scalars);

constexpr AlibiActivation kActivations[] = {AlibiActivation::kSoftmax,
                                            AlibiActivation::kSigmoid};

TYPED_TEST(AlibiAttentionTest, IsNearTheReference) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    for (const AlibiActivation activation : kActivations) {
      for (size_t n = 0; n <= 70; ++n) {
        const size_t width = 1 + (n * 7) % 67;
        Case<TypeParam> s(
            random,
            HeadOf<TypeParam>(n, width, n % 5, n % 2 == 0 ? 0.84 : 0.0039,
                              n % 3 == 0 ? 8.317766166719343 : 0, activation),
            n % 4 == 0 ? 11 : 2);
        s.Run();
        s.ExpectNearReference();
      }
    }
  });
}

TYPED_TEST(AlibiAttentionTest, IsNearTheReferenceAtTheSizesOfTheModels) {
  ForEachTarget([&] {
    std::mt19937 random(2);
    for (const AlibiActivation activation : kActivations) {
      const size_t n = activation == AlibiActivation::kSoftmax ? 256 : 300;
      Case<TypeParam> s(
          random,
          HeadOf<TypeParam>(n, 128, 128, 0.5, 8.317766166719343, activation),
          8);
      s.Run();
      s.ExpectNearReference();
    }
  });
}

// Far keys of a steep head have no weight at all, and no NaN comes of it.
TYPED_TEST(AlibiAttentionTest, FarKeysVanish) {
  ForEachTarget([&] {
    std::mt19937 random(3);
    for (const AlibiActivation activation : kActivations) {
      Case<TypeParam> s(random,
                        HeadOf<TypeParam>(100, 16, 0, 100, 3, activation), 1);
      s.Run();
      s.ExpectNearReference();
      EXPECT_EQ(s.weights[99][0], 0);
      EXPECT_GT(s.weights[99][99], 0);
    }
  });
}

TYPED_TEST(AlibiAttentionTest, LeavesWhatIsBetweenRowsAlone) {
  ForEachTarget([&] {
    std::mt19937 random(4);
    Case<TypeParam> s(random,
                      HeadOf<TypeParam>(30, 5, 3, 0.5, 0, kActivations[0]), 1);
    s.Run();
    for (size_t i = 0; i + 1 < 30; ++i) {
      for (size_t h = 5; h < 8; ++h) EXPECT_EQ(s.o[i * 8 + h], 7);
    }
  });
}

TYPED_TEST(AlibiAttentionTest, WithoutValuesTheWeightsAreTheSame) {
  ForEachTarget([&] {
    std::mt19937 random(5);
    for (const AlibiActivation activation : kActivations) {
      Case<TypeParam> s(random,
                        HeadOf<TypeParam>(61, 20, 0, 0.25, 1, activation), 3);
      s.Run();
      const auto with = s.weights;
      s.Run(false);
      EXPECT_EQ(s.weights, with);
    }
  });
}

// A prompt cut short has the rows of the long one, to the last bit.
TYPED_TEST(AlibiAttentionTest, RowsDependOnWhatTheySeeAlone) {
  ForEachTarget([&] {
    for (const AlibiActivation activation : kActivations) {
      std::mt19937 random(6);
      Case<TypeParam> s(random,
                        HeadOf<TypeParam>(77, 32, 0, 0.25, 1, activation), 3);
      s.Run();
      const auto all = s.weights;
      const std::vector<TypeParam> o(s.o.begin(), s.o.end());
      s.head.positions = 30;
      s.Run();
      for (size_t i = 0; i < 30; ++i) {
        for (size_t j = 0; j < 30; ++j) {
          EXPECT_EQ(s.weights[i][j], all[i][j]);
        }
        for (size_t h = 0; h < 32; ++h) {
          EXPECT_EQ(s.o[i * 32 + h], o[i * 32 + h]);
        }
      }
    }
  });
}

TYPED_TEST(AlibiAttentionTest, NanReachesWhoSeesIt) {
  using T = TypeParam;
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  ForEachTarget([&] {
    std::mt19937 random(7);
    for (const AlibiActivation activation : kActivations) {
      const bool softmax = activation == AlibiActivation::kSoftmax;
      Case<T> s(random, HeadOf<T>(40, 20, 0, 0.25, 1, activation), 3);
      s.k[10 * 20 + 3] = kNan;
      s.Run();
      for (size_t i = 0; i < 40; ++i) {
        for (size_t j = 0; j <= i; ++j) {
          const bool sees = softmax ? i >= 10 : j == 10;
          EXPECT_EQ(std::isnan(s.weights[i][j]), sees) << i << ", " << j;
        }
        EXPECT_EQ(std::isnan(s.o[i * 20]), i >= 10);
      }
      Case<T> of_query(random, HeadOf<T>(40, 20, 0, 0.25, 1, activation), 3);
      of_query.q[10 * 20 + 3] = kNan;
      of_query.Run();
      for (size_t i = 0; i < 40; ++i) {
        EXPECT_EQ(std::isnan(of_query.weights[i][0]), i == 10);
      }
    }
  });
}

TYPED_TEST(AlibiAttentionTest, NanOfAValueStaysInItsColumn) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::mt19937 random(9);
    Case<T> s(random, HeadOf<T>(60, 20, 0, 0.25, 1, kActivations[1]), 3);
    s.v[30 * 20 + 3] = std::numeric_limits<T>::quiet_NaN();
    s.Run();
    for (size_t i = 0; i < 60; ++i) {
      EXPECT_FALSE(std::isnan(s.o[i * 20 + 2]));
      if (i < 24) {
        EXPECT_FALSE(std::isnan(s.o[i * 20 + 3]));
      }
      if (i >= 30) {
        EXPECT_TRUE(std::isnan(s.o[i * 20 + 3]));
      }
    }
  });
}

TEST(AlibiAttentionDeathTest, HeadsHaveAWidth) {
  float a[1] = {};
  const auto run = [&](size_t width, size_t stride) {
    const AlibiHead<float> head = {1, width, stride,
                                   0, 0,     AlibiActivation::kSoftmax};
    AlibiAttention<float>(a, a, a, head, a, a, [](size_t, const float*) {});
  };
  EXPECT_DEATH(run(0, 4), "width 0, stride 4");
  EXPECT_DEATH(run(5, 4), "width 5, stride 4");
}

TYPED_TEST(AlibiAttentionTest, DescribesRows) {
  using T = TypeParam;
  const double epsilon = std::numeric_limits<T>::epsilon();
  ForEachTarget([&] {
    std::mt19937 random(8);
    std::uniform_real_distribution<double> exponent(-30, 2);
    for (size_t n = 0; n <= 300; n += n < 70 ? 1 : 23) {
      GuardedArray<T> w(n, n % 5);
      for (T& x : w) x = static_cast<T>(std::exp(exponent(random)));
      if (n > 4) w[2] = w[n - 2] = 0;
      double sum = 0, largest = 0, entropy = 0, terms = 1;
      for (const T x : w) {
        sum += x;
        largest = std::max<double>(largest, x);
      }
      for (const T x : w) {
        if (x == 0) continue;
        const double p = x / sum;
        entropy -= p * std::log(p);
        terms += p * std::abs(std::log(static_cast<double>(x)));
      }
      const AttentionRow row = DescribeAttentionRow(w.data(), n);
      const double bound = kAttentionRowEpsilons * epsilon;
      EXPECT_EQ(row.largest, largest);
      EXPECT_EQ(row.first, n == 0 ? 0 : w[0]);
      EXPECT_NEAR(row.sum, sum, bound * sum);
      if (n == 0) {
        EXPECT_TRUE(std::isnan(row.entropy));
      } else {
        EXPECT_NEAR(row.entropy, entropy,
                    bound * (terms + std::abs(std::log(sum))))
            << n;
      }
    }
  });
}

TYPED_TEST(AlibiAttentionTest, DescribesRowsThatAreSpecial) {
  using T = TypeParam;
  ForEachTarget([&] {
    std::vector<T> w(37, T(0));
    AttentionRow row = DescribeAttentionRow(w.data(), w.size());
    EXPECT_EQ(row.sum, 0);
    EXPECT_TRUE(std::isnan(row.entropy));
    w[5] = 1;
    row = DescribeAttentionRow(w.data(), w.size());
    EXPECT_EQ(row.largest, 1);
    EXPECT_EQ(row.entropy, 0);
    for (const size_t at : {0, 20, 36}) {
      std::vector<T> bad = w;
      bad[at] = std::numeric_limits<T>::quiet_NaN();
      row = DescribeAttentionRow(bad.data(), bad.size());
      EXPECT_TRUE(std::isnan(row.sum));
      EXPECT_TRUE(std::isnan(row.largest));
      EXPECT_TRUE(std::isnan(row.entropy));
    }
  });
}

}  // namespace
}  // namespace polarize
