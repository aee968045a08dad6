#include "experiments/run/figures.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "experiments/run/figures_testing.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/gnuplot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// A PATH where programs are or are not, until the end of the test.
class ScopedPath {
 public:
  explicit ScopedPath(const std::string& path) : old_(std::getenv("PATH")) {
    setenv("PATH", path.c_str(), 1);
  }
  ~ScopedPath() { setenv("PATH", old_.c_str(), 1); }

 private:
  std::string old_;
};

AttentionMaps SomeMaps(size_t layers, size_t heads, size_t tokens) {
  AttentionMaps maps;
  maps.name = "attention";
  maps.title = "Attention, sample 0";
  maps.layers = layers;
  maps.heads = heads;
  for (size_t i = 0; i < tokens; ++i) {
    maps.tokens.push_back(i == 0 ? "BOS" : std::to_string(7 * i));
  }
  for (size_t i = 0; i < layers * heads * tokens * tokens; ++i) {
    maps.weights.push_back(static_cast<double>(i % 17) / 16);
  }
  return maps;
}

LineChart SomeChart() {
  LineChart chart;
  chart.name = "loss";
  chart.title = "Loss";
  chart.x_label = "step";
  chart.y_label = "loss";
  chart.series = {{"train", {0, 1, 10, 100}, {4, 3, 2, 1.5}},
                  {"eval", {1, 100}, {3.25, 1.75}}};
  chart.references = {{"loss floor 0.73", 0.7316}, {"chance", 3.9}};
  return chart;
}

class FiguresTest : public FiguresFixture {
 protected:
  std::vector<std::string> Names() const {
    return NamesIn(folder_.path() + "/figures");
  }
};

TEST_F(FiguresTest, WritesNumbersAndScriptWithoutGnuplot) {
  const ScopedPath nowhere("/nonexistent");
  ASSERT_TRUE(figures_.Draw(SomeChart()).ok());
  ASSERT_TRUE(figures_.Draw(SomeMaps(1, 2, 2)).ok());
  EXPECT_THAT(Names(), ElementsAre("attention.dat", "attention.gp", "loss.dat",
                                   "loss.gp"));
  EXPECT_EQ(Read("loss.dat"),
            "# x: 'step', y: 'loss'\n# 'train'\n0 4\n1 3\n10 2\n100 1.5\n\n\n"
            "# 'eval'\n1 3.25\n100 1.75\n");
  EXPECT_EQ(Read("attention.dat"),
            "# A line per reading token, a column per token read.\n"
            "# layer 0, head 0\n0 0.0625\n0.125 0.1875\n\n\n"
            "# layer 0, head 1\n0.25 0.3125\n0.375 0.4375\n");
  EXPECT_THAT(figures_.Notice(), HasSubstr("gnuplot-nox"));
  EXPECT_THAT(figures_.Notice(), HasSubstr(folder_.path() + "/figures"));
  EXPECT_THAT(figures_.Notice(), Not(HasSubstr("\n")));
}

TEST_F(FiguresTest, DrawsSvgAndPdf) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  for (const bool log_x : {false, true}) {
    LineChart chart = SomeChart();
    chart.name = log_x ? "log" : "linear";
    chart.log_x = log_x;
    const absl::Status status = figures_.Draw(chart);
    ASSERT_TRUE(status.ok()) << status;
  }
  const absl::Status status = figures_.Draw(SomeMaps(2, 3, 12));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(figures_.Notice(), "");
  EXPECT_THAT(
      Names(),
      ElementsAre("attention.dat", "attention.gp", "attention.pdf",
                  "attention.svg", "linear.dat", "linear.gp", "linear.pdf",
                  "linear.svg", "log.dat", "log.gp", "log.pdf", "log.svg"));
  for (const std::string name : {"linear", "log", "attention"}) {
    EXPECT_THAT(Read(name + ".pdf"), StartsWith("%PDF"));
    EXPECT_THAT(Read(name + ".svg"), HasSubstr("</svg>"));
  }
  EXPECT_THAT(Read("log.svg"), HasSubstr("loss floor 0.73"));
  EXPECT_THAT(Read("attention.svg"), HasSubstr("layer 1, head 2"));
  EXPECT_THAT(Read("attention.svg"), Not(HasSubstr("<image")))
      << "other files would have to go with it";
}

