#include "experiments/run/vary.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "protos/vary.pb.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

VaryConfig AxisOf(const std::string& text) {
  VaryConfig axis;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &axis));
  return axis;
}

TEST(VaryTest, ValuesAreListedOrSpaced) {
  EXPECT_THAT(AxisValues(AxisOf(R"(field: "m" value: ["a", "b"])")),
              ElementsAre("a", "b"));
  EXPECT_THAT(AxisValues(AxisOf(R"(field: "x" from: 1 to: 2 points: 3)")),
              ElementsAre("1", "1.5", "2"));
  EXPECT_THAT(AxisValues(AxisOf(R"(field: "x" from: 2 to: 1 points: 2)")),
              ElementsAre("2", "1"));
  EXPECT_THAT(AxisValues(AxisOf(R"(field: "x" from: 3 to: 4 points: 1)")),
              ElementsAre("3"));
  const std::vector<std::string> log = AxisValues(
      AxisOf(R"(field: "x" from: 1e-4 to: 1e-2 points: 3 log: true)"));
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(std::stod(log[0]), 1e-4);
  EXPECT_EQ(log[1], "0.001");
  EXPECT_EQ(std::stod(log[2]), 1e-2);
}

TEST(VaryTest, FieldsAreSeparatedByCommas) {
  EXPECT_THAT(AxisFields(AxisOf(R"(field: "a.b,c")")), ElementsAre("a.b", "c"));
}

TEST(VaryTest, BrokenRulesAreNamed) {
  const auto broken = [](const std::string& text) {
    return BrokenAxisRules(AxisOf(text));
  };
  EXPECT_THAT(broken(R"(field: "x" value: "1")"), IsEmpty());
  EXPECT_THAT(broken(R"(field: "x" from: 1 to: 2 points: 2 log: true)"),
              IsEmpty());
  EXPECT_THAT(broken(R"(value: "1")"), ElementsAre("every axis needs a field"));
  EXPECT_THAT(broken(R"(field: "x")"),
              ElementsAre("x needs either values or points above 0"));
  EXPECT_THAT(broken(R"(field: "x" value: "1" points: 2)"),
              ElementsAre("x needs either values or points above 0"));
  EXPECT_THAT(broken(R"(field: "x" value: "1" points: -2)"),
              ElementsAre("x needs either values or points above 0"));
  for (const char* extra : {"from: 1", "to: 1", "log: true"}) {
    EXPECT_THAT(
        broken(std::string(R"(field: "x" value: "1" )") + extra),
        ElementsAre("x: from, to and log are for points, not for values"));
  }
  EXPECT_THAT(broken(R"(field: "x" to: 2 points: 2 log: true)"),
              ElementsAre("x: from and to must be above 0 if log"));
  EXPECT_THAT(broken(R"(field: "x" to: inf points: 2)"),
              ElementsAre("x: from and to must be finite"));
  EXPECT_THAT(broken(R"(field: "x" value: ["1", "2", "1"])"),
              ElementsAre("x: 1 is there twice"));
}

TEST(VaryTest, SizeIsZeroForABrokenAxis) {
  EXPECT_EQ(AxisSize(AxisOf(R"(field: "x" value: ["1", "2"])")), 2);
  EXPECT_EQ(AxisSize(AxisOf(R"(field: "x" from: 1 to: 2 points: 7)")), 7);
  EXPECT_EQ(AxisSize(AxisOf(R"(field: "x" value: ["1", "1"])")), 0);
}

TEST(VaryTest, TheLastAxisIsTheFastest) {
  Grid grid({AxisOf(R"(field: "a,b" value: ["1", "2"])"),
             AxisOf(R"(field: "c" value: ["x", "y", "z"])")});
  std::vector<std::vector<std::string>> cells;
  do {
    cells.push_back(grid.Values());
  } while (grid.Next());
  EXPECT_THAT(cells, ElementsAre(ElementsAre("1", "x"), ElementsAre("1", "y"),
                                 ElementsAre("1", "z"), ElementsAre("2", "x"),
                                 ElementsAre("2", "y"), ElementsAre("2", "z")));
  // It starts again at its first cell.
  ASSERT_TRUE(grid.Next());
  EXPECT_THAT(grid.place(), ElementsAre(0, 1));
  EXPECT_THAT(grid.Settings(), ElementsAre("a=1", "b=1", "c=y"));
}

TEST(VaryTest, WithoutAxesThereIsOneCell) {
  Grid grid({});
  EXPECT_THAT(grid.Settings(), IsEmpty());
  EXPECT_FALSE(grid.Next());
}

}  // namespace
}  // namespace polarize
