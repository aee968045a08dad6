#include <cmath>
#include <limits>
#include <string>

#include "experiments/run/figures.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/gnuplot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

PanelChart SomePanels() {
  PanelChart chart;
  chart.name = "panels";
  chart.width = 3.25;
  chart.height = 1.3;
  chart.x_label = "step";
  chart.y_label = "weight";
  chart.log_x = true;
  chart.y_range = {0, 1};
  chart.line_colors = {"#112233", "#445566"};
  chart.panels = {
      {"Label 0", {{"a", {1, 10}, {0, 1}}, {"b", {1, 10}, {1, 0}}}},
      {"Label 1", {{"c", {1, 100}, {0.5, 0.25}}}},
  };
  return chart;
}

class PanelChartTest : public ::testing::Test {
 protected:
  PanelChartTest() : figures_(*Figures::Create(folder_.path())) {}

  std::string Read(const std::string& name) const {
    return ReadFile(folder_.path() + "/figures/" + name, 1 << 22)
        .value_or("(none)");
  }

  TestFolder folder_;
  Figures figures_;
};

TEST_F(PanelChartTest, WritesNumbersAndScript) {
  ASSERT_TRUE(figures_.Draw(SomePanels()).ok());
  EXPECT_EQ(Read("panels.dat"),
            "# 'Label 0', 'a'\n1 0\n10 1\n\n\n# 'Label 0', 'b'\n1 1\n10 0\n"
            "\n\n# 'Label 1', 'c'\n1 0.5\n100 0.25\n");
  const std::string script = Read("panels.gp");
  EXPECT_THAT(script, HasSubstr("size 3.250in,1.300in"));
  EXPECT_THAT(script, HasSubstr("set logscale x"));
  EXPECT_THAT(script, HasSubstr("set yrange [0:1]"));
  EXPECT_THAT(script, HasSubstr("index 1 using 1:2 with lines lw 1 lc rgb "
                                "'#33445566'"));
  EXPECT_THAT(script, HasSubstr("index 2 using 1:2 with lines lw 1 lc rgb "
                                "'#33112233'"));
  EXPECT_THAT(script, HasSubstr("unset ylabel"));
}

TEST_F(PanelChartTest, DrawsWithGapsAndWithNothing) {
  if (absl::IsNotFound(RunGnuplot(folder_.path(), "no_such_script"))) {
    GTEST_SKIP() << "no gnuplot here";
  }
  PanelChart chart = SomePanels();
  chart.panels[0].series[0].y[1] = std::nan("");
  chart.panels[1].series[0] = {"empty", {}, {}};
  chart.panels[1].series.push_back(
      {"nowhere", {0, 1}, {1, std::numeric_limits<double>::infinity()}});
  const absl::Status status = figures_.Draw(chart);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Read("panels.pdf"), StartsWith("%PDF"));
  EXPECT_THAT(Read("panels.svg"), HasSubstr("Label 1"));
  EXPECT_THAT(Read("panels.svg"), HasSubstr("</svg>"));
}

TEST_F(PanelChartTest, RefusesWhatCannotBeDrawn) {
  PanelChart chart = SomePanels();
  chart.panels.clear();
  EXPECT_FALSE(figures_.Draw(chart).ok());
  chart = SomePanels();
  chart.width = 0.5;
  EXPECT_FALSE(figures_.Draw(chart).ok());
  chart = SomePanels();
  chart.y_range = {1, 1};
  EXPECT_FALSE(figures_.Draw(chart).ok());
  chart = SomePanels();
  chart.line_colors.clear();
  EXPECT_FALSE(figures_.Draw(chart).ok());
  chart = SomePanels();
  chart.name = "a/b";
  EXPECT_FALSE(figures_.Draw(chart).ok());
  chart = SomePanels();
  chart.panels[0].series[0].y.pop_back();
  EXPECT_THAT(std::string(figures_.Draw(chart).message()),
              HasSubstr("2 x for 1 y"));
}

}  // namespace
}  // namespace polarize
