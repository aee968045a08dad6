#include <cmath>
#include <limits>
#include <string>

#include "experiments/run/figures.h"
#include "experiments/run/figures_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

HeatMap SomeMap() {
  HeatMap map;
  map.name = "heat";
  map.title = "Entropy";
  map.x = {"scale", true, {1, 100}};
  map.y = {"temperature", false, {1, 2, 4}};
  map.cells = {0, 1, 2, 3, std::nan(""), 5};
  map.cell_label = "nats";
  return map;
}

using HeatMapTest = FiguresFixture;

TEST_F(HeatMapTest, WritesNumbersAndScript) {
  HeatMap map = SomeMap();
  ASSERT_TRUE(figures_.Draw(map).ok());
  // Borders half way, of logarithms on a log axis.
  EXPECT_EQ(Read("heat.dat"),
            "# 'scale', 'temperature', 'nats', a cell's left, right, bottom, "
            "top\n"
            "1 1 0 0.1 10 0.5 1.5\n100 1 1 10 1000 0.5 1.5\n"
            "1 2 2 0.1 10 1.5 3\n100 2 3 10 1000 1.5 3\n"
            "1 4 NaN 0.1 10 3 5\n100 4 5 10 1000 3 5\n");
  std::string script = Read("heat.gp");
  EXPECT_THAT(script, HasSubstr("set logscale x\nset xrange [0.1:1000]"));
  EXPECT_THAT(script, HasSubstr("unset logscale y\nset yrange [0.5:5]"));
  EXPECT_THAT(script, HasSubstr("set cbrange [0:5]"));
  EXPECT_THAT(script, HasSubstr("set label 'nats' at"));
  map.cell_range = {-1, 2};
  ASSERT_TRUE(figures_.Draw(map).ok());
  EXPECT_THAT(Read("heat.gp"), HasSubstr("set cbrange [-1:2]"));
}

TEST_F(HeatMapTest, DrawsRectanglesAndGaps) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  HeatMap map = SomeMap();
  absl::Status status = figures_.Draw(map);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Read("heat.pdf"), StartsWith("%PDF"));
  EXPECT_THAT(Read("heat.svg"), HasSubstr("nats"));
  EXPECT_THAT(Read("heat.svg"), HasSubstr("rgb(187, 187, 187)")) << "the gap";
  EXPECT_THAT(Read("heat.svg"), Not(HasSubstr("<image")));
  map.cells.assign(6, std::numeric_limits<double>::infinity());
  status = figures_.Draw(map);
  EXPECT_TRUE(status.ok()) << status;
  map.x.values = map.y.values = {3};
  map.cells = {7};
  status = figures_.Draw(map);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(HeatMapTest, RefusesWhatCannotBeDrawn) {
  HeatMap map = SomeMap();
  map.cells.pop_back();
  EXPECT_THAT(Complaint(map), HasSubstr("figure heat: 5 cells for 2 x 3"));
  map = SomeMap();
  map.x.values[0] = 0;
  EXPECT_THAT(Complaint(map), HasSubstr("the values of x"));
  map = SomeMap();
  map.y.values[2] = 2;
  EXPECT_THAT(Complaint(map), HasSubstr("the values of y"));
  map.y.values.clear();
  map.cells.clear();
  EXPECT_THAT(Complaint(map), HasSubstr("the values of y"));
  map = SomeMap();
  map.cell_range = {1, 1};
  EXPECT_THAT(Complaint(map), HasSubstr("an empty range of colours"));
  map = SomeMap();
  map.height = 0.3;
  EXPECT_THAT(Complaint(map), HasSubstr("no room on 3.25 x 0.3 inches"));
  map = SomeMap();
  map.name = "";
  EXPECT_FALSE(figures_.Draw(map).ok());
}

}  // namespace
}  // namespace polarize
