#include "kernels/rows/rows.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/rows/rows_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

// Small multiples of 1/8, so that every sum below is exact in every order.
template <typename T>
void FillExact(std::mt19937& random, T* begin, T* end) {
  for (T* p = begin; p != end; ++p) {
    *p = static_cast<T>(static_cast<int>(random() % 2001) - 1000) / 8;
  }
}

template <typename T>
std::vector<double> ToDouble(const GuardedArray<T>& a) {
  return std::vector<double>(a.data(), a.data() + a.size());
}

// Lists of 0 .. 3 members per segment and a long one, rows in mixed order.
struct Lists {
  std::vector<uint32_t> begin{0}, member;
  Lists(std::mt19937& random, size_t segments, size_t rows) {
    for (size_t s = 0; s < segments; ++s) {
      const size_t count = rows == 0 ? 0 : s == 5 ? 100 : random() % 4;
      for (size_t k = 0; k < count; ++k) member.push_back(random() % rows);
      begin.push_back(static_cast<uint32_t>(member.size()));
    }
  }
};

template <typename T>
class RowsTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(RowsTest, Scalars);

std::vector<size_t> Widths() {
  std::vector<size_t> widths;
  for (size_t w = 0; w <= 70; ++w) widths.push_back(w);
  widths.insert(widths.end(), {100, 128, 255, 512});
  return widths;
}

TYPED_TEST(RowsTest, GathersWhatTheReferenceGathers) {
  using T = TypeParam;
  ReversedFor parallel;
  ForEachTarget([&] {
    std::mt19937 random(1);
    for (const size_t width : Widths()) {
      for (const size_t n : {size_t{0}, size_t{1}, size_t{67}, size_t{130}}) {
        GuardedArray<T> x(9 * width, width % 5), y(n * width, width % 3);
        FillExact(random, x.begin(), x.end());
        std::vector<uint32_t> index(n);
        for (uint32_t& i : index) i = random() % 9;
        GatherRows(x.data(), index.data(), n, width, y.data(), parallel);
        std::vector<double> expected(n * width);
        GatherRowsRef(ToDouble(x).data(), index.data(), n, width,
                      expected.data());
        EXPECT_EQ(ToDouble(y), expected) << width << " x " << n;
      }
    }
  });
}

TYPED_TEST(RowsTest, AddsWhatTheReferenceAdds) {
  using T = TypeParam;
  ReversedFor parallel;
  ForEachTarget([&] {
    std::mt19937 random(2);
    for (const size_t width : Widths()) {
      for (const size_t segments : {size_t{0}, size_t{1}, size_t{67}}) {
        const Lists lists(random, segments, 11);
        GuardedArray<T> dy(11 * width, width % 5), dx(segments * width, 1);
        FillExact(random, dy.begin(), dy.end());
        FillExact(random, dx.begin(), dx.end());
        std::vector<double> expected = ToDouble(dx);
        AddSegmentsRef(ToDouble(dy).data(), lists.begin.data(),
                       lists.member.data(), segments, width, expected.data());
        AddSegments(dy.data(), lists.begin.data(), lists.member.data(),
                    segments, width, dx.data(), parallel);
        EXPECT_EQ(ToDouble(dx), expected) << width << " x " << segments;
      }
    }
  });
}

// Inexact terms: the stated order of additions, bit for bit.
TYPED_TEST(RowsTest, AddsFromLeftToRight) {
  using T = TypeParam;
  SerialFor serial;
  ForEachTarget([&] {
    std::mt19937 random(3);
    std::normal_distribution<T> normal;
    const size_t width = 83, rows = 40;
    std::vector<T> dy(rows * width), dx(width);
    for (T& v : dy) v = std::exp(4 * normal(random)) * normal(random);
    for (T& v : dx) v = normal(random);
    std::vector<uint32_t> member(rows);
    for (size_t k = 0; k < rows; ++k) member[k] = (7 * k + 3) % rows;
    const uint32_t begin[] = {0, static_cast<uint32_t>(rows)};
    std::vector<T> expected = dx;
    for (size_t c = 0; c < width; ++c) {
      T sum = 0;
      for (const uint32_t r : member) sum += dy[r * width + c];
      expected[c] += sum;
    }
    AddSegments(dy.data(), begin, member.data(), 1, width, dx.data(), serial);
    EXPECT_EQ(std::memcmp(dx.data(), expected.data(), width * sizeof(T)), 0);
  });
}

