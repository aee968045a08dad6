// Ctrl-C (SIGINT) and a cluster's end of time (SIGTERM): the induction
// experiment keeps what it measured.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/induction_run.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InterruptTest : public ::testing::TestWithParam<int> {
 protected:
  // A run that would take hours, started and seen to have taken steps: it says
  // so on stderr after each epoch of three.
  Program* Start() {
    ProgramCall call =
        SmallRun({"num_train=96", "batch_size=32", "num_epochs=1000000"},
                 {"--threads=2", "--out=" + out_});
    program_ = std::make_unique<Program>(call);
    EXPECT_TRUE(program_->WaitUntil([this] {
      return absl::StrContains(program_->err(), "epoch 2/1000000  train loss");
    })) << program_->err();
    return program_.get();
  }

  const TestFolder folder_;
  const std::string out_ = folder_.path() + "/run";
  std::unique_ptr<Program> program_;
};

TEST_P(InterruptTest, KeepsEverythingMeasuredAndSaysSo) {
  Program* const program = Start();
  program->Signal(GetParam());
  const ProgramResult result = program->Wait();
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.code, 128 + GetParam());
  EXPECT_THAT(ErrorLines(result.err), ElementsAre());
  EXPECT_THAT(result.out, HasSubstr("interrupted after "));
  EXPECT_THAT(result.out, HasSubstr("--init_from="));

  ExpectWholeFiles(out_);
  EXPECT_TRUE(std::filesystem::exists(out_ + "/weights.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(out_ + "/logits.safetensors"));
  const std::vector<MetricsLine> metrics = ReadMetrics(out_ + "/metrics.jsonl");
  const std::vector<MetricsLine> steps = StepLines(metrics);
  ASSERT_GE(steps.size(), 6u);
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].step, static_cast<int64_t>(i + 1));
    EXPECT_EQ(steps[i].epoch, static_cast<int64_t>(i / 3 + 1));
  }
  // An evaluation of the weights that are left.
  const MetricsLine last = StatisticsLines(metrics).back();
  EXPECT_EQ(last.step, steps.back().step);
  EXPECT_EQ(last.epoch, steps.back().epoch);

  const google::protobuf::Struct summary = ReadJson(out_ + "/summary.json");
  EXPECT_EQ(summary.fields().at("state").string_value(), "interrupted");
  std::map<std::string, double> numbers = Numbers(summary);
  EXPECT_EQ(numbers["steps"], steps.size());
  std::map<std::string, double> expected;
  for (const MetricsLine& line : metrics) {
    for (const auto& [name, value] : line.values) expected[name] = value;
  }
  numbers.erase("steps");
  numbers.erase("seconds");
  EXPECT_EQ(numbers, expected);
}

TEST_P(InterruptTest, TheWeightsLeftAreThoseThatWereEvaluated) {
  Program* const program = Start();
  program->Signal(GetParam());
  ASSERT_EQ(program->Wait().code, 128 + GetParam());
  const std::string eval = folder_.path() + "/eval";
  const ProgramResult again =
      RunProgram(Induction({"--config=" + out_ + "/config.textproto",
                            "--init_from=" + out_ + "/weights.safetensors",
                            "--eval_only", "--out=" + eval}));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(
      ReadMetrics(eval + "/metrics.jsonl")[0].values,
      StatisticsLines(ReadMetrics(out_ + "/metrics.jsonl")).back().values);
}

// The first signal begins the end, which pictures make long: a second one does
// not wait for it. gnuplot here is a program that never ends.
TEST_P(InterruptTest, TheSecondEndsAtOnce) {
  const std::string bin = folder_.path() + "/bin";
  std::filesystem::create_directory(bin);
  const std::string started = folder_.path() + "/started";
  std::ofstream(bin + "/gnuplot")
      << "#!/bin/sh\n: > " << started << "\nexec /bin/sleep 30\n";
  std::filesystem::permissions(bin + "/gnuplot",
                               std::filesystem::perms::owner_all);
  ProgramCall call =
      SmallRun({"num_train=96", "batch_size=32", "num_epochs=1000000"},
               {"--threads=2", "--out=" + out_});
  call.environment.emplace_back("PATH", bin);
  Program program(call);
  ASSERT_TRUE(program.WaitUntil([&] {
    return absl::StrContains(program.err(), "epoch 2/1000000  train loss");
  })) << program.err();
  program.Signal(GetParam());
  ASSERT_TRUE(
      program.WaitUntil([&] { return std::filesystem::exists(started); }));
  const absl::Time second = absl::Now();
  program.Signal(GetParam());
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.signal, GetParam());
  EXPECT_LT(absl::Now() - second, absl::Seconds(20));
  // Metrics and weights came before the pictures.
  ExpectWholeFiles(out_);
  EXPECT_GE(StepLines(ReadMetrics(out_ + "/metrics.jsonl")).size(), 6u);
  EXPECT_TRUE(std::filesystem::exists(out_ + "/weights.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(out_ + "/summary.json"));
}

INSTANTIATE_TEST_SUITE_P(Signals, InterruptTest,
                         ::testing::Values(SIGINT, SIGTERM),
                         [](const auto& info) {
                           return info.param == SIGINT ? "Int" : "Term";
                         });

// kill -9, the power: nothing can be done any more, and what was written out
// before can be read.
TEST_F(InterruptTest, AKilledRunLeavesWholeFilesAndMayBeRunAgain) {
  Program* const program = Start();
  program->Signal(SIGKILL);
  EXPECT_EQ(program->Wait().signal, SIGKILL);
  ExpectWholeFiles(out_);
  EXPECT_FALSE(std::filesystem::exists(out_ + "/metrics.jsonl"));
  const ProgramResult again =
      RunProgram(SmallRun({"num_epochs=0"}, {"--out=" + out_}));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(ReadMetrics(out_ + "/metrics.jsonl").size(), 1u);
}

// More steps than there is memory for: to be ended when it is good enough.
TEST_F(InterruptTest, ARunOfAnyLengthStarts) {
  ProgramCall call = SmallRun(
      {"num_train=50000", "batch_size=1", "num_epochs=1000000", "num_eval=8"},
      {"--threads=1", "--out=" + out_});
  Program program(call);
  ASSERT_TRUE(program.WaitUntil([&] {
    return absl::StrContains(program.err(), "epoch 1/1000000  loss");
  })) << program.err();
  program.Signal(SIGINT);
  EXPECT_EQ(program.Wait().code, 128 + SIGINT);
  EXPECT_FALSE(StepLines(ReadMetrics(out_ + "/metrics.jsonl")).empty());
}

TEST_F(InterruptTest, ALivingRunsFolderIsTaken) {
  Program* const program = Start();
  for (const bool overwrite : {false, true}) {
    std::vector<std::string> flags = {"--out=" + out_};
    if (overwrite) flags.push_back("--overwrite");
    const ProgramResult second = RunProgram(SmallRun({}, flags));
    EXPECT_EQ(second.code, 1);
    EXPECT_THAT(second.err, HasSubstr(out_ + " belongs to a run that is still "
                                             "going on"));
  }
  program->Signal(SIGINT);
  EXPECT_EQ(program->Wait().code, 128 + SIGINT);
}

}  // namespace
}  // namespace polarize
