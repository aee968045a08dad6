#include "kernels/linear/linear.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/linear/linear_ref.h"
#include "kernels/math/math_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

template <typename T>
void FillRandom(std::mt19937& random, GuardedArray<T>& x) {
  std::normal_distribution<double> normal;
  for (T& v : x) v = static_cast<T>(normal(random));
}

// What linear.h promises, element by element.
template <typename T>
void ExpectClose(const GuardedArray<T>& actual, const ReferenceProduct& exact,
                 size_t terms) {
  ASSERT_EQ(actual.size(), exact.value.size());
  const double unit = std::numeric_limits<T>::epsilon() / 2;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double bound =
        unit * (kDotTerms * terms + kDotRoundings) * exact.magnitude[i];
    ASSERT_NEAR(actual[i], exact.value[i], bound) << "element " << i;
  }
}

template <typename T>
struct Layer {
  Layer(size_t rows, size_t inner, size_t outer, size_t misalign, int seed)
      : rows(rows),
        inner(inner),
        outer(outer),
        x(rows * inner, misalign),
        w(inner * outer, misalign),
        b(outer, misalign),
        dy(rows * outer, misalign),
        r(rows * outer, misalign) {
    std::mt19937 random(seed);
    FillRandom(random, x);
    FillRandom(random, w);
    FillRandom(random, b);
    FillRandom(random, dy);
    FillRandom(random, r);
  }
  size_t rows, inner, outer;
  GuardedArray<T> x, w, b, dy, r;
};

template <typename T>
void CheckForward(const Layer<T>& l, size_t misalign, bool bias,
                  bool residual) {
  SerialFor serial;
  GuardedArray<T> packed(PackedWeightSize(l.inner, l.outer), misalign);
  GuardedArray<T> y(l.rows * l.outer, misalign);
  PackForForward(l.w.data(), l.inner, l.outer, packed.data());
  LinearForward(l.x.data(), l.rows, packed.data(), bias ? l.b.data() : nullptr,
                residual ? l.r.data() : nullptr, l.inner, l.outer, y.data(),
                serial);
  ReferenceProduct exact = MultiplyRef(
      l.rows, l.inner, l.outer,
      [&](size_t r, size_t i) { return double{l.x[r * l.inner + i]}; },
      [&](size_t i, size_t o) { return double{l.w[o * l.inner + i]}; });
  for (size_t i = 0; i < y.size(); ++i) {
    const double extra =
        (bias ? l.b[i % l.outer] : 0.0) + (residual ? double{l.r[i]} : 0.0);
    exact.value[i] += extra;
    exact.magnitude[i] += (bias ? std::abs(l.b[i % l.outer]) : 0.0) +
                          (residual ? std::abs(double{l.r[i]}) : 0.0);
  }
  ExpectClose(y, exact, l.inner);
}

template <typename T>
void CheckInputGradient(const Layer<T>& l, size_t misalign, bool residual) {
  SerialFor serial;
  GuardedArray<T> packed(PackedWeightSize(l.outer, l.inner), misalign);
  GuardedArray<T> dx(l.rows * l.inner, misalign);
  for (size_t i = 0; i < dx.size(); ++i) dx[i] = l.x[i];
  PackForInputGradient(l.w.data(), l.inner, l.outer, packed.data());
  // In place: what dx holds is the residual.
  LinearInputGradient(l.dy.data(), l.rows, packed.data(),
                      residual ? dx.data() : nullptr, l.inner, l.outer,
                      dx.data(), serial);
  ReferenceProduct exact = MultiplyRef(
      l.rows, l.outer, l.inner,
      [&](size_t r, size_t o) { return double{l.dy[r * l.outer + o]}; },
      [&](size_t o, size_t i) { return double{l.w[o * l.inner + i]}; });
  for (size_t i = 0; residual && i < dx.size(); ++i) {
    exact.value[i] += l.x[i];
    exact.magnitude[i] += std::abs(l.x[i]);
  }
  ExpectClose(dx, exact, l.outer);
}

