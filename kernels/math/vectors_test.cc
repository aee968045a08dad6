// The vector functions that only other kernels call, and every vector width:
// tags of fewer lanes than the widest are how short rows are computed.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/math/vectors_test.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace {

#define POLARIZE_OP(Name)               \
  struct Name##Op {                     \
    template <class D, class V>         \
    HWY_INLINE V operator()(D d, V x) { \
      return HWY_NAMESPACE::Name(d, x); \
    }                                   \
  };
POLARIZE_OP(Exp)
POLARIZE_OP(ExpDouble)
POLARIZE_OP(ExpOfNonPositive)
POLARIZE_OP(ScaledExpOfNonPositive)
POLARIZE_OP(FastScaledExpOfNonPositive)
POLARIZE_OP(Expm1)
POLARIZE_OP(Log)
POLARIZE_OP(Erf)
POLARIZE_OP(Sigmoid)
POLARIZE_OP(SigmoidDerivative)
POLARIZE_OP(Elu)
POLARIZE_OP(EluDerivativeAt)
POLARIZE_OP(Gelu)
POLARIZE_OP(GeluDerivative)
#undef POLARIZE_OP
struct SharedGeluOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) {
    V derivative;
    return GeluAndDerivative(d, x, derivative);
  }
};
struct SharedGeluDerivativeOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) {
    V derivative;
    GeluAndDerivative(d, x, derivative);
    return derivative;
  }
};

// y = op(x) with vectors of D; n must be a multiple of 64.
template <class D, class Op>
void Apply(D d, Op op, const std::vector<hn::TFromD<D>>& x,
           std::vector<hn::TFromD<D>>& y) {
  for (size_t i = 0; i < x.size(); i += hn::Lanes(d)) {
    hn::StoreU(op(d, hn::LoadU(d, &x[i])), d, &y[i]);
  }
}

// How many elements differ between vectors of the narrow tag and the widest.
template <class D, class Op>
size_t Differences(D narrow, Op op) {
  using T = hn::TFromD<D>;
  const hn::ScalableTag<T> wide;
  std::vector<T> x(64), expected(64), actual(64);
  for (size_t i = 0; i < x.size(); ++i) x[i] = T(0.37) * (T(i) - 32);
  Apply(wide, op, x, expected);
  Apply(narrow, op, x, actual);
  size_t differences = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    differences += !(actual[i] == expected[i] ||
                     (std::isnan(actual[i]) && std::isnan(expected[i])));
  }
  return differences;
}

template <class D>
size_t AllDifferences(D d) {
  return Differences(d, ExpOp()) + Differences(d, ExpOfNonPositiveOp()) +
         Differences(d, ScaledExpOfNonPositiveOp()) +
         Differences(d, FastScaledExpOfNonPositiveOp()) +
         Differences(d, Expm1Op()) + Differences(d, LogOp()) +
         Differences(d, ErfOp()) + Differences(d, SigmoidOp()) +
         Differences(d, SigmoidDerivativeOp()) + Differences(d, EluOp()) +
         Differences(d, EluDerivativeAtOp()) + Differences(d, GeluOp()) +
         Differences(d, GeluDerivativeOp());
}

template <class D>
hn::TFromD<D> Sum(D d, const std::vector<hn::TFromD<D>>& x) {
  CompensatedSum<D> sum(d);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= x.size(); i += lanes) sum.Add(hn::LoadU(d, &x[i]));
  if (i < x.size()) sum.Add(hn::LoadN(d, &x[i], x.size() - i));
  return sum.Total();
}

// Four vectors at a time, as QuadSum's users do.
template <class D>
hn::TFromD<D> SumOfQuads(D d, const std::vector<hn::TFromD<D>>& x) {
  QuadSum<D> sum(d);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + 4 * lanes <= x.size(); i += 4 * lanes) {
    const auto* at = &x[i];
    sum.Add(hn::LoadU(d, at), hn::LoadU(d, at + lanes),
            hn::LoadU(d, at + 2 * lanes), hn::LoadU(d, at + 3 * lanes));
  }
  for (; i + lanes <= x.size(); i += lanes) sum.Add(hn::LoadU(d, &x[i]));
  if (i < x.size()) sum.Add(hn::LoadN(d, &x[i], x.size() - i));
  return static_cast<hn::TFromD<D>>(sum.Total());
}

