// Sweeps as a user and as misfortune treat them: killed, interrupted, on a full
// disk, by two processes at once, in parts.
#include <sys/types.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/induction_run.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// Twelve runs of some hundredths of a second.
constexpr char kSmall[] = R"(
name: "small"
experiment: "classification"
set: ["task.num_train=96", "task.num_eval=16", "training.batch_size=32",
      "training.num_epochs=20", "model.embed_dim=16", "model.num_heads=2",
      "flip.num_pairs=4"]
vary { field: "model.attention_type" value: ["softmax", "sigmoid_unnorm"] }
vary { field: "seed" from: 0 to: 5 points: 6 }
)";
constexpr size_t kSmallRuns = 12;

constexpr char kShort[] = R"(
experiment: "classification"
set: ["task.num_train=96", "task.num_eval=16", "model.embed_dim=16",
      "statistics.points_per_decade=1"]
)";

class SweepTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }
  std::string Config(const std::string& text) const {
    const std::string path = Path("sweep.textproto");
    EXPECT_TRUE(WriteFileWhole(path, text).ok());
    return "--config=" + path;
  }
  static ProgramCall Call(std::vector<std::string> arguments) {
    ProgramCall call;
    call.program = DataPath("experiments/sweep/sweep");
    call.arguments = std::move(arguments);
    call.limit = absl::Seconds(240);
    return call;
  }
  // The small sweep into the folder `name`.
  ProgramCall Small(const std::string& name,
                    const std::vector<std::string>& flags = {}) const {
    std::vector<std::string> arguments = {Config(kSmall), "--out=" + Path(name),
                                          "--jobs=2"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return Call(arguments);
  }
  // The table of the sweeps in `names`.
  std::string Collected(const std::vector<std::string>& names) const {
    std::vector<std::string> arguments = {"collect"};
    for (const std::string& name : names) arguments.push_back(Path(name));
    arguments.push_back("--out=" + Path("collected"));
    const ProgramResult result = RunProgram(Call(arguments));
    EXPECT_EQ(result.code, 0) << result.err;
    return Contents(Path("collected/classification_data.csv"));
  }
  size_t RunsOver(const std::string& name) const {
    size_t over = 0;
    std::error_code ignored;
    for (const auto& run :
         std::filesystem::directory_iterator(Path(name) + "/runs", ignored)) {
      over += std::filesystem::exists(run.path() / "summary.json");
    }
    return over;
  }
  // What an undisturbed sweep gives.
  std::string Undisturbed() const {
    const ProgramResult result = RunProgram(Small("undisturbed"));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("12 finished, 0 diverged, 0 broke off, "
                                      "0 left"));
    return Collected({"undisturbed"});
  }

  const TestFolder folder_;
};

size_t Lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(SweepTest, RunsAllAndThenHasNothingToDo) {
  const std::string table = Undisturbed();
  EXPECT_EQ(Lines(table), kSmallRuns + 1);
  EXPECT_EQ(RunsOver("undisturbed"), kSmallRuns);
  ExpectWholeFiles(Path("undisturbed"));
  // No weights and no pictures, as its config says; all else of a run.
  const std::vector<std::string> files = FilesBelow(Path("undisturbed"));
  EXPECT_THAT(files, Contains(EndsWith("/attention.safetensors")));
  EXPECT_THAT(files, Contains(EndsWith("/log.txt")));
  EXPECT_THAT(files, Not(Contains(EndsWith("/weights.safetensors"))));
  EXPECT_THAT(files, Not(Contains(HasSubstr("figures"))));

  const ProgramResult again = RunProgram(Small("undisturbed"));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, AllOf(HasSubstr("over        12, left 0"),
                               HasSubstr("(12 were over before)")));
}

TEST_F(SweepTest, WeightsAndPicturesAreKeptIfAskedFor) {
  const ProgramResult result = RunProgram(
      Call({Config(absl::StrCat(kSmall, "keep_weights: true pictures: true")),
            "--out=" + Path("all"), "--filter=seed=5|2,attention_type=softmax",
            "--set=statistics.map_samples=1"}));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(RunsOver("all"), 2u);
  const std::vector<std::string> files = FilesBelow(Path("all"));
  EXPECT_THAT(files, Contains(EndsWith("/weights.safetensors")));
  EXPECT_THAT(files, Contains(EndsWith("/figures/loss.dat")));
}

TEST_F(SweepTest, DryRunWritesNothing) {
  const ProgramResult result =
      RunProgram(Small("dry", {"--dry_run", "--shard=2/5"}));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("sweep       small: 12 runs"),
                                HasSubstr("chosen      3 of them"),
                                HasSubstr("over        0, left 3"),
                                HasSubstr("judged by forward passes")));
  EXPECT_FALSE(std::filesystem::exists(Path("dry")));
}