// GELU and its slope of the exact product, within math.h's bounds for an x that
// is off as far as linear.h allows.
template <typename T>
void CheckGelu(const Layer<T>& l, size_t misalign) {
  SerialFor serial;
  GuardedArray<T> packed(PackedWeightSize(l.inner, l.outer), misalign);
  GuardedArray<T> y(l.rows * l.outer, misalign);
  GuardedArray<T> slope(l.rows * l.outer, misalign);
  PackForForward(l.w.data(), l.inner, l.outer, packed.data());
  LinearGeluForward(l.x.data(), l.rows, packed.data(), l.b.data(), l.inner,
                    l.outer, y.data(), slope.data(), serial);
  const ReferenceProduct exact = MultiplyRef(
      l.rows, l.inner, l.outer,
      [&](size_t r, size_t i) { return double{l.x[r * l.inner + i]}; },
      [&](size_t i, size_t o) { return double{l.w[o * l.inner + i]}; });
  const double unit = std::numeric_limits<T>::epsilon() / 2;
  const double scale = unit / (std::numeric_limits<float>::epsilon() / 2);
  for (size_t i = 0; i < y.size(); ++i) {
    const double b = l.b[i % l.outer], h = exact.value[i] + b;
    const double off = 1.13 * unit * (kDotTerms * l.inner + kDotRoundings) *
                       (exact.magnitude[i] + std::abs(b));
    const double value = reference::Gelu(h);
    ASSERT_NEAR(y[i], value,
                off + 2 * unit * kGeluUlp * std::abs(value) +
                    (h < kGeluUlpFrom ? scale * kGeluAbsolute : 0))
        << "element " << i;
    ASSERT_NEAR(slope[i], reference::GeluDerivative(h),
                off + scale * kGeluDerivativeAbsolute)
        << "element " << i;
  }
}

template <typename T>
void CheckScaledInputGradient(const Layer<T>& l, size_t misalign) {
  SerialFor serial;
  GuardedArray<T> packed(PackedWeightSize(l.outer, l.inner), misalign);
  GuardedArray<T> dx(l.rows * l.inner, misalign);
  PackForInputGradient(l.w.data(), l.inner, l.outer, packed.data());
  LinearScaledInputGradient(l.dy.data(), l.rows, packed.data(), l.x.data(),
                            l.inner, l.outer, dx.data(), serial);
  ReferenceProduct exact = MultiplyRef(
      l.rows, l.outer, l.inner,
      [&](size_t r, size_t o) { return double{l.dy[r * l.outer + o]}; },
      [&](size_t o, size_t i) { return double{l.w[o * l.inner + i]}; });
  for (size_t i = 0; i < dx.size(); ++i) {
    exact.value[i] *= l.x[i];
    exact.magnitude[i] *= std::abs(l.x[i]);
  }
  ExpectClose(dx, exact, l.outer);
}

template <typename T>
void CheckWeightGradient(const Layer<T>& l, size_t misalign) {
  SerialFor serial;
  GuardedArray<T> dw(l.outer * l.inner, misalign), db(l.outer, misalign);
  for (T& v : dw) v = T(77);  // overwritten, not added to
  for (T& v : db) v = T(77);
  LinearWeightGradient(l.x.data(), l.dy.data(), l.rows, l.inner, l.outer,
                       dw.data(), db.data(), serial);
  const size_t terms =
      std::min(l.rows, kGradientBlock) + l.rows / kGradientBlock;
  const auto dy_transposed = [&](size_t o, size_t r) {
    return double{l.dy[r * l.outer + o]};
  };
  ExpectClose(dw,
              MultiplyRef(l.outer, l.rows, l.inner, dy_transposed,
                          [&](size_t r, size_t i) {
                            return double{l.x[r * l.inner + i]};
                          }),
              terms);
  ExpectClose(db,
              MultiplyRef(l.outer, l.rows, 1, dy_transposed,
                          [](size_t, size_t) { return 1.0; }),
              terms);
}

template <typename T>
void CheckShape(size_t rows, size_t inner, size_t outer, size_t misalign) {
  SCOPED_TRACE(testing::Message()
               << "rows " << rows << " inner " << inner << " outer " << outer);
  const Layer<T> layer(rows, inner, outer, misalign, 1 + rows + 7 * outer);
  for (bool bias : {false, true}) {
    for (bool residual : {false, true}) {
      CheckForward(layer, misalign, bias, residual);
    }
  }
  CheckInputGradient(layer, misalign, false);
  CheckInputGradient(layer, misalign, true);
  CheckGelu(layer, misalign);
  CheckScaledInputGradient(layer, misalign);
  CheckWeightGradient(layer, misalign);
}