// Lanes of ReduceVectors, for every count, that are not what they should be.
template <class D>
size_t WrongReductions(D d) {
  using T = hn::TFromD<D>;
  constexpr size_t kLanes = hn::MaxLanes(D());
  hn::Vec<D> v[kLanes];
  T sum[kLanes], largest[kLanes], sums[kLanes], maxima[kLanes];
  for (size_t i = 0; i < kLanes; ++i) {
    T lanes[kLanes];
    sum[i] = 0;
    largest[i] = -1;
    for (size_t j = 0; j < kLanes; ++j) {
      lanes[j] = static_cast<T>((i * 31 + j * 17) % 101);  // sums are exact
      sum[i] += lanes[j];
      largest[i] = HWY_MAX(largest[i], lanes[j]);
    }
    v[i] = hn::LoadU(d, lanes);
  }
  size_t wrong = 0;
  for (size_t count = 1; count <= kLanes; ++count) {
    hn::StoreU(ReduceVectors(d, v, count, SumOf()), d, sums);
    hn::StoreU(ReduceVectors(d, v, count, LargerOf()), d, maxima);
    for (size_t i = 0; i < count; ++i) {
      wrong += sums[i] != sum[i] || maxima[i] != largest[i];
    }
  }
  return wrong;
}

}  // namespace

size_t AllWrongReductions() {
  return WrongReductions(hn::CappedTag<float, 1>()) +
         WrongReductions(hn::CappedTag<float, 2>()) +
         WrongReductions(hn::CappedTag<float, 4>()) +
         WrongReductions(hn::CappedTag<float, 8>()) +
         WrongReductions(hn::ScalableTag<float>()) +
         WrongReductions(hn::CappedTag<double, 1>()) +
         WrongReductions(hn::CappedTag<double, 2>()) +
         WrongReductions(hn::CappedTag<double, 4>()) +
         WrongReductions(hn::ScalableTag<double>());
}

void ScaledExps(bool fast, const std::vector<float>& x, std::vector<float>& y) {
  if (fast) {
    MapArray(x.data(), y.data(), x.size(), FastScaledExpOfNonPositiveOp());
  } else {
    MapArray(x.data(), y.data(), x.size(), ScaledExpOfNonPositiveOp());
  }
}

void QuadSumFloats(const std::vector<float>& x, std::vector<float>& sums) {
  sums = {SumOfQuads(hn::CappedTag<float, 1>(), x),
          SumOfQuads(hn::CappedTag<float, 2>(), x),
          SumOfQuads(hn::CappedTag<float, 4>(), x),
          SumOfQuads(hn::CappedTag<float, 8>(), x),
          SumOfQuads(hn::ScalableTag<float>(), x)};
}

size_t NarrowDifferences() {
  return AllDifferences(hn::CappedTag<float, 1>()) +
         AllDifferences(hn::CappedTag<float, 2>()) +
         AllDifferences(hn::CappedTag<float, 4>()) +
         AllDifferences(hn::CappedTag<float, 8>()) +
         AllDifferences(hn::CappedTag<double, 1>()) +
         AllDifferences(hn::CappedTag<double, 2>()) +
         Differences(hn::CappedTag<double, 1>(), ExpDoubleOp()) +
         Differences(hn::CappedTag<double, 2>(), ExpDoubleOp()) +
         Differences(hn::CappedTag<double, 4>(), ExpDoubleOp());
}

void ExpDoubles(const std::vector<double>& x, std::vector<double>& y) {
  MapArray(x.data(), y.data(), x.size(), ExpDoubleOp());
}

