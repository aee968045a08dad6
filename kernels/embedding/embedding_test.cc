#include "kernels/embedding/embedding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/embedding/embedding_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

using Combine = EmbeddingShape::Combine;

// Small multiples of 1/8, so that every sum below is exact in every order.
template <typename T>
void FillExact(std::mt19937& random, GuardedArray<T>& a) {
  for (T& v : a) {
    v = static_cast<T>(static_cast<int>(random() % 2001) - 1000) / 8;
  }
}

template <typename T>
std::vector<double> ToDouble(const GuardedArray<T>& a) {
  return std::vector<double>(a.data(), a.data() + a.size());
}

// Everything a forward and a backward pass touch.
template <typename T>
struct Case {
  EmbeddingShape shape;
  size_t rows;
  std::vector<int32_t> token, position;
  GuardedArray<T> token_table, position_table, x, dx, dtoken_table,
      dposition_table;
  GuardedArray<uint32_t> scratch;

  Case(std::mt19937& random, const EmbeddingShape& shape, size_t rows)
      : shape(shape),
        rows(rows),
        token(rows),
        position(rows),
        token_table(shape.vocabulary * shape.token_width, 1),
        position_table(shape.positions * shape.position_width, 2),
        x(rows * shape.Width(), 3),
        dx(rows * shape.Width(), 1),
        dtoken_table(token_table.size(), 3),
        dposition_table(position_table.size(), 1),
        scratch(EmbeddingScratch(shape, rows), 1) {
    for (int32_t& id : token) id = random() % shape.vocabulary;
    for (int32_t& id : position) id = random() % shape.positions;
    for (auto* a : {&token_table, &position_table, &dx}) FillExact(random, *a);
    // What must be overwritten.
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (auto* a : {&x, &dtoken_table, &dposition_table}) {
      std::fill(a->begin(), a->end(), nan);
    }
    std::fill(scratch.begin(), scratch.end(), 0xDEADBEEFu);
  }

  void Forward(ParallelFor& parallel) {
    EmbeddingForward(shape, token.data(), position.data(), rows,
                     token_table.data(), position_table.data(), x.data(),
                     parallel);
  }
  void Backward(ParallelFor& parallel) {
    EmbeddingBackward(shape, token.data(), position.data(), rows, dx.data(),
                      dtoken_table.data(), dposition_table.data(),
                      scratch.data(), parallel);
  }
  size_t PositionColumn() const {
    return shape.combine == Combine::kConcat ? shape.token_width : 0;
  }
};

template <typename T>
void ExpectEqualsReference(Case<T>& s) {
  ReversedFor parallel;
  const EmbeddingShape& shape = s.shape;
  const size_t width = shape.Width();
  s.Forward(parallel);
  s.Backward(parallel);
  std::vector<double> x(s.x.size()), dtoken(s.token_table.size()),
      dposition(s.position_table.size());
  AddEmbeddingRef(s.token.data(), s.rows, ToDouble(s.token_table).data(),
                  shape.token_width, 0, width, x.data());
  const std::vector<double> dx = ToDouble(s.dx);
  AddEmbeddingGradientRef(s.token.data(), s.rows, dx.data(), shape.token_width,
                          0, width, dtoken.data());
  if (shape.HasPositions()) {
    AddEmbeddingRef(s.position.data(), s.rows,
                    ToDouble(s.position_table).data(), shape.position_width,
                    s.PositionColumn(), width, x.data());
    AddEmbeddingGradientRef(s.position.data(), s.rows, dx.data(),
                            shape.position_width, s.PositionColumn(), width,
                            dposition.data());
    EXPECT_EQ(ToDouble(s.dposition_table), dposition);
  }
  EXPECT_EQ(ToDouble(s.x), x);
  EXPECT_EQ(ToDouble(s.dtoken_table), dtoken);
}

template <typename T>
class EmbeddingTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(EmbeddingTest, Scalars);

TYPED_TEST(EmbeddingTest, EqualsTheReferenceAtEveryWidth) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    std::vector<size_t> widths;
    for (size_t w = 0; w <= 70; ++w) widths.push_back(w);
    widths.insert(widths.end(), {100, 128, 255, 512});
    for (const size_t w : widths) {
      SCOPED_TRACE(w);
      Case<TypeParam> concat(random, {Combine::kConcat, 7, 9, w, 71 - w % 70},
                             20);
      ExpectEqualsReference(concat);
      Case<TypeParam> add(random, {Combine::kAdd, 7, 9, w, w}, 20);
      ExpectEqualsReference(add);
      Case<TypeParam> token(random, {Combine::kTokenOnly, 7, 9, w, 5}, 20);
      ExpectEqualsReference(token);
    }
  });
}

TYPED_TEST(EmbeddingTest, EqualsTheReferenceForAnyNumberOfRowsAndIds) {
  ForEachTarget([&] {
    std::mt19937 random(2);
    for (const size_t rows : {0, 1, 2, 63, 64, 65, 300}) {
      for (const size_t ids : {1, 2, 3, 4, 5, 100, 512}) {
        SCOPED_TRACE(rows);
        for (const Combine combine :
             {Combine::kConcat, Combine::kAdd, Combine::kTokenOnly}) {
          Case<TypeParam> few_tokens(random, {combine, 3, ids, 6, 6}, rows);
          ExpectEqualsReference(few_tokens);
          Case<TypeParam> few_positions(random, {combine, ids, 3, 6, 6}, rows);
          ExpectEqualsReference(few_positions);
        }
      }
    }
  });
}

