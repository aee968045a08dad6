#include "experiments/inspect/values.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace polarize {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

TEST(SameBits, IsNotEquality) {
  EXPECT_TRUE(SameBits(kNan, kNan));
  EXPECT_FALSE(SameBits(0.0f, -0.0f));
  EXPECT_FALSE(SameBits(0.0, -0.0));
  EXPECT_TRUE(SameBits(0.1, 0.1));
}

TEST(UlpsBetween, CountsFloats) {
  EXPECT_EQ(UlpsBetween(1.0f, 1.0f), 0u);
  EXPECT_EQ(UlpsBetween(1.0f, std::nextafter(1.0f, 2.0f)), 1u);
  EXPECT_EQ(UlpsBetween(std::nextafter(1.0f, 0.0f), 1.0f), 1u);
  EXPECT_EQ(UlpsBetween(1.0f, 2.0f), uint64_t{1} << 23);
  EXPECT_EQ(UlpsBetween(1.0, 2.0), uint64_t{1} << 52);
}

TEST(UlpsBetween, CrossesZero) {
  constexpr float kTiny = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(UlpsBetween(0.0f, -0.0f), 0u);
  EXPECT_EQ(UlpsBetween(kTiny, -kTiny), 2u);
  EXPECT_EQ(UlpsBetween(-kTiny, 0.0f), 1u);
  EXPECT_EQ(UlpsBetween(-1.0, 1.0), UlpsBetween(0.0, 1.0) * 2);
}

TEST(UlpsBetween, NanIsFarFromAllButItself) {
  EXPECT_EQ(UlpsBetween(kNan, kNan), 0u);
  EXPECT_EQ(UlpsBetween(kNan, 1.0f), kMost);
  EXPECT_EQ(UlpsBetween(1.0f, kNan), kMost);
}

TEST(Text, IsExact) {
  EXPECT_EQ(ExactText(0.1f), "0.1");
  EXPECT_EQ(ExactText(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(PairText(0.5f, std::nextafter(0.5f, 1.0f)),
            "0.5 and 0.50000006, 1 ulp apart");
  EXPECT_EQ(PairText(1.0f, kNan), "1 and nan");
}

TEST(Text, NamesAnElement) {
  EXPECT_EQ(ElementText({2, 3}, 0), "[0, 0]");
  EXPECT_EQ(ElementText({2, 3}, 5), "[1, 2]");
  EXPECT_EQ(ElementText({7}, 4), "[4]");
}

}  // namespace
}  // namespace polarize