TEST_F(SweepTest, KilledTenTimesItGivesTheSameTable) {
  // More runs than ten lives of the program bring to their end.
  const std::string config = Config(
      absl::StrReplaceAll(kSmall, {{"to: 5 points: 6", "to: 59 points: 60"}}));
  const auto sweep = [&](const std::string& name) {
    return Call({config, "--out=" + Path(name), "--jobs=2"});
  };
  const ProgramResult undisturbed = RunProgram(sweep("undisturbed"));
  EXPECT_EQ(undisturbed.code, 0) << undisturbed.err;
  std::mt19937 random(20240131);
  for (int kills = 0; kills < 10; ++kills) {
    Program program(sweep("killed"));
    const size_t before = RunsOver("killed");
    // Most kills hit runs in flight; some come before or between.
    const absl::Time moment = absl::Now() + absl::Milliseconds(random() % 1500);
    program.WaitUntil([&] {
      return RunsOver("killed") >= before + 2 || absl::Now() > moment;
    });
    absl::SleepFor(absl::Milliseconds(random() % 30));
    program.Signal(SIGKILL);
    ASSERT_EQ(program.Wait().signal, SIGKILL) << "it was faster than " << kills;
  }
  const ProgramResult result = RunProgram(sweep("killed"));
  EXPECT_EQ(result.code, 0) << result.err;
  const std::string table = Collected({"undisturbed"});
  EXPECT_EQ(Lines(table), 121u);
  EXPECT_EQ(Collected({"killed"}), table);
  ExpectWholeFiles(Path("killed"));
}

TEST_F(SweepTest, ThreeShardsGiveTheTableOfOne) {
  const std::string table = Undisturbed();
  for (const char* part : {"1", "2", "3"}) {
    const ProgramResult result = RunProgram(
        Small(part, {absl::StrCat("--shard=", part, "/3"), "--jobs=1"}));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(RunsOver(part), kSmallRuns / 3);
  }
  EXPECT_EQ(Collected({"1", "2", "3"}), table);
  EXPECT_EQ(Collected({"3", "1", "2"}), table);
  // And into one folder.
  for (const char* part : {"3/3", "1/3", "2/3"}) {
    RunProgram(Small("together", {absl::StrCat("--shard=", part)}));
  }
  EXPECT_EQ(Collected({"together"}), table);
}

TEST_F(SweepTest, TwoProcessesShareTheWork) {
  const std::string table = Undisturbed();
  Program one(Small("shared", {"--jobs=1"}));
  Program other(Small("shared", {"--jobs=1"}));
  const ProgramResult results[] = {one.Wait(), other.Wait()};
  for (const ProgramResult& result : results) {
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.out,
                HasSubstr("12 finished, 0 diverged, 0 broke off, 0 left"));
  }
  EXPECT_EQ(Collected({"shared"}), table);
  ExpectWholeFiles(Path("shared"));
}

TEST_F(SweepTest, AFullDiskEndsItWithNothingHalf) {
  const std::string table = Undisturbed();
  ProgramCall call = Small("full");
  call.file_size_limit = 4000;
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("the disk is full"));
  EXPECT_EQ(RunsOver("full"), 0u);
  ExpectWholeFiles(Path("full"));
  // With room again it goes on.
  const ProgramResult again = RunProgram(Small("full"));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(Collected({"full"}), table);
}

TEST_F(SweepTest, DivergedRunsAreResults) {
  const std::string config = Config(
      absl::StrCat(kSmall, R"(vary { field: "lr" value: ["1e-3", "1e30"] })"));
  const std::string filter = "--filter=seed=0,attention_type=softmax";
  const ProgramResult result =
      RunProgram(Call({config, "--out=" + Path("diverged"), filter}));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("1 finished, 1 diverged, 0 broke off"));
  EXPECT_THAT(result.err, AllOf(HasSubstr("diverged: "),
                                HasSubstr("training diverged at step")));
  const std::string table = Collected({"diverged"});
  EXPECT_EQ(Lines(table), 3u);
  EXPECT_THAT(table, HasSubstr(",diverged,"));
  // It is over: not tried again.
  EXPECT_THAT(
      RunProgram(Call({config, "--out=" + Path("diverged"), filter})).out,
      HasSubstr("left 0"));
}

TEST_F(SweepTest, FailFastEndsAtTheFirst) {
  const std::string config = Config(
      absl::StrCat(kSmall, R"(vary { field: "lr" value: ["1e30", "1e-3"] })"));
  const ProgramResult result = RunProgram(
      Call({config, "--out=" + Path("fast"), "--fail_fast", "--jobs=1"}));
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("ended (--fail_fast) after"),
                    HasSubstr("0 finished, 1 diverged"), HasSubstr("23 left")));
}

// The process whose parent this is.
pid_t ChildOf(pid_t parent) {
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc", ignored)) {
    int process;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &process)) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string id, name, state;
    pid_t above = 0;
    stat >> id >> name >> state >> above;
    if (above == parent) return process;
  }
  return 0;
}

