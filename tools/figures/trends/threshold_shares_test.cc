#include "tools/figures/trends/threshold_shares.h"

#include "experiments/run/figures_testing.h"
#include "experiments/run/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SharesAboveTest, IsStrict) {
  const std::vector<double> thresholds = {0, 0.5, 0.9, 1};
  EXPECT_THAT(SharesAbove({0.9, 0, 0.5, 1}, thresholds),
              ElementsAre(0.75, 0.5, 0.25, 0));
  EXPECT_THAT(SharesAbove({}, thresholds), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(SharesAbove({-2, 7}, thresholds),
              ElementsAre(0.5, 0.5, 0.5, 0.5));
}

class ThresholdSharesTest : public FiguresFixture {
 protected:
  std::string Csv(const std::string& text) {
    const std::string path = folder_.path() + "/data.csv";
    EXPECT_TRUE(WriteFileWhole(path, text).ok());
    return path;
  }
};

TEST_F(ThresholdSharesTest, CountsHeadsOfLayerOneOfAccurateRuns) {
  const auto drawn = DrawSinkShares(
      Csv("attention_type,eval/acc_induction,1_0_rel_attn_bos_global,"
          "1_1_rel_attn_bos_global,0_0_rel_attn_bos_global,"
          "1_0_abs_rel_attn_bos_global\n"
          "softmax,0.96,0.9,1,0.1,0\n"
          "softmax,0.95,0,0,0,0\n"   // not above the filter
          "softmax,,,,,\n"           // diverged
          "softmax,1,0.25,,0.1,0\n"  // one head
          "sigmoid_unnorm,0.99,-1,0.5,0,0\n"
          "uniform,0.99,1,1,1,1\n"),
      figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  ASSERT_EQ(drawn->pictures.size(), 1u);
  EXPECT_EQ(drawn->pictures[0].name, "sink_share_by_threshold");
  EXPECT_THAT(drawn->pictures[0].caption, HasSubstr("3 of 5 runs"));
  const std::string data = Read("sink_share_by_threshold.dat");
  EXPECT_THAT(data, HasSubstr("'With normaliser', 'softmax (3)'\n0 1\n"));
  EXPECT_THAT(data, HasSubstr("\n0.245 1\n0.25 0.6666666666666666\n"));
  EXPECT_THAT(data, HasSubstr("\n0.9 0.3333333333333333\n"));
  EXPECT_THAT(data, HasSubstr("\n1 0\n"));
  EXPECT_THAT(data, HasSubstr("'Without normaliser', 'sigmoid (2)'\n0 0.5\n"));
  EXPECT_THAT(data, HasSubstr("'paper: 0.9'\n0.9 0\n0.9 1\n"));
  EXPECT_THAT(data, Not(HasSubstr("uniform")));
}

TEST_F(ThresholdSharesTest, ClipsSparsityScoresOfAllHeads) {
  const auto drawn = DrawSparsityShares(
      Csv(",attention_type,0_0_rel_attn_max,1_12_rel_attn_max,x_0_rel_attn_"
          "max\n"
          "0,raw_dotproduct_norm,-3,7,0\n1,raw_dotproduct_norm,0.5,,0\n"),
      figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  const std::string data = Read("sparsity_share_by_threshold.dat");
  EXPECT_THAT(data, HasSubstr("'linear (3)'\n0 0.6666666666666666\n"));
  EXPECT_THAT(data, HasSubstr("\n0.5 0.3333333333333333\n"));
  EXPECT_THAT(data, HasSubstr("\n1 0\n"));
  EXPECT_THAT(data, Not(HasSubstr("paper")));
  EXPECT_THAT(drawn->pictures[0].caption, Not(HasSubstr("accuracy")));
}

TEST_F(ThresholdSharesTest, WithoutScoresNothingIsDrawn) {
  for (const std::string& path :
       {std::string("/none"), Csv("attention_type,1_0_rel_attn_bos_global,"
                                  "eval/acc_induction\nsoftmax,1,0.5\n")}) {
    const auto drawn = DrawSinkShares(path, figures_);
    ASSERT_TRUE(drawn.ok()) << drawn.status();
    ASSERT_EQ(drawn->missing.size(), 1u);
    EXPECT_EQ(drawn->missing[0].name, "sink_share_by_threshold");
    EXPECT_THAT(drawn->missing[0].why, HasSubstr("not run"));
    EXPECT_EQ(Read("sink_share_by_threshold.gp"), "(none)");
  }
}

TEST_F(ThresholdSharesTest, NamesTheWrongCell) {
  EXPECT_THAT(
      DrawSinkShares(Csv("attention_type,eval/acc_induction\nsoftmax,yes\n"),
                     figures_)
          .status()
          .message(),
      HasSubstr("data.csv: row 1, eval/acc_induction: 'yes' is no number"));
  EXPECT_THAT(DrawSinkShares(Csv("attention_type\nsoftmax\n"), figures_)
                  .status()
                  .message(),
              HasSubstr("no column 'eval/acc_induction'"));
}

}  // namespace
}  // namespace polarize
