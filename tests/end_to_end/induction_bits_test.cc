// The induction experiment gives the same bits on any number of threads and run
// after run, and nearly the same numbers on every instruction set.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "kernels/base/isa.h"
#include "protos/environment.pb.h"
#include "tests/end_to_end/induction_run.h"

namespace polarize {
namespace {

// Of losses after 20 steps. Measured: 2.4e-8.
constexpr double kBetweenTargets = 1e-6;

class BitsTest : public ::testing::Test {
 protected:
  std::string Run(const std::string& name,
                  const std::vector<std::string>& settings,
                  std::vector<std::string> flags) {
    const std::string out = absl::StrCat(folder_.path(), "/", name);
    flags.push_back("--out=" + out);
    const ProgramResult result = RunProgram(SmallRun(settings, flags));
    EXPECT_EQ(result.code, 0) << name << ": " << result.err;
    return out;
  }

  void ExpectSameBits(const std::string& a, const std::string& b) {
    for (const char* file :
         {"/metrics.jsonl", "/weights.safetensors", "/logits.safetensors"}) {
      ExpectSameBytes(a + file, b + file);
    }
  }

  const TestFolder folder_;
};

TEST_F(BitsTest, TheSameRunAfterRun) {
  ExpectSameBits(Run("a", {}, {"--threads=2"}), Run("b", {}, {"--threads=2"}));
}

TEST_F(BitsTest, TheSameForAnyNumberOfThreads) {
  const std::string one = Run("1", {}, {"--threads=1"});
  for (const int threads : {2, 3, 7}) {
    ExpectSameBits(one, Run(absl::StrCat(threads), {},
                            {absl::StrCat("--threads=", threads)}));
  }
}

// The shape of induction.textproto, whose attention is compiled.
TEST_F(BitsTest, TheSameForAnyNumberOfThreadsWithFixedAttention) {
  const std::vector<std::string> settings = {"embed_dim=128", "num_train=100",
                                             "batch_size=40", "num_eval=16",
                                             "num_epochs=1"};
  const std::string one = Run("1", settings, {"--threads=1"});
  std::vector<std::string> plan = {"--dry_run"};
  for (const std::string& s : settings) plan.push_back("--set=" + s);
  EXPECT_NE(RunProgram(Induction(plan)).out.find("attention   compiled for"),
            std::string::npos);
  for (const int threads : {2, 3}) {
    ExpectSameBits(one, Run(absl::StrCat(threads), settings,
                            {absl::StrCat("--threads=", threads)}));
  }
}

// The shared MLP has reductions of its own.
TEST_F(BitsTest, TheSameForAnyNumberOfThreadsWithAnMlpInAttention) {
  const std::vector<std::string> settings = {"attention_type=mlp_norm",
                                             "positional_type=add"};
  ExpectSameBits(Run("1", settings, {"--threads=1"}),
                 Run("3", settings, {"--threads=3"}));
}

TEST_F(BitsTest, AnotherSeedIsAnotherRun) {
  EXPECT_NE(Contents(Run("0", {}, {}) + "/metrics.jsonl"),
            Contents(Run("1", {"seed=1"}, {}) + "/metrics.jsonl"));
}

TEST_F(BitsTest, EveryInstructionSetGivesNearlyTheSame) {
  std::vector<MetricsLine> best;
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    const char* const name = hwy::TargetName(left & -left);
    const std::string out =
        Run(name, {}, {absl::StrCat("--isa=", absl::AsciiStrToLower(name))});
    Environment environment;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        Contents(out + "/environment.textproto"), &environment));
    EXPECT_EQ(environment.simd_target(), name);
    const std::vector<MetricsLine> all = ReadMetrics(out + "/metrics.jsonl");
    if (best.empty()) best = all;
    ASSERT_EQ(all.size(), best.size());
    double largest = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i].step, best[i].step);
      for (const char* loss : {"train/step_loss", "train/loss", "eval/loss"}) {
        ASSERT_EQ(all[i].Has(loss), best[i].Has(loss));
        if (!all[i].Has(loss)) continue;
        const double expected = best[i].values.at(loss);
        const double error = std::abs(all[i].values.at(loss) / expected - 1);
        EXPECT_LT(error, kBetweenTargets) << name << " step " << all[i].step;
        largest = std::max(largest, error);
      }
    }
    RecordProperty(absl::StrCat(name, "_error"), absl::StrCat(largest));
  }
  EXPECT_FALSE(best.empty());
}

}  // namespace
}  // namespace polarize