TEST_F(SweepTest, ARunThatCrashesIsRecordedAndTriedAgain) {
  const std::string config = Config(absl::StrCat(
      kShort, R"(vary { field: "num_epochs" value: ["1000000", "2"] })"));
  Program program(Call({config, "--out=" + Path("crash"), "--jobs=1"}));
  pid_t child = 0;
  ASSERT_TRUE(program.WaitUntil([&] {
    child = ChildOf(program.process());
    return child != 0 && !std::filesystem::is_empty(Path("crash/runs"));
  }));
  kill(child, SIGKILL);
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("ended by signal 9 (Killed)"));
  EXPECT_THAT(result.out, HasSubstr("1 finished, 0 diverged, 1 broke off, 1 "
                                    "left"));
  EXPECT_THAT(Collected({"crash"}), HasSubstr(",failed,"));
  const ProgramResult plan = RunProgram(
      Call({config, "--out=" + Path("crash"), "--jobs=1", "--dry_run"}));
  EXPECT_THAT(plan.out, HasSubstr("left 1 (1 broke off and are tried again)"));
}

TEST_F(SweepTest, CtrlCStopsAndLeavesTheRestToDo) {
  const std::string config =
      Config(absl::StrCat(kShort, "set: \"num_epochs=1000000\""));
  const auto has = [&](const std::string& name) {
    for (const std::string& run : NamesIn(Path("stopped/runs"))) {
      const std::string path = absl::StrCat("stopped/runs/", run, "/", name);
      if (std::filesystem::exists(Path(path))) return true;
    }
    return false;
  };
  for (const int signal : {SIGINT, SIGTERM}) {
    Program program(Call({config, "--out=" + Path("stopped")}));
    pid_t child = 0;
    ASSERT_TRUE(program.WaitUntil([&] {
      child = ChildOf(program.process());
      return child != 0 && has("metrics.jsonl.partial");
    }));
    // A terminal's Ctrl-C reaches both.
    if (signal == SIGINT) kill(child, signal);
    program.Signal(signal);
    const ProgramResult result = program.Wait();
    EXPECT_EQ(result.code, 128 + signal) << result.err;
    EXPECT_THAT(result.out,
                AllOf(HasSubstr("stopped after"), HasSubstr("1 left"),
                      HasSubstr("the same command again")));
    EXPECT_THAT(ErrorLines(result.err), Not(Contains(HasSubstr("failed: "))));
    // It was asked to end, not killed.
    EXPECT_TRUE(has("summary.json"));
  }
}

TEST_F(SweepTest, TheRunOfAProcessThatDiesIsTakenOver) {
  const std::string config =
      Config(absl::StrCat(kShort, "set: \"num_epochs=1000000\""));
  const ProgramCall call = Call({config, "--out=" + Path("over")});
  Program one(call);
  ASSERT_TRUE(one.WaitUntil([&] {
    return ChildOf(one.process()) != 0 && !NamesIn(Path("over/runs")).empty();
  }));
  Program other(call);
  ASSERT_TRUE(other.WaitUntil([&] {
    return absl::StrContains(other.err(), "0 in flight, 1 in another process");
  }));
  EXPECT_EQ(ChildOf(other.process()), 0);
  one.Signal(SIGKILL);
  EXPECT_EQ(one.Wait().signal, SIGKILL);
  EXPECT_TRUE(other.WaitUntil([&] { return ChildOf(other.process()) != 0; }));
  other.Signal(SIGTERM);
  EXPECT_EQ(other.Wait().code, 128 + SIGTERM);
}

TEST_F(SweepTest, MistakesAreNamedBeforeAnythingRuns) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes =
      {{{}, "name a sweep, induction or classification"},
       {{"inductoin"}, "inductoin: no such sweep"},
       {{"induction", Config(kSmall)}, "induction and --config: give one"},
       {{"induction", "--filter=sed=1"}, "--filter sed=1: sed: no such field"},
       {{"induction", "--shard=0/2"}, "--shard=0/2: must be I/N"},
       {{"induction", "--jobs=-1"}, "--jobs=-1: must be from 0 to 4096"},
       {{"induction", "--threads=2"}, "are for single runs"},
       {{"induction", "--set=lr=1"}, "training.lr: set before"},
       {{"collect"}, "collect: name the sweep's folder"},
       {{"collect", Path("nothing")}, Path("nothing")}};
  for (const auto& [arguments, said] : mistakes) {
    std::vector<std::string> all = arguments;
    if (!arguments.empty() && arguments[0] != "collect") {
      all.push_back("--out=" + Path("none"));
    }
    const ProgramResult result = RunProgram(Call(all));
    EXPECT_EQ(result.code, 1) << said;
    EXPECT_THAT(result.err, HasSubstr(said));
  }
  EXPECT_FALSE(std::filesystem::exists(Path("none")));
}

}  // namespace
}  // namespace polarize
