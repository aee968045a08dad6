#include "experiments/sweep/collect.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "experiments/run/config.h"
#include "experiments/run/csv.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/json.h"
#include "experiments/sweep/section.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "protos/classification.pb.h"
#include "protos/environment.pb.h"
#include "protos/induction.pb.h"

namespace polarize {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One run, as the test wants it to be found.
struct TestRun {
  std::string id;
  std::vector<std::string> settings;
  std::string state = "finished";  // "" leaves nothing
  double loss = 0.75;
  double seconds = 12.5;
  std::string numerics = "v1 AVX3";
  int heads = 1;
};

void Write(const std::string& path, absl::string_view text) {
  ASSERT_TRUE(WriteFileWhole(path, text).ok()) << path;
}

template <typename Config>
void WriteRun(const std::string& sweep, const TestRun& run) {
  const std::string folder = absl::StrCat(sweep, "/runs/", run.id);
  ASSERT_TRUE(MakeFolders(folder).ok());
  if (run.state.empty()) return;
  if (run.state == "crashed early") {
    JsonLine failure;
    failure.Add("state", "failed").Add("reason", "a bad disk");
    Write(folder + "/failure.json", failure.TextWithNewline());
    return;
  }
  const bool induction = std::is_same<Config, InductionConfig>::value;
  const auto config = MakeSection(induction ? "induction" : "classification")
                          ->Load({"test", ""}, run.settings);
  ASSERT_TRUE(config.ok()) << config.status();
  Write(folder + "/config.textproto", ResolvedText(**config));
  Environment environment;
  environment.set_commit("abc");
  environment.set_cpu("A CPU, 2 GHz");
  environment.set_simd_target("AVX3");
  environment.set_start_time("2024-01-31T23:59:59Z");
  environment.set_numerics(run.numerics);
  environment.add_argument("program");
  std::string text;
  google::protobuf::TextFormat::PrintToString(environment, &text);
  Write(folder + "/environment.textproto", text);
  JsonLine summary;
  summary.Add("state", run.state);
  if (run.state == "failed") {
    Write(folder + "/failure.json", summary.TextWithNewline());
    return;
  }
  summary.Add("steps", 3910).Add("seconds", run.seconds);
  summary.Add("train/loss", 1.0 / 3).Add("eval/loss", run.loss);
  for (int h = 0; h < run.heads; ++h) {
    summary.Add(absl::StrCat("1_", h, "_rel_attn_bos_global"), 0.5 + h);
  }
  summary.Add("1_0_nothing", std::nan(""));
  Write(folder + "/summary.json", summary.TextWithNewline());
}

std::string Id(int i) {
  const std::string number = absl::StrCat(i);
  return std::string(16 - number.size(), 'a') + number;
}

std::vector<TestRun> SixRuns() {
  std::vector<TestRun> runs;
  for (int i = 0; i < 6; ++i) {
    TestRun run;
    // The list's order is not that of ids.
    run.id = Id(10 - i);
    run.settings = {absl::StrCat("seed=", i), "training.lr=1e-4",
                    "model.attention_type=linear"};
    run.loss = 0.1 * i;
    runs.push_back(run);
  }
  runs[1].settings.push_back("task.shift_query_token=false");
  runs[2].heads = 11;
  return runs;
}

class CollectTest : public ::testing::Test {
 protected:
  // A sweep's folder that lists `all` and holds `held`.
  template <typename Config = InductionConfig>
  std::string Sweep(const std::string& name, absl::Span<const TestRun> all,
                    absl::Span<const TestRun> held) {
    const std::string sweep = absl::StrCat(folder_.path(), "/", name);
    EXPECT_TRUE(MakeFolders(sweep + "/runs").ok());
    std::string list;
    for (const TestRun& run : all) {
      absl::StrAppend(&list, run.id, "\t");
      for (const std::string& setting : run.settings) {
        absl::StrAppend(&list, &setting == &run.settings[0] ? "" : " ",
                        setting);
      }
      list += "\n";
    }
    Write(sweep + "/runs.tsv", list);
    for (const TestRun& run : held) WriteRun<Config>(sweep, run);
    return sweep;
  }

