#include "experiments/run/bar_chart.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "experiments/run/figures.h"
#include "experiments/run/figures_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

BarChart::Bar Value(size_t group, size_t hue, double value) {
  BarChart::Bar bar;
  bar.group = group;
  bar.hue = hue;
  bar.value = value;
  return bar;
}

BarChart SomeBars() {
  BarChart chart;
  chart.name = "bars";
  chart.hues = {{"with", "#112233"}, {"without", "#445566"}};
  chart.panels.resize(1);
  BarChart::Panel& panel = chart.panels[0];
  panel.y_label = "Share";
  panel.groups = {"softmax", "sigmoid", "elu"};
  panel.bars = {Value(0, 0, 0.25), Value(1, 0, 0.5), Value(1, 1, 0.75)};
  return chart;
}

class BarChartTest : public FiguresFixture {
 protected:
  std::string ScriptOf(const BarChart& chart) {
    const absl::Status status = figures_.Draw(chart);
    EXPECT_TRUE(status.ok()) << status;
    return Read(chart.name + ".gp");
  }
};

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// As seaborn 0.13 places bars of width 0.7 and gap 0.1.
TEST_F(BarChartTest, PlacesAreSeaborns) {
  BarChart chart = SomeBars();
  BarPlace place = PlaceOf(chart, chart.panels[0].bars[2]);
  EXPECT_NEAR(place.left, 1.175 - 0.1575, 1e-12);
  EXPECT_NEAR(place.right, 1.175 + 0.1575, 1e-12);
  chart.panels[0].bars[0].shift = 1 / 1.7;
  place = PlaceOf(chart, chart.panels[0].bars[0]);
  EXPECT_NEAR(place.left, -0.175 - 0.1575 + 0.315 / 1.7, 1e-12);
  EXPECT_NEAR(place.right - place.left, 0.315, 1e-12);
  chart.hues.pop_back();
  chart.group_width = 0.8;
  chart.gap = 0;
  place = PlaceOf(chart, chart.panels[0].bars[1]);
  EXPECT_NEAR(place.left, 0.6, 1e-12);
  EXPECT_NEAR(place.right, 1.4, 1e-12);
}

TEST_F(BarChartTest, WritesNumbersAndScript) {
  BarChart chart = SomeBars();
  chart.panels[0].bars[1].low = 0.375;
  chart.panels[0].bars[1].high = 0.625;
  chart.panels[0].bars[1].note = "3/5 \"x\"";
  chart.group_width = 0.75;
  chart.gap = 0;
  const std::string script = ScriptOf(chart);
  EXPECT_THAT(Read("bars.dat"),
              HasSubstr("\n-0.375 0 0.25 NaN NaN 0 \"softmax\" \"\"\n"
                        "0.625 1 0.5 0.375 0.625 0 \"sigmoid\" \"3/5 'x'\"\n"
                        "1 1.375 0.75 NaN NaN 1 \"sigmoid\" \"\"\n"));
  EXPECT_THAT(script, HasSubstr("size 3.250in,1.800in"));
  EXPECT_THAT(script, HasSubstr("set xrange [-0.5:2.5]"));
  EXPECT_THAT(script, HasSubstr("set yrange [0:1]"));
  EXPECT_THAT(script,
              HasSubstr("set ytics ('' 0, '' 0.25, '' 0.5, '' 0.75, '' 1)"));
  for (const char* tic : {"0%", "25%", "50%", "75%", "100%"}) {
    EXPECT_THAT(script, HasSubstr(std::string("set label '") + tic + "'"));
  }
  EXPECT_EQ(Count(script, "rotate by 45"), 3u);
  EXPECT_THAT(script, HasSubstr("fillcolor rgb '#112233'"));
  EXPECT_THAT(script, HasSubstr("fillcolor rgb '#445566'"));
  EXPECT_EQ(Count(script, "with vectors"), 3u) << "a whisker and its caps";
  EXPECT_THAT(script, HasSubstr("set label '3/5 \"x\"' at"));
  EXPECT_THAT(script, HasSubstr("set label 'Share' at"));
}

TEST_F(BarChartTest, WhatIsNotGivenIsNotDrawn) {
  BarChart chart = SomeBars();
  chart.panels[0].bars.pop_back();
  const std::string script = ScriptOf(chart);
  EXPECT_EQ(Count(script, "with vectors"), 0u);
  EXPECT_EQ(Count(script, "rgb 'red'"), 0u);
  EXPECT_EQ(Count(script, "with lines"), 0u) << "hatches";
  EXPECT_EQ(Count(script, "#445566"), 0u) << "a hue without bars";
  EXPECT_EQ(Count(script, "set object rectangle"), 0u) << "the legend";
}

