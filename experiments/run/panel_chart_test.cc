#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <utility>

#include "experiments/run/figures.h"
#include "experiments/run/figures_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

PanelChart SomePanels() {
  PanelChart chart;
  chart.name = "panels";
  chart.width = 3.25;
  chart.height = 1.3;
  chart.columns = 2;
  chart.panels.resize(2);
  PanelChart::Panel& first = chart.panels[0];
  first.title = "Label 0";
  first.x_label = "step";
  first.y_label = "weight";
  first.log_x = true;
  first.y_range = {0, 1};
  first.curves = {{{"a", {1, 10}, {0, 1}}, "#112233"},
                  {{"b", {1, 10}, {1, 0}}, "#445566", 2, true}};
  PanelChart::Panel& second = chart.panels[1];
  second.title = "Label 1";
  second.curves = {{{"c", {1, 100}, {0.5, 0.25}}, "#778899", 0, false, true}};
  return chart;
}

class PanelChartTest : public FiguresFixture {
 protected:
  std::string ScriptOf(const PanelChart& chart) {
    const absl::Status status = figures_.Draw(chart);
    EXPECT_TRUE(status.ok()) << status;
    return Read(chart.name + ".gp");
  }
};

TEST_F(PanelChartTest, WritesNumbersAndScript) {
  const std::string script = ScriptOf(SomePanels());
  EXPECT_EQ(Read("panels.dat"),
            "# 'Label 0', 'a'\n1 0\n10 1\n\n\n# 'Label 0', 'b'\n1 1\n10 0\n"
            "\n\n# 'Label 1', 'c'\n1 0.5\n100 0.25\n\n\n");
  EXPECT_THAT(script, HasSubstr("size 3.250in,1.300in"));
  EXPECT_THAT(script, HasSubstr("set logscale x\nset xrange [1:10]"));
  EXPECT_THAT(script, HasSubstr("unset logscale x\nset xrange [1:100]"));
  EXPECT_THAT(script, HasSubstr("set yrange [0:1]"));
  EXPECT_THAT(script, HasSubstr("set yrange [0.24:0.51]"));
  EXPECT_THAT(script, HasSubstr("index 0 using 1:2 with lines lw line_width(1) "
                                "lc rgb '#33112233'"));
  EXPECT_THAT(script, HasSubstr("index 1 using 1:2 with lines lw line_width(2) "
                                "lc rgb '#33445566' dt 2"));
  EXPECT_THAT(script, HasSubstr("index 2 using 1:2 with points pt 7 ps 0.35 lw "
                                "line_width(1) lc rgb '#33778899'"));
  EXPECT_THAT(script, HasSubstr("DejaVu Sans"));
}

TEST_F(PanelChartTest, ThePictureHasTheCallersLook) {
  PanelChart chart = SomePanels();
  chart.text = {true, 12, 7.5, 11, 6, 5};
  chart.opacity = 0.9;
  chart.line_width = 1.5;
  chart.panels[0].legend = PanelChart::Legend::kLowerRight;
  const std::string script = ScriptOf(chart);
  EXPECT_THAT(script, Not(HasSubstr("DejaVu Sans")));
  EXPECT_THAT(script, HasSubstr("font 'Times,Times New Roman,DejaVu Serif,"
                                "serif,16'"));
  EXPECT_THAT(script, HasSubstr("font 'Times,9'"));
  EXPECT_THAT(script, HasSubstr("lw line_width(1.5) lc rgb '#19112233'"));
  for (const char* size : {"7.5", "11", "6", "5"}) {
    EXPECT_THAT(script, HasSubstr(std::string("font_size(") + size + ")"));
  }
}

