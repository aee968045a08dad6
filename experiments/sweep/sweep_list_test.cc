#include "experiments/sweep/sweep_list.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "experiments/run/config_text.h"
#include "experiments/run/field_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SweepList Load(const std::string& text,
               const std::vector<std::string>& settings = {}) {
  absl::StatusOr<SweepList> list = LoadSweep({"f", text}, settings);
  EXPECT_TRUE(list.ok()) << list.status();
  return *std::move(list);
}

std::string ErrorOf(const std::string& text,
                    const std::vector<std::string>& settings = {}) {
  const absl::StatusOr<SweepList> list = LoadSweep({"f", text}, settings);
  EXPECT_FALSE(list.ok());
  return list.ok() ? "" : std::string(list.status().message());
}

SweepList LoadFile(const std::string& name) {
  const absl::StatusOr<ConfigText> text =
      ReadConfigText(absl::StrCat("experiments/sweep/", name, ".textproto"));
  EXPECT_TRUE(text.ok()) << text.status();
  return Load(text->text);
}

std::vector<std::string> SettingsOf(const std::vector<SweepRun>& runs) {
  std::vector<std::string> settings;
  for (const SweepRun& run : runs) settings.push_back(run.settings);
  return settings;
}

constexpr char kSmall[] = R"(
    vary { field: "seed" value: ["0", "1"] }
    vary { field: "lr" value: ["1e-3", "0.01"] })";

TEST(SweepListTest, TheInductionSweepIsThePapers) {
  const SweepList list = LoadFile("induction");
  EXPECT_EQ(list.runs.size(), 8640u);
  EXPECT_EQ(list.section->name(), "induction");
  std::set<std::string> ids;
  for (const SweepRun& run : list.runs) ids.insert(run.id);
  EXPECT_EQ(ids.size(), 8640u);
  // Of the last run, every axis's last value; those that are defaults are left
  // out (aux_loss_weight).
  EXPECT_EQ(list.runs.back().settings,
            "seed=4 task.shift_query_token=false model.num_heads=8 "
            "model.attention_type=\"mlp_unnorm\" "
            "model.positional_type=\"no\" training.lr=0.0001");
  const absl::StatusOr<std::vector<SweepRun>> main_figure = FilterRuns(
      list, "aux_loss_weight=0.2,shift_query_token=true,positional_type=add");
  ASSERT_TRUE(main_figure.ok()) << main_figure.status();
  EXPECT_EQ(main_figure->size(), 5u * 4 * 12 * 3);
}

TEST(SweepListTest, TheStudyBeyondThePaperHasARatePerOptimiser) {
  const SweepList list = LoadFile("beyond");
  for (const char* filter :
       {"optimizer=adamw,lr=1e-3", "optimizer=sign,lr=1e-3",
        "optimizer=momentum,lr=0.1"}) {
    const absl::StatusOr<std::vector<SweepRun>> runs = FilterRuns(list, filter);
    ASSERT_TRUE(runs.ok()) << runs.status();
    EXPECT_EQ(runs->size(), 9u * 3) << filter;
  }
}

TEST(SweepListTest, TheClassificationSweepIsThePapers) {
  const SweepList list = LoadFile("classification");
  EXPECT_EQ(list.runs.size(), 12960u);
  EXPECT_EQ(list.section->name(), "classification");
  EXPECT_EQ(ValueText(*list.runs[0].config, "model.is_causal"), "false");
  EXPECT_EQ(list.runs[0].settings,
            "model.num_layers=1 model.num_heads=1 training.lr=0.01");
  const absl::StatusOr<std::vector<SweepRun>> third =
      FilterRuns(list, "vocab_size=41");
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->size(), 4320u);
}

TEST(SweepListTest, ExpandsWithTheLastAxisFastest) {
  EXPECT_THAT(
      SettingsOf(Load(kSmall).runs),
      ElementsAre("", "training.lr=0.01", "seed=1", "seed=1 training.lr=0.01"));
}

TEST(SweepListTest, SettingsHoldForEveryRun) {
  const SweepList list =
      Load(absl::StrCat("set: \"task.num_train=64\"", kSmall),
           {"num_epochs=1", "name=mine"});
  EXPECT_EQ(list.runs[3].settings,
            "seed=1 task.num_train=64 training.lr=0.01 training.num_epochs=1");
  EXPECT_EQ(ValueText(*list.runs[3].config, "name"), "\"mine\"");
  EXPECT_THAT(list.config.set(),
              ElementsAre("task.num_train=64", "num_epochs=1", "name=mine"));
}