// How many bits of y or slopes GeluAndDerivative has otherwise than Gelu and
// GeluDerivative: of -0 too.
template <typename T>
size_t GeluDifferences(const std::vector<T>& x) {
  std::vector<T> shared(x.size()), alone(x.size());
  const auto differ = [&](auto one, auto other) {
    MapArray(x.data(), shared.data(), x.size(), one);
    MapArray(x.data(), alone.data(), x.size(), other);
    // A NaN's sign and payload are nobody's.
    for (std::vector<T>* values : {&shared, &alone}) {
      for (T& value : *values) value = std::isnan(value) ? T(77) : value;
    }
    return std::memcmp(shared.data(), alone.data(), x.size() * sizeof(T)) != 0;
  };
  return differ(SharedGeluOp(), GeluOp()) +
         differ(SharedGeluDerivativeOp(), GeluDerivativeOp());
}

size_t GeluFloatDifferences(const std::vector<float>& x) {
  return GeluDifferences(x);
}

size_t GeluDoubleDifferences(const std::vector<double>& x) {
  return GeluDifferences(x);
}

void Expm1Floats(const std::vector<float>& x, std::vector<float>& y) {
  MapArray(x.data(), y.data(), x.size(), Expm1Op());
}

void SigmoidDerivatives(const std::vector<float>& values,
                        std::vector<float>& slopes) {
  MapArray(values.data(), slopes.data(), values.size(), SigmoidDerivativeOp());
}

void SumFloats(const std::vector<float>& x, std::vector<float>& sums) {
  sums = {Sum(hn::CappedTag<float, 1>(), x), Sum(hn::CappedTag<float, 2>(), x),
          Sum(hn::CappedTag<float, 4>(), x), Sum(hn::CappedTag<float, 8>(), x),
          Sum(hn::ScalableTag<float>(), x)};
}