TEST_F(PanelChartTest, TheLegendListsWhatHasALabel) {
  PanelChart chart = SomePanels();
  EXPECT_THAT(ScriptOf(chart), Not(HasSubstr("set arrow from")));
  chart.panels[0].legend = PanelChart::Legend::kUpperLeft;
  chart.panels[1].legend = PanelChart::Legend::kUpperRight;
  chart.panels[0].curves[1].label = "";
  const std::string script = ScriptOf(chart);
  EXPECT_THAT(script, HasSubstr("set label 'a' at"));
  EXPECT_THAT(script, Not(HasSubstr("set label 'b' at")));
  EXPECT_THAT(script, HasSubstr("nohead front lw line_width(1) lc rgb "
                                "'#33112233'"));
  EXPECT_THAT(script, HasSubstr(" point pt 7 ps 0.35 lw line_width(1) lc rgb "
                                "'#33778899'"));
  chart.panels[0].curves[1].label = "b";
  for (const size_t columns : {1, 2}) {
    chart.panels[0].legend_columns = columns;
    // The second line's sample is below or beside the first one's.
    std::istringstream lines(ScriptOf(chart));
    double x[2] = {}, y[2] = {};
    size_t found = 0;
    for (std::string line; std::getline(lines, line) && found < 2;) {
      found += std::sscanf(line.c_str(), "set arrow from screen %lf,%lf",
                           &x[found], &y[found]) == 2;
    }
    EXPECT_EQ(x[0] < x[1], columns == 2);
    EXPECT_EQ(y[0] > y[1], columns == 1);
  }
}

TEST_F(PanelChartTest, ALegendBesideThePlotTakesRoomFromIt) {
  PanelChart chart = SomePanels();
  chart.panels[1].legend = PanelChart::Legend::kBeside;
  chart.panels[1].curves[0].label = "long label";
  std::istringstream lines(ScriptOf(chart));
  double right = 0, sample = 0;
  for (std::string line; std::getline(lines, line);) {
    std::sscanf(line.c_str(), "set rmargin at screen %lf", &right);
    std::sscanf(line.c_str(), "set label '' at screen %lf", &sample);
  }
  EXPECT_LT(right, 0.75);
  EXPECT_GT(sample, right);
}

TEST_F(PanelChartTest, TicsHaveRoom) {
  PanelChart chart = SomePanels();
  EXPECT_THAT(ScriptOf(chart), HasSubstr("set ytics ('' 0, '' 0.5, '' 1)\n"));
  EXPECT_THAT(Read("panels.gp"), HasSubstr("set label '0.5' at"));
  EXPECT_THAT(Read("panels.gp"), HasSubstr("set xtics ('' 1, '' 10)\n"));
  EXPECT_THAT(Read("panels.gp"), HasSubstr("set label '10¹' at"));
  chart.panels[0].y_format = "%.3f";
  EXPECT_THAT(ScriptOf(chart), HasSubstr("set label '0.500' at"));
  // Many decades: every so many; few: multiples.
  chart.panels[0].curves[0].x = {1, 1e12};
  EXPECT_THAT(ScriptOf(chart),
              HasSubstr("set xtics ('' 1, '' 1e+05, '' 1e+10)\n"));
  chart.panels[0].curves[0].x = {2e-25, 3};
  EXPECT_THAT(ScriptOf(chart), HasSubstr("set label '10⁻¹⁵' at"));
  chart.panels[0].curves[0].x = chart.panels[0].curves[1].x = {20, 60};
  EXPECT_THAT(ScriptOf(chart), HasSubstr("set label '40' at"));
  chart.panels[0].log_x = false;
  chart.panels[0].curves[0].x = chart.panels[0].curves[1].x = {0, 2e6};
  EXPECT_THAT(ScriptOf(chart), HasSubstr("set label '2e+06' at"));
  chart.panels[0].curves[0].x = chart.panels[0].curves[1].x = {-1, 1};
  EXPECT_THAT(ScriptOf(chart), HasSubstr("set xtics ('' -1, '' 0, '' 1)"));
}

