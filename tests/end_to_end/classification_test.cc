// The program of the classification experiment, as a user runs it: what it
// says, what it leaves, what it refuses.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/induction_run.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

ProgramCall Classification(const std::vector<std::string>& arguments) {
  ProgramCall call;
  call.program = DataPath("experiments/classification/classification");
  call.arguments = arguments;
  // Where no gnuplot is.
  call.environment = {{"PATH", "/nowhere"}, {"TERM", "xterm"}};
  return call;
}

// 20 steps of a small model, then label mixing of few pairs.
ProgramCall Small(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {
      "--set=num_train=600", "--set=num_eval=64",   "--set=embed_dim=32",
      "--set=num_epochs=2",  "--set=batch_size=64", "--set=num_pairs=9"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Classification(arguments);
}

std::map<std::string, double> Summary(const std::string& folder) {
  return Numbers(ReadJson(folder + "/summary.json"));
}

class ClassificationTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }
  // A small run into `name`, which ends well.
  ProgramResult Run(const std::string& name, std::vector<std::string> more) {
    more.push_back("--out=" + Path(name));
    const ProgramResult result = RunProgram(Small(more));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(ErrorLines(result.err), ElementsAre());
    return result;
  }

  TestFolder folder_;
};

TEST_F(ClassificationTest, SaysAndLeavesEverything) {
  const ProgramResult result =
      Run("run", {"--set=track_samples=true", "--set=any_token_inputs=3"});
  for (const char* said :
       {"model       2 layers, 4 heads, width 32, softmax attention, no "
        "positions",
        "different for the model: 4 and 4", "guessing gives 1.3863",
        "accuracy 0.250; sparsity score of equal weights 0.091",
        "finished after 20 steps", "on 4 different inputs", "flip rate",
        "any token   ",
        "bazel run //experiments:classification -- --config="}) {
    EXPECT_THAT(result.out, HasSubstr(said));
  }
  std::vector<std::string> files;
  for (const std::string& name : FilesBelow(Path("run"))) {
    if (!absl::StartsWith(name, "events.")) files.push_back(name);
  }
  EXPECT_THAT(
      files,
      IsSupersetOf({"attention.safetensors", "config.textproto",
                    "environment.textproto", "figures/attention_sample0.gp",
                    "figures/entropy.dat", "figures/loss.dat",
                    "figures/row_sum.dat", "figures/sample_tracking_1_3.dat",
                    "figures/sparsity.gp", "logits.safetensors",
                    "metrics.jsonl", "summary.json", "tracking.csv",
                    "tracking_samples.csv", "weights.safetensors"}));
  for (const std::string& name : files) {
    EXPECT_FALSE(absl::EndsWith(name, ".partial")) << name;
  }
}

TEST_F(ClassificationTest, NamesMetricsAsTheReferenceDoes) {
  Run("run", {"--set=any_token_inputs=3", "--set=track_samples=true"});
  const std::map<std::string, double> summary = Summary(Path("run"));
  std::vector<std::string> names = {
      "steps",       "seconds",         "train/loss",
      "eval/loss",   "eval/acc",        "eval/distinct_inputs",
      "v_proj_norm", "train/step_loss", "any_token/flip_rate"};
  for (int l = 0; l < 2; ++l) {
    for (int h = 0; h < 4; ++h) {
      for (const char* name : {"abs_attn_max", "abs_attn_sum", "rel_attn_max",
                               "abs_rel_attn_max", "row_sum_sd", "entropy"}) {
        names.push_back(absl::StrCat(l, "_", h, "_", name));
      }
      for (const char* name :
           {"mixed_a_predicts_top1_label", "mixed_b_predicts_top1_label",
            "total_pairs", "distinct_pairs", "top1_dominance_rate_a",
            "top1_dominance_rate_b", "avg_top1_dominance_rate"}) {
        names.push_back(absl::StrCat("mixing/", l, "_", h, "/", name));
      }
    }
  }
  for (const std::string& name : names) {
    EXPECT_EQ(summary.count(name), 1u) << name;
  }
  EXPECT_EQ(summary.at("mixing/1_3/total_pairs"), 9);
  EXPECT_EQ(summary.at("eval/distinct_inputs"), 4);
  const std::vector<MetricsLine> all =
      ReadMetrics(Path("run") + "/metrics.jsonl");
  EXPECT_EQ(StepLines(all).size(), 20u);
  EXPECT_EQ(EpochLines(all).size(), 2u);
  double mean = 0;
  for (const MetricsLine& line : StepLines(all)) {
    if (line.epoch == 2) mean += line.values.at("train/step_loss") / 10;
  }
  EXPECT_NEAR(mean, summary.at("train/loss"), 1e-12);
}

