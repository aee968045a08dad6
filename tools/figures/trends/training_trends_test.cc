#include "tools/figures/trends/training_trends.h"

#include "absl/strings/str_cat.h"
#include "experiments/run/figures_testing.h"
#include "experiments/run/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TrainingTrendsTest : public FiguresFixture {
 protected:
  // A run with these lines, each "step: score, row sum, entropy" of two heads
  // of layer 1, the second head's 1 more.
  TrendRun Run(const std::string& name, const std::string& type,
               const std::string& seed, const std::vector<int>& steps,
               double first, const std::string& score = "rel_attn_bos_global",
               const std::string& sum = "abs_attn_all") {
    std::string text;
    for (const int step : steps) {
      absl::StrAppend(&text, "{\"step\":", step, ",\"epoch\":0");
      for (const int h : {0, 1}) {
        const double value = first + h;
        absl::StrAppend(&text, ",\"1_", h, "_", score, "\":", value / 4,
                        ",\"1_", h, "_", sum, "\":", value, ",\"1_", h,
                        "_entropy\":", value + step);
      }
      absl::StrAppend(&text, "}\n{\"step\":", step + 1,
                      ",\"epoch\":0,\"train/step_loss\":1}\n");
    }
    const std::string folder = folder_.path() + "/" + name;
    EXPECT_TRUE(MakeFolders(folder).ok());
    EXPECT_TRUE(WriteFileWhole(folder + "/metrics.jsonl", text).ok());
    return {folder, type, seed, 2, 2};
  }
};