TEST_F(PanelChartTest, ALogAxisHasNoPlaceForZero) {
  PanelChart chart = SomePanels();
  PanelChart::Panel& panel = chart.panels[1];
  panel.log_y = true;
  panel.curves[0].x = {1, 2, 3, 4, 5};
  panel.curves[0].y = {0, 0.01, -1, 100, std::nan("")};
  panel.references = {{"floor", 0.001}, {"none", 0}};
  const std::string script = ScriptOf(chart);
  EXPECT_THAT(Read("panels.dat"),
              HasSubstr("1 0\n2 0.01\n3 -1\n4 100\n5 NaN\n"));
  EXPECT_THAT(script, HasSubstr("set xrange [2:4]"));
  EXPECT_THAT(script, HasSubstr("set logscale y"));
  EXPECT_THAT(script, HasSubstr("0.001 with lines lw line_width(0.8) dt 3"));
  EXPECT_THAT(script, HasSubstr("set label 'floor' at"));
  EXPECT_THAT(script, Not(HasSubstr("set label 'none' at")));
}

TEST_F(PanelChartTest, ABandIsFilledBehindTheLines) {
  PanelChart chart = SomePanels();
  PanelChart::Panel& panel = chart.panels[0];
  PanelChart::Curve& curve = panel.curves[1];
  curve.low = {-1, -3};
  curve.high = {2, std::nan("")};
  curve.band_opacity = 0.4;
  panel.legend = PanelChart::Legend::kUpperLeft;
  std::string script = ScriptOf(chart);
  EXPECT_THAT(Read("panels.dat"), HasSubstr("'b'\n1 1 -1 2\n10 0 -3 NaN\n"));
  EXPECT_THAT(Read("panels.dat"), HasSubstr("'a'\n1 0\n10 1\n"));
  const std::string band =
      "'panels.dat' index 1 using ($1<1?NaN:$1):($3<0?0:$3>1?1:$3):"
      "($4<0?0:$4>1?1:$4) with filledcurves fillcolor rgb '#99445566' "
      "fillstyle "
      "solid noborder";
  ASSERT_THAT(script, HasSubstr(band));
  EXPECT_LT(script.find(band), script.find("index 0 using 1:2 with lines"));
  EXPECT_THAT(script, HasSubstr("set object rectangle from screen"));
  // The band belongs to what the axis shows.
  panel.y_range.reset();
  script = ScriptOf(chart);
  EXPECT_THAT(script, HasSubstr("set yrange [-3.2:2.2]"));
  panel.log_y = true;
  panel.curves[1].y = {1, 1.5};
  panel.curves[1].low = {0, 0.5};
  panel.curves[1].high = {2, 3};
  script = ScriptOf(chart);
  EXPECT_THAT(script, HasSubstr("($3<0.465")) << script;
}

TEST_F(PanelChartTest, ABandIsThinnedWithItsLine) {
  PanelChart chart = SomePanels();
  PanelChart::Curve& curve = chart.panels[1].curves[0];
  curve.x.clear();
  curve.y.clear();
  for (int i = 0; i < 50000; ++i) {
    curve.x.push_back(i);
    curve.y.push_back(i);
    curve.low.push_back(i - 0.5);
    curve.high.push_back(i + 0.5);
  }
  ScriptOf(chart);
  EXPECT_THAT(Read("panels.dat"), HasSubstr("\n49999 49999 49998.5 49999.5\n"));
}

TEST_F(PanelChartTest, ManyPointsAreThinned) {
  PanelChart chart = SomePanels();
  PanelChart::Curve& curve = chart.panels[1].curves[0];
  curve.x.clear();
  curve.y.clear();
  for (int i = 0; i < 50000; ++i) {
    curve.x.push_back(i);
    curve.y.push_back(i == 777 ? 1000 : i == 778 ? std::nan("") : i % 2);
  }
  ScriptOf(chart);
  const std::string data = Read("panels.dat");
  EXPECT_THAT(data, HasSubstr(" of 50000 points\n0 0\n"));
  EXPECT_THAT(data, HasSubstr("\n777 1000\n778 NaN\n")) << "a peak, a gap";
  EXPECT_THAT(data, HasSubstr("\n49999 1\n"));
  EXPECT_THAT(data, HasSubstr("'Label 0', 'a'\n1 0\n")) << "few points stay";
  const auto lines = std::count(data.begin(), data.end(), '\n');
  EXPECT_GT(lines, 1000);
  EXPECT_LT(lines, 2050);
}

