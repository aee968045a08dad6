#include "experiments/run/run_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunFolderTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  static absl::StatusOr<RunFolder> Create(const std::string& path,
                                          bool overwrite = false) {
    RunFolderOptions options;
    options.path = path;
    options.experiment = "induction";
    options.overwrite = overwrite;
    options.start = absl::FromUnixSeconds(1700000000);
    return RunFolder::Create(options);
  }
  void Put(const std::string& name) {
    EXPECT_TRUE(WriteFileWhole(Path(name), "x").ok());
  }

  TestFolder folder_;
};

TEST_F(RunFolderTest, MakesTheFolderAndThoseAbove) {
  const absl::StatusOr<RunFolder> run = Create(Path("a/b/c"));
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->path(), Path("a/b/c"));
  EXPECT_EQ(run->File("x.svg"), Path("a/b/c/x.svg"));
  EXPECT_THAT(NamesIn(Path("a/b/c")), IsEmpty()) << "no probe stays";
}

TEST_F(RunFolderTest, WritesItsFiles) {
  const absl::StatusOr<RunFolder> run = Create(Path("run"));
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_TRUE(run->WriteConfig("seed: 3\n").ok());
  Environment environment;
  environment.set_commit("abc");
  environment.set_threads(2);
  ASSERT_TRUE(run->WriteEnvironment(environment).ok());
  JsonLine summary;
  summary.Add("eval/loss", 0.5);
  ASSERT_TRUE(run->WriteSummary(summary).ok());
  EXPECT_THAT(
      NamesIn(Path("run")),
      ElementsAre("config.textproto", "environment.textproto", "summary.json"));
  EXPECT_EQ(ReadFile(Path("run/config.textproto"), 100).value(), "seed: 3\n");
  EXPECT_EQ(ReadFile(Path("run/summary.json"), 100).value(),
            "{\"eval/loss\":0.5}\n");
  Environment read;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      ReadFile(Path("run/environment.textproto"), 1000).value(), &read));
  EXPECT_EQ(read.commit(), "abc");
  EXPECT_EQ(read.threads(), 2);
}

TEST_F(RunFolderTest, DefaultsToATimeBelowTheUsersDirectory) {
  ASSERT_EQ(setenv("BUILD_WORKING_DIRECTORY", folder_.path().c_str(), 1), 0);
  const absl::StatusOr<RunFolder> first = Create("");
  const absl::StatusOr<RunFolder> second = Create("");
  const absl::StatusOr<RunFolder> third = Create("");
  ASSERT_EQ(unsetenv("BUILD_WORKING_DIRECTORY"), 0);
  ASSERT_TRUE(first.ok() && second.ok() && third.ok());
  EXPECT_EQ(first->path(), Path("runs/induction-20231114-221320"));
  EXPECT_EQ(second->path(), Path("runs/induction-20231114-221320-2"));
  EXPECT_EQ(third->path(), Path("runs/induction-20231114-221320-3"));

  ASSERT_EQ(chdir(folder_.path().c_str()), 0);
  const absl::StatusOr<RunFolder> here = Create("");
  ASSERT_TRUE(here.ok()) << here.status();
  EXPECT_EQ(here->path(), "runs/induction-20231114-221320-4");
}

TEST_F(RunFolderTest, RefusesAFolderThatHoldsARun) {
  for (const std::string name : {"summary.json", "metrics.jsonl"}) {
    ASSERT_TRUE(MakeFolders(Path(name + ".d")).ok());
    Put(name + ".d/" + name);
    const absl::Status status = Create(Path(name + ".d")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path(name + ".d")));
    EXPECT_THAT(std::string(status.message()), HasSubstr("a run: " + name));
    EXPECT_THAT(NamesIn(Path(name + ".d")), ElementsAre(name));
  }
}

TEST_F(RunFolderTest, WhatADeadRunBeganIsNoRun) {
  ASSERT_TRUE(MakeFolders(Path("run")).ok());
  Put("run/metrics.jsonl.partial");
  Put("run/notes.txt");
  EXPECT_TRUE(Create(Path("run")).ok());
  EXPECT_THAT(NamesIn(Path("run")),
              ElementsAre("metrics.jsonl.partial", "notes.txt"));
}

TEST_F(RunFolderTest, NeverTakesALivingRunsFolder) {
  ASSERT_TRUE(Create(Path("run")).ok());
  const absl::StatusOr<AppendFile> living =
      AppendFile::Create(Path("run/metrics.jsonl"));
  ASSERT_TRUE(living.ok()) << living.status();
  for (const bool overwrite : {false, true}) {
    const absl::Status status = Create(Path("run"), overwrite).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path("run")));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("metrics.jsonl.partial"));
  }
  EXPECT_THAT(NamesIn(Path("run")), ElementsAre("metrics.jsonl.partial"));
}