TEST_F(FiguresTest, AwkwardNumbersAndLabelsDrawToo) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  constexpr double kInf = std::numeric_limits<double>::infinity();
  LineChart chart = SomeChart();
  chart.log_x = true;
  const std::string odd = "it's \"a_b^c\" {%d} \\n @x\nend";
  chart.title = chart.x_label = chart.y_label = odd;
  chart.series = {{odd, {1, 2, 3}, {std::nan(""), kInf, 1}},
                  {"nothing to see", {0, 1}, {1, std::nan("")}},
                  {"empty", {}, {}},
                  {"one point", {5}, {2}}};
  chart.references = {{odd, 0.5}, {"not finite", kInf}};
  absl::Status status = figures_.Draw(chart);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(Read("loss.svg"), HasSubstr("a_b^c"));

  chart = SomeChart();
  chart.series.clear();
  chart.references.clear();
  status = figures_.Draw(chart);
  EXPECT_TRUE(status.ok()) << status;
  chart.series = {{"one value", {0, 1}, {2, 2}}};
  status = figures_.Draw(chart);
  EXPECT_TRUE(status.ok()) << status;

  AttentionMaps maps = SomeMaps(1, 1, 3);
  maps.tokens = {odd, "50%", "%s"};
  maps.weights.assign(9, 0);
  maps.weights[4] = std::nan("");
  for (const WeightScale scale :
       {WeightScale::kUnit, WeightScale::kPositive, WeightScale::kSigned}) {
    maps.scale = scale;
    status = figures_.Draw(maps);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_THAT(Read("attention.svg"), HasSubstr("50%"));
  EXPECT_THAT(Read("attention.svg"), Not(HasSubstr("50%%")));
  maps = SomeMaps(1, 1, 1);
  status = figures_.Draw(maps);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(FiguresTest, ColoursReachAsFarAsTheWeights) {
  const ScopedPath nowhere("/nonexistent");
  AttentionMaps maps = SomeMaps(1, 2, 2);
  maps.weights = {0.5, -3, 1, 2, 0, 0, 0, 0.25};
  maps.scale = WeightScale::kUnit;
  ASSERT_TRUE(figures_.Draw(maps).ok());
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [0:1]"));
  maps.scale = WeightScale::kPositive;
  ASSERT_TRUE(figures_.Draw(maps).ok());
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [0:3]"));
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [0:0.25]"));
  maps.scale = WeightScale::kSigned;
  ASSERT_TRUE(figures_.Draw(maps).ok());
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [-3:3]"));
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [-0.25:0.25]"));
  maps.scale = WeightScale::kOwnRange;
  ASSERT_TRUE(figures_.Draw(maps).ok());
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [-3:2]"));
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [0:0.25]"));
  maps.scale = WeightScale::kBothWays;
  ASSERT_TRUE(figures_.Draw(maps).ok());
  EXPECT_THAT(Read("attention.gp"), HasSubstr("set cbrange [-1:1]"));
  EXPECT_THAT(Read("attention.gp"), Not(HasSubstr("set cbrange [-3")));
}

TEST_F(FiguresTest, MapsHaveTheCallersColoursAndSize) {
  AttentionMaps maps = SomeMaps(2, 3, 4);
  maps.colors = WeightColors::kViridis;
  maps.width = 18;
  maps.height = 10;
  absl::Status status = figures_.Draw(maps);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Read("attention.gp"), HasSubstr("size 18.000in,10.000in"));
  EXPECT_THAT(Read("attention.gp"), HasSubstr("0 '#440154'"));
  maps.colors = WeightColors::kPinkGreen;
  ASSERT_TRUE(figures_.Draw(maps).ok());
  EXPECT_THAT(Read("attention.gp"),
              HasSubstr("set palette maxcolors 256 defined (-1 '#de337d', 0 "
                        "'#ede8e1', 1 '#0bb806')"));
  maps.width = 2;
  EXPECT_THAT(Complaint(maps),
              HasSubstr("no room for 2 rows of 3 maps on 2 x 10 inches"));
  maps.height = -1;
  EXPECT_THAT(Complaint(maps), HasSubstr("on 2 x -1 inches"));
}