TEST_F(BarChartTest, AMissingBarIsACrossWhereItWouldBe) {
  BarChart chart = SomeBars();
  BarChart::Bar missing = Value(2, 1, std::nan(""));
  missing.missing = true;
  missing.shift = 0.5;  // not of crosses
  chart.panels[0].bars.push_back(missing);
  const std::string script = ScriptOf(chart);
  std::istringstream lines(script);
  double middle = 0, height = 0;
  size_t found = 0;
  double left = 0, right = 0, bottom = 0, top = 0;
  for (std::string line; std::getline(lines, line);) {
    double x1, y1, x2, y2;
    std::sscanf(line.c_str(), "set lmargin at screen %lf", &left);
    std::sscanf(line.c_str(), "set rmargin at screen %lf", &right);
    std::sscanf(line.c_str(), "set bmargin at screen %lf", &bottom);
    std::sscanf(line.c_str(), "set tmargin at screen %lf", &top);
    if (line.find("rgb 'red'") == std::string::npos) continue;
    ASSERT_EQ(std::sscanf(line.c_str(),
                          "set arrow from screen %lf,%lf to screen %lf,%lf",
                          &x1, &y1, &x2, &y2),
              4);
    EXPECT_NEAR((x2 - x1) * chart.width, 7.0 / 72, 1e-5);
    EXPECT_NEAR(std::abs(y2 - y1) * chart.height, 7.0 / 72, 1e-5);
    middle = (x1 + x2) / 2;
    height = (y1 + y2) / 2;
    ++found;
  }
  EXPECT_EQ(found, 2u);
  EXPECT_NEAR((middle - left) / (right - left), (2.175 + 0.5) / 3, 1e-4);
  EXPECT_NEAR((height - bottom) / (top - bottom), 0.1, 1e-4);
}

TEST_F(BarChartTest, TheLegendYieldsToBarsThatReachIntoIt) {
  using Legend = BarChart::Legend;
  BarChart chart = SomeBars();
  chart.legend_yields = true;
  const auto legends = [&](Legend legend, double left, double right) {
    chart.legend = legend;
    chart.panels[0].bars = {Value(0, 0, left), Value(2, 1, right)};
    return Count(ScriptOf(chart), "set object rectangle") / 2.0;
  };
  EXPECT_EQ(legends(Legend::kUpperRight, 0.9, 0.3), 1);
  EXPECT_EQ(legends(Legend::kUpperRight, 0.3, 0.9), 0);
  EXPECT_EQ(legends(Legend::kUpperLeft, 0.9, 0.3), 0);
  EXPECT_EQ(legends(Legend::kUpperLeft, 0.3, 0.9), 1);
  EXPECT_EQ(legends(Legend::kAbove, 0.9, 0.9), 1);
  EXPECT_EQ(legends(Legend::kUpperLeft, std::nan(""), 0.3), 1);
  // Two columns are half as high and twice as wide.
  EXPECT_EQ(legends(Legend::kUpperLeft, 0.72, 0.3), 0);
  chart.legend_columns = 2;
  EXPECT_EQ(legends(Legend::kUpperLeft, 0.72, 0.3), 1);
  chart.panels[0].groups = {"softmax", "elu", "mlp", "sigmoid", "linear"};
  EXPECT_EQ(legends(Legend::kUpperLeft, 0.3, 0.9), 0);
  chart.legend_columns = 1;
  EXPECT_EQ(legends(Legend::kUpperLeft, 0.3, 0.9), 1);
  chart.legend_yields = false;
  EXPECT_EQ(legends(Legend::kUpperLeft, 0.9, 0.9), 1);
}

TEST_F(BarChartTest, HatchesStayInTheirBars) {
  for (const Hatch hatch : {Hatch::kCross, Hatch::kStars, Hatch::kDots}) {
    BarChart chart = SomeBars();
    chart.hatch = hatch;
    chart.panels[0].bars = {Value(1, 1, 0.5)};
    EXPECT_EQ(Count(ScriptOf(chart), "with lines"), 1u);
    const BarPlace place = PlaceOf(chart, chart.panels[0].bars[0]);
    std::istringstream lines(Read("bars.dat"));
    size_t points = 0;
    for (std::string line; std::getline(lines, line);) {
      double x, y, other;
      if (std::sscanf(line.c_str(), "%lf %lf %lf", &x, &y, &other) != 2) {
        continue;
      }
      ++points;
      EXPECT_TRUE(x > place.left - 1e-5 && x < place.right + 1e-5) << x;
      EXPECT_TRUE(y >= 0 && y <= 0.5) << y;
    }
    EXPECT_GT(points, 60u);
  }
}

