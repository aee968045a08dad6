#include "tools/study/study.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two kinds, two optimisers; one run diverged, one cell is empty.
RunTable Runs(const std::string& accuracy = "eval/acc_induction") {
  CsvTable table;
  table.columns = {"state",
                   "attention_type",
                   "optimizer",
                   "seed",
                   "num_layers",
                   "num_heads",
                   "seq_length",
                   "is_causal",
                   "1_0_entropy",
                   "1_1_entropy",
                   "1_0_rel_attn_bos",
                   "1_1_rel_attn_bos",
                   "1_0_abs_attn_all",
                   "1_1_abs_attn_all",
                   "0_0_entropy",
                   accuracy};
  table.rows = {{"finished", "softmax", "sgd", "0", "2", "2", "7", "True",
                 "0.5", "0.7", "0.2", "0.4", "1", "1", "9", "0.96"},
                {"finished", "softmax", "sgd", "1", "2", "2", "7", "True",
                 "0.1", "0.3", "0.8", "1.0", "1", "1", "9", "0.5"},
                {"diverged", "softmax", "sign", "0", "2", "2", "7", "True", "",
                 "", "", "", "", "", "", ""},
                {"finished", "relu", "sgd", "0", "2", "2", "7", "True", "0.4",
                 "", "0.6", "", "25000", "", "9", "1"}};
  return RunTable(table);
}

TEST(StudyTest, MeansOverTheLastLayersHeadsAndOverRuns) {
  const absl::StatusOr<Study> study =
      CompareRuns(Runs(), "attention_type", "optimizer");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_THAT(study->rows, ElementsAre("softmax", "relu"));
  EXPECT_THAT(study->bars, ElementsAre("sgd", "sign"));
  ASSERT_EQ(study->cells.size(), 4u);
  const StudyCell& first = study->cells[0];
  EXPECT_EQ(first.runs, 2u);
  EXPECT_EQ(first.solved, 1u);
  EXPECT_DOUBLE_EQ(first.accuracy.mean, 0.73);
  EXPECT_DOUBLE_EQ(first.accuracy.least, 0.5);
  EXPECT_DOUBLE_EQ(first.accuracy.most, 0.96);
  EXPECT_DOUBLE_EQ(first.sink_share.mean, 0.6);
  EXPECT_DOUBLE_EQ(first.sink_share.least, 0.3);
  EXPECT_DOUBLE_EQ(first.entropy.mean, 0.4);
  EXPECT_DOUBLE_EQ(first.row_sum.mean, 1);
  EXPECT_EQ(study->cells[1].ended, 1u);
  EXPECT_EQ(study->cells[1].runs, 0u);
  EXPECT_TRUE(std::isnan(study->cells[1].accuracy.mean));
  // A head without a value is left out.
  EXPECT_DOUBLE_EQ(study->cells[2].sink_share.mean, 0.6);
  EXPECT_DOUBLE_EQ(study->cells[2].row_sum.mean, 25000);
  // Of six positions the statistics have the rows that see 2, 3 and 4 tokens.
  EXPECT_DOUBLE_EQ(study->most_entropy,
                   (std::log(2.0) + std::log(3.0) + std::log(4.0)) / 3);
}

TEST(StudyTest, TheTriggerTaskHasAnAccuracyToo) {
  const absl::StatusOr<Study> study =
      CompareRuns(Runs("eval/acc_trigger"), "attention_type", "optimizer");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_DOUBLE_EQ(study->cells[0].accuracy.mean, 0.73);
}

TEST(StudyTest, TablesSayWhatIsMissing) {
  const absl::StatusOr<Study> study =
      CompareRuns(Runs(), "attention_type", "optimizer");
  ASSERT_TRUE(study.ok()) << study.status();
  const std::string text = StudyMarkdown(*study);
  EXPECT_THAT(text, HasSubstr("| softmax | sgd | 1 of 2 | 0.73 (0.50 to 0.96) "
                              "| 0.60 (0.30 to 0.90) | 1.00 | 0.40 (0.20 to "
                              "0.60) |\n"));
  EXPECT_THAT(text, HasSubstr("| softmax | sign | 0 of 1 | n/a |"));
  EXPECT_THAT(text, HasSubstr("| 0.60 | 2.5e+04 | 0.40 |"));
  const CsvTable csv = StudyCsv(*study);
  EXPECT_EQ(csv.columns.size(), csv.rows[0].size());
  EXPECT_EQ(csv.rows[0][5], "0.73");
  EXPECT_EQ(csv.rows[1][5], "");
}

TEST(StudyTest, BarsHaveTheirPlacesAndCrossesWhereNothingIs) {
  const absl::StatusOr<Study> study =
      CompareRuns(Runs(), "attention_type", "optimizer");
  ASSERT_TRUE(study.ok()) << study.status();
  const BarChart chart = StudyChart(*study, "study");
  ASSERT_EQ(chart.panels.size(), 3u);
  ASSERT_EQ(chart.panels[0].bars.size(), 4u);
  EXPECT_TRUE(chart.panels[0].bars[1].missing);
  EXPECT_FALSE(chart.panels[0].bars[2].missing);
  EXPECT_EQ(chart.panels[0].bars[2].group, 1u);
  EXPECT_EQ(chart.panels[0].bars[2].hue, 0u);
  EXPECT_DOUBLE_EQ(chart.panels[2].bars[0].value, 0.4 / study->most_entropy);
}

TEST(StudyTest, AMissingColumnIsNamed) {
  EXPECT_THAT(
      std::string(
          CompareRuns(Runs(), "attention_type", "lr").status().message()),
      HasSubstr("no column \"lr\""));
}

}  // namespace
}  // namespace polarize