template <typename T>
class LinearTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(LinearTest, Scalars);

TYPED_TEST(LinearTest, MatchesReferenceForEveryEdgeOfATile) {
  ForEachTarget([] {
    // Rows of a tile: 12, 8 and up to 4, or less. Columns: two vectors, one,
    // part of one.
    for (size_t rows : {1, 2, 3, 4, 7, 8, 9, 11, 12, 13, 19, 20, 29, 96, 97}) {
      for (size_t outer : {1, 4, 5, 16, 31, 32, 33, 49, 65}) {
        CheckShape<TypeParam>(rows, rows % 9 + 1, outer, rows % 5);
      }
    }
    // The same of weight gradients: outer rows, inner columns; task's ends.
    for (size_t outer : {47, 48, 49, 60, 100}) {
      for (size_t inner : {3, 8, 17, 31, 32, 47, 48, 63}) {
        CheckShape<TypeParam>(7, inner, outer, outer % 5);
      }
    }
    for (size_t inner = 0; inner < 40; ++inner) {
      CheckShape<TypeParam>(5, inner, inner + 2, inner % 7);
    }
  });
}

TYPED_TEST(LinearTest, MatchesReferenceForShapesOfTheModel) {
  ForEachTarget([] {
    CheckShape<TypeParam>(520, 128, 100, 0);  // over two gradient blocks
    CheckShape<TypeParam>(3 * kGradientBlock, 64, 40, 0);  // whole ones
    CheckShape<TypeParam>(24, 128, 512, 1);
    CheckShape<TypeParam>(24, 512, 128, 3);
  });
}

// The gradients of sum y dy, over more rows than a gradient block.
TEST(LinearGradientTest, EqualsFiniteDifferences) {
  ForEachTarget([] {
    SerialFor serial;
    for (const size_t rows : {size_t{3}, kGradientBlock + 5}) {
      const size_t inner = 5, outer = 7;
      Layer<double> l(rows, inner, outer, 1, 9);
      GuardedArray<double> w(PackedWeightSize(inner, outer));
      GuardedArray<double> back(PackedWeightSize(outer, inner));
      GuardedArray<double> y(rows * outer);
      GuardedArray<double> dx(rows * inner), dw(inner * outer), db(outer);
      PackForInputGradient(l.w.data(), inner, outer, back.data());
      LinearInputGradient<double>(l.dy.data(), rows, back.data(), nullptr,
                                  inner, outer, dx.data(), serial);
      LinearWeightGradient(l.x.data(), l.dy.data(), rows, inner, outer,
                           dw.data(), db.data(), serial);
      const auto objective = [&] {
        PackForForward(l.w.data(), inner, outer, w.data());
        LinearForward(l.x.data(), rows, w.data(), l.b.data(), l.r.data(), inner,
                      outer, y.data(), serial);
        double sum = 0;
        for (size_t i = 0; i < y.size(); ++i) sum += y[i] * l.dy[i];
        return sum;
      };
      EXPECT_LT(GradientError(l.x.data(), dx.data(), dx.size(), objective),
                1e-7);
      EXPECT_LT(GradientError(l.w.data(), dw.data(), dw.size(), objective),
                1e-7);
      EXPECT_LT(GradientError(l.b.data(), db.data(), db.size(), objective),
                1e-7);
    }
  });
}

