// Every kind of attention in every kind of model takes a few steps.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/run/file_testing.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "tests/end_to_end/induction_run.h"

namespace polarize {
namespace {

class KindsTest : public ::testing::TestWithParam<size_t> {};

// Number `i` of the six combinations that a kind is tried in: with each number
// of heads, each positional type, and each switch both on and off; all kinds
// together see most pairs.
constexpr size_t kCombinations = 6;
std::vector<std::string> Combination(size_t kind, size_t i) {
  constexpr const char* kPositional[] = {"concat", "add", "no"};
  constexpr int kHeads[] = {1, 2, 4, 8};
  const auto on = [](bool b) { return b ? "true" : "false"; };
  const size_t n = i + 5 * kind;
  const bool scores = AttentionKinds()[kind].uses_scores;
  return {absl::StrCat("attention_type=", AttentionKinds()[kind].name),
          absl::StrCat("positional_type=", kPositional[i % 3]),
          absl::StrCat("num_heads=", kHeads[(i + kind) % 4]),
          absl::StrCat("use_mlp=", on(n % 2)),
          absl::StrCat("use_layernorm=", on(n / 2 % 2)),
          absl::StrCat("is_causal=", on(n / 4 % 2)),
          absl::StrCat("shift_query_token=", on(n / 8 % 2)),
          absl::StrCat("qk_norm=", on(scores && i % 3 == 1)),
          absl::StrCat("attention_gate=", on(i % 5 == 4)),
          absl::StrCat("num_layers=", 1 + n / 3 % 2)};
}

TEST_P(KindsTest, TakesStepsWithFiniteLosses) {
  const TestFolder folder;
  for (size_t i = 0; i < kCombinations; ++i) {
    std::vector<std::string> settings = Combination(GetParam(), i);
    SCOPED_TRACE(absl::StrJoin(settings, " "));
    // The last batch is a short one.
    settings.insert(
        settings.end(),
        {"num_train=20", "batch_size=8", "num_epochs=1", "num_eval=11",
         "embed_dim=16", "vocab_size=12", "map_samples=0"});
    const std::string out = absl::StrCat(folder.path(), "/", i);
    const ProgramResult result =
        RunProgram(SmallRun(settings, {"--threads=2", "--out=" + out}));
    ASSERT_EQ(result.code, 0) << result.err;
    const std::vector<MetricsLine> metrics =
        ReadMetrics(out + "/metrics.jsonl");
    EXPECT_EQ(StepLines(metrics).size(), 3u);
    for (const MetricsLine& line : metrics) {
      for (const auto& [name, value] : line.values) {
        // Undefined where a head's weights are all zero.
        const bool undefined = absl::StrContains(name, "entropy");
        EXPECT_TRUE(std::isfinite(value) || undefined)
            << line.step << " " << name;
      }
    }
    const auto last = EpochLines(metrics).back().values;
    EXPECT_GT(last.at("train/loss"), 0);
    EXPECT_GT(last.at("eval/loss"), 0);
    ExpectWholeFiles(out);
  }
}

INSTANTIATE_TEST_SUITE_P(All, KindsTest, ::testing::Range<size_t>(0, 18),
                         [](const auto& info) {
                           return std::string(
                               AttentionKinds()[info.param].name);
                         });

TEST(KindsTableTest, ThereAreNoMoreKindsThanTested) {
  EXPECT_EQ(AttentionKinds().size(), 18u);
}

}  // namespace
}  // namespace polarize
