#include "experiments/run/json_file.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(JsonFileTest, ReadsEveryKindOfScalar) {
  const absl::StatusOr<FlatJson> object = ParseFlatJson(
      "{\"state\":\"finished\",\"eval/loss\":0.5,\"none\":null,\"yes\":true,"
      "\"steps\":3910}\n",
      "f");
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->size(), 5u);
  EXPECT_EQ(*TextIn(*object, "state"), "finished");
  EXPECT_EQ(*NumberIn(*object, "eval/loss"), 0.5);
  EXPECT_EQ(*NumberIn(*object, "steps"), 3910);
  EXPECT_TRUE(std::get<bool>(object->at("yes")));
  EXPECT_EQ(object->count("none"), 1u);
  EXPECT_EQ(NumberIn(*object, "none"), nullptr);
  EXPECT_EQ(NumberIn(*object, "state"), nullptr);
  EXPECT_EQ(TextIn(*object, "steps"), nullptr);
  EXPECT_EQ(NumberIn(*object, "absent"), nullptr);
}

TEST(JsonFileTest, DoublesComeBackToTheLastBit) {
  std::vector<double> values = {0.1 + 0.2,
                                1.0 / 3,
                                0.99999999999999989,
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::min(),
                                std::numeric_limits<double>::denorm_min(),
                                9007199254740993.0,
                                1e22,
                                -0.5};
  std::mt19937_64 random(1);
  while (values.size() < 20000) {
    const uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) values.push_back(value);
  }
  JsonLine line;
  for (size_t i = 0; i < values.size(); ++i) {
    line.Add(absl::StrCat(i), values[i]);
  }
  const absl::StatusOr<FlatJson> object = ParseFlatJson(line.Text(), "f");
  ASSERT_TRUE(object.ok()) << object.status();
  for (size_t i = 0; i < values.size(); ++i) {
    const double* const read = NumberIn(*object, absl::StrCat(i));
    ASSERT_NE(read, nullptr) << values[i];
    ASSERT_EQ(std::memcmp(read, &values[i], sizeof(double)), 0) << values[i];
  }
}

TEST(JsonFileTest, ErrorsNameTheFile) {
  for (const char* text :
       {"", "{", "{\"a\":1", "{\"a\":1}}", "[1]", "7", "\"a\"", "{\"a\":1.2.3}",
        "{\"a\":\"b}", "{\"a\" 1}", "\xff\xfe", "{\"a\":\"\xff\"}",
        "{\"a\":{\"b\":1}}", "{\"a\":[1]}"}) {
    const absl::StatusOr<FlatJson> object = ParseFlatJson(text, "some/file");
    EXPECT_EQ(object.status().code(), absl::StatusCode::kInvalidArgument)
        << text;
    EXPECT_THAT(std::string(object.status().message()),
                StartsWith("some/file: "))
        << text;
  }
  // As deep as it likes.
  EXPECT_FALSE(ParseFlatJson("{\"a\":" + std::string(1 << 20, '['), "f").ok());
  EXPECT_FALSE(ParseFlatJson("{'\"':" + std::string(1 << 20, '['), "f").ok());
}

TEST(JsonFileTest, BracketsInTextsAreText) {
  const absl::StatusOr<FlatJson> object =
      ParseFlatJson("{\"a\":\"{[\\\"{\\\\\",\"[{\":1}", "f");
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(*TextIn(*object, "a"), "{[\"{\\");
  EXPECT_EQ(*NumberIn(*object, "[{"), 1);
  EXPECT_TRUE(ParseFlatJson("{\"can't\":\"[{\",\"b\":1}", "f").ok());
}

TEST(JsonFileTest, EveryBeginningOfAnObjectIsAnError) {
  JsonLine line;
  line.Add("state", "finished").Add("eval/loss", 0.5).Add("none", std::nan(""));
  const std::string text(line.Text());
  for (size_t n = 0; n < text.size(); ++n) {
    EXPECT_FALSE(ParseFlatJson(text.substr(0, n), "f").ok()) << n;
  }
}

TEST(JsonFileTest, ReadsFiles) {
  const TestFolder folder;
  const std::string path = folder.path() + "/a.json";
  EXPECT_EQ(ReadFlatJson(path).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileWhole(path, "{\"x\":2}\n").ok());
  EXPECT_EQ(*NumberIn(*ReadFlatJson(path), "x"), 2);
  ASSERT_TRUE(WriteFileWhole(path, "{\"x\":2").ok());
  EXPECT_THAT(std::string(ReadFlatJson(path).status().message()),
              HasSubstr(path));
}

}  // namespace
}  // namespace polarize