TEST_F(ClassificationTest, GoesOnFromItsWeights) {
  Run("run", {});
  Run("again",
      {"--eval_only", "--init_from=" + Path("run") + "/weights.safetensors"});
  const auto before = Summary(Path("run")), after = Summary(Path("again"));
  EXPECT_EQ(after.at("steps"), 0);
  for (const auto& [name, value] : after) {
    if (name == "steps" || name == "seconds") continue;
    EXPECT_EQ(value, before.at(name)) << name;
  }
  EXPECT_EQ(after.count("mixing/0_0/avg_top1_dominance_rate"), 1u);
}

TEST_F(ClassificationTest, ThreadsAndTrackingChangeNoBit) {
  Run("one", {"--threads=1"});
  Run("three", {"--threads=3", "--set=track_samples=true"});
  EXPECT_EQ(Contents(Path("one") + "/weights.safetensors"),
            Contents(Path("three") + "/weights.safetensors"));
  EXPECT_EQ(Contents(Path("one") + "/logits.safetensors"),
            Contents(Path("three") + "/logits.safetensors"));
  const auto one = Summary(Path("one")), three = Summary(Path("three"));
  for (const auto& [name, value] : one) {
    if (name == "seconds") continue;
    EXPECT_EQ(value, three.at(name)) << name;
  }
}

TEST_F(ClassificationTest, RefusesBadInputBeforeAnythingRuns) {
  for (const auto& [setting, rule] :
       std::vector<std::pair<std::string, std::string>>{
           {"vocab_size=42", "must be 1 more than a multiple of"},
           {"seq_length=12", "must be at most 11"},
           {"num_labels=1", "must be from 2 to"},
           {"num_heads=256", "must divide model.embed_dim"},
           {"num_pairs=-1", "must be from 0 to"},
           {"num_label=4", "num_labels"}}) {
    const ProgramResult result = RunProgram(
        Classification({"--set=" + setting, "--out=" + Path("bad")}));
    EXPECT_EQ(result.code, 1) << setting;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(setting));
    EXPECT_THAT(result.err, HasSubstr(rule));
  }
  EXPECT_THAT(FilesBelow(folder_.path()), ElementsAre());
}

// One evaluation sample has one label: nothing to mix it with.
TEST_F(ClassificationTest, WithoutTwoLabelsRatesAreNotNumbers) {
  const ProgramResult result = RunProgram(Classification(
      {"--set=num_train=64", "--set=num_eval=1", "--set=embed_dim=32",
       "--set=num_epochs=1", "--set=map_samples=0", "--out=" + Path("run")}));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("n/a"));
  const auto summary = Summary(Path("run"));
  EXPECT_EQ(summary.at("mixing/0_0/total_pairs"), 0);
  EXPECT_TRUE(std::isnan(summary.at("mixing/0_0/avg_top1_dominance_rate")));
}

TEST_F(ClassificationTest, NamesTheStepOfADivergence) {
  const ProgramResult result = RunProgram(Classification(
      {"--set=num_train=600", "--set=num_eval=64", "--set=lr=1e30",
       "--set=use_layernorm=false", "--out=" + Path("run")}));
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("training diverged at step"));
  EXPECT_EQ(ReadJson(Path("run") + "/summary.json")
                .fields()
                .at("state")
                .string_value(),
            "diverged");
}

}  // namespace
}  // namespace polarize
