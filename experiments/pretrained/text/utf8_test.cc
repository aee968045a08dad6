#include "experiments/pretrained/text/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(Utf8Test, FirstAndLastOfEachLength) {
  EXPECT_EQ(CharacterBytes(absl::string_view("\0", 1)), 1u);
  EXPECT_EQ(CharacterBytes("\x7f"), 1u);
  EXPECT_EQ(CharacterBytes("\xc2\x80"), 2u);
  EXPECT_EQ(CharacterBytes("\xdf\xbf"), 2u);
  EXPECT_EQ(CharacterBytes("\xe0\xa0\x80"), 3u);
  EXPECT_EQ(CharacterBytes("\xed\x9f\xbf"), 3u);
  EXPECT_EQ(CharacterBytes("\xee\x80\x80"), 3u);
  EXPECT_EQ(CharacterBytes("\xef\xbf\xbf"), 3u);
  EXPECT_EQ(CharacterBytes("\xf0\x90\x80\x80"), 4u);
  EXPECT_EQ(CharacterBytes("\xf4\x8f\xbf\xbf"), 4u);
}

TEST(Utf8Test, WhatIsNone) {
  EXPECT_EQ(CharacterBytes(""), 0u);
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x96", "\xf0\x9f\x98", "\xc3(",
        "\xe2\x96(", "\xf0\x9f\x98("}) {
    EXPECT_EQ(CharacterBytes(text), 0u) << text;
    EXPECT_FALSE(IsUtf8(std::string("a") + text));
  }
}

// Among them every text of two bytes.
TEST(Utf8Test, WholeTexts) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("a\u00e9\u2581\U0001f600"));
  EXPECT_FALSE(IsUtf8("a\u00e9\xe2\x96"));
  int whole = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const char text[] = {static_cast<char>(a), static_cast<char>(b)};
      whole += IsUtf8(absl::string_view(text, 2));
    }
  }
  EXPECT_EQ(whole, 128 * 128 + (0x800 - 0x80));
}

}  // namespace
}  // namespace polarize