// What is on the disk from earlier versions must be found again: these texts,
// FNV-1a of "induction\n" and of that with the settings behind it, may never
// change.
TEST(SweepListTest, IdsAreFixedForEver) {
  const SweepList list = Load(kSmall);
  EXPECT_EQ(list.runs[0].id, "9a34a5f0f99fde36");
  EXPECT_EQ(list.runs[3].id, "ac1ebbd2333971b3");
}

TEST(SweepListTest, AnIdDependsOnTheExperimentAndOnWhatIsNotADefault) {
  const SweepList list = Load(kSmall);
  const auto id = [](const std::string& text) { return Load(text).runs[0].id; };
  EXPECT_EQ(id(R"(set: "lr=0.01" set: "seed=1")"), list.runs[3].id);
  EXPECT_EQ(id(R"(set: "name=other")"), list.runs[0].id);
  EXPECT_EQ(id(R"(set: "lr=1e-3" set: "task.vocab_size=50")"), list.runs[0].id);
  EXPECT_NE(id(R"(experiment: "classification")"), list.runs[0].id);
  EXPECT_NE(id(R"(set: "statistics.points_per_decade=5")"), list.runs[0].id);
}

// An id is that of the complete config: the default decay of an optimizer is
// part of it.
TEST(SweepListTest, OptimizersAndSchedulesMayBeSwept) {
  const SweepList list = Load(R"(
      vary { field: "optimizer" value: ["adamw", "sgd", "sign"] }
      vary { field: "lr_schedule" value: ["constant", "cosine"] })");
  EXPECT_EQ(list.runs[0].id, Load(kSmall).runs[0].id);
  EXPECT_THAT(SettingsOf(list.runs),
              ElementsAre("", "training.lr_schedule=\"cosine\"",
                          "training.weight_decay=0 training.optimizer=\"sgd\"",
                          "training.weight_decay=0 training.optimizer=\"sgd\" "
                          "training.lr_schedule=\"cosine\"",
                          "training.weight_decay=0 training.optimizer=\"sign\"",
                          "training.weight_decay=0 training.optimizer=\"sign\" "
                          "training.lr_schedule=\"cosine\""));
  const absl::StatusOr<std::vector<SweepRun>> sgd =
      FilterRuns(list, "optimizer=sgd,lr_schedule=cosine");
  ASSERT_TRUE(sgd.ok()) << sgd.status();
  EXPECT_EQ(sgd->size(), 1u);
}

TEST(SweepListTest, ErrorsNameTheirPlace) {
  EXPECT_EQ(ErrorOf("experiment: \"inductoin\""),
            "f:1:1: experiment = \"inductoin\": must be one of induction, "
            "classification; did you mean \"induction\"?");
  EXPECT_THAT(ErrorOf("name: \"a/b\""), HasSubstr("f:1:1: name = \"a/b\": "));
  EXPECT_EQ(ErrorOf("\nvary { field: \"sed\" value: \"1\" }"),
            "f:2:1 (vary): sed=1: sed: no such field; did you mean seed?");
  EXPECT_EQ(ErrorOf("vary { field: \"seed\" value: \"x\" }"),
            "f:1:1 (vary): seed=x: seed = x: must be a whole number from "
            "-2^63 to 2^63 - 1");
  EXPECT_THAT(
      ErrorOf("vary { field: \"seed\" value: \"-1\" }"),
      HasSubstr("f:1:1 (vary): seed=-1: seed = -1: must be from 0 to "));
  EXPECT_THAT(ErrorOf("vary { field: \"seed\" value: [\"1\", \"1\"] }"),
              HasSubstr("seed: 1 is there twice"));
  EXPECT_THAT(ErrorOf("vary { field: \"name\" value: \"a\" }"),
              HasSubstr("name cannot be varied"));
  EXPECT_THAT(ErrorOf(R"(vary { field: "lr" value: "1" }
                         vary { field: "training.lr" value: "2" })"),
              HasSubstr("training.lr is on two axes"));
  EXPECT_THAT(ErrorOf(R"(vary { field: "seed" from: 0 to: 9 points: 10000 }
                         vary { field: "lr" from: 1 to: 2 points: 1000 })"),
              HasSubstr("10000000 runs, more than 1000000"));
  EXPECT_EQ(ErrorOf("vary { field: \"lr\" value: [\"0.5\", \"5e-1\"] }"),
            "f:1:1 (vary): two cells are the same run: training.lr=0.5");
  EXPECT_THAT(ErrorOf(kSmall, {"lr=1"}),
              HasSubstr("training.lr: set before, by --set lr=1"));
  EXPECT_THAT(ErrorOf("set: \"num_heads=3\""),
              HasSubstr("f:1:1: num_heads=3: model.num_heads = 3: "));
}