TYPED_TEST(EmbeddingTest, TokenOnlyNeedsNoPositions) {
  using T = TypeParam;
  SerialFor serial;
  std::mt19937 random(3);
  Case<T> s(random, {Combine::kTokenOnly, 5, 1, 9, 0}, 10);
  EmbeddingForward<T>(s.shape, s.token.data(), nullptr, s.rows,
                      s.token_table.data(), nullptr, s.x.data(), serial);
  EmbeddingBackward<T>(s.shape, s.token.data(), nullptr, s.rows, s.dx.data(),
                       s.dtoken_table.data(), nullptr, s.scratch.data(),
                       serial);
  const std::vector<double> x = ToDouble(s.x),
                            dtable = ToDouble(s.dtoken_table);
  ExpectEqualsReference(s);
  EXPECT_EQ(ToDouble(s.x), x);
  EXPECT_EQ(ToDouble(s.dtoken_table), dtable);
}

// Inexact terms: the stated order of additions, bit for bit.
TYPED_TEST(EmbeddingTest, SumsInAscendingRows) {
  using T = TypeParam;
  ForEachTarget([&] {
    ReversedFor parallel;
    std::mt19937 random(4);
    std::normal_distribution<T> normal;
    Case<T> s(random, {Combine::kConcat, 6, 4, 37, 11}, 200);
    for (T& v : s.dx) v = std::exp(4 * normal(random)) * normal(random);
    s.Backward(parallel);
    std::vector<T> dtoken(6 * 37), dposition(4 * 11);
    for (size_t r = 0; r < s.rows; ++r) {
      const T* row = s.dx.data() + r * 48;
      for (size_t c = 0; c < 37; ++c) dtoken[s.token[r] * 37 + c] += row[c];
      for (size_t c = 0; c < 11; ++c) {
        dposition[s.position[r] * 11 + c] += row[37 + c];
      }
    }
    EXPECT_TRUE(
        std::equal(dtoken.begin(), dtoken.end(), s.dtoken_table.begin()));
    EXPECT_TRUE(std::equal(dposition.begin(), dposition.end(),
                           s.dposition_table.begin()));
  });
}

TYPED_TEST(EmbeddingTest, SpecialValuesStayWhereTheyBelong) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(5);
    Case<T> s(random, {Combine::kAdd, 3, 2, 1, 1}, 3);
    s.token = {0, 2, 2};
    s.position = {0, 0, 1};
    s.token_table[0] = std::numeric_limits<T>::quiet_NaN();
    s.token_table[2] = kInf;
    s.position_table[1] = -kInf;
    s.dx[0] = std::numeric_limits<T>::quiet_NaN();
    s.dx[1] = kInf;
    s.Forward(serial);
    s.Backward(serial);
    EXPECT_TRUE(std::isnan(s.x[0]));
    EXPECT_EQ(s.x[1], kInf);
    EXPECT_TRUE(std::isnan(s.x[2]));
    EXPECT_TRUE(std::isnan(s.dtoken_table[0]));
    EXPECT_EQ(s.dtoken_table[1], 0);
    EXPECT_EQ(s.dtoken_table[2], kInf);
    EXPECT_TRUE(std::isnan(s.dposition_table[0]));
    EXPECT_EQ(s.dposition_table[1], s.dx[2]);
  });
}

// The loss sum dy x is linear in the tables, so that central differences of
// any order are exact to rounding.
TEST(EmbeddingGradientTest, EqualsFiniteDifferences) {
  ForEachTarget([&] {
    SerialFor serial;
    std::mt19937 random(6);
    for (const Combine combine :
         {Combine::kConcat, Combine::kAdd, Combine::kTokenOnly}) {
      Case<double> s(random, {combine, 5, 6, 4, 4}, 12);
      s.Backward(serial);
      const auto loss = [&] {
        s.Forward(serial);
        double sum = 0;
        for (size_t i = 0; i < s.x.size(); ++i) sum += s.dx[i] * s.x[i];
        return sum;
      };
      const auto expect_slopes = [&](GuardedArray<double>& table,
                                     GuardedArray<double>& gradient) {
        for (size_t i = 0; i < table.size(); ++i) {
          const double at = table[i];
          double value[4];
          const double shift[4] = {-2, -1, 1, 2};
          for (int k = 0; k < 4; ++k) {
            table[i] = at + shift[k];
            value[k] = loss();
          }
          table[i] = at;
          const double slope =
              (8 * (value[2] - value[1]) - (value[3] - value[0])) / 12;
          EXPECT_NEAR(slope, gradient[i], 1e-7) << i;
        }
      };
      expect_slopes(s.token_table, s.dtoken_table);
      if (s.shape.HasPositions()) {
        expect_slopes(s.position_table, s.dposition_table);
      }
    }
  });
}

TEST(EmbeddingDeathTest, NamesTheIdOutOfRange) {
  SerialFor serial;
  std::mt19937 random(7);
  Case<float> s(random, {Combine::kConcat, 5, 6, 4, 4}, 12);
  s.token[11] = 5;
  EXPECT_DEATH(s.Forward(serial), "token.11. is 5, not in 0 .. 5 - 1");
  s.token[11] = -1;
  EXPECT_DEATH(s.Backward(serial), "token.11. is -1, not in 0 .. 5 - 1");
  s.token[11] = 4;
  s.position[3] = 6;
  EXPECT_DEATH(s.Forward(serial), "position.3. is 6, not in 0 .. 6 - 1");
  EXPECT_DEATH(s.Backward(serial), "position.3. is 6, not in 0 .. 6 - 1");
}

TEST(EmbeddingDeathTest, OnlyEqualWidthsAdd) {
  SerialFor serial;
  std::mt19937 random(8);
  Case<float> s(random, {Combine::kAdd, 5, 6, 4, 3}, 2);
  EXPECT_DEATH(s.Forward(serial), "4 token columns cannot be added to 3");
}

}  // namespace
}  // namespace polarize
