// The configs beyond the paper: each program takes a few steps of a smaller
// run, then replaces the parts of its model.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/csv.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/induction_run.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Config {
  const char* name;
  std::string plan;           // what its first lines say
  std::string answer, other;  // its accuracies
  size_t interventions;       // of its model
};

// 11 parts, replaced in two ways each; without a start 10; with two heads 7;
// one layer and head 3.
const std::vector<Config> kConfigs = {
    {"induction_no_bos", "loss floor  0.7269", "acc_induction", "acc_all", 20},
    {"trigger", "loss floor  0.0000", "acc_trigger", "acc_noop", 6},
    {"induction_t32", "loss floor  0.0701", "acc_induction", "acc_all", 14},
    {"induction_t128", "sequences of 129", "acc_induction", "acc_all", 22},
};

class TasksTest : public ::testing::TestWithParam<Config> {
 protected:
  std::string Path(const std::string& name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }
  ProgramResult Run(const std::string& out, std::vector<std::string> more) {
    ProgramCall call;
    call.program =
        DataPath(absl::StrCat("experiments/induction/", GetParam().name));
    call.arguments = {"--set=num_train=40", "--set=num_eval=9",
                      "--set=embed_dim=16", "--set=num_epochs=2",
                      "--set=batch_size=8", "--set=map_samples=1",
                      "--out=" + Path(out), "--threads=1"};
    call.arguments.insert(call.arguments.end(), more.begin(), more.end());
    call.environment = {{"PATH", "/nowhere"}, {"TERM", "xterm"}};
    return RunProgram(call);
  }
  TestFolder folder_;
};

TEST_P(TasksTest, RunsAndReplacesThePartsOfItsModel) {
  const Config& config = GetParam();
  const ProgramResult result = Run("run", {});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(ErrorLines(result.err), ElementsAre());
  EXPECT_THAT(result.out, HasSubstr(config.plan));
  EXPECT_THAT(result.out, HasSubstr("0_0_head_mean "));
  ExpectWholeFiles(Path("run"));
  EXPECT_NE(Contents(Path("run/figures/interventions.dat")), "");

  const auto summary = Numbers(ReadJson(Path("run/summary.json")));
  const absl::StatusOr<CsvTable> table = ReadCsv(Path("run/interventions.csv"));
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->rows.size(), config.interventions + 1);
  EXPECT_EQ(table->rows[0][0], "none");
  const std::vector<MetricsLine> metrics =
      ReadMetrics(Path("run/metrics.jsonl"));
  EXPECT_EQ(StepLines(metrics).size(), 10u);
  size_t different = 0;
  for (size_t r = 0; r < table->rows.size(); ++r) {
    const std::string& name = table->rows[r][0];
    const std::string prefix =
        r == 0 ? "" : absl::StrCat("intervention/", name, "/");
    for (size_t c = 1; c < table->columns.size(); ++c) {
      const std::string key = prefix + table->columns[c];
      ASSERT_EQ(summary.count(key), 1u) << key;
      EXPECT_EQ(absl::StrCat(std::stod(table->rows[r][c])),
                absl::StrCat(summary.at(key)));
    }
    for (const std::string& key : {config.answer, config.other}) {
      const double share = summary.at(absl::StrCat(prefix, "eval/", key));
      EXPECT_TRUE(share >= 0 && share <= 1) << share;
    }
    different += summary.at(prefix + "eval/loss") != summary.at("eval/loss");
  }
  EXPECT_EQ(different, config.interventions);
}

TEST_P(TasksTest, ReplacesThePartsOfSavedWeights) {
  ASSERT_EQ(Run("run", {}).code, 0);
  const ProgramResult again =
      Run("again", {"--init_from=" + Path("run/weights.safetensors"),
                    "--eval_only", "--sharing=off"});
  ASSERT_EQ(again.code, 0) << again.err;
  const auto before = Numbers(ReadJson(Path("run/summary.json")));
  const auto after = Numbers(ReadJson(Path("again/summary.json")));
  for (const auto& [key, value] : after) {
    if (absl::StrContains(key, "eval/loss")) {
      EXPECT_NEAR(value, before.at(key), 1e-5 * value) << key;
    }
  }
}

TEST_P(TasksTest, WithoutInterventionsThereIsNothingOfThem) {
  const ProgramResult result = Run("plain", {"--set=interventions="});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("intervention")));
  for (const std::string& name : FilesBelow(Path("plain"))) {
    EXPECT_FALSE(absl::StrContains(name, "interventions")) << name;
  }
  for (const auto& [key, value] :
       Numbers(ReadJson(Path("plain/summary.json")))) {
    EXPECT_FALSE(absl::StrContains(key, "intervention")) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TasksTest, ::testing::ValuesIn(kConfigs),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace polarize