// Of gelu(x W^T + b), whose slope the layer above scales its gradient by.
TEST(LinearGradientTest, EqualsFiniteDifferencesThroughGelu) {
  ForEachTarget([] {
    SerialFor serial;
    const size_t rows = 13, inner = 6, hidden = 19, outer = 7;
    Layer<double> in(rows, inner, hidden, 0, 11);
    Layer<double> out(rows, hidden, outer, 1, 12);
    GuardedArray<double> w1(PackedWeightSize(inner, hidden));
    GuardedArray<double> w2(PackedWeightSize(hidden, outer));
    GuardedArray<double> back(PackedWeightSize(outer, hidden));
    GuardedArray<double> active(rows * hidden), slope(rows * hidden);
    GuardedArray<double> y(rows * outer), dh(rows * hidden);
    GuardedArray<double> dw(inner * hidden), db(hidden);
    const auto objective = [&] {
      PackForForward(in.w.data(), inner, hidden, w1.data());
      PackForForward(out.w.data(), hidden, outer, w2.data());
      LinearGeluForward(in.x.data(), rows, w1.data(), in.b.data(), inner,
                        hidden, active.data(), slope.data(), serial);
      LinearForward<double>(active.data(), rows, w2.data(), nullptr, nullptr,
                            hidden, outer, y.data(), serial);
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * out.dy[i];
      return sum;
    };
    objective();
    PackForInputGradient(out.w.data(), hidden, outer, back.data());
    LinearScaledInputGradient(out.dy.data(), rows, back.data(), slope.data(),
                              hidden, outer, dh.data(), serial);
    LinearWeightGradient(in.x.data(), dh.data(), rows, inner, hidden, dw.data(),
                         db.data(), serial);
    EXPECT_LT(GradientError(in.w.data(), dw.data(), dw.size(), objective),
              1e-7);
    EXPECT_LT(GradientError(in.b.data(), db.data(), db.size(), objective),
              1e-7);
  });
}

TYPED_TEST(LinearTest, NoRows) {
  ForEachTarget([] { CheckShape<TypeParam>(0, 7, 9, 0); });
}

TYPED_TEST(LinearTest, NanReachesItsOutputsAlone) {
  ForEachTarget([] {
    Layer<TypeParam> l(13, 6, 35, 0, 3);
    l.x[4 * 6 + 2] = std::numeric_limits<TypeParam>::quiet_NaN();
    l.w[20 * 6 + 1] = std::numeric_limits<TypeParam>::infinity();
    SerialFor serial;
    GuardedArray<TypeParam> packed(PackedWeightSize(6, 35)), y(13 * 35);
    PackForForward(l.w.data(), 6, 35, packed.data());
    LinearForward<TypeParam>(l.x.data(), 13, packed.data(), nullptr, nullptr, 6,
                             35, y.data(), serial);
    for (size_t r = 0; r < 13; ++r) {
      for (size_t o = 0; o < 35; ++o) {
        EXPECT_EQ(std::isnan(y[r * 35 + o]), r == 4);
        EXPECT_EQ(std::isinf(y[r * 35 + o]), r != 4 && o == 20);
      }
    }
  });
}

TYPED_TEST(LinearTest, OrderOfTasksDoesNotChangeABit) {
  using T = TypeParam;
  ForEachTarget([] {
    const Layer<T> l(300, 33, 70, 0, 5);
    SerialFor serial;
    ReversedFor backwards;
    GuardedArray<T> w(PackedWeightSize(33, 70));
    GuardedArray<T> y1(300 * 70), y2(300 * 70);
    GuardedArray<T> a1(300 * 70), a2(300 * 70), s1(300 * 70), s2(300 * 70);
    GuardedArray<T> g1(33 * 70), g2(33 * 70), b1(70), b2(70);
    PackForForward(l.w.data(), 33, 70, w.data());
    for (auto [parallel, y, a, s, g, b] :
         {std::make_tuple((ParallelFor*)&serial, &y1, &a1, &s1, &g1, &b1),
          std::make_tuple((ParallelFor*)&backwards, &y2, &a2, &s2, &g2, &b2)}) {
      LinearGeluForward<T>(l.x.data(), 300, w.data(), l.b.data(), 33, 70,
                           a->data(), s->data(), *parallel);
      LinearForward<T>(l.x.data(), 300, w.data(), l.b.data(), nullptr, 33, 70,
                       y->data(), *parallel);
      LinearWeightGradient(l.x.data(), l.dy.data(), 300, 33, 70, g->data(),
                           b->data(), *parallel);
    }
    EXPECT_TRUE(std::equal(y1.begin(), y1.end(), y2.begin()));
    EXPECT_TRUE(std::equal(a1.begin(), a1.end(), a2.begin()));
    EXPECT_TRUE(std::equal(s1.begin(), s1.end(), s2.begin()));
    EXPECT_TRUE(std::equal(g1.begin(), g1.end(), g2.begin()));
    EXPECT_TRUE(std::equal(b1.begin(), b1.end(), b2.begin()));
  });
}

}  // namespace
}  // namespace polarize
