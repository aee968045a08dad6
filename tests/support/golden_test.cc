#include "tests/support/golden.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

Golden Parsed(const std::string& json) {
  absl::StatusOr<Golden> golden = Golden::Parse(json, "text");
  if (!golden.ok()) ADD_FAILURE() << golden.status();
  return *golden;
}

TEST(GoldenTest, ReadsEveryKindOfValue) {
  const Golden g = Parsed(
      R"({"b": true, "s": "a \"1\" \\", "x": -2.5e-3, "n": -7,
          "list": [[1, 2], [], [0.5]], "names": ["p", "q"], "o": {"k": 1}})");
  EXPECT_TRUE(g["b"].Bool());
  EXPECT_EQ(g["s"].String(), "a \"1\" \\");
  EXPECT_EQ(g["x"].Number(), -2.5e-3);
  EXPECT_EQ(g["n"].Int(), -7);
  EXPECT_EQ(g["n"].Number(), -7);
  EXPECT_EQ(g["list"].size(), 3u);
  EXPECT_EQ(g["list"][0].Ints(), std::vector<int64_t>({1, 2}));
  EXPECT_EQ(g["list"][1].size(), 0u);
  EXPECT_EQ(g["list"][2].Numbers(), std::vector<double>({0.5}));
  EXPECT_EQ(g["names"].Strings(), std::vector<std::string>({"p", "q"}));
  EXPECT_TRUE(g["o"].Has("k"));
  EXPECT_FALSE(g["o"].Has("l"));
  EXPECT_EQ(g["o"].Keys(), std::vector<std::string>({"k"}));
}

TEST(GoldenTest, KeepsEveryDigitOfWholeNumbers) {
  const Golden g = Parsed(
      R"([9007199254740993, -9007199254740993, 9223372036854775807,
          -9223372036854775808, 999999999999999, 1000000000000001])");
  EXPECT_EQ(g.Ints(),
            std::vector<int64_t>({9007199254740993, -9007199254740993,
                                  std::numeric_limits<int64_t>::max(),
                                  std::numeric_limits<int64_t>::min(),
                                  999999999999999, 1000000000000001}));
  EXPECT_EQ(g[2].Number(), 9223372036854775808.0);
}

// Digits within strings and long fractions stay what they are.
TEST(GoldenTest, LeavesOtherTokensAlone) {
  const Golden g = Parsed(R"(["12345678901234567890", "\"12345678901234567890",
                 0.1234567890123456789, 12345678901234567890e1])");
  EXPECT_EQ(g[0].String(), "12345678901234567890");
  EXPECT_EQ(g[1].String(), "\"12345678901234567890");
  EXPECT_EQ(g[2].Number(), 0.1234567890123456789);
  EXPECT_EQ(g[3].Number(), 12345678901234567890e1);
}

TEST(GoldenTest, MalformedTextIsAnErrorThatNamesItsOrigin) {
  for (const char* json : {"", "{", "[1, ]x", "{\"a\" 1}"}) {
    const absl::StatusOr<Golden> golden = Golden::Parse(json, "here.json");
    ASSERT_FALSE(golden.ok()) << json;
    EXPECT_EQ(golden.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(golden.status().message().substr(0, 10), "here.json:");
  }
}

TEST(GoldenTest, WhatIsNotThereEndsTheTestWithItsPath) {
  const Golden g =
      Parsed(R"({"a": [{"b": 1.5}], "s": "1", "big": 99999999999999999999})");
  EXPECT_DEATH(g["a"][0]["c"], "text.a.0. to have a member c");
  EXPECT_DEATH(g["a"][1], "text.a to have an element 1");
  EXPECT_DEATH(g["a"][-1], "text.a to have an element -1");
  EXPECT_DEATH(g["a"]["b"], "text.a to be an object");
  EXPECT_DEATH(g[0], "text to be an array");
  EXPECT_DEATH(g["a"][0]["b"].Int(), "text.a.0..b to be a whole number");
  EXPECT_DEATH(g["a"][0]["b"].String(), "b to be a string");
  EXPECT_DEATH(g["a"][0]["b"].Bool(), "b to be true or false");
  EXPECT_DEATH(g["s"].Number(), "text.s to be a number");
  EXPECT_DEATH(g["s"].Int(), "text.s to be a whole number within 64 bits");
  EXPECT_DEATH(g["big"].Int(), "text.big to be a whole number within 64 bits");
  EXPECT_DEATH(g["big"].String(), "text.big to be a string");
}

TEST(GoldenTest, ValuesOutliveTheirFile) {
  const Golden seed = Golden::Load("rng_vectors")["seeds"]["123"]["t_random63"];
  EXPECT_EQ(seed.Int(), 4515011793818946813);
}

TEST(GoldenTest, FolderFromTheEnvironment) {
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/other.json") << "[8]";
  setenv("POLARIZE_GOLDENS", folder.c_str(), 1);
  EXPECT_EQ(Golden::Load("other")[0].Int(), 8);
  EXPECT_DEATH(Golden::Load("missing"), "cannot read .*missing.json");
  unsetenv("POLARIZE_GOLDENS");
  EXPECT_EQ(Golden::Load("rng_vectors")["numpy"].String(), "1.24.2");
}

TEST(GoldenTest, NoFolderIsExplained) {
  EXPECT_DEATH(
      {
        unsetenv("TEST_SRCDIR");
        Golden::Load("rng_vectors");
      },
      "POLARIZE_GOLDENS");
}

}  // namespace
}  // namespace polarize
