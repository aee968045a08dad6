#include "experiments/sweep/sweep_folder.h"

#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/sweep/sweep_list.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SweepList Load(const std::string& text) {
  absl::StatusOr<SweepList> list = LoadSweep({"f", text}, {});
  EXPECT_TRUE(list.ok()) << list.status();
  return *std::move(list);
}

class SweepFolderTest : public ::testing::Test {
 protected:
  absl::StatusOr<SweepFolder> Open(const std::string& text,
                                   const std::string& numerics = "1",
                                   bool mixed = false) {
    return SweepFolder::Open(path_, Load(text), numerics, mixed);
  }
  SweepFolder MustOpen(const std::string& text) {
    absl::StatusOr<SweepFolder> folder = Open(text);
    EXPECT_TRUE(folder.ok()) << folder.status();
    return *std::move(folder);
  }
  std::string Text(const std::string& name) {
    return *ReadFile(absl::StrCat(path_, "/", name), 1 << 20);
  }
  void WriteRun(const std::string& name, const std::string& text) {
    const std::string folder = absl::StrCat(path_, "/runs/", kId);
    ASSERT_TRUE(MakeFolders(folder).ok());
    ASSERT_TRUE(WriteFileWhole(absl::StrCat(folder, "/", name), text).ok());
  }

  static constexpr char kId[] = "00000000000000ff";
  static constexpr char kSeeds[] =
      R"(vary { field: "seed" value: ["1", "2"] })";
  const TestFolder folder_;
  const std::string path_ = folder_.path() + "/a/b";
};

TEST_F(SweepFolderTest, HoldsConfigListAndNumerics) {
  MustOpen(kSeeds);
  EXPECT_THAT(NamesIn(path_), ElementsAre("lock", "numerics.textproto", "runs",
                                          "runs.tsv", "sweep.textproto"));
  EXPECT_EQ(Text("runs.tsv"), RunsTable(Load(kSeeds).runs));
  EXPECT_THAT(Text("sweep.textproto"), HasSubstr("field: \"seed\""));
  EXPECT_THAT(Text("numerics.textproto"), HasSubstr("numerics: \"1\""));
}

TEST_F(SweepFolderTest, WhatAKilledProcessHadHalfWrittenGoes) {
  MustOpen(kSeeds);
  for (const char* name : {".runs.tsv.12-0.tmp", ".numerics.textproto.12-1.tmp",
                           ".induction_data.csv.12-2.tmp"}) {
    ASSERT_TRUE(WriteFileWhole(absl::StrCat(path_, "/", name), "x").ok());
  }
  MustOpen(kSeeds);
  // The table may be somebody's who is writing it.
  EXPECT_THAT(NamesIn(path_), ElementsAre(".induction_data.csv.12-2.tmp",
                                          "lock", "numerics.textproto", "runs",
                                          "runs.tsv", "sweep.textproto"));
}

TEST_F(SweepFolderTest, TakesALongerListButNotAShorterOne) {
  MustOpen(kSeeds);
  MustOpen(R"(vary { field: "seed" value: ["3", "2", "1"] })");
  EXPECT_THAT(Text("runs.tsv"), HasSubstr("seed=3\n"));
  const absl::StatusOr<SweepFolder> shorter = Open(kSeeds);
  EXPECT_EQ(shorter.status().message(),
            absl::StrCat(path_,
                         "/runs.tsv: 1 of its 3 runs are not in this "
                         "sweep: choose another folder (--out)"));
  EXPECT_THAT(Text("runs.tsv"), HasSubstr("seed=3\n"));
}

TEST_F(SweepFolderTest, RefusesAnotherExperiment) {
  MustOpen(kSeeds);
  const absl::StatusOr<SweepFolder> other =
      Open(absl::StrCat("experiment: \"classification\" ", kSeeds));
  EXPECT_THAT(std::string(other.status().message()),
              HasSubstr("/sweep.textproto: a sweep of induction, not of "
                        "classification"));
}

TEST_F(SweepFolderTest, RefusesOtherNumericsUnlessAllowed) {
  MustOpen(kSeeds);
  const absl::StatusOr<SweepFolder> other = Open(kSeeds, "2");
  EXPECT_THAT(
      std::string(other.status().message()),
      HasSubstr("numerics.textproto: the sweep's runs have numerics 1 "));
  EXPECT_THAT(std::string(other.status().message()),
              HasSubstr("here they would have 2 ("));
  // Nor does its list grow then.
  EXPECT_FALSE(
      Open(R"(vary { field: "seed" value: ["1", "2", "3"] })", "2").ok());
  EXPECT_EQ(Text("runs.tsv"), RunsTable(Load(kSeeds).runs));
  EXPECT_TRUE(Open(kSeeds, "2", /*mixed=*/true).ok());
  EXPECT_THAT(Text("numerics.textproto"), HasSubstr("numerics: \"1\""));
}

