#include "tools/demo/options.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using Color = DemoOptions::Color;

absl::StatusOr<DemoOptions> Parse(const std::vector<const char*>& arguments) {
  return ParseDemoOptions(arguments);
}

TEST(OptionsTest, NoneAreNeeded) {
  const absl::StatusOr<DemoOptions> options = Parse({});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->out, "demo");
  EXPECT_FALSE(options->overwrite);
  EXPECT_EQ(options->color, Color::kAuto);
  EXPECT_EQ(options->epochs, 10);
  EXPECT_FALSE(options->help);
}

TEST(OptionsTest, EachCanBeSet) {
  const absl::StatusOr<DemoOptions> options =
      Parse({"--out", "here", "--overwrite", "--color=never", "--epochs=3"});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->out, "here");
  EXPECT_TRUE(options->overwrite);
  EXPECT_EQ(options->color, Color::kNever);
  EXPECT_EQ(options->epochs, 3);
  EXPECT_EQ(Parse({"--color", "always"})->color, Color::kAlways);
  EXPECT_EQ(Parse({"--color=auto"})->color, Color::kAuto);
  EXPECT_EQ(Parse({"--out=a=b"})->out, "a=b");
  EXPECT_TRUE(Parse({"--help"})->help);
  EXPECT_TRUE(Parse({"--overwrite", "-h"})->help);
}

TEST(OptionsTest, WhatIsWrongIsNamed) {
  const std::vector<std::pair<std::vector<const char*>, std::string>> cases = {
      {{"--colour=never"}, "--colour=never: no such flag"},
      {{"out"}, "out: no such flag"},
      {{"--overwrite=1"}, "--overwrite=1: no such flag"},
      {{"--out"}, "--out: its value is missing"},
      {{"--out="}, "--out=: must name a folder"},
      {{"--color=red"}, "--color=red: must be auto, always or never"},
      {{"--epochs=0"}, "--epochs=0: must be from 1 to 1000"},
      {{"--epochs=1001"}, "--epochs=1001: must be"},
      {{"--epochs=ten"}, "--epochs=ten: must be"},
  };
  for (const auto& [arguments, error] : cases) {
    const absl::StatusOr<DemoOptions> options = Parse(arguments);
    ASSERT_FALSE(options.ok()) << error;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(error));
    EXPECT_THAT(std::string(options.status().message()), HasSubstr("--help"));
  }
}

TEST(OptionsTest, TheHelpNamesEveryFlag) {
  for (const char* flag :
       {"--out", "--overwrite", "--color", "--epochs", "--help"}) {
    EXPECT_THAT(kDemoHelp, HasSubstr(flag));
  }
}

}  // namespace
}  // namespace polarize
