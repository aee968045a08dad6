#include "kernels/linear_bf16/linear_bf16.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_ref.h"
#include "kernels/linear_bf16/linear_bf16_ref.h"
#include "kernels/math/math_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2;

// The targets that every kernel has, where products are emulated, and then the
// best one of this CPU.
void ForEachTargetAndTheBest(absl::FunctionRef<void()> body) {
  ForEachTarget(body);
  SCOPED_TRACE(FasterThanFloat() ? "products of bfloat16" : "best target");
  body();
}

void FillRandom(std::mt19937& random, GuardedArray<float>& x) {
  std::normal_distribution<double> normal;
  for (float& v : x) v = static_cast<float>(normal(random));
}

double At(const GuardedArray<float>& x, size_t i) {
  return RoundToBF16Ref(x[i]);
}

double Bound(size_t terms, double magnitude) {
  return kUnit * (kDotTerms * (terms + 1) + kDotRoundings) * magnitude;
}

void ExpectClose(const GuardedArray<float>& actual,
                 const ReferenceProduct& exact, size_t terms) {
  ASSERT_EQ(actual.size(), exact.value.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], exact.value[i], Bound(terms, exact.magnitude[i]))
        << "element " << i;
  }
}

struct Layer {
  Layer(size_t rows, size_t inner, size_t outer, size_t misalign)
      : rows(rows),
        inner(inner),
        outer(outer),
        x(rows * inner, misalign),
        w(inner * outer, misalign),
        b(outer, misalign),
        dy(rows * outer, misalign),
        r(rows * outer, misalign) {
    std::mt19937 random(1 + rows + 7 * outer);
    for (GuardedArray<float>* array : {&x, &w, &b, &dy, &r}) {
      FillRandom(random, *array);
    }
  }
  ReferenceProduct Forward() const {
    return MultiplyRef(
        rows, inner, outer,
        [&](size_t r, size_t i) { return At(x, r * inner + i); },
        [&](size_t i, size_t o) { return At(w, o * inner + i); });
  }
  ReferenceProduct InputGradient() const {
    return MultiplyRef(
        rows, outer, inner,
        [&](size_t r, size_t o) { return At(dy, r * outer + o); },
        [&](size_t o, size_t i) { return At(w, o * inner + i); });
  }
  size_t rows, inner, outer;
  GuardedArray<float> x, w, b, dy, r;
};

void CheckForward(const Layer& l, size_t misalign) {
  SerialFor serial;
  GuardedArray<BF16Pair> packed(PackedWeightSizeBF16(l.inner, l.outer));
  GuardedArray<BF16Pair> rounded(RoundedSizeBF16(l.rows, l.inner), misalign);
  GuardedArray<float> y(l.rows * l.outer, misalign);
  PackForForwardBF16(l.w.data(), l.inner, l.outer, packed.data());
  LinearForwardBF16(l.x.data(), l.rows, packed.data(), l.b.data(), l.r.data(),
                    l.inner, l.outer, y.data(), rounded.data(), nullptr,
                    serial);
  ReferenceProduct exact = l.Forward();
  ReferenceProduct sum = exact;
  for (size_t i = 0; i < y.size(); ++i) {
    sum.value[i] += double{l.b[i % l.outer]} + l.r[i];
    sum.magnitude[i] += std::abs(l.b[i % l.outer]) + std::abs(l.r[i]);
  }
  ExpectClose(y, sum, l.inner);

  LinearForwardBF16(l.x.data(), l.rows, packed.data(), nullptr, nullptr,
                    l.inner, l.outer, y.data(), rounded.data(), nullptr,
                    serial);
  ExpectClose(y, exact, l.inner);

  // Rounded before, not again.
  GuardedArray<float> same(l.rows * l.outer, misalign);
  LinearForwardBF16(nullptr, l.rows, packed.data(), nullptr, nullptr, l.inner,
                    l.outer, same.data(), rounded.data(), nullptr, serial);
  ASSERT_TRUE(std::equal(y.begin(), y.end(), same.begin()));

  GuardedArray<float> slope(l.rows * l.outer, misalign);
  LinearGeluForwardBF16(l.x.data(), l.rows, packed.data(), l.b.data(), l.inner,
                        l.outer, y.data(), slope.data(), rounded.data(),
                        nullptr, serial);
  for (size_t i = 0; i < y.size(); ++i) {
    const double b = l.b[i % l.outer], h = exact.value[i] + b;
    const double off = 1.13 * Bound(l.inner, exact.magnitude[i] + std::abs(b));
    const double value = reference::Gelu(h);
    ASSERT_NEAR(y[i], value,
                off + 2 * kUnit * kGeluUlp * std::abs(value) + kGeluAbsolute);
    ASSERT_NEAR(slope[i], reference::GeluDerivative(h),
                off + kGeluDerivativeAbsolute);
  }
}