// <y, dy> = <x, dx>: AddSegments is the transpose of GatherRows.
TYPED_TEST(RowsTest, IsTheTransposeOfTheGather) {
  using T = TypeParam;
  SerialFor serial;
  std::mt19937 random(4);
  const size_t width = 19, n = 50, rows = 8;
  std::vector<T> x(rows * width), y(n * width), dy(n * width), dx(rows * width);
  FillExact(random, x.data(), x.data() + x.size());
  FillExact(random, dy.data(), dy.data() + dy.size());
  std::vector<uint32_t> index(n), begin(rows + 1), member;
  for (uint32_t& i : index) i = random() % rows;
  for (uint32_t r = 0; r < rows; ++r) {
    for (uint32_t i = 0; i < n; ++i) {
      if (index[i] == r) member.push_back(i);
    }
    begin[r + 1] = static_cast<uint32_t>(member.size());
  }
  GatherRows(x.data(), index.data(), n, width, y.data(), serial);
  AddSegments(dy.data(), begin.data(), member.data(), rows, width, dx.data(),
              serial);
  double forward = 0, backward = 0;
  for (size_t i = 0; i < y.size(); ++i) forward += double{y[i]} * dy[i];
  for (size_t i = 0; i < x.size(); ++i) backward += double{x[i]} * dx[i];
  EXPECT_EQ(forward, backward);
  EXPECT_NE(forward, 0);
}

// The gradient of sum y dy by x; some rows are never copied, some often.
TEST(RowsGradientTest, EqualsFiniteDifferences) {
  ForEachTarget([] {
    SerialFor serial;
    std::mt19937 random(5);
    std::normal_distribution<double> normal;
    const size_t width = 19, rows = 8;
    const std::vector<uint32_t> index = {3, 0, 3, 7, 1, 3, 7, 5, 0, 3};
    const std::vector<uint32_t> begin = {0, 2, 3, 3, 7, 7, 8, 8, 10};
    const std::vector<uint32_t> member = {1, 8, 4, 0, 2, 5, 9, 7, 3, 6};
    std::vector<double> x(rows * width), dx(rows * width);
    std::vector<double> y(index.size() * width), dy(index.size() * width);
    for (double& v : x) v = normal(random);
    for (double& v : dy) v = normal(random);
    AddSegments(dy.data(), begin.data(), member.data(), rows, width, dx.data(),
                serial);
    const auto objective = [&] {
      GatherRows(x.data(), index.data(), index.size(), width, y.data(), serial);
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
      return sum;
    };
    EXPECT_LT(GradientError(x.data(), dx.data(), x.size(), objective), 1e-7);
  });
}

TYPED_TEST(RowsTest, SpecialValuesStayInTheirRow) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kTiny = std::numeric_limits<T>::denorm_min();
  SerialFor serial;
  ForEachTarget([&] {
    const T dy[] = {std::nanf(""), kInf, 1, kTiny};
    const uint32_t begin[] = {0, 1, 2, 4, 5, 5};
    const uint32_t member[] = {0, 1, 1, 2, 3};
    T dx[] = {1, 1, -kInf, 0, T{-0.0}};
    AddSegments(dy, begin, member, 5, 1, dx, serial);
    EXPECT_TRUE(std::isnan(dx[0]));
    EXPECT_EQ(dx[1], kInf);
    EXPECT_TRUE(std::isnan(dx[2]));
    EXPECT_EQ(dx[3], kTiny);
    EXPECT_TRUE(std::signbit(dx[4]));  // an empty list keeps the bits
    T y[5];
    GatherRows(dy, member, 5, 1, y, serial);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(y[1], kInf);
    EXPECT_EQ(y[4], kTiny);
  });
}

TEST(RowsDeathTest, DescendingSegmentsAbort) {
  SerialFor serial;
  const float dy[2] = {};
  float dx[2] = {};
  const uint32_t begin[] = {0, 2, 1}, member[] = {0, 1};
  EXPECT_DEATH(AddSegments(dy, begin, member, 2, 1, dx, serial),
               "segment 1 begins at 2 and ends at 1");
}

}  // namespace
}  // namespace polarize