TEST_F(FiguresTest, ABareMapIsCellsGridAndFrame) {
  AttentionMaps maps = SomeMaps(1, 1, 3);
  maps.bare = true;
  absl::Status status = figures_.Draw(maps);
  ASSERT_TRUE(status.ok()) << status;
  const std::string script = Read("attention.gp");
  EXPECT_THAT(script, HasSubstr("size 1.000in,1.000in"));
  EXPECT_THAT(script, HasSubstr("unset colorbox"));
  EXPECT_THAT(script, HasSubstr("set arrow from graph 0.333333,0 to graph "
                                "0.333333,1 nohead front lw line_width(0.3) lc "
                                "rgb '#80ffffff'"));
  EXPECT_THAT(script, HasSubstr("set arrow from graph 0,0.666667 to graph "
                                "1,0.666667"));
  for (const char* text : {"set label", "set title", "tics ("}) {
    EXPECT_THAT(script, Not(HasSubstr(text)));
  }
  maps.width = 2;
  maps.height = 1.5;
  ASSERT_TRUE(figures_.Draw(maps).ok());
  EXPECT_THAT(Read("attention.gp"), HasSubstr("size 2.000in,1.500in"));
  EXPECT_THAT(Read("attention.gp"),
              HasSubstr("set lmargin at screen 0.010000\nset rmargin at screen "
                        "0.990000\n"));
  maps = SomeMaps(1, 1, 1);
  maps.bare = true;
  status = figures_.Draw(maps);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(FiguresTest, TheRangeOfYIsTheCallersIfGiven) {
  const ScopedPath nowhere("/nonexistent");
  LineChart chart = SomeChart();
  chart.y_range = {0, 2};
  ASSERT_TRUE(figures_.Draw(chart).ok());
  EXPECT_THAT(Read("loss.gp"), HasSubstr("set yrange [0:2]"));
  EXPECT_THAT(Read("loss.gp"), HasSubstr("set label 'loss floor 0.73'"));
  // 3.9 is outside: its label would hang in the air.
  EXPECT_THAT(Read("loss.gp"), Not(HasSubstr("set label 'chance'")));
  EXPECT_THAT(Read("loss.gp"), Not(HasSubstr("logscale")));
  chart.log_x = true;
  ASSERT_TRUE(figures_.Draw(chart).ok());
  EXPECT_THAT(Read("loss.gp"), HasSubstr("set logscale x"));
  EXPECT_THAT(Read("loss.gp"), HasSubstr("set xrange [1:100]"));
}

TEST_F(FiguresTest, WhatDoesNotFitIsAnError) {
  LineChart chart = SomeChart();
  chart.series[1].y.pop_back();
  EXPECT_THAT(Complaint(chart), HasSubstr("loss, series 'eval': 2 x for 1 y"));
  chart = SomeChart();
  chart.y_range = {1, 1};
  EXPECT_FALSE(figures_.Draw(chart).ok());
  for (const std::string name : {"", "../x", ".x", "a b", "a'b"}) {
    chart = SomeChart();
    chart.name = name;
    EXPECT_FALSE(figures_.Draw(chart).ok()) << name;
  }
  AttentionMaps maps = SomeMaps(2, 3, 4);
  maps.weights.pop_back();
  EXPECT_THAT(Complaint(maps),
              HasSubstr("95 weights for 2 layers, 3 heads and 4 tokens"));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(FiguresTest, WhatGnuplotSaysIsInTheError) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  const std::string folder = folder_.path();
  ASSERT_TRUE(WriteFileWhole(folder + "/bad.gp", "plot nonsense(\n").ok());
  const absl::Status status = RunGnuplot(folder, "bad");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder + "/bad.gp"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("exit status 1"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("nonsense"));
}

TEST_F(FiguresTest, ABrokenDrawingLeavesTheOldPictures) {
  // A gnuplot that begins a picture, complains and fails.
  const std::string fake = folder_.path() + "/gnuplot";
  ASSERT_TRUE(WriteFileWhole(fake,
                             "#!/bin/sh\necho half > loss.svg.new\n"
                             "echo out of paper >&2\nexit 3\n")
                  .ok());
  ASSERT_EQ(chmod(fake.c_str(), 0755), 0);
  ASSERT_TRUE(WriteFileWhole(folder_.path() + "/figures/loss.svg", "old").ok());
  const ScopedPath path(folder_.path());
  const absl::Status status = figures_.Draw(SomeChart());
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("exit status 3: out of paper"));
  EXPECT_EQ(Read("loss.svg"), "old");
  EXPECT_THAT(Names(), ElementsAre("loss.dat", "loss.gp", "loss.svg"));
}

