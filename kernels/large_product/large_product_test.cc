#include "kernels/large_product/large_product.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/large_product/large_product_ref.h"
#include "kernels/linear_bf16/linear_bf16_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

struct Sizes {
  size_t rows, inner, outer;
};

// Straddles tiles, panels and both kinds of blocks.
const std::vector<Sizes>& AllSizes() {
  static const auto& sizes = *new std::vector<Sizes>([] {
    std::vector<Sizes> all = {{0, 5, 7},      {5, 0, 7},     {5, 7, 0},
                              {263, 9, 33},   {264, 40, 20}, {265, 31, 32},
                              {530, 6, 35},   {13, 511, 33}, {13, 512, 64},
                              {25, 513, 65},  {3, 1023, 17}, {12, 1024, 32},
                              {14, 1025, 31}, {268, 1030, 3}};
    for (size_t n = 1; n <= 40; ++n) {
      all.push_back({n, 1 + n % 7, 1 + 5 * n % 71});
    }
    for (size_t n = 1; n <= 70; n += 3) all.push_back({1 + n % 13, n, n});
    return all;
  }());
  return sizes;
}

// A number with 8 significant bits: bfloat16.
float Coarse(std::mt19937& random) {
  return static_cast<float>(static_cast<int>(random() % 255) - 127) / 64;
}

struct Case {
  Sizes size;
  GuardedArray<float> x, w, y;
  GuardedArray<BF16Bits> bits;

  // exact: whether everything is bfloat16.
  Case(std::mt19937& random, Sizes size, bool exact)
      : size(size),
        x(size.rows * size.inner, size.rows % 3),
        w(size.inner * size.outer, 1),
        y(size.rows * size.outer, size.inner % 5),
        bits(size.inner * size.outer, 1) {
    std::normal_distribution<float> normal;
    for (float& v : x) v = exact ? Coarse(random) : normal(random);
    for (size_t i = 0; i < w.size(); ++i) {
      w[i] = exact ? Coarse(random) : normal(random);
      uint32_t all;
      std::memcpy(&all, &w[i], sizeof(all));
      bits[i] = static_cast<BF16Bits>(all >> 16);
    }
    std::fill(y.begin(), y.end(), std::numeric_limits<float>::quiet_NaN());
  }

  template <typename P, typename W, typename Pack, typename Product>
  void RunWith(size_t packed_size, const W* weights, size_t step, Pack pack,
               Product product) {
    GuardedArray<P> packed(packed_size, 1), scratch(LargeProductScratch());
    for (size_t k = 0; k < size.inner; k += step) {
      pack(weights + k * size.outer, k, std::min(step, size.inner - k),
           size.inner, size.outer, packed.data());
    }
    product(x.data(), size.rows, packed.data(), size.inner, size.outer,
            y.data(), scratch.data());
  }
  template <typename W>
  void Run(const W* weights, size_t step) {
    RunWith<float>(
        PackedProductSize(size.inner, size.outer), weights, step,
        [](const W* from, size_t first, size_t count, size_t inner,
           size_t outer, float* packed) {
          PackProductRows(from, first, count, inner, outer, packed);
        },
        LargeProduct);
  }
  template <typename W>
  void RunBF16(const W* weights, size_t step) {
    RunWith<BF16Pair>(
        PackedProductSizeBF16(size.inner, size.outer), weights, step,
        [](const W* from, size_t first, size_t count, size_t inner,
           size_t outer, BF16Pair* packed) {
          PackProductRowsBF16(from, first, count, inner, outer, packed);
        },
        LargeProductBF16);
  }