void CheckInputGradient(const Layer& l, size_t misalign) {
  SerialFor serial;
  GuardedArray<BF16Pair> packed(PackedWeightSizeBF16(l.outer, l.inner));
  GuardedArray<BF16Pair> rounded(RoundedSizeBF16(l.rows, l.outer), misalign);
  GuardedArray<float> dx(l.rows * l.inner, misalign);
  PackForInputGradientBF16(l.w.data(), l.inner, l.outer, packed.data());
  ReferenceProduct exact = l.InputGradient();
  for (size_t i = 0; i < dx.size(); ++i) {
    dx[i] = 0.5f * l.x[i];
    exact.value[i] = exact.value[i] * l.x[i] + dx[i];
    exact.magnitude[i] =
        exact.magnitude[i] * std::abs(l.x[i]) + std::abs(dx[i]);
  }
  LinearInputGradientBF16(l.dy.data(), l.rows, packed.data(), l.x.data(),
                          dx.data(), l.inner, l.outer, dx.data(),
                          rounded.data(), nullptr, serial);
  ExpectClose(dx, exact, l.outer);
  LinearInputGradientBF16(l.dy.data(), l.rows, packed.data(), nullptr, nullptr,
                          l.inner, l.outer, dx.data(), rounded.data(), nullptr,
                          serial);
  ExpectClose(dx, l.InputGradient(), l.outer);
}

// The pairs of rows that a product leaves; this one has no outputs.
void RoundRows(const float* x, size_t rows, size_t columns, BF16Pair* row_pairs,
               ParallelFor& parallel) {
  GuardedArray<BF16Pair> rounded(RoundedSizeBF16(rows, columns));
  LinearForwardBF16(x, rows, nullptr, nullptr, nullptr, columns, 0, nullptr,
                    rounded.data(), row_pairs, parallel);
}

void CheckWeightGradient(const Layer& l, size_t misalign) {
  SerialFor serial;
  GuardedArray<BF16Pair> px(RowPairsSizeBF16(l.rows, l.inner));
  GuardedArray<BF16Pair> pdy(RowPairsSizeBF16(l.rows, l.outer));
  GuardedArray<float> dw(l.outer * l.inner, misalign), db(l.outer, misalign);
  for (float& v : dw) v = 77;  // overwritten, not added to
  for (float& v : db) v = 77;
  RoundRows(l.x.data(), l.rows, l.inner, px.data(), serial);
  RoundRows(l.dy.data(), l.rows, l.outer, pdy.data(), serial);
  LinearWeightGradientBF16(px.data(), pdy.data(), l.dy.data(), l.rows, l.inner,
                           l.outer, dw.data(), db.data(), serial);
  ExpectClose(dw,
              MultiplyRef(
                  l.outer, l.rows, l.inner,
                  [&](size_t o, size_t r) { return At(l.dy, r * l.outer + o); },
                  [&](size_t r, size_t i) { return At(l.x, r * l.inner + i); }),
              l.rows);
  // Of dy itself, not rounded.
  ExpectClose(
      db,
      MultiplyRef(
          l.outer, l.rows, 1,
          [&](size_t o, size_t r) { return double{l.dy[r * l.outer + o]}; },
          [](size_t, size_t) { return 1.0; }),
      l.rows);
}

void CheckShape(size_t rows, size_t inner, size_t outer, size_t misalign) {
  SCOPED_TRACE(testing::Message()
               << "rows " << rows << " inner " << inner << " outer " << outer);
  const Layer layer(rows, inner, outer, misalign);
  CheckForward(layer, misalign);
  CheckInputGradient(layer, misalign);
  CheckWeightGradient(layer, misalign);
}