TEST_F(TrainingTrendsTest, TheBandIsOverRunsOfSeveralSeeds) {
  const std::vector<TrendRun> runs = {
      Run("a", "softmax", "0", {0, 1, 10}, 1),
      Run("b", "softmax", "1", {0, 1, 10, 20}, 2)};
  const auto drawn = DrawInductionTrends(runs, figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  ASSERT_EQ(drawn->pictures.size(), 1u);
  EXPECT_EQ(drawn->pictures[0].name, "induction_over_training");
  EXPECT_THAT(drawn->pictures[0].caption, HasSubstr("of runs (several seeds)"));
  const std::string data = Read("induction_over_training.dat");
  // Means of the runs: 1.5 and 2.5. Step 20 is the second run's alone.
  EXPECT_THAT(data, HasSubstr("# 'Sink score', 'softmax (2)'\n"
                              "0 0.5 0.375 0.625\n1 0.5 0.375 0.625\n"
                              "10 0.5 0.375 0.625\n\n"));
  EXPECT_THAT(data, HasSubstr("# 'Row sum', 'softmax (2)'\n0 2 1.5 2.5\n"));
  EXPECT_THAT(data, HasSubstr("# 'Entropy (nats)', 'softmax (2)'\n0 2 1.5 2.5\n"
                              "1 3 2.5 3.5\n10 12 11.5 12.5\n\n"));
  const std::string script = Read("induction_over_training.gp");
  EXPECT_THAT(script, HasSubstr("with filledcurves"));
  EXPECT_THAT(script, HasSubstr("set logscale x\nset xrange [1:10]"));
  EXPECT_THAT(script, HasSubstr("set yrange [-0.02:1.02]"));
  EXPECT_THAT(script, Not(HasSubstr("'w/o norm.'"))) << "one row";
  EXPECT_THAT(script, HasSubstr("size 6.750in,2.000in"));
}

TEST_F(TrainingTrendsTest, TheBandIsOverHeadsOfOneSeed) {
  const std::vector<TrendRun> runs = {
      Run("a", "sigmoid_unnorm", "7", {1, 10}, 1),
      Run("b", "sigmoid_unnorm", "7", {1, 10}, 3),
      Run("c", "uniform", "8", {1, 10}, 3)};
  const auto drawn = DrawInductionTrends(runs, figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_THAT(drawn->pictures[0].caption,
              HasSubstr("of single heads (there is one seed)"));
  EXPECT_THAT(Read("induction_over_training.dat"),
              HasSubstr("# 'Row sum', 'sigmoid (2)'\n1 2.5 1 4\n"));
  EXPECT_THAT(Read("induction_over_training.gp"), HasSubstr("'w/o norm.'"));
  EXPECT_THAT(Read("induction_over_training.gp"), HasSubstr("set logscale y"));
}

TEST_F(TrainingTrendsTest, TenValuesHaveAnInnerBand) {
  std::vector<TrendRun> runs;
  for (int i = 0; i < 11; ++i) {
    runs.push_back(
        Run(absl::StrCat(i), "softmax", absl::StrCat(i), {1, 2}, i * i));
  }
  ASSERT_TRUE(DrawInductionTrends(runs, figures_).ok());
  // numpy.quantile([0.5, 1.5, 4.5 ... 100.5], [0.1, 0.9]); the mean is 35.5.
  EXPECT_THAT(Read("induction_over_training.dat"),
              HasSubstr("# 'Row sum', 'softmax (11)'\n1 35.5 1.5 81.5\n"));
}

TEST_F(TrainingTrendsTest, ScoresWithNegativeWeightsAreOfTheirSize) {
  const auto drawn =
      DrawInductionTrends({Run("a", "raw_dotproduct_norm", "0", {1, 2}, 1,
                               "abs_rel_attn_bos_global")},
                          figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_THAT(Read("induction_over_training.dat"),
              HasSubstr("# 'Sink score', 'linear (1)'\n1 0.375 0.25 0.5\n"));
}

TEST_F(TrainingTrendsTest, ClassificationClipsEachHeadAndTakesAllLayers) {
  TrendRun run =
      Run("a", "softmax", "0", {1, 2}, 3.5, "rel_attn_max", "abs_attn_sum");
  // Layer 0 is not in the file.
  auto drawn = DrawClassificationTrends({run}, figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_EQ(drawn->missing.size(), 1u);
  std::string text = "{\"step\":1";
  for (const char* l : {"0", "1"}) {
    absl::StrAppend(&text, ",\"", l, "_0_rel_attn_max\":", l, ".5,\"", l,
                    "_0_abs_attn_sum\":2,\"", l, "_0_entropy\":null");
  }
  ASSERT_TRUE(WriteFileWhole(run.folder + "/metrics.jsonl", text + "}\n").ok());
  run.heads = 1;
  drawn = DrawClassificationTrends({run}, figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_EQ(drawn->pictures[0].name, "classification_over_training");
  const std::string data = Read("classification_over_training.dat");
  EXPECT_THAT(data, HasSubstr("# 'Sparsity score', 'softmax (1)'\n"
                              "1 0.75 0.5 1\n"));
  EXPECT_THAT(data, HasSubstr("'softmax (1)'\n1 NaN NaN NaN\n"));
}

TEST_F(TrainingTrendsTest, LeavesOutRunsWithoutStatistics) {
  TrendRun shallow = Run("a", "softmax", "0", {1, 2}, 1);
  shallow.layers = 1;
  auto drawn = DrawInductionTrends(
      {shallow, {folder_.path() + "/none", "softmax", "1", 2, 2}}, figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_TRUE(drawn->pictures.empty());
  ASSERT_EQ(drawn->missing.size(), 1u);
  EXPECT_THAT(drawn->missing[0].why, HasSubstr("not run"));
  drawn = DrawInductionTrends({shallow, Run("b", "softmax", "1", {1, 2}, 1)},
                              figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_THAT(drawn->pictures[0].caption,
              HasSubstr("Left out, without statistics: 1 runs."));
}

TEST_F(TrainingTrendsTest, ListsTheFinishedRunsOfASweep) {
  const std::string csv = folder_.path() + "/data.csv";
  ASSERT_TRUE(WriteFileWhole(csv,
                             "run_id,state,attention_type,seed,num_layers,"
                             "num_heads\n0a,finished,softmax,3,2,8\n"
                             "0b,diverged,softmax,3,2,8\n")
                  .ok());
  const auto runs = TrendRunsOf(csv, "sweeps/x");
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 1u);
  EXPECT_EQ((*runs)[0].folder, "sweeps/x/runs/0a");
  EXPECT_EQ((*runs)[0].attention_type, "softmax");
  EXPECT_EQ((*runs)[0].seed, "3");
  EXPECT_EQ((*runs)[0].layers, 2u);
  EXPECT_EQ((*runs)[0].heads, 8u);
  EXPECT_TRUE(absl::IsNotFound(TrendRunsOf("/none", "x").status()));
  ASSERT_TRUE(WriteFileWhole(csv, "run_id,state\n0a,finished\n").ok());
  EXPECT_THAT(TrendRunsOf(csv, "x").status().message(),
              HasSubstr("no column 'attention_type'"));
}

}  // namespace
}  // namespace polarize