TEST_F(FiguresTest, AFullDiskIsAnError) {
  const FileSizeLimit limit(50);
  const absl::Status status = figures_.Draw(SomeChart());
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("figures/loss."));
}

TEST(GnuplotTextTest, QuotesAndNumbers) {
  EXPECT_EQ(GnuplotString("it's 5%\n\\"), "'it''s 5% \\'");
  EXPECT_EQ(GnuplotTicLabel("it's 5%"), "'it''s 5%%'");
  EXPECT_EQ(GnuplotNumber(0.1), "0.1");
  EXPECT_EQ(GnuplotNumber(-1e-300), "-1e-300");
  EXPECT_EQ(GnuplotNumber(std::nan("")), "NaN");
}

TEST_F(FiguresTest, PostponedPicturesAreDrawnTogether) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  figures_.Postpone();
  ASSERT_TRUE(figures_.Draw(SomeChart()).ok());
  ASSERT_TRUE(figures_.Draw(SomeMaps(1, 2, 2)).ok());
  EXPECT_THAT(Names(), ElementsAre("attention.dat", "attention.gp", "loss.dat",
                                   "loss.gp"));
  ASSERT_TRUE(figures_.DrawPostponed().ok());
  EXPECT_THAT(Names(), ElementsAre("attention.dat", "attention.gp",
                                   "attention.pdf", "attention.svg", "loss.dat",
                                   "loss.gp", "loss.pdf", "loss.svg"));
  EXPECT_THAT(Read("attention.svg"), HasSubstr("Attention, sample 0"));
  EXPECT_THAT(Read("loss.svg"), HasSubstr("loss floor"));
  EXPECT_TRUE(figures_.DrawPostponed().ok()) << "nothing left to draw";
}

TEST_F(FiguresTest, AnErrorKeepsPostponedPicturesFromAppearing) {
  if (!HasGnuplot()) GTEST_SKIP() << "no gnuplot here";
  figures_.Postpone();
  ASSERT_TRUE(figures_.Draw(SomeChart()).ok());
  ASSERT_TRUE(figures_.Draw(SomeMaps(1, 2, 2)).ok());
  ASSERT_EQ(unlink((folder_.path() + "/figures/attention.dat").c_str()), 0);
  EXPECT_THAT(std::string(figures_.DrawPostponed().message()),
              HasSubstr("attention.dat"));
  EXPECT_THAT(Names(), ElementsAre("attention.gp", "loss.dat", "loss.gp"));
}

TEST_F(FiguresTest, DrawsInAGivenFolder) {
  const std::string folder = folder_.path() + "/a/b";
  absl::StatusOr<Figures> figures = Figures::In(folder);
  ASSERT_TRUE(figures.ok()) << figures.status();
  ASSERT_TRUE(figures->Draw(SomeChart()).ok());
  EXPECT_THAT(NamesIn(folder), ::testing::Contains("loss.gp"));
}

}  // namespace
}  // namespace polarize