double SumDoubles(const std::vector<double>& x) {
  return Sum(hn::ScalableTag<double>(), x);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <limits>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/math/math_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {

HWY_EXPORT(NarrowDifferences);
HWY_EXPORT(GeluFloatDifferences);
HWY_EXPORT(GeluDoubleDifferences);
HWY_EXPORT(ExpDoubles);
HWY_EXPORT(Expm1Floats);
HWY_EXPORT(SigmoidDerivatives);
HWY_EXPORT(SumFloats);
HWY_EXPORT(SumDoubles);
HWY_EXPORT(AllWrongReductions);
HWY_EXPORT(ScaledExps);
HWY_EXPORT(QuadSumFloats);

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(VectorsTest, SharedGeluHasTheSameBits) {
  ForEachTarget([] {
    std::vector<float> x = FloatsBetween(-20, 20, 10000);
    const float inf = std::numeric_limits<float>::infinity();
    for (const float special : {inf, -inf, 0.0f, -0.0f, std::nanf("")}) {
      x.push_back(special);
    }
    EXPECT_EQ(HWY_DYNAMIC_DISPATCH(GeluFloatDifferences)(x), 0);
    EXPECT_EQ(HWY_DYNAMIC_DISPATCH(GeluDoubleDifferences)(
                  std::vector<double>(x.begin(), x.end())),
              0);
  });
}

TEST(VectorsTest, EveryWidthGivesTheSameBits) {
  ForEachTarget(
      [] { EXPECT_EQ(HWY_DYNAMIC_DISPATCH(NarrowDifferences)(), 0u); });
}

// About `count` doubles of one sign from lo to hi, evenly spaced in their bit
// patterns, and hi.
std::vector<double> DoublesBetween(double lo, double hi, int64_t count) {
  int64_t first, last;
  std::memcpy(&first, &lo, sizeof(lo));
  std::memcpy(&last, &hi, sizeof(hi));
  const int64_t step = (last - first) / count;
  std::vector<double> doubles(count);
  for (double& x : doubles) {
    std::memcpy(&x, &first, sizeof(x));
    first += step;
  }
  doubles.push_back(hi);
  return doubles;
}

// |actual - exact| in units in the last place of `exact` as a double.
double DoubleUlpError(double actual, long double exact) {
  const int exponent = std::max(std::ilogb(exact) + 1,
                                std::numeric_limits<double>::min_exponent);
  return static_cast<double>(std::abs(actual - exact) /
                             std::ldexp(1.0L, exponent - 53));
}

void ExpectExpDoubleAccurate(double lo, double hi) {
  const std::vector<double> x = DoublesBetween(lo, hi, 100000);
  std::vector<double> y(x.size());
  HWY_DYNAMIC_DISPATCH(ExpDoubles)(x, y);
  double worst = 0, where = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error =
        DoubleUlpError(y[i], std::exp(static_cast<long double>(x[i])));
    if (!(error <= worst)) worst = error, where = x[i];
  }
  EXPECT_LE(worst, kExpDoubleUlp) << "at " << where;
}

// All of its range, then results that are denormal (below -708.4), the largest,
// arguments around the changes of n (at odd multiples of ln(2) / 2) and near 0.
TEST(VectorsTest, ExpDoubleIsAccurate) {
  ForEachTarget([] {
    const double least = std::numeric_limits<double>::denorm_min();
    const double ranges[][2] = {{least, 709.7}, {1e-20, 1e-3}, {1e-3, 0.4},
                                {0.34, 0.35},   {1.03, 1.05},  {0.4, 40},
                                {40, 709.7},    {700, 709.7}};
    for (const double* range : ranges) {
      ExpectExpDoubleAccurate(range[0], range[1]);
      ExpectExpDoubleAccurate(-range[0], -range[1]);
    }
    ExpectExpDoubleAccurate(-700, -746);
    ExpectExpDoubleAccurate(-744, -746);
    ExpectExpDoubleAccurate(-746, -1e4);
  });
}

TEST(VectorsTest, ExpDoubleSpecialValues) {
  ForEachTarget([] {
    const double inf = std::numeric_limits<double>::infinity();
    const double max = std::numeric_limits<double>::max();
    std::vector<double> x = {-inf, -max, -746, 0, -0.0, NAN, -NAN};
    const double expected[] = {0, 0, 0, 1, 1};
    std::vector<double> y(x.size());
    HWY_DYNAMIC_DISPATCH(ExpDoubles)(x, y);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(y[i], expected[i]) << x[i];
    EXPECT_TRUE(std::isnan(y[5]) && std::isnan(y[6]));
  });
}

TEST(VectorsTest, Expm1IsAccurateOnBothSides) {
  const float max = std::numeric_limits<float>::max();
  ForEachTarget([&] {
    const float ranges[][2] = {
        {-max, max}, {-21, -15}, {-1.1f, 1.1f}, {0.1f, 90.0f}, {86.0f, 89.0f}};
    for (const float* range : ranges) {
      const auto x = FloatsBetween(range[0], range[1], 200000);
      std::vector<float> y(x.size());
      HWY_DYNAMIC_DISPATCH(Expm1Floats)(x, y);
      double worst = 0;
      float where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double error = UlpError(y[i], std::expm1(double{x[i]}));
        if (!(error <= worst)) worst = error, where = x[i];
      }
      EXPECT_LE(worst, kEluUlp) << "at " << where;
    }
    const std::vector<float> x = {-kInf, kInf, -0.0f, NAN};
    std::vector<float> y(4);
    HWY_DYNAMIC_DISPATCH(Expm1Floats)(x, y);
    EXPECT_EQ(y[0], -1);
    EXPECT_EQ(y[1], kInf);
    EXPECT_TRUE(y[2] == 0 && std::signbit(y[2]));
    EXPECT_TRUE(std::isnan(y[3]));
  });
}

TEST(VectorsTest, SigmoidDerivativeOfAValueMatchesTheFormula) {
  ForEachTarget([] {
    const std::vector<float> value = {0, 0.25f, 0.5f, 1, NAN};
    std::vector<float> slope(value.size());
    HWY_DYNAMIC_DISPATCH(SigmoidDerivatives)(value, slope);
    const float expected[] = {0, 0.1875f, 0.25f, 0};
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(slope[i], expected[i]);
    EXPECT_TRUE(std::isnan(slope[4]));
  });
}