TEST_F(SweepFolderTest, DamagedFilesAreErrorsThatNameThem) {
  MustOpen(kSeeds);
  ASSERT_TRUE(WriteFileWhole(path_ + "/numerics.textproto", "{").ok());
  EXPECT_THAT(std::string(Open(kSeeds).status().message()),
              HasSubstr("numerics.textproto: not the text of an Environment"));
  ASSERT_TRUE(WriteFileWhole(path_ + "/sweep.textproto", "vary: 1").ok());
  EXPECT_THAT(std::string(Open(kSeeds).status().message()),
              HasSubstr("sweep.textproto:1:"));
}

TEST_F(SweepFolderTest, AnUnwritableFolderIsAnError) {
  ASSERT_TRUE(WriteFileWhole(folder_.path() + "/a", "a file").ok());
  EXPECT_THAT(std::string(Open(kSeeds).status().message()),
              HasSubstr(folder_.path() + "/a"));
}

TEST_F(SweepFolderTest, OutcomesComeFromTheRunsFiles) {
  const SweepFolder folder = MustOpen(kSeeds);
  const auto outcome = [&] { return *folder.Outcome(kId); };
  EXPECT_EQ(outcome().state, RunOutcome::kNotOver);
  ASSERT_TRUE(folder.RecordFailure(kId, "no luck").ok());
  EXPECT_EQ(outcome().state, RunOutcome::kFailed);
  EXPECT_EQ(outcome().reason, "no luck");
  EXPECT_FALSE(outcome().over());
  // Interrupted, and then it broke off before it could begin again.
  WriteRun("summary.json", R"({"state":"interrupted","seconds":1})");
  EXPECT_EQ(outcome().state, RunOutcome::kFailed);
  EXPECT_EQ(outcome().reason, "no luck");
  // The summary of a run that is over is what counts.
  WriteRun("summary.json", R"({"state":"diverged","reason":"NaN"})");
  EXPECT_EQ(outcome().state, RunOutcome::kDiverged);
  EXPECT_EQ(outcome().reason, "NaN");
  EXPECT_TRUE(outcome().over());
  WriteRun("summary.json", R"({"state":"finished","seconds":2.5})");
  EXPECT_EQ(outcome().state, RunOutcome::kFinished);
  EXPECT_EQ(outcome().seconds, 2.5);
  ASSERT_EQ(unlink((folder.RunPath(kId) + "/failure.json").c_str()), 0);
  WriteRun("summary.json", R"({"state":"interrupted","seconds":1})");
  EXPECT_EQ(outcome().state, RunOutcome::kNotOver);
}

TEST_F(SweepFolderTest, DamagedOutcomesAreErrors) {
  const SweepFolder folder = MustOpen(kSeeds);
  for (const char* text : {"", "{", "{}", "[]", "{\"state\":3}"}) {
    WriteRun("summary.json", text);
    EXPECT_THAT(std::string(folder.Outcome(kId).status().message()),
                HasSubstr("summary.json"))
        << text;
  }
}

// Locks are a process's: the other side must be one.
TEST_F(SweepFolderTest, ARunBelongsToOneProcessUntilItEnds) {
  const SweepFolder folder = MustOpen(kSeeds);
  int ready[2], go[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    const absl::StatusOr<bool> taken = folder.Take(kId);
    char byte = taken.ok() && *taken ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) _exit(2);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_TRUE(folder.IsTaken(kId));
  EXPECT_FALSE(*folder.Take(kId));
  // Ids that differ in their last digits alone are others'.
  EXPECT_FALSE(folder.IsTaken("00000000000000f0"));
  EXPECT_TRUE(*folder.Take("ffffffffffffffff"));
  ASSERT_EQ(write(go[1], "x", 1), 1);
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(folder.IsTaken(kId));
  EXPECT_TRUE(*folder.Take(kId));
  for (const int fd : {ready[0], ready[1], go[0], go[1]}) close(fd);
}

}  // namespace
}  // namespace polarize
