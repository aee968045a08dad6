#include "experiments/pretrained/checkpoint/element_type.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

template <typename From, typename To>
std::vector<To> Convert(ElementType type, const std::vector<From>& from,
                        PackedPrecision precision) {
  std::vector<To> to(from.size());
  ConvertElements(type, reinterpret_cast<const char*>(from.data()), from.size(),
                  precision, reinterpret_cast<char*>(to.data()));
  return to;
}

uint16_t Rounded(float value) {
  return Convert<float, uint16_t>(ElementType::kF32, {value},
                                  PackedPrecision::kBF16)[0];
}

float Widened(uint16_t bits) {
  return Convert<uint16_t, float>(ElementType::kBF16, {bits},
                                  PackedPrecision::kF32)[0];
}

TEST(ElementTypeTest, ReadsNames) {
  EXPECT_EQ(*ParseZarrType("<f4"), ElementType::kF32);
  EXPECT_EQ(*ParseZarrType("bfloat16"), ElementType::kBF16);
  EXPECT_EQ(*ParseZarrType("<V2"), ElementType::kBF16);
  EXPECT_EQ(*ParseZarrType("<f2"), ElementType::kF16);
  EXPECT_EQ(*ParseZarrType("<u4"), ElementType::kU32);
  EXPECT_EQ(*ParseZarrType("<i4"), ElementType::kI32);
  for (const char* const bad : {"", ">f4", "<f8", "float32", "|V2", "<f4 "}) {
    EXPECT_THAT(ParseZarrType(bad).status().message(), HasSubstr("<f4")) << bad;
  }
  EXPECT_EQ(*ParseNumpyType("float32"), ElementType::kF32);
  EXPECT_EQ(*ParseNumpyType("bfloat16"), ElementType::kBF16);
  EXPECT_EQ(*ParseNumpyType("uint32"), ElementType::kU32);
  EXPECT_FALSE(ParseNumpyType("<f4").ok());
}

TEST(ElementTypeTest, RoundsToTheNearestAndToEven) {
  EXPECT_EQ(Rounded(0.0f), 0x0000);
  EXPECT_EQ(Rounded(-0.0f), 0x8000);
  EXPECT_EQ(Rounded(1.0f), 0x3F80);
  EXPECT_EQ(Rounded(1.0f + 0x1p-8f), 0x3F80);  // between two: the even one
  EXPECT_EQ(Rounded(1.0f + 0x1.8p-7f), 0x3F82);
  EXPECT_EQ(Rounded(std::nextafter(1.0f + 0x1p-8f, 2.0f)), 0x3F81);
  EXPECT_EQ(Rounded(std::nextafter(1.0f + 0x1p-8f, 1.0f)), 0x3F80);
  EXPECT_EQ(Rounded(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(Rounded(-std::numeric_limits<float>::infinity()), 0xFF80);
  EXPECT_EQ(Rounded(std::numeric_limits<float>::denorm_min()), 0x0000);
  EXPECT_EQ(Rounded(0x1.8p-133f), 0x0002);  // denormals are rounded like others
}

TEST(ElementTypeTest, NaNStaysNaN) {
  for (const uint32_t bits :
       {0x7F800001u, 0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu, 0x7FC00000u}) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    const uint16_t rounded = Rounded(value);
    EXPECT_TRUE(std::isnan(Widened(rounded))) << std::hex << bits;
    EXPECT_EQ(rounded >> 15, bits >> 31) << std::hex << bits;
  }
}

// No other bfloat16 is nearer, for bits from everywhere.
TEST(ElementTypeTest, NoNeighbourIsNearer) {
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i) {
    const uint32_t bits = static_cast<uint32_t>(random());
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    const uint16_t rounded = Rounded(value);
    const double error = std::abs(double{Widened(rounded)} - value);
    if ((rounded & 0x7FFF) == 0x7F80) continue;  // too large to have one
    for (const int step : {-1, 1}) {
      const auto other = static_cast<uint16_t>(rounded + step);
      if ((other & 0x7F80) == 0x7F80) continue;
      EXPECT_LE(error, std::abs(double{Widened(other)} - value))
          << std::hex << bits;
    }
  }
}

TEST(ElementTypeTest, EveryHalfIsItselfInFloat) {
  std::vector<uint16_t> halves;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    halves.push_back(static_cast<uint16_t>(bits));
  }
  const std::vector<float> floats = Convert<uint16_t, float>(
      ElementType::kF16, halves, PackedPrecision::kF32);
  EXPECT_EQ(floats[0x3C00], 1.0f);
  EXPECT_EQ(floats[0xC000], -2.0f);
  EXPECT_EQ(floats[0x7BFF], 65504.0f);
  EXPECT_EQ(floats[0x0001], 0x1p-24f);
  EXPECT_EQ(floats[0x8400], -0x1p-14f);
  EXPECT_EQ(floats[0x7C00], std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(floats[0x7E00]));
  for (uint32_t bits = 1; bits < 0x7C00; ++bits) {
    EXPECT_GT(floats[bits], floats[bits - 1]);
    EXPECT_EQ(floats[bits | 0x8000], -floats[bits]);
  }
  const std::vector<uint16_t> rounded = Convert<uint16_t, uint16_t>(
      ElementType::kF16, halves, PackedPrecision::kBF16);
  for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
    EXPECT_EQ(rounded[bits], Rounded(floats[bits]));
  }
}

TEST(ElementTypeTest, SameTypesAreCopied) {
  const std::vector<uint32_t> bits = {0, 0x80000000, 0x7F800001, 0x12345678};
  EXPECT_EQ((Convert<uint32_t, uint32_t>(ElementType::kF32, bits,
                                         PackedPrecision::kF32)),
            bits);
  const std::vector<uint16_t> halves = {0, 0x8000, 0x7F81, 0x1234};
  EXPECT_EQ((Convert<uint16_t, uint16_t>(ElementType::kBF16, halves,
                                         PackedPrecision::kBF16)),
            halves);
  EXPECT_EQ(Widened(0x3F81), 1.0f + 0x1p-7f);
}

}  // namespace
}  // namespace polarize