TEST_F(BarChartTest, PanelsTitlesLinesAndCaption) {
  BarChart chart = SomeBars();
  chart.title = "all of them";
  chart.caption = "one line\nanother line";
  chart.width = 8;
  chart.height = 5;
  chart.columns = 2;
  chart.panels.resize(3, chart.panels[0]);
  chart.panels[1].title = "the second";
  chart.panels[2].references = {{"chance", 0.1}, {"beyond", 1.5}};
  const std::string script = ScriptOf(chart);
  EXPECT_EQ(Count(script, "with boxxyerror fillcolor"), 6u);
  for (const char* text :
       {"all of them", "one line", "another line", "the second", "chance"}) {
    EXPECT_EQ(Count(script, std::string("set label '") + text + "'"), 1u);
  }
  EXPECT_THAT(script, Not(HasSubstr("beyond")));
  EXPECT_EQ(Count(script, "dt 2"), 1u);
}

// gnuplot does not count blocks without lines.
TEST_F(BarChartTest, EveryPanelDrawsItsOwnBlock) {
  BarChart chart = SomeBars();
  chart.width = 13;
  chart.columns = 4;
  chart.panels.resize(4, chart.panels[0]);
  chart.panels[0].bars[0].note = "first";
  chart.panels[1].bars.clear();
  chart.panels[2].bars = {Value(0, 0, 0)};  // has no room for a hatch
  chart.panels[3].bars[0].note = "last";
  for (const Hatch hatch : {Hatch::kNone, Hatch::kDots}) {
    chart.hatch = hatch;
    const std::string script = ScriptOf(chart);
    std::vector<std::string> blocks(1);
    size_t empty = 0;
    std::istringstream lines(Read("bars.dat"));
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line[0] == '#') continue;
      if (line.empty()) {
        if (++empty == 2 && !blocks.back().empty()) blocks.emplace_back();
        continue;
      }
      empty = 0;
      blocks.back() += line + "\n";
    }
    std::vector<size_t> drawn;  // blocks of bars, panel after panel
    for (size_t at = 0; (at = script.find(" index ", at)) != std::string::npos;
         ++at) {
      size_t index = 0;
      ASSERT_EQ(std::sscanf(&script[at], " index %zu", &index), 1);
      ASSERT_LT(index, blocks.size());
      if (script.compare(script.find(" using ", at), 8, " using (") != 0) {
        EXPECT_THAT(blocks[index], Not(HasSubstr("softmax"))) << "a hatch";
      } else if (drawn.empty() || drawn.back() != index) {
        drawn.push_back(index);
      }
    }
    ASSERT_EQ(drawn.size(), 3u);
    EXPECT_THAT(blocks[drawn[0]], HasSubstr("first"));
    EXPECT_THAT(blocks[drawn[1]], HasSubstr(" 0 NaN NaN 0 \"softmax\""));
    EXPECT_THAT(blocks[drawn[2]], HasSubstr("last"));
  }
}

TEST_F(BarChartTest, DrawsWhateverTheNumbersAre) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  BarChart chart = SomeBars();
  chart.hatch = Hatch::kCross;
  chart.legend = BarChart::Legend::kUpperRight;
  absl::Status status = figures_.Draw(chart);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Read("bars.pdf"), StartsWith("%PDF"));
  EXPECT_THAT(Read("bars.svg"), HasSubstr("sigmoid"));
  chart.panels[0].bars = {Value(0, 0, 0), Value(0, 1, -1), Value(1, 0, 17),
                          Value(1, 1, std::nan("")),
                          Value(2, 0, std::numeric_limits<double>::infinity())};
  status = figures_.Draw(chart);
  EXPECT_TRUE(status.ok()) << status;
  chart.panels[0].bars = {Value(1, 1, std::nan(""))};
  status = figures_.Draw(chart);
  EXPECT_TRUE(status.ok()) << status;
  chart.panels[0].bars.clear();
  status = figures_.Draw(chart);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(BarChartTest, RefusesWhatCannotBeDrawn) {
  BarChart chart = SomeBars();
  chart.panels[0].bars[0].hue = 2;
  EXPECT_THAT(Complaint(chart),
              HasSubstr("figure bars: a bar of hue 2 in group 0"));
  chart = SomeBars();
  chart.hues[0].color = "red";
  EXPECT_THAT(Complaint(chart), HasSubstr("colour 'red'"));
  chart = SomeBars();
  chart.panels[0].groups.clear();
  chart.panels[0].bars.clear();
  EXPECT_THAT(Complaint(chart), HasSubstr("without groups"));
  chart = SomeBars();
  chart.panels.clear();
  EXPECT_THAT(Complaint(chart), HasSubstr("0 panels"));
  chart = SomeBars();
  chart.gap = 1;
  EXPECT_THAT(Complaint(chart), HasSubstr("gap 1"));
  chart = SomeBars();
  chart.legend_columns = 0;
  EXPECT_THAT(Complaint(chart), HasSubstr("0 columns"));
  chart = SomeBars();
  chart.height = 0.3;
  EXPECT_THAT(Complaint(chart), HasSubstr("no room"));
  chart = SomeBars();
  chart.name = "a/b";
  EXPECT_THAT(Complaint(chart), HasSubstr("'a/b'"));
}

}  // namespace
}  // namespace polarize
