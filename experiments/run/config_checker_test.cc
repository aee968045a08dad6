#include "experiments/run/config_checker.h"

#include <functional>
#include <string>
#include <vector>

#include "experiments/run/config_test.pb.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

// What the rules that `check` states say about the config made of `text`.
std::string Broken(const std::string& text,
                   const std::function<void(ConfigChecker&)>& check,
                   const std::vector<std::string>& settings = {}) {
  LoadingTestConfig config;
  const auto places = LoadConfig({"f", text}, settings, &config);
  if (!places.ok()) return std::string(places.status().message());
  ConfigChecker checker(config, *places);
  check(checker);
  return std::string(checker.status().message());
}

TEST(ConfigChecker, AtLeast) {
  const auto rule = [](ConfigChecker& c) { c.AtLeast("inner.size", 1); };
  EXPECT_EQ(Broken("inner { size: 1 }", rule), "");
  EXPECT_EQ(Broken("inner {\n  size: 0 }", rule),
            "f:2:3: inner.size = 0: must be at least 1");
  EXPECT_EQ(Broken("", rule, {"inner.size=-1"}),
            "--set inner.size=-1: inner.size = -1: must be at least 1");
  EXPECT_EQ(Broken("", [](ConfigChecker& c) { c.AtLeast("other.size", 6); }),
            "f:(default): other.size = 5: must be at least 6");
}

TEST(ConfigChecker, NumbersAreFinite) {
  const auto rule = [](ConfigChecker& c) { c.AtLeast("inner.rate", 0); };
  EXPECT_EQ(Broken("inner { rate: inf }", rule),
            "f:1:9: inner.rate = inf: must be finite");
  EXPECT_EQ(Broken("inner { rate: -inf }", rule),
            "f:1:9: inner.rate = -inf: must be finite");
  EXPECT_EQ(Broken("inner { rate: nan }", rule),
            "f:1:9: inner.rate = nan: must be finite");
}

TEST(ConfigChecker, Above) {
  const auto rule = [](ConfigChecker& c) { c.Above("inner.rate", 0); };
  EXPECT_EQ(Broken("inner { rate: 1e-300 }", rule), "");
  EXPECT_EQ(Broken("inner { rate: 0 }", rule),
            "f:1:9: inner.rate = 0: must be above 0");
}

TEST(ConfigChecker, InRange) {
  const auto rule = [](ConfigChecker& c) { c.InRange("count", 2, 1000000); };
  EXPECT_EQ(Broken("count: 2", rule), "");
  EXPECT_EQ(Broken("count: 1000000", rule), "");
  EXPECT_EQ(Broken("count: 1", rule),
            "f:1:1: count = 1: must be from 2 to 1000000");
  EXPECT_EQ(Broken("count: 1000001", rule),
            "f:1:1: count = 1000001: must be from 2 to 1000000");
}

TEST(ConfigChecker, InRangeBelow) {
  const auto rule = [](ConfigChecker& c) { c.InRangeBelow("ratio", 0, 0.5); };
  EXPECT_EQ(Broken("ratio: 0", rule), "");
  EXPECT_EQ(Broken("ratio: 0.5", rule),
            "f:1:1: ratio = 0.5: must be at least 0 and below 0.5");
  EXPECT_EQ(Broken("ratio: -1", rule),
            "f:1:1: ratio = -1: must be at least 0 and below 0.5");
}

TEST(ConfigChecker, EveryKindOfNumber) {
  const auto rule = [](ConfigChecker& c) {
    for (const char* path :
         {"count", "count64", "ucount", "ucount64", "ratio", "inner.rate"}) {
      c.AtLeast(path, 100);
    }
  };
  EXPECT_EQ(Broken("", rule),
            "f:(default): count = 7: must be at least 100\n"
            "f:(default): count64 = 8: must be at least 100\n"
            "f:(default): ucount = 9: must be at least 100\n"
            "f:(default): ucount64 = 10: must be at least 100\n"
            "f:(default): ratio = 0.25: must be at least 100\n"
            "f:(default): inner.rate = 0.1: must be at least 100");
}

TEST(ConfigChecker, OneOf) {
  const auto rule = [](ConfigChecker& c) {
    c.OneOf("label", {"plain", "fancy"});
  };
  EXPECT_EQ(Broken("", rule), "");
  EXPECT_EQ(Broken("label: \"fanzy\"", rule),
            "f:1:1: label = \"fanzy\": must be one of plain, fancy; did you "
            "mean \"fancy\"?");
  EXPECT_EQ(Broken("", rule, {"label=other"}),
            "--set label=other: label = \"other\": must be one of plain, "
            "fancy");
}

TEST(ConfigChecker, ReportsAFieldOnceAndAllFields) {
  EXPECT_EQ(Broken("count: 0 widths: [1, 2]",
                   [](ConfigChecker& c) {
                     c.AtLeast("count", 1);
                     EXPECT_FALSE(c.Holds("count"));
                     c.Fail("count", "must be odd");
                     EXPECT_TRUE(c.Holds("widths"));
                     c.Fail("widths", "must be one value");
                   }),
            "f:1:1: count = 0: must be at least 1\n"
            "f:1:10: widths = [1, 2]: must be one value");
}

TEST(ConfigCheckerDeathTest, PathsMustExist) {
  EXPECT_DEATH(Broken("", [](ConfigChecker& c) { c.AtLeast("no.such", 1); }),
               "LoadingTestConfig has no no.such");
}

}  // namespace
}  // namespace polarize