TEST_F(PanelChartTest, DrawsWithGapsAndWithNothing) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  PanelChart chart = SomePanels();
  chart.rows = 2;
  chart.height = 3;
  chart.panels[0].curves[0].y[1] = std::nan("");
  chart.panels[0].curves[1].y = {5, 5};
  chart.panels[0].y_range.reset();
  chart.panels[1].title = "‖∇Φ‖ · a_b^{c} it's 5% κ";
  chart.panels[1].log_x = true;
  chart.panels[1].legend = PanelChart::Legend::kLowerLeft;
  chart.panels[1].curves[0].x.clear();
  chart.panels[1].curves[0].y.clear();
  chart.panels[1].curves.push_back(
      {{"nowhere", {0, 1}, {1, std::numeric_limits<double>::infinity()}},
       "#000000"});
  chart.panels.emplace_back();
  const absl::Status status = figures_.Draw(chart);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Read("panels.pdf"), StartsWith("%PDF"));
  EXPECT_THAT(Read("panels.svg"), HasSubstr("‖∇Φ‖ · a_b^{c} it's 5% κ"));
  EXPECT_THAT(Read("panels.svg"), HasSubstr("</svg>"));
}

TEST_F(PanelChartTest, HugeAndTinyNumbersHaveAxesToo) {
  PanelChart chart = SomePanels();
  PanelChart::Panel& panel = chart.panels[1];
  const std::pair<double, double> ends[] = {{-1e308, 1e308},
                                            {0, 5e-324},
                                            {1, 1 + 1e-15},
                                            {1e20, 1e20 + 20000},
                                            {1e-90, 1e90}};
  for (const auto& [low, high] : ends) {
    for (const bool log : {false, true}) {
      panel.log_y = log;
      panel.curves[0].y = {low, high};
      const absl::Status status = figures_.Draw(chart);
      EXPECT_TRUE(status.ok()) << low << " " << high << " " << status;
    }
  }
}

TEST_F(PanelChartTest, RefusesWhatCannotBeDrawn) {
  struct Case {
    std::function<void(PanelChart&)> breaks;
    const char* message;
  };
  const Case cases[] = {
      {[](PanelChart& c) { c.panels.clear(); }, "0 panels in 1 rows of 2"},
      {[](PanelChart& c) { c.columns = 1; }, "2 panels in 1 rows of 1"},
      {[](PanelChart& c) { c.opacity = 1.5; }, "opacity 1.5"},
      {[](PanelChart& c) { c.width = 0.5; },
       "no room for 1 rows of 2 panels on 0.5 x 1.3 inches"},
      {[](PanelChart& c) {
         c.panels[0].y_range = {1, 1};
       },
       "panel 'Label 0': y from 1 to 1"},
      {[](PanelChart& c) { c.panels[0].log_y = true; }, "y from 0 to 1"},
      {[](PanelChart& c) { c.panels[1].y_format = "%d%s"; },
       "panel 'Label 1': '%d%s' formats no number"},
      {[](PanelChart& c) { c.panels[1].legend_columns = 3; },
       "a legend of 3 columns"},
      {[](PanelChart& c) { c.panels[0].curves[1].color = "red"; },
       "series 'b': colour 'red' is not #rrggbb"},
      {[](PanelChart& c) { c.panels[0].curves[0].y.pop_back(); },
       "series 'a': 2 x for 1 y"},
      {[](PanelChart& c) {
         c.panels[0].curves[0].low = {1, 2};
       },
       "series 'a': a band of 2 low and 0 high ends for 2 x"},
      {[](PanelChart& c) {
         c.panels[0].curves[0].low = c.panels[0].curves[0].high = {1};
       },
       "series 'a': a band of 1 low and 1 high ends for 2 x"},
      {[](PanelChart& c) { c.panels[0].curves[0].band_opacity = 1.5; },
       "opacity 1.5"},
      {[](PanelChart& c) { c.name = "a/b"; }, "'a/b'"},
  };
  for (const Case& broken : cases) {
    PanelChart chart = SomePanels();
    broken.breaks(chart);
    EXPECT_THAT(Complaint(chart), HasSubstr(broken.message));
  }
}

}  // namespace
}  // namespace polarize
