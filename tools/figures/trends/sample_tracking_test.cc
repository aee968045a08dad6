#include "tools/figures/trends/sample_tracking.h"

#include "experiments/run/figures_testing.h"
#include "experiments/run/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSamples[] =
    "label,sample,token_0,token_1\n0,4,7,0\n2,1,9,0\n3,2,5,0\n";
constexpr char kRows[] =
    "step,label,layer,head,v_proj_norm,attn_0,attn_1\n"
    "1,0,0,0,6,0.5,0.25\n1,0,0,1,6,0.125,0.125\n1,0,1,0,6,0.125,0.125\n"
    "1,2,0,0,6,0.75,0\n1,3,0,0,6,0.0625,0\n2,0,0,0,6,0.5,1.5\n2,2,0,0,6,1,\n";

class SampleTrackingTest : public FiguresFixture {
 protected:
  absl::StatusOr<Drawn> Draw(const std::string& samples,
                             const std::string& rows) {
    EXPECT_TRUE(
        WriteFileWhole(folder_.path() + "/tracking_samples.csv", samples).ok());
    EXPECT_TRUE(WriteFileWhole(folder_.path() + "/tracking.csv", rows).ok());
    return DrawSampleTracking(folder_.path(), figures_);
  }
};

TEST_F(SampleTrackingTest, DrawsTwoLabelsOfTheFirstHead) {
  const auto drawn = Draw(kSamples, kRows);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  ASSERT_EQ(drawn->pictures.size(), 1u);
  EXPECT_EQ(Read("classification_with_sample_tracking.dat"),
            "# 'Label 0', 'token 7'\n1 0.5\n2 0.5\n\n\n"
            "# 'Label 0', 'CLS'\n1 0.25\n2 1.5\n\n\n"
            "# 'Label 2', 'token 9'\n1 0.75\n2 1\n\n\n"
            "# 'Label 2', 'CLS'\n1 0\n2 NaN\n\n\n");
  const std::string script = Read("classification_with_sample_tracking.gp");
  EXPECT_THAT(script, HasSubstr("size 3.250in,1.300in"));
  EXPECT_THAT(script, HasSubstr("'#33f77189'"));  // husl(11)[0]
  EXPECT_THAT(script, HasSubstr("'σ(a)'"));
  EXPECT_THAT(script, HasSubstr("set yrange [0:1.5]"));
  EXPECT_THAT(script, Not(HasSubstr("DejaVu Sans"))) << "serif";
}

TEST_F(SampleTrackingTest, WithoutFilesItIsMissing) {
  const auto drawn = DrawSampleTracking(folder_.path(), figures_);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  ASSERT_EQ(drawn->missing.size(), 1u);
  EXPECT_THAT(drawn->missing[0].why, HasSubstr("not run"));
}

TEST_F(SampleTrackingTest, FilesThatDoNotFitAreErrors) {
  EXPECT_THAT(Draw("label,sample,token_0\n0,4,7\n", kRows).status().message(),
              HasSubstr("weights of 2 tokens"));
  EXPECT_THAT(Draw("sample,token_0\n4,7\n", kRows).status().message(),
              HasSubstr("no column 'label'"));
  EXPECT_THAT(Draw("label,token_0\nx,7\n", kRows).status().message(),
              HasSubstr("row 1, label: 'x' is no number"));
  EXPECT_FALSE(Draw("label,token_0\n", kRows).ok());
  EXPECT_THAT(
      Draw(kSamples, "step,label,layer,head,attn_0,attn_1\n1,0,0,0,a,1\n")
          .status()
          .message(),
      HasSubstr("row 1, attn_0: 'a' is no number"));
}

}  // namespace
}  // namespace polarize