  std::string ErrorOf(const std::vector<std::string>& folders) {
    const absl::StatusOr<CollectResult> result = Collect(folders, {});
    EXPECT_FALSE(result.ok());
    return std::string(result.status().message());
  }

  static std::string Cell(const CollectResult& result, size_t row,
                          const std::string& column) {
    const int at = ColumnOf(result.data, column);
    return at < 0 ? "(no column)" : result.data.rows.at(row)[at];
  }

  TestFolder folder_;
  const std::vector<TestRun> runs_ = SixRuns();
};

TEST_F(CollectTest, RowsSayWhatTheReferencesReadersLookFor) {
  const std::string sweep = Sweep("s", runs_, runs_);
  const absl::StatusOr<CollectResult> result = Collect({sweep}, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->experiment, "induction");
  EXPECT_EQ(result->finished, 6u);
  EXPECT_THAT(result->missing, IsEmpty());
  const std::vector<std::string>& columns = result->data.columns;
  EXPECT_EQ(columns[0], "run_id");
  EXPECT_EQ(columns[1], "state");
  EXPECT_EQ(columns[2], "name");
  EXPECT_EQ(columns[3], "seed");
  ASSERT_EQ(result->data.rows.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(Cell(*result, i, "run_id"), runs_[i].id);
    EXPECT_EQ(Cell(*result, i, "seed"), absl::StrCat(i));
  }
  EXPECT_EQ(Cell(*result, 0, "lr"), "0.0001");
  EXPECT_EQ(Cell(*result, 0, "aux_loss_weight"), "0.2");
  EXPECT_EQ(Cell(*result, 0, "attention_type"), "linear");
  EXPECT_EQ(Cell(*result, 0, "positional_type"), "concat");
  EXPECT_EQ(Cell(*result, 0, "vocab_size"), "50");
  EXPECT_EQ(Cell(*result, 0, "mlp_ratio"), "4.0");
  EXPECT_EQ(Cell(*result, 0, "shift_query_token"), "True");
  EXPECT_EQ(Cell(*result, 1, "shift_query_token"), "False");
  EXPECT_EQ(Cell(*result, 0, "train/loss"), "0.3333333333333333");
  EXPECT_EQ(Cell(*result, 3, "eval/loss"), "0.30000000000000004");
  EXPECT_EQ(Cell(*result, 0, "1_0_nothing"), "");
  // A head that only one run has.
  EXPECT_EQ(Cell(*result, 2, "1_10_rel_attn_bos_global"), "10.5");
  EXPECT_EQ(Cell(*result, 0, "1_10_rel_attn_bos_global"), "");
  EXPECT_EQ(Cell(*result, 0, "_step"), "3910");
  EXPECT_EQ(Cell(*result, 0, "_runtime"), "");
  EXPECT_EQ(Cell(*result, 0, "_timestamp"), "");
  EXPECT_EQ(Cell(*result, 0, "reason"), "(no column)");
  EXPECT_EQ(Cell(*result, 0, "numerics"), "(no column)");
  EXPECT_EQ(Cell(*result, 0, ""), "(no column)");
  // Metrics in the order of their numbers.
  EXPECT_EQ(ColumnOf(result->data, "1_10_rel_attn_bos_global"),
            ColumnOf(result->data, "1_9_rel_attn_bos_global") + 1);
}

TEST_F(CollectTest, TimesAndNumericsWhereAskedFor) {
  std::vector<TestRun> runs = runs_;
  runs[3].numerics = "v2 AVX2";
  const std::string sweep = Sweep("s", runs, runs);
  EXPECT_THAT(ErrorOf({sweep}),
              AllOf(HasSubstr(runs[0].id), HasSubstr(runs[3].id),
                    HasSubstr("numerics: \"v1 AVX3\" and \"v2 AVX2\"")));
  CollectOptions options;
  options.allow_mixed_numerics = true;
  options.times = true;
  const absl::StatusOr<CollectResult> result = Collect({sweep}, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Cell(*result, 0, "numerics"), "v1 AVX3");
  EXPECT_EQ(Cell(*result, 3, "numerics"), "v2 AVX2");
  EXPECT_EQ(Cell(*result, 0, "_runtime"), "12.5");
  EXPECT_EQ(Cell(*result, 0, "_timestamp"), "1706745599");
}

TEST_F(CollectTest, ClassificationHasAnIndex) {
  std::vector<TestRun> runs(2);
  for (int i = 0; i < 2; ++i) runs[i].id = Id(i);
  runs[0].state = "";
  const std::string sweep = Sweep<ClassificationConfig>("s", runs, runs);
  const absl::StatusOr<CollectResult> result = Collect({sweep}, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->experiment, "classification");
  EXPECT_EQ(result->data.columns[0], "");
  EXPECT_EQ(result->data.columns[1], "run_id");
  ASSERT_EQ(result->data.rows.size(), 1u);
  EXPECT_EQ(result->data.rows[0][0], "0");
  EXPECT_EQ(Cell(*result, 0, "num_labels"), "4");
  EXPECT_EQ(Cell(*result, 0, "use_mlp"), "True");
}

TEST_F(CollectTest, ShardsGiveTheSameBytesInAnyOrder) {
  const std::string whole = Sweep("whole", runs_, runs_);
  std::vector<std::string> shards;
  for (size_t i = 0; i < 3; ++i) {
    shards.push_back(Sweep(absl::StrCat("shard", i), runs_,
                           std::vector<TestRun>{runs_[i], runs_[i + 3]}));
  }
  const absl::StatusOr<CollectResult> expected = Collect({whole}, {});
  ASSERT_TRUE(expected.ok()) << expected.status();
  std::vector<int> order = {0, 1, 2};
  do {
    const std::vector<std::string> folders = {
        shards[order[0]], shards[order[1]], shards[order[2]]};
    const absl::StatusOr<CollectResult> result = Collect(folders, {});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(CsvText(result->data), CsvText(expected->data));
    EXPECT_EQ(CsvText(result->times), CsvText(expected->times));
    EXPECT_EQ(result->finished, 6u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(CollectTest, OneResultTwiceIsOneRow) {
  const std::string a = Sweep("a", runs_, runs_);
  std::vector<TestRun> again = {runs_[4]};
  again[0].seconds = 99;
  const std::string b = Sweep("b", runs_, again);
  CollectOptions options;
  options.times = true;
  const absl::StatusOr<CollectResult> ab = Collect({a, b}, options);
  const absl::StatusOr<CollectResult> ba = Collect({b, a}, options);
  ASSERT_TRUE(ab.ok()) << ab.status();
  ASSERT_TRUE(ba.ok()) << ba.status();
  EXPECT_EQ(ab->data.rows.size(), 6u);
  EXPECT_EQ(ab->finished, 6u);
  EXPECT_EQ(CsvText(ab->data), CsvText(ba->data));
  EXPECT_EQ(CsvText(ab->times), CsvText(ba->times));
}

TEST_F(CollectTest, ContradictionsNameBothPlacesAndWhatDiffers) {
  const std::string a = Sweep("a", runs_, runs_);
  std::vector<TestRun> other = {runs_[4]};
  other[0].loss = 0.5;
  const std::string path = "/runs/" + runs_[4].id;
  std::string b = Sweep("loss", runs_, other);
  EXPECT_THAT(ErrorOf({a, b}), AllOf(HasSubstr(a + path), HasSubstr(b + path),
                                     HasSubstr("eval/loss: 0.4 and 0.5")));

  other = {runs_[4]};
  other[0].heads = 2;
  b = Sweep("metric", runs_, other);
  EXPECT_THAT(ErrorOf({b, a}),
              HasSubstr("1_1_rel_attn_bos_global: 1.5 and nothing"));

  other = {runs_[4]};
  other[0].state = "diverged";
  b = Sweep("state", runs_, other);
  EXPECT_THAT(ErrorOf({a, b}), HasSubstr("state: finished and diverged"));

  other = {runs_[4]};
  other[0].settings.push_back("name=other");
  b = Sweep("name", runs_, other);
  EXPECT_THAT(ErrorOf({a, b}), HasSubstr("config: \"name: \"induction\"\" and "
                                         "\"name: \"other\"\""));

  // What the list does not say is a default.
  other = {runs_[4]};
  other[0].settings.push_back("task.num_eval=7");
  b = Sweep("config", runs_, other);
  EXPECT_THAT(ErrorOf({a, b}),
              HasSubstr("task.num_eval is 7, but runs.tsv says 1000"));

  other = {runs_[4]};
  other[0].numerics = "else";
  b = Sweep("numerics", runs_, std::vector<TestRun>{other[0]});
  const std::string c = Sweep("rest", runs_, absl::MakeSpan(&runs_[0], 1));
  EXPECT_THAT(ErrorOf({c, b}),
              AllOf(HasSubstr(c + "/runs/" + runs_[0].id), HasSubstr(b + path),
                    HasSubstr("numerics: \"v1 AVX3\" and \"else\"")));
}

TEST_F(CollectTest, DifferentSweepsAreNotCollectedTogether) {
  const std::string a = Sweep("a", runs_, runs_);
  std::vector<TestRun> others = runs_;
  others[2].id = Id(99);
  std::string b = Sweep("b", others, {});
  EXPECT_THAT(ErrorOf({a, b}),
              AllOf(HasSubstr(a + "/runs.tsv"), HasSubstr(b + "/runs.tsv"),
                    HasSubstr("line 3")));

  // The same list, but another experiment.
  std::vector<TestRun> plain(2);
  for (int i = 0; i < 2; ++i) plain[i].id = Id(i);
  const std::string c =
      Sweep<InductionConfig>("c", plain, absl::MakeSpan(&plain[0], 1));
  const std::string d =
      Sweep<ClassificationConfig>("d", plain, absl::MakeSpan(&plain[1], 1));
  EXPECT_THAT(ErrorOf({c, d}),
              AllOf(HasSubstr(c + "/runs/" + plain[0].id),
                    HasSubstr(d + "/runs/" + plain[1].id),
                    HasSubstr("experiment: induction and classification")));
}

TEST_F(CollectTest, CountsWhatIsNotFinished) {
  std::vector<TestRun> runs = runs_;
  runs[0].state = "diverged";
  runs[1].state = "failed";
  runs[2].state = "";  // begun
  runs[3].state = "interrupted";
  runs[4].state = "crashed early";
  const std::string sweep =
      Sweep("s", runs, absl::MakeSpan(&runs[0], 5));  // the last not begun
  ASSERT_TRUE(MakeFolders(sweep + "/runs/" + Id(77)).ok());
  ASSERT_TRUE(MakeFolders(sweep + "/runs/something else").ok());
  const absl::StatusOr<CollectResult> none = Collect({sweep}, {});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->finished, 0u);
  EXPECT_EQ(none->diverged, 1u);
  EXPECT_EQ(none->failed, 2u);
  EXPECT_THAT(none->missing, ElementsAre(runs[2].id, runs[3].id, runs[5].id));
  EXPECT_THAT(none->unlisted, ElementsAre(sweep + "/runs/" + Id(77)));
  ASSERT_EQ(none->data.rows.size(), 3u);
  EXPECT_EQ(Cell(*none, 0, "state"), "diverged");
  EXPECT_EQ(Cell(*none, 0, "_step"), "3910");
  EXPECT_EQ(Cell(*none, 1, "state"), "failed");
  EXPECT_EQ(Cell(*none, 1, "num_heads"), "4");
  // Known from the list alone.
  EXPECT_EQ(Cell(*none, 2, "state"), "failed");
  EXPECT_EQ(Cell(*none, 2, "run_id"), runs[4].id);
  EXPECT_EQ(Cell(*none, 2, "lr"), "0.0001");
  EXPECT_EQ(Cell(*none, 2, "num_heads"), "4");

  // With a finished run, the others' metrics are empty.
  const std::string rest = Sweep("rest", runs, absl::MakeSpan(&runs[5], 1));
  const absl::StatusOr<CollectResult> result = Collect({sweep, rest}, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finished, 1u);
  EXPECT_EQ(Cell(*result, 0, "eval/loss"), "");
  EXPECT_EQ(Cell(*result, 3, "eval/loss"), "0.5");
}

TEST_F(CollectTest, AFinishedRunElsewhereCompletesOneThatBrokeOff) {
  std::vector<TestRun> here = runs_, there = runs_;
  here[2].state = "interrupted";
  here[3].state = "failed";
  here[4].state = "crashed early";
  const std::string a = Sweep("a", runs_, here);
  const std::string b = Sweep("b", runs_, absl::MakeSpan(&there[2], 3));
  for (const auto& folders : {std::vector<std::string>{a, b}, {b, a}}) {
    const absl::StatusOr<CollectResult> result = Collect(folders, {});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->finished, 6u);
  }
}

TEST_F(CollectTest, DamagedFilesAreErrorsThatNameThem) {
  const std::string run = "/runs/" + runs_[3].id;
  const auto damage = [&](const std::string& file, const std::string& text,
                          const std::string& rule) {
    const std::string sweep = Sweep("s", runs_, runs_);
    Write(sweep + file, text);
    EXPECT_THAT(ErrorOf({sweep}),
                AllOf(HasSubstr(sweep + file), HasSubstr(rule)))
        << text;
  };
  damage(run + "/summary.json", "", "not a JSON object");
  damage(run + "/summary.json", "{\"state\":\"fini", "not a JSON object");
  damage(run + "/summary.json", "{}", "no \"state\"");
  damage(run + "/summary.json", "{\"state\":\"odd\"}", "odd");
  damage(run + "/summary.json", "{\"state\":\"finished\",\"a\":\"b\"}",
         "\"a\"");
  damage(run + "/config.textproto", "", "no experiment");
  damage(run + "/config.textproto",
         "# proto-message: polarize.InductionConfig\nseed: x\n", ":2:");
  damage(run + "/config.textproto",
         "# proto-message: polarize.InductionConfig\nseed: 8\n",
         "seed is 8, but runs.tsv says 3");
  damage(run + "/environment.textproto", "cpu: \"", "environment.textproto:1");
  damage("/runs.tsv", "x\tseed=1\n", ":1: must begin with a run's id");
  damage("/runs.tsv", Id(1) + "\n" + Id(1) + "\n", ":2: " + Id(1));

  const std::string sweep = Sweep("s", runs_, runs_);
  ASSERT_EQ(unlink((sweep + run + "/config.textproto").c_str()), 0);
  EXPECT_THAT(ErrorOf({sweep}), HasSubstr(run + "/config.textproto"));
  ASSERT_EQ(unlink((sweep + "/runs.tsv").c_str()), 0);
  EXPECT_THAT(ErrorOf({sweep}), HasSubstr("no sweep's folder"));
  EXPECT_THAT(ErrorOf({}), HasSubstr("no sweep to collect"));
  EXPECT_THAT(ErrorOf({Sweep("empty", runs_, {})}),
              HasSubstr("nothing to collect"));
}

TEST_F(CollectTest, WritesBothFilesWhole) {
  const std::string sweep = Sweep("s", runs_, runs_);
  const absl::StatusOr<CollectResult> result = Collect({sweep}, {});
  ASSERT_TRUE(result.ok()) << result.status();
  const std::string out = folder_.path() + "/new/out";
  const absl::StatusOr<std::string> path = WriteCollected(*result, out);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, out + "/induction_data.csv");
  EXPECT_EQ(ReadCsv(*path)->rows, result->data.rows);
  const absl::StatusOr<CsvTable> times = ReadCsv(out + "/induction_times.csv");
  ASSERT_TRUE(times.ok()) << times.status();
  EXPECT_THAT(times->columns, ElementsAre("id", "seconds", "start_time", "cpu",
                                          "simd_target", "commit"));
  EXPECT_THAT(times->rows.at(0),
              ElementsAre(runs_[0].id, "12.5", "2024-01-31T23:59:59Z",
                          "A CPU, 2 GHz", "AVX3", "abc"));
  {
    const FileSizeLimit full_disk(100);
    EXPECT_FALSE(WriteCollected(*result, out).ok());
  }
  EXPECT_EQ(ReadCsv(*path)->rows, result->data.rows);
  EXPECT_THAT(NamesIn(out),
              ElementsAre("induction_data.csv", "induction_times.csv"));
}

}  // namespace
}  // namespace polarize
