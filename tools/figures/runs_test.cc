#include "tools/figures/runs.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/run/csv.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

constexpr char kInduction[] =
    "attention_type,aux_loss_weight,shift_query_token,positional_type,"
    "eval/acc_induction,0_0_rel_attn_bos_global,1_0_rel_attn_bos_global,"
    "1_1_rel_attn_bos_global,1_10_rel_attn_bos_global\n";
constexpr char kClassification[] =
    ",attention_type,vocab_size,num_layers,num_heads,use_mlp,use_layernorm,"
    "0_0_rel_attn_max,1_0_rel_attn_max,rel_attn_max,"
    "mixing/0_0/avg_top1_dominance_rate,mixing/1_0/avg_top1_dominance_rate\n";

TypedTable TableOf(const std::string& text) {
  return TypedTable(*ParseCsv(text, "runs.csv"), "runs.csv");
}

absl::StatusOr<std::vector<InductionRun>> Induction(const std::string& rows) {
  return InductionRuns(TableOf(kInduction + rows));
}

absl::StatusOr<std::vector<ClassificationRun>> Classification(
    const std::string& rows) {
  return ClassificationRuns(TableOf(kClassification + rows));
}

TEST(RunsTest, InductionSinkShareIsOfLayerOne) {
  const auto runs = Induction(
      "softmax,0.2,True,add,0.97,1,0.95,0.9,0.91\n"
      "mlp_norm,0,False,concat,0.5,1,0.1,,\n"
      "linear,0.0,true,no,,,,,\n");
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 3u);
  const InductionRun& first = (*runs)[0];
  EXPECT_EQ(first.attention_type, "softmax");
  EXPECT_EQ(first.aux_loss_weight, 0.2);
  EXPECT_TRUE(first.shift_query_token);
  EXPECT_EQ(first.positional_type, "add");
  EXPECT_EQ(first.accuracy, 0.97);
  EXPECT_DOUBLE_EQ(first.sink_share, 2.0 / 3) << "0.9 itself is no sink";
  EXPECT_EQ((*runs)[1].sink_share, 0) << "of one head";
  EXPECT_FALSE((*runs)[1].shift_query_token);
  EXPECT_TRUE(std::isnan((*runs)[2].accuracy));
  EXPECT_TRUE(std::isnan((*runs)[2].sink_share));
}

TEST(RunsTest, ClassificationClipsAndTakesTheLargest) {
  const auto runs = Classification(
      "0,softmax,41,2,1,True,False,1.5,0.5,0.25,0.25,0.75\n"
      "1,softmax,161,1,4,False,True,-1,,,nan,\n");
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 2u);
  const ClassificationRun& first = (*runs)[0];
  EXPECT_EQ(first.vocab_size, 41);
  EXPECT_EQ(first.num_layers, 2);
  EXPECT_EQ(first.num_heads, 1);
  EXPECT_TRUE(first.use_mlp);
  EXPECT_FALSE(first.use_layernorm);
  EXPECT_DOUBLE_EQ(first.sparsity, 0.75);
  EXPECT_DOUBLE_EQ(first.flip_rate, 0.75);
  EXPECT_DOUBLE_EQ((*runs)[1].sparsity, 0);
  EXPECT_TRUE(std::isnan((*runs)[1].flip_rate));
}

TEST(RunsTest, MetricsMayBeMissingAltogether) {
  const auto runs = InductionRuns(TableOf(
      "attention_type,aux_loss_weight,shift_query_token,positional_type\n"
      "softmax,0.2,True,add\n"));
  ASSERT_TRUE(runs.ok()) << runs.status();
  EXPECT_TRUE(std::isnan((*runs)[0].accuracy));
}

TEST(RunsTest, ErrorsNameFileRowColumnAndCell) {
  const auto complaint = [](const auto& runs) {
    return std::string(runs.status().message());
  };
  EXPECT_THAT(complaint(Induction("softmax,0.2,True,add,1,,,,\n"
                                  "softmax,x,True,add,1,,,,\n")),
              HasSubstr("runs.csv: row 2, aux_loss_weight: 'x' is no number"));
  EXPECT_THAT(complaint(Induction("softmax,,True,add,1,,,,\n")),
              HasSubstr("row 1, aux_loss_weight: '' is empty"));
  EXPECT_THAT(complaint(Induction("softmax,0.2,1,add,1,,,,\n")),
              HasSubstr("shift_query_token: '1' is not True or False"));
  EXPECT_THAT(complaint(Induction("softmax,0.2,True,add,good,,,,\n")),
              HasSubstr("eval/acc_induction: 'good'"));
  EXPECT_THAT(complaint(Induction("softmax,0.2,True,add,1,,0.5.5,,\n")),
              HasSubstr("1_0_rel_attn_bos_global: '0.5.5'"));
  EXPECT_THAT(complaint(Classification("0,softmax,41.5,1,1,True,True,,,,,\n")),
              HasSubstr("vocab_size: '41.5' is not a whole number"));
  EXPECT_THAT(complaint(Classification("0,softmax,41,1,1,yes,True,,,,,\n")),
              HasSubstr("use_mlp: 'yes'"));
  EXPECT_THAT(complaint(InductionRuns(TableOf("a,b\n1,2\n"))),
              HasSubstr("runs.csv: no column 'attention_type'"));
}

}  // namespace
}  // namespace polarize