TEST(LinearBF16Test, MatchesReferenceForEveryEdgeOfATile) {
  ForEachTargetAndTheBest([] {
    for (size_t rows : {1, 2, 3, 4, 8, 11, 12, 13, 20, 97}) {
      for (size_t outer : {1, 4, 5, 16, 31, 32, 33, 49, 65}) {
        CheckShape(rows, rows % 9 + 1, outer, rows % 5);
      }
    }
    for (size_t inner = 0; inner < 70; inner += 3) {
      CheckShape(5, inner, inner + 2, inner % 7);
    }
  });
}

TEST(LinearBF16Test, MatchesReferenceForShapesOfTheModel) {
  ForEachTargetAndTheBest([] {
    CheckShape(2 * kGradientBlock + 9, 128, 100, 0);
    CheckShape(24, 128, 512, 1);
    CheckShape(24, 512, 128, 3);
  });
}

TEST(LinearBF16Test, NoRows) {
  ForEachTargetAndTheBest([] { CheckShape(0, 7, 9, 0); });
}

// A product with 1 shows what a factor was rounded to.
TEST(LinearBF16Test, RoundsToNearestEven) {
  ForEachTargetAndTheBest([] {
    SerialFor serial;
    const float kNan = std::numeric_limits<float>::quiet_NaN();
    const float kInf = std::numeric_limits<float>::infinity();
    const struct {
      float x, rounded;
    } cases[] = {{1 + 0x1p-8f, 1},  // a tie, to even
                 {1 + 0x3p-8f, 1 + 0x1p-6f},
                 {1 + 0x1p-8f + 0x1p-20f, 1 + 0x1p-7f},
                 {-1 - 0x1p-8f, -1},
                 {1 + 0x1p-9f, 1},
                 {kInf, kInf},
                 {std::numeric_limits<float>::max(), kInf},
                 {kNan, kNan}};
    for (const auto& c : cases) {
      float one = 1, x = c.x, y = 0;
      BF16Pair packed[32], rounded[1];
      PackForForwardBF16(&x, 1, 1, packed);
      LinearForwardBF16(&one, 1, packed, nullptr, nullptr, 1, 1, &y, rounded,
                        nullptr, serial);
      EXPECT_TRUE(y == c.rounded || (std::isnan(y) && std::isnan(c.rounded)))
          << "weight " << x << ": " << y;
      PackForForwardBF16(&one, 1, 1, packed);
      LinearForwardBF16(&x, 1, packed, nullptr, nullptr, 1, 1, &y, rounded,
                        nullptr, serial);
      EXPECT_TRUE(y == c.rounded || (std::isnan(y) && std::isnan(c.rounded)))
          << "x " << x << ": " << y;
    }
  });
}

TEST(LinearBF16Test, OrderOfTasksDoesNotChangeABit) {
  ForEachTargetAndTheBest([] {
    const Layer l(300, 33, 70, 0);
    std::vector<std::vector<float>> results;
    SerialFor serial;
    ReversedFor backwards;
    for (ParallelFor* parallel : {static_cast<ParallelFor*>(&serial),
                                  static_cast<ParallelFor*>(&backwards)}) {
      GuardedArray<BF16Pair> w(PackedWeightSizeBF16(33, 70));
      GuardedArray<BF16Pair> rounded(RoundedSizeBF16(300, 33));
      GuardedArray<BF16Pair> px(RowPairsSizeBF16(300, 33));
      GuardedArray<BF16Pair> pdy(RowPairsSizeBF16(300, 70));
      std::vector<float> y(300 * 70), dw(33 * 70), db(70);
      PackForForwardBF16(l.w.data(), 33, 70, w.data());
      LinearForwardBF16(l.x.data(), 300, w.data(), l.b.data(), nullptr, 33, 70,
                        y.data(), rounded.data(), nullptr, *parallel);
      RoundRows(l.x.data(), 300, 33, px.data(), *parallel);
      RoundRows(l.dy.data(), 300, 70, pdy.data(), *parallel);
      LinearWeightGradientBF16(px.data(), pdy.data(), l.dy.data(), 300, 33, 70,
                               dw.data(), db.data(), *parallel);
      y.insert(y.end(), dw.begin(), dw.end());
      y.insert(y.end(), db.begin(), db.end());
      results.push_back(y);
    }
    EXPECT_EQ(results[0], results[1]);
  });
}

}  // namespace
}  // namespace polarize
