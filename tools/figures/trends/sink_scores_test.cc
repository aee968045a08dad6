#include "tools/figures/trends/sink_scores.h"

#include "absl/strings/str_cat.h"
#include "experiments/run/figures_testing.h"
#include "experiments/run/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SinkScoresTest : public FiguresFixture {
 protected:
  std::string Path() const { return folder_.path() + "/scores.csv"; }
  absl::StatusOr<Drawn> Draw(const std::string& rows) {
    EXPECT_TRUE(
        WriteFileWhole(Path(), absl::StrCat("layer,head,score,model\n", rows))
            .ok());
    return DrawSinkScores(Path(), figures_);
  }
};

TEST_F(SinkScoresTest, DrawsBothModels) {
  const auto drawn =
      Draw("0,0,0.5,softmax\n0,1,1,softmax\n0,2,1,softmax\n0,0,0.25,sigmoid\n");
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  ASSERT_EQ(drawn->pictures.size(), 1u);
  EXPECT_EQ(drawn->pictures[0].name, "sink_scores");
  EXPECT_THAT(drawn->pictures[0].caption,
              HasSubstr("3 of Softmax, 1 of Sigmoid (w/o norm.)"));
  EXPECT_TRUE(drawn->missing.empty());
  const std::string data = Read("sink_scores.dat");
  EXPECT_THAT(data,
              HasSubstr("'Softmax'\n0.5 1 0 1\n0.525 1 0 1\n0.525 0 0 0"));
  EXPECT_THAT(data, HasSubstr("0.975 2 0 2\n1 2 0 2\n"));
  const std::string script = Read("sink_scores.gp");
  EXPECT_THAT(script, HasSubstr("size 3.250in,1.800in"));
  EXPECT_THAT(script, HasSubstr("fillcolor rgb '#338da0cb'"));
  EXPECT_THAT(script, HasSubstr("fillcolor rgb '#33fc8d62'"));
  EXPECT_THAT(script, HasSubstr("'avg. sparsity score'"));
  EXPECT_THAT(script, HasSubstr("'# heads'"));
}

TEST_F(SinkScoresTest, WithoutDataNothingIsDrawn) {
  for (const bool empty : {false, true}) {
    const auto drawn = empty ? Draw("") : DrawSinkScores(Path(), figures_);
    ASSERT_TRUE(drawn.ok()) << drawn.status();
    EXPECT_TRUE(drawn->pictures.empty());
    ASSERT_EQ(drawn->missing.size(), 1u);
    EXPECT_THAT(drawn->missing[0].why, HasSubstr("not run"));
    EXPECT_EQ(Read("sink_scores.gp"), "(none)");
  }
  ASSERT_TRUE(Draw("0,0,0.5,softmax\n").ok());
  EXPECT_THAT(Read("sink_scores.gp"), Not(HasSubstr("fc8d62")));
}

TEST_F(SinkScoresTest, SaysWhichRowIsWrong) {
  const auto complaint = [&](const std::string& rows) {
    return std::string(Draw(rows).status().message());
  };
  EXPECT_THAT(complaint("0,0,1,softmax\n0,0,1,relu\n"),
              HasSubstr("scores.csv: row 2: the model 'relu'"));
  EXPECT_THAT(complaint("0,0,,softmax\n"), HasSubstr("row 1: a score"));
  EXPECT_THAT(complaint("0,0,x,softmax\n"),
              HasSubstr("scores.csv: row 1, score: 'x' is no number"));
  ASSERT_TRUE(WriteFileWhole(Path(), "model,layer\n0,1\n").ok());
  EXPECT_THAT(DrawSinkScores(Path(), figures_).status().message(),
              HasSubstr("no column 'score'"));
}

}  // namespace
}  // namespace polarize