TEST(SweepListTest, FiltersByValuesHoweverTheyAreWritten) {
  const SweepList list = Load(kSmall);
  const auto filtered = [&](const std::string& filter) {
    const absl::StatusOr<std::vector<SweepRun>> runs = FilterRuns(list, filter);
    EXPECT_TRUE(runs.ok()) << runs.status();
    return SettingsOf(*runs);
  };
  EXPECT_THAT(filtered(""), ElementsAre("", "training.lr=0.01", "seed=1",
                                        "seed=1 training.lr=0.01"));
  EXPECT_THAT(filtered("lr=1e-2"),
              ElementsAre("training.lr=0.01", "seed=1 training.lr=0.01"));
  EXPECT_THAT(filtered(" training.lr = .010 , seed=1,"),
              ElementsAre("seed=1 training.lr=0.01"));
  EXPECT_THAT(filtered("lr=0.001|0.01,seed=0"),
              ElementsAre("", "training.lr=0.01"));
  // Fields that no axis has.
  EXPECT_EQ(filtered("attention_type=softmax").size(), 4u);
}

TEST(SweepListTest, FiltersThatMeanNothingAreErrors) {
  const SweepList list = Load(kSmall);
  const auto error = [&](const std::string& filter) {
    const absl::StatusOr<std::vector<SweepRun>> runs = FilterRuns(list, filter);
    EXPECT_FALSE(runs.ok());
    return std::string(runs.status().message());
  };
  EXPECT_EQ(error("lr"), "--filter lr: must be PATH=VALUE");
  EXPECT_EQ(error("rl=1"),
            "--filter rl=1: rl: no such field; did you mean training.lr?");
  EXPECT_EQ(error("lr=fast"),
            "--filter lr=fast: training.lr = fast: must be a number");
  EXPECT_EQ(error("lr=0.1"), "--filter lr=0.1: no run has training.lr=0.1");
  EXPECT_EQ(error("lr=0.01|0.1"),
            "--filter lr=0.01|0.1: no run has training.lr=0.1");
  EXPECT_EQ(error("seed=0,seed=1"),
            "--filter seed=0,seed=1: no run fits all of "
            "it");
}

TEST(SweepListTest, ShardsShareTheListOutEvenly) {
  const SweepList list = Load(kSmall);
  const auto shard = [&](const std::string& text) {
    const absl::StatusOr<Shard> shard = ParseShard(text);
    EXPECT_TRUE(shard.ok()) << shard.status();
    return SettingsOf(ShardOf(list.runs, *shard));
  };
  EXPECT_EQ(shard("1/1").size(), 4u);
  EXPECT_THAT(shard("1/3"), ElementsAre("", "seed=1 training.lr=0.01"));
  EXPECT_THAT(shard("2/3"), ElementsAre("training.lr=0.01"));
  EXPECT_THAT(shard("3/3"), ElementsAre("seed=1"));
  EXPECT_TRUE(shard("9/9").empty());
  for (const char* text :
       {"", "1", "0/3", "4/3", "-1/3", "1/0", "1/3/3", "a/b", "1/1000000"}) {
    EXPECT_THAT(std::string(ParseShard(text).status().message()),
                HasSubstr(absl::StrCat("--shard=", text, ": must be I/N")))
        << text;
  }
}

TEST(SweepListTest, TheTableHasALinePerRun) {
  const SweepList list = Load(kSmall);
  EXPECT_EQ(RunsTable({list.runs[0], list.runs[3]}),
            absl::StrCat(list.runs[0].id, "\t\n", list.runs[3].id,
                         "\tseed=1 training.lr=0.01\n"));
}

}  // namespace
}  // namespace polarize
