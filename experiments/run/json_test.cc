#include "experiments/run/json.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

google::protobuf::Struct Parse(absl::string_view text) {
  google::protobuf::Struct read;
  const auto status =
      google::protobuf::util::JsonStringToMessage(std::string(text), &read);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << text;
  return read;
}

std::string ReadBackString(absl::string_view value) {
  JsonLine line;
  line.Add("x", value);
  return Parse(line.Text()).fields().at("x").string_value();
}

TEST(JsonTest, WritesMembersInTheOrderAdded) {
  JsonLine line;
  EXPECT_EQ(line.Text(), "{}");
  line.Add("step", 3).Add("train/loss", 0.5).Add("done", true);
  line.Add("a", "text").Add("none", false).Add("name", std::string("s"));
  EXPECT_EQ(line.Text(), R"({"step":3,"train/loss":0.5,"done":true,"a":"text",)"
                         R"("none":false,"name":"s"})");
  EXPECT_EQ(line.Text(), line.Text());
  line.Clear();
  line.Add("b", 1u);
  EXPECT_EQ(line.Text(), R"({"b":1})");
  EXPECT_EQ(line.TextWithNewline(), "{\"b\":1}\n");
}

TEST(JsonTest, NestsObjects) {
  JsonLine inner;
  inner.Add("x", 1).Add("y", "z");
  JsonLine outer;
  outer.Add("in", inner).Add("empty", JsonLine()).Add("after", 2);
  EXPECT_EQ(outer.Text(), R"({"in":{"x":1,"y":"z"},"empty":{},"after":2})");
  EXPECT_EQ(Parse(outer.Text())
                .fields()
                .at("in")
                .struct_value()
                .fields()
                .at("y")
                .string_value(),
            "z");
}

TEST(JsonTest, WritesIntegersOfEverySize) {
  JsonLine line;
  line.Add("a", std::numeric_limits<int64_t>::min());
  line.Add("b", std::numeric_limits<uint64_t>::max());
  line.Add("c", static_cast<int8_t>(-7)).Add("d", size_t{0});
  EXPECT_EQ(line.Text(),
            R"({"a":-9223372036854775808,"b":18446744073709551615,)"
            R"("c":-7,"d":0})");
}

TEST(JsonTest, WritesListsOfIntegers) {
  JsonLine line;
  line.Add("a", std::vector<int64_t>{3, -1}).Add("b", std::vector<int64_t>{});
  EXPECT_EQ(line.Text(), R"({"a":[3,-1],"b":[]})");
}

TEST(JsonTest, WritesTheShortestDouble) {
  JsonLine line;
  line.Add("a", 0.1).Add("b", 1e23).Add("c", -0.0).Add("d", 100.0);
  line.Add("e", 5e-324).Add("f", 1.0 / 3).Add("g", 0.1f);
  EXPECT_EQ(line.Text(), R"({"a":0.1,"b":1e+23,"c":-0,"d":100,"e":5e-324,)"
                         R"("f":0.3333333333333333,"g":0.10000000149011612})");
}

TEST(JsonTest, EveryFiniteDoubleReadsBackAsItself) {
  std::mt19937_64 random(20240731);
  int finite = 0;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    JsonLine line;
    line.Add("x", value);
    if (!std::isfinite(value)) continue;
    ++finite;
    const double back = Parse(line.Text()).fields().at("x").number_value();
    ASSERT_EQ(std::memcmp(&back, &value, sizeof(back)), 0) << line.Text();
  }
  EXPECT_GT(finite, 19000);
}

TEST(JsonTest, WhatIsNoNumberIsNull) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  JsonLine line;
  line.Add("a", std::nan("")).Add("b", kInf).Add("c", -kInf);
  line.Add("d", std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(line.Text(), R"({"a":null,"b":null,"c":null,"d":null})");
}

TEST(JsonTest, EscapesWhatJsonWantsEscaped) {
  JsonLine line;
  line.Add("q\"uote", "back\\slash\n\t\r\b\f\x01\x1f/\x7f");
  EXPECT_EQ(line.Text(),
            "{\"q\\\"uote\":\"back\\\\slash\\n\\t\\r\\b\\f"
            "\\u0001\\u001f/\x7f\"}");
  EXPECT_EQ(line.Text().find('\n'), absl::string_view::npos);
}

TEST(JsonTest, EveryByteAndCharacterReadsBack) {
  std::string ascii;
  for (int c = 0; c < 0x80; ++c) ascii += static_cast<char>(c);
  EXPECT_EQ(ReadBackString(ascii), ascii);
  // The first and the last character of each length, and around surrogates.
  const std::string wide =
      "\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF "
      "\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF";
  EXPECT_EQ(ReadBackString(wide), wide);
}

TEST(JsonTest, BytesThatAreNoUtf8AreReplaced) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(ReadBackString("a\xFFz"), "a" + r + "z");
  EXPECT_EQ(ReadBackString("\x80"), r);
  EXPECT_EQ(ReadBackString("\xC0\x80"), r + r) << "longer than needed";
  EXPECT_EQ(ReadBackString("\xE0\x9F\xBF"), r + r + r) << "longer than needed";
  EXPECT_EQ(ReadBackString("\xF0\x8F\xBF\xBF"), r + r + r + r);
  EXPECT_EQ(ReadBackString("\xED\xA0\x80"), r + r + r) << "a surrogate";
  EXPECT_EQ(ReadBackString("\xF4\x90\x80\x80"), r + r + r + r)
      << "beyond U+10FFFF";
  EXPECT_EQ(ReadBackString("\xE2\x82"), r + r) << "cut off";
  EXPECT_EQ(ReadBackString("\xE2\x82\xAC"), "\xE2\x82\xAC");
}

}  // namespace
}  // namespace polarize