// One large element, then many that a plain float sum would lose one by one.
TEST(VectorsTest, CompensatedSumKeepsWhatFloatsLose) {
  ForEachTarget([] {
    for (const size_t n : {0, 1, 5, 16, 17, 100, 4097}) {
      std::vector<float> x(n, 3e-8f);
      if (n > 0) x[0] = 1;
      const double exact = n == 0 ? 0 : 1 + (n - 1) * double{3e-8f};
      std::vector<float> sums;
      HWY_DYNAMIC_DISPATCH(SumFloats)(x, sums);
      for (const float sum : sums) EXPECT_LE(UlpError(sum, exact), 0.51) << n;
      const std::vector<double> wide(x.begin(), x.end());
      EXPECT_NEAR(HWY_DYNAMIC_DISPATCH(SumDoubles)(wide), exact, 1e-15);
    }
  });
}

TEST(VectorsTest, QuadSumIsOffByThreeRoundings) {
  ForEachTarget([] {
    for (const size_t n : {0, 1, 5, 16, 17, 100, 4097}) {
      std::vector<float> x(n);
      double exact = 0;
      for (size_t i = 0; i < n; ++i)
        exact += x[i] = 0.7f + (i * 37 % 101) / 9.f;
      std::vector<float> sums;
      HWY_DYNAMIC_DISPATCH(QuadSumFloats)(x, sums);
      for (const float sum : sums) {
        EXPECT_NEAR(sum, exact, 3 * 0x1p-24 * exact) << n;
      }
      if (n == 0) continue;
      x[n / 2] = NAN;
      HWY_DYNAMIC_DISPATCH(QuadSumFloats)(x, sums);
      for (const float sum : sums) EXPECT_TRUE(std::isnan(sum));
    }
  });
}

TEST(VectorsTest, ReductionsOfManyVectors) {
  ForEachTarget(
      [] { EXPECT_EQ(HWY_DYNAMIC_DISPATCH(AllWrongReductions)(), 0u); });
}

TEST(VectorsTest, ScaledExpIsAccurate) {
  ForEachTarget([] {
    for (const bool fast : {false, true}) {
      for (const float lo : {-105.0f, -20.0f, -1.5f, -0.36f, -0.01f}) {
        const auto x = FloatsBetween(lo, 0, 300000);
        std::vector<float> y(x.size());
        HWY_DYNAMIC_DISPATCH(ScaledExps)(fast, x, y);
        double worst = 0;
        for (size_t i = 0; i < x.size(); ++i) {
          worst = std::max(
              worst, UlpError(y[i], std::ldexp(std::exp(double{x[i]}), 32)));
        }
        EXPECT_LE(worst, fast ? kFastExpUlp : kExpUlp) << lo;
      }
      const std::vector<float> x = {-kInf, -1e5f, 0, NAN, -NAN};
      std::vector<float> y(x.size());
      HWY_DYNAMIC_DISPATCH(ScaledExps)(fast, x, y);
      EXPECT_EQ(y[0], y[1]);
      EXPECT_LT(y[0], 0x1p-118f);
      EXPECT_EQ(y[2], 0x1p32f);
      EXPECT_TRUE(std::isnan(y[3]) && std::isnan(y[4]));
    }
  });
}

TEST(VectorsTest, CompensatedSumCancels) {
  ForEachTarget([] {
    std::vector<float> x;
    for (int i = 0; i < 300; ++i) {
      x.insert(x.end(), {1e8f + 64.0f * i, 1.0f / (i + 1), -1e8f - 64.0f * i});
    }
    double exact = 0;
    for (const float v : x) exact += v;
    std::vector<float> sums;
    HWY_DYNAMIC_DISPATCH(SumFloats)(x, sums);
    for (const float sum : sums) EXPECT_NEAR(sum, exact, 1e-4);
    x[100] = NAN;
    HWY_DYNAMIC_DISPATCH(SumFloats)(x, sums);
    for (const float sum : sums) EXPECT_TRUE(std::isnan(sum));
  });
}

}  // namespace
}  // namespace polarize
#endif