  void ExpectNearReference(bool rounded) const {
    const auto value = [&](float v) {
      return rounded ? RoundToBF16Ref(v) : static_cast<double>(v);
    };
    std::vector<double> left(x.size()), right(w.size());
    std::transform(x.data(), x.data() + x.size(), left.begin(), value);
    std::transform(w.data(), w.data() + w.size(), right.begin(), value);
    const double bound = (kDotTerms * (size.inner + 1) + kDotRoundings) *
                         std::numeric_limits<float>::epsilon() / 2;
    for (size_t r = 0; r < size.rows; ++r) {
      for (size_t o = 0; o < size.outer; ++o) {
        const LargeProductRefSum exact =
            LargeProductRef(left.data() + r * size.inner, right.data() + o,
                            size.inner, size.outer);
        ASSERT_NEAR(y[r * size.outer + o], exact.value, bound * exact.magnitude)
            << size.rows << " x " << size.inner << " x " << size.outer << ": "
            << r << ", " << o;
      }
    }
  }
};

TEST(LargeProductTest, IsNearTheReference) {
  ForEachTarget([&] {
    std::mt19937 random(1);
    for (const Sizes& size : AllSizes()) {
      Case s(random, size, false);
      s.Run(s.w.data(), 64);
      s.ExpectNearReference(false);
    }
  });
}

TEST(LargeProductTest, BF16IsNearTheReferenceOfRoundedFactors) {
  ForEachTarget([&] {
    std::mt19937 random(2);
    for (const Sizes& size : AllSizes()) {
      Case s(random, size, false);
      s.RunBF16(s.w.data(), 64);
      s.ExpectNearReference(true);
    }
  });
}

TEST(LargeProductTest, WeightsMayBeBF16) {
  ForEachTarget([&] {
    std::mt19937 random(3);
    for (const Sizes& size : AllSizes()) {
      Case s(random, size, true);
      s.Run(s.w.data(), 1);
      const std::vector<float> expected(s.y.begin(), s.y.end());
      s.Run(s.bits.data(), 6);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), s.y.begin()));
      s.RunBF16(s.w.data(), 1000);
      const std::vector<float> pairs(s.y.begin(), s.y.end());
      s.ExpectNearReference(true);
      s.RunBF16(s.bits.data(), 2);
      EXPECT_TRUE(std::equal(pairs.begin(), pairs.end(), s.y.begin()));
    }
  });
}

// A prompt gives the same bits alone and among others.
TEST(LargeProductTest, RowsDoNotDependOnTheirNeighbours) {
  ForEachTarget([&] {
    std::mt19937 random(4);
    Case all(random, {280, 600, 40}, false);
    for (const bool bf16 : {false, true}) {
      bf16 ? all.RunBF16(all.w.data(), 64) : all.Run(all.w.data(), 64);
      for (const size_t begin : {0, 3, 17, 270}) {
        for (const size_t rows : {1, 4, 7, 10}) {
          Case part(random, {rows, 600, 40}, false);
          std::copy_n(all.x.data() + begin * 600, rows * 600, part.x.data());
          std::copy(all.w.begin(), all.w.end(), part.w.begin());
          bf16 ? part.RunBF16(part.w.data(), 64) : part.Run(part.w.data(), 64);
          EXPECT_EQ(std::memcmp(part.y.data(), all.y.data() + begin * 40,
                                rows * 40 * sizeof(float)),
                    0);
        }
      }
    }
  });
}

TEST(LargeProductTest, NanStaysInItsRow) {
  ForEachTarget([&] {
    std::mt19937 random(5);
    for (const bool bf16 : {false, true}) {
      Case s(random, {17, 530, 35}, false);
      s.x[3 * 530 + 517] = std::numeric_limits<float>::quiet_NaN();
      bf16 ? s.RunBF16(s.w.data(), 64) : s.Run(s.w.data(), 64);
      for (size_t i = 0; i < s.y.size(); ++i) {
        EXPECT_EQ(std::isnan(s.y[i]), i / 35 == 3);
      }
    }
  });
}

TEST(LargeProductDeathTest, PairsStartAtEvenRows) {
  float w[4] = {};
  BF16Pair packed[64];
  EXPECT_DEATH(PackProductRowsBF16(w, 1, 1, 4, 1, packed), "from row 1 on");
}

}  // namespace
}  // namespace polarize
