#include "experiments/pretrained/text/parquet/rle_hybrid.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using std::string_literals::operator""s;
using Numbers = std::vector<uint32_t>;
using Random = std::mt19937_64;

Numbers Decoded(const std::string& bytes, int width, size_t count) {
  Numbers numbers = {77};
  const absl::Status status = DecodeRleHybrid(bytes, width, count, &numbers);
  EXPECT_TRUE(status.ok()) << status;
  return numbers;
}

std::string Error(const std::string& bytes, int width, size_t count) {
  Numbers numbers;
  const absl::Status status = DecodeRleHybrid(bytes, width, count, &numbers);
  EXPECT_FALSE(status.ok());
  return std::string(status.message());
}

TEST(RleHybridTest, ByHand) {
  // The example of Encodings.md: 0 to 7, three bits each.
  EXPECT_THAT(Decoded("\x03\x88\xc6\xfa", 3, 8),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(Decoded("\x03\x88\xc6\xfa", 3, 5), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(Decoded("\x06\x01", 1, 3), ElementsAre(1, 1, 1));
  EXPECT_THAT(Decoded("\x04\x34\x12\x02\x01\x00"s, 13, 3),
              ElementsAre(0x1234, 0x1234, 1));
  EXPECT_THAT(Decoded("\x02\x00\x03\xa5"s, 1, 9),
              ElementsAre(0, 1, 0, 1, 0, 0, 1, 0, 1));
  EXPECT_THAT(Decoded("\x06", 0, 3), ElementsAre(0, 0, 0));
  EXPECT_THAT(Decoded("\x03", 0, 2), ElementsAre(0, 0));
  EXPECT_THAT(Decoded("", 5, 0), IsEmpty());
  EXPECT_THAT(Decoded("\x02\xff\xff\xff\xff", 32, 1), ElementsAre(UINT32_MAX));
}

TEST(RleHybridTest, Errors) {
  EXPECT_EQ(Error("", 1, 1), "a run without a length");
  EXPECT_EQ(Error("\x80", 1, 1), "a run without a length");
  EXPECT_EQ(Error("\xff\xff\xff\xff\x10", 1, 1), "a run without a length");
  EXPECT_EQ(Error("\x80\x80\x80\x80\x80\x00"s, 1, 1), "a run without a length");
  const std::string cut = "a run that is cut or too long";
  EXPECT_EQ(Error("\x02", 1, 1), cut);
  EXPECT_EQ(Error("\x02\x01", 9, 1), cut);
  EXPECT_EQ(Error("\x04\x01", 1, 1), cut);
  EXPECT_EQ(Error("\x02\x02", 1, 1), cut);
  EXPECT_EQ(Error("\x03\x88\xc6", 3, 8), cut);
  EXPECT_EQ(Error("\x05\x01\x01", 1, 8), cut);
  EXPECT_EQ(Error("\xfe\xff\xff\xff\x0f\x01", 1, 100), cut);
  EXPECT_EQ(Error("\xff\xff\xff\xff\x0f\x01", 1, 100), cut);
  EXPECT_EQ(Error("\xff\xff\xff\xff\x0f", 0, 100), cut);
  EXPECT_EQ(Error("\x02\x01\x01", 1, 1), "more follows the last number");
  EXPECT_EQ(Error("\x02", 1, 0), "more follows the last number");
  EXPECT_EQ(Error("\x02\x01", 33, 1), "numbers of more than 32 bits");
  EXPECT_EQ(Error("\x02\x01", 255, 1), "numbers of more than 32 bits");
}

// An encoder, one bit after the other.
class Encoder {
 public:
  explicit Encoder(int width) : width_(width) {}

  void Run(uint32_t number, size_t length) {
    Header(length << 1);
    for (int i = 0; i < width_; i += 8) {
      bytes_ += static_cast<char>(number >> i);
    }
  }
  void Packed(Numbers numbers) {
    numbers.resize((numbers.size() + 7) / 8 * 8);
    Header(numbers.size() / 8 << 1 | 1);
    std::vector<bool> bits;
    for (const uint32_t number : numbers) {
      for (int i = 0; i < width_; ++i) bits.push_back(number >> i & 1);
    }
    for (size_t i = 0; i < bits.size(); i += 8) {
      int byte = 0;
      for (size_t j = 0; j < 8; ++j) byte |= bits[i + j] << j;
      bytes_ += static_cast<char>(byte);
    }
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Header(uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
      bytes_ += static_cast<char>(value | 0x80);
    }
    bytes_ += static_cast<char>(value);
  }

  const int width_;
  std::string bytes_;
};

TEST(RleHybridTest, WhatIsEncodedComesBack) {
  Random random(7);
  for (int width = 0; width <= 32; ++width) {
    for (int repeat = 0; repeat < 30; ++repeat) {
      const uint64_t mask = (uint64_t{1} << width) - 1;
      Encoder encoder(width);
      Numbers want;
      for (size_t part = random() % 6; part > 0; --part) {
        if (random() % 2 == 0) {
          const auto number = static_cast<uint32_t>(random() & mask);
          const size_t length = random() % 300;
          encoder.Run(number, length);
          want.insert(want.end(), length, number);
        } else {
          // Only the last may end within its eight.
          Numbers numbers(part == 1 ? random() % 200 : random() % 25 * 8);
          for (uint32_t& n : numbers)
            n = static_cast<uint32_t>(random() & mask);
          encoder.Packed(numbers);
          want.insert(want.end(), numbers.begin(), numbers.end());
        }
      }
      // Runs of nothing at the end are not looked for.
      Numbers got;
      if (!DecodeRleHybrid(encoder.bytes(), width, want.size(), &got).ok()) {
        encoder.Run(0, 1);
        want.push_back(0);
        got = Decoded(encoder.bytes(), width, want.size());
      }
      EXPECT_EQ(got, want) << width;
    }
  }
}

}  // namespace
}  // namespace polarize
