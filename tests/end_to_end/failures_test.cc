// Full disks and training that diverges: the induction experiment says what is
// wrong, and every file under its own name is whole.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/induction_run.h"

namespace polarize {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class FailuresTest : public ::testing::Test {
 protected:
  // Runs where no file grows beyond `bytes`.
  ProgramResult RunOnFullDisk(rlim_t bytes,
                              const std::vector<std::string>& settings) {
    ProgramCall call = SmallRun(settings, {"--threads=1", "--out=" + out_});
    call.file_size_limit = bytes;
    return RunProgram(call);
  }

  // The run failed at `file`, and left only whole files.
  void ExpectFailureAt(const std::string& file, const ProgramResult& result) {
    EXPECT_EQ(result.signal, 0);
    EXPECT_EQ(result.code, 1);
    const std::vector<std::string> lines = ErrorLines(result.err);
    ASSERT_EQ(lines.size(), 1u) << result.err;
    EXPECT_EQ(lines[0], absl::StrCat("cannot write ", out_, "/", file,
                                     ": File too large"));
    EXPECT_FALSE(std::filesystem::exists(out_ + "/summary.json"));
    ExpectWholeFiles(out_);
  }

  const TestFolder folder_;
  const std::string out_ = folder_.path() + "/run";
};

TEST_F(FailuresTest, NoRoomAtAllIsSaidBeforeTheFirstStep) {
  const ProgramResult result = RunOnFullDisk(0, {});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(ErrorLines(result.err).size(), 1u) << result.err;
  EXPECT_THAT(result.err, HasSubstr("cannot write " + out_ + "/"));
  EXPECT_THAT(result.err, HasSubstr("File too large"));
  EXPECT_THAT(FilesBelow(folder_.path()), ::testing::IsEmpty());
}

TEST_F(FailuresTest, NoRoomForTheConfig) {
  ExpectFailureAt("config.textproto", RunOnFullDisk(300, {}));
  EXPECT_THAT(FilesBelow(out_), ::testing::IsEmpty());
}

// Statistics at every step: more than is kept back between writes.
TEST_F(FailuresTest, NoRoomForMetrics) {
  ExpectFailureAt("metrics.jsonl.partial",
                  RunOnFullDisk(30000, {"points_per_decade=1000", "embed_dim=8",
                                        "num_heads=8"}));
  EXPECT_THAT(FilesBelow(out_), Not(Contains("metrics.jsonl")));
}

TEST_F(FailuresTest, NoRoomForWeights) {
  ExpectFailureAt("weights.safetensors", RunOnFullDisk(100000, {}));
  EXPECT_THAT(FilesBelow(out_), Not(Contains("weights.safetensors")));
  // What was measured is there.
  EXPECT_EQ(StepLines(ReadMetrics(out_ + "/metrics.jsonl.partial")).size(),
            size_t{kSmallRunSteps});
}

TEST_F(FailuresTest, NoRoomForLogits) {
  ExpectFailureAt("logits.safetensors",
                  RunOnFullDisk(60000, {"embed_dim=8", "num_heads=1"}));
  EXPECT_THAT(FilesBelow(out_), Contains("weights.safetensors"));
  EXPECT_THAT(FilesBelow(out_), Not(Contains("logits.safetensors")));
}

// A picture is no reason to lose a run: it ends well, and says so.
TEST_F(FailuresTest, NoRoomForAPicturesDataIsOnlySaid) {
  const ProgramResult result =
      RunOnFullDisk(150000, {"embed_dim=8", "num_heads=8", "seq_length=40",
                             "num_eval=2", "num_train=64", "map_samples=1"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("pictures    cannot write " + out_ +
                        "/figures/attention_sample0.dat: File too large"));
  EXPECT_THAT(FilesBelow(out_), Not(Contains("figures/attention_sample0.dat")));
  EXPECT_THAT(FilesBelow(out_), Contains("figures/loss.dat"));
  EXPECT_THAT(FilesBelow(out_), Contains("summary.json"));
  ExpectWholeFiles(out_);
}

TEST_F(FailuresTest, NoRoomForAPictureIsOnlySaid) {
  if (std::system("gnuplot --version > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "gnuplot is not installed";
  }
  ProgramCall call = SmallRun({}, {"--threads=1", "--out=" + out_});
  call.environment = {{"TERM", "xterm"}};
  call.file_size_limit = 200000;
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("pictures    "));
  EXPECT_THAT(result.out, HasSubstr("attention_sample0.svg"));
  EXPECT_THAT(FilesBelow(out_), Contains("figures/loss.svg"));
  EXPECT_THAT(FilesBelow(out_), Not(Contains("figures/attention_sample0.svg")));
  ExpectWholeFiles(out_);
}

TEST_F(FailuresTest, DivergenceNamesStepTensorAndRate) {
  const ProgramResult result =
      RunProgram(SmallRun({"lr=1e30"}, {"--threads=1", "--out=" + out_}));
  EXPECT_EQ(result.code, 1);
  const std::vector<std::string> lines = ErrorLines(result.err);
  ASSERT_EQ(lines.size(), 1u) << result.err;
  for (const char* part : {"training diverged at step 1",
                           "training.lr is 1e+30", "embedding.weight"}) {
    EXPECT_THAT(lines[0], HasSubstr(part));
  }
  const auto summary = ReadJson(out_ + "/summary.json").fields();
  EXPECT_EQ(summary.at("state").string_value(), "diverged");
  EXPECT_EQ(summary.at("reason").string_value(), lines[0]);
  const std::vector<MetricsLine> metrics = ReadMetrics(out_ + "/metrics.jsonl");
  ASSERT_EQ(StepLines(metrics).size(), 1u);
  EXPECT_TRUE(
      std::isfinite(StepLines(metrics)[0].values.at("train/step_loss")));
  EXPECT_EQ(StatisticsLines(metrics)[0].step, 0);
  for (const std::string& name : FilesBelow(out_)) {
    EXPECT_FALSE(absl::EndsWith(name, ".safetensors")) << name;
  }
  EXPECT_THAT(result.out, Not(HasSubstr("--init_from")));
  ExpectWholeFiles(out_);
}

// No step comes after the one that broke the model: only evaluating tells.
TEST_F(FailuresTest, DivergenceAtTheLastStepIsNoticed) {
  const ProgramResult result =
      RunProgram(SmallRun({"lr=1e30", "num_train=64", "num_epochs=1"},
                          {"--threads=1", "--out=" + out_}));
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("training diverged at step 1"));
  EXPECT_EQ(
      ReadJson(out_ + "/summary.json").fields().at("state").string_value(),
      "diverged");
  EXPECT_FALSE(std::filesystem::exists(out_ + "/weights.safetensors"));
}

// Slower: the parameters grow step by step until something overflows.
TEST_F(FailuresTest, DivergenceLaterKeepsAllStepsBefore) {
  const ProgramResult result =
      RunProgram(SmallRun({"lr=3e18", "attention_type=raw_dotproduct_unnorm",
                           "use_layernorm=false", "num_epochs=20"},
                          {"--threads=1", "--out=" + out_}));
  EXPECT_EQ(result.code, 1);
  const std::vector<MetricsLine> metrics = ReadMetrics(out_ + "/metrics.jsonl");
  const auto summary = ReadJson(out_ + "/summary.json").fields();
  EXPECT_EQ(summary.at("state").string_value(), "diverged");
  EXPECT_EQ(StepLines(metrics).size(), summary.at("steps").number_value());
}

TEST_F(FailuresTest, WeightsThatAreNotFiniteAreNamed) {
  // Half of a run that would diverge later on gives such weights to nobody, so
  // they are made here: the last tensor's last number becomes NaN.
  ASSERT_EQ(RunProgram(SmallRun({"num_epochs=0"}, {"--out=" + out_})).code, 0);
  std::string weights = Contents(out_ + "/weights.safetensors");
  weights.replace(weights.size() - 4, 4, std::string("\0\0\xc0\x7f", 4));
  const std::string path = folder_.path() + "/broken.safetensors";
  WriteFileWhole(path, weights).IgnoreError();
  const ProgramResult result = RunProgram(
      SmallRun({}, {"--init_from=" + path, "--eval_only", "--threads=1",
                    "--out=" + folder_.path() + "/eval"}));
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err,
              HasSubstr("parameter output_proj.bias is not finite"));
  EXPECT_THAT(result.err, Not(HasSubstr("training.lr")));
}

}  // namespace
}  // namespace polarize