TEST_F(RunFolderTest, OverwritingRemovesTheOldRunAndNothingElse) {
  ASSERT_TRUE(MakeFolders(Path("run/figures")).ok());
  for (const std::string name : {"summary.json",
                                 "metrics.jsonl",
                                 "metrics.jsonl.partial",
                                 "config.textproto",
                                 "environment.textproto",
                                 "weights.safetensors",
                                 "logits.safetensors",
                                 "attention.safetensors",
                                 "failure.json",
                                 ".probe.164-0.tmp",
                                 "history_lr0.1.safetensors",
                                 "claims.jsonl",
                                 "phase.csv",
                                 "events.out.tfevents.1700000000.host",
                                 "notes.txt",
                                 "mine.tmp",
                                 ".hidden",
                                 "my_history.safetensors",
                                 "history_mine.txt",
                                 "figures/loss.dat",
                                 "figures/loss.gp",
                                 "figures/loss.svg",
                                 "figures/loss.pdf",
                                 "figures/loss.pdf.new",
                                 "figures/mine.txt"}) {
    Put("run/" + name);
  }
  ASSERT_TRUE(Create(Path("run"), true).ok());
  EXPECT_THAT(NamesIn(Path("run")),
              ElementsAre(".hidden", "figures", "history_mine.txt", "mine.tmp",
                          "my_history.safetensors", "notes.txt"));
  EXPECT_THAT(NamesIn(Path("run/figures")), ElementsAre("mine.txt"));
}

TEST_F(RunFolderTest, ClearingRemovesARunAndFoldersThatAreEmptyThen) {
  EXPECT_TRUE(RunFolder::Clear(Path("nothing")).ok());
  for (const std::string run : {"a", "b"}) {
    ASSERT_TRUE(MakeFolders(Path(run + "/figures")).ok());
    Put(run + "/summary.json");
    Put(run + "/figures/loss.svg");
  }
  ASSERT_TRUE(MakeFolders(Path("b/more")).ok());
  Put("b/more/summary.json");
  EXPECT_TRUE(RunFolder::Clear(Path("a")).ok());
  EXPECT_TRUE(RunFolder::Clear(Path("b")).ok());
  EXPECT_THAT(NamesIn(folder_.path()), ElementsAre("b"));
  EXPECT_THAT(NamesIn(Path("b")), ElementsAre("more"));
  EXPECT_THAT(NamesIn(Path("b/more")), ElementsAre("summary.json"));
  ASSERT_TRUE(MakeFolders(Path("c")).ok());
  const absl::StatusOr<AppendFile> living =
      AppendFile::Create(Path("c/metrics.jsonl"));
  ASSERT_TRUE(living.ok()) << living.status();
  EXPECT_EQ(RunFolder::Clear(Path("c")).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(NamesIn(Path("c")), ElementsAre("metrics.jsonl.partial"));
}

TEST_F(RunFolderTest, WhatCannotBeWrittenIsAnErrorUpFront) {
  Put("file");
  const absl::Status below = Create(Path("file/run")).status();
  EXPECT_THAT(std::string(below.message()), HasSubstr(Path("file/run")));
  EXPECT_THAT(std::string(below.message()), HasSubstr("Not a directory"));
  const absl::Status file = Create(Path("file")).status();
  EXPECT_THAT(std::string(file.message()), HasSubstr(Path("file")));
  EXPECT_FALSE(Create("/proc/self/net").ok()) << "nobody can write there";
  ASSERT_TRUE(MakeFolders(Path("full")).ok());
  const FileSizeLimit limit(0);
  const absl::Status full = Create(Path("full")).status();
  EXPECT_THAT(std::string(full.message()), HasSubstr(Path("full")));
  EXPECT_THAT(NamesIn(Path("full")), IsEmpty());
}

TEST(EnvironmentTest, TellsWhatTheProgramKnows) {
  const char* const arguments[] = {"induction", "--threads=2"};
  const Environment environment =
      DescribeEnvironment(absl::FromUnixSeconds(1700000000), 2, arguments);
  EXPECT_THAT(environment.compiler(), HasSubstr(__VERSION__));
  EXPECT_THAT(environment.build_mode(),
              ::testing::AnyOf(HasSubstr("optimized"), HasSubstr("debug")));
  EXPECT_FALSE(environment.simd_target().empty());
  EXPECT_FALSE(environment.cpu().empty());
  EXPECT_EQ(environment.start_time(), "2023-11-14T22:13:20Z");
  EXPECT_THAT(environment.argument(), ElementsAre("induction", "--threads=2"));
}

}  // namespace
}  // namespace polarize
