#include "tools/figures/bars.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "experiments/run/config.h"
#include "experiments/run/csv.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/induction.pb.h"
#include "tools/figures/inputs.h"
#include "tools/figures/picture_log.h"
#include "tools/figures/runs.h"

namespace polarize {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kSigmoid = 1, kMlp = 4;

// What the main figure's runs are, of which a test changes a field.
InductionRun SomeRun(const std::string& type, double sink_share) {
  return {type, 0.2, true, "add", 1.0, sink_share};
}

ClassificationRun Sample(const std::string& type, double value) {
  return {type, 41, 1, 1, false, false, value, value};
}

template <typename Pictures>
const BarPicture& Named(const Pictures& pictures, const std::string& name) {
  for (const BarPicture& picture : pictures) {
    if (picture.name == name) return picture;
  }
  ADD_FAILURE() << "no picture " << name;
  return pictures[0];
}

std::vector<std::string> NamesOf(const std::vector<BarPicture>& pictures) {
  std::vector<std::string> names;
  for (const BarPicture& picture : pictures) names.push_back(picture.name);
  return names;
}

// Of the bar of a kind; the chart's bars in their order.
const BarChart::Bar* BarOf(const BarChart& chart, const std::string& group,
                           size_t hue, size_t panel = 0) {
  for (const BarChart::Bar& bar : chart.panels[panel].bars) {
    if (chart.panels[panel].groups[bar.group] == group && bar.hue == hue) {
      return &bar;
    }
  }
  return nullptr;
}

TEST(BarsTest, PicturesHaveTheReferencesNames) {
  const std::vector<std::string> sinks = NamesOf(SinkProportions({}));
  EXPECT_EQ(sinks.size(), 12u);
  EXPECT_THAT(sinks, Contains("sink_proportions_aux0.0_noshift_no"));
  EXPECT_THAT(sinks, Contains("sink_proportions_aux0.2_shift_add"));
  const std::vector<std::string> accuracies = NamesOf(Accuracies({}));
  EXPECT_EQ(accuracies.size(), 12u);
  EXPECT_THAT(accuracies, Contains("accuracy_aux0.2_noshift_concat"));
  const std::vector<std::string> flips = NamesOf(FlipRates({}));
  EXPECT_EQ(flips.size(), 12u);
  EXPECT_THAT(flips, Contains("fliprate_vocab161_nomlp_ln"));
  EXPECT_THAT(flips, Contains("fliprate_vocab41_mlp_noln"));
  const std::vector<std::string> grids = NamesOf(SparsityGrids({}));
  EXPECT_EQ(grids.size(), 6u);
  EXPECT_THAT(grids, Contains("sparsity_layers2_heads4"));
  EXPECT_EQ(MainFigure({}).name, "main_figure");
}

TEST(BarsTest, OtherValuesOfTheRunsHavePicturesToo) {
  InductionRun run = SomeRun("softmax", 1);
  run.aux_loss_weight = 2;
  EXPECT_THAT(NamesOf(SinkProportions({run})),
              Contains("sink_proportions_aux2.0_shift_add"));
  ClassificationRun sample = Sample("softmax", 1);
  sample.vocab_size = 201;
  EXPECT_THAT(NamesOf(FlipRates({sample})),
              Contains("fliprate_vocab201_nomlp_noln"));
  sample.num_heads = 8;
  EXPECT_THAT(NamesOf(FlipRates({sample})),
              Not(Contains("fliprate_vocab201_nomlp_noln")));
  sample.vocab_size = 41;
  EXPECT_THAT(NamesOf(SparsityGrids({sample})),
              Contains("sparsity_layers1_heads8"));
}

// One run of every field off: each must be left out of means and totals, or
// for accuracy alone, of means.
TEST(BarsTest, SinksAreFilteredAsInTheReference) {
  std::vector<InductionRun> runs(6, SomeRun("sigmoid_norm", 0));
  runs[0].sink_share = 0.5;
  runs[1].sink_share = 1;
  runs[2].aux_loss_weight = 0;
  runs[3].shift_query_token = false;
  runs[4].positional_type = "concat";
  runs[5].accuracy = 0.95;  // not above
  runs.push_back(SomeRun("sigmoid_norm", 0));
  runs.back().accuracy = std::nan("");
  runs.push_back(SomeRun("sigmoid_norm", std::nan("")));
  runs.push_back(SomeRun("uniform", 0));
  for (const BarPicture& picture :
       {MainFigure(runs),
        Named(SinkProportions(runs), "sink_proportions_aux0.2_shift_add")}) {
    const Cell& cell = picture.panels[0].cells.At(kSigmoid, 0);
    EXPECT_EQ(cell.values, std::vector<double>({0.5, 1}));
    EXPECT_EQ(cell.passed, 3u) << "one of them without a value";
    EXPECT_EQ(cell.runs, 5u);
    EXPECT_EQ(picture.panels[0].cells.runs(), 5u);
  }
  const BarChart chart = PaperChart(
      Named(SinkProportions(runs), "sink_proportions_aux0.2_shift_add"));
  EXPECT_EQ(BarOf(chart, "sigmoid", 0)->value, 0.75);
  for (const char* other : {"sink_proportions_aux0.0_shift_add",
                            "sink_proportions_aux0.2_noshift_add",
                            "sink_proportions_aux0.2_shift_concat"}) {
    EXPECT_EQ(Named(SinkProportions(runs), other).panels[0].cells.runs(), 1u);
  }
}

TEST(BarsTest, AccuracyIsOfAllRuns) {
  std::vector<InductionRun> runs(3, SomeRun("mlp_unnorm", 0));
  runs[0].accuracy = 0.25;
  runs[1].accuracy = 0.75;
  runs[2].accuracy = std::nan("");
  const std::vector<BarPicture> pictures = Accuracies(runs);
  const BarPicture& picture = Named(pictures, "accuracy_aux0.2_shift_add");
  const BarChart chart = PaperChart(picture);
  EXPECT_EQ(BarOf(chart, "mlp", 1)->value, 0.5);
  EXPECT_EQ(BarOf(DetailChart(picture), "mlp", 1)->note, "2/3");
  EXPECT_EQ(chart.hatch, Hatch::kCross);
  EXPECT_EQ(chart.legend, BarChart::Legend::kUpperLeft);
  EXPECT_EQ(chart.legend_columns, 2u);
  EXPECT_TRUE(chart.legend_yields);
}

TEST(BarsTest, FlipRatesAreOfOneHead) {
  std::vector<ClassificationRun> runs(7, Sample("mlp_norm", 0));
  runs[0].flip_rate = 0.5;
  runs[1].flip_rate = 0.25;
  runs[2].num_layers = 2;
  runs[3].num_heads = 2;
  runs[4].vocab_size = 81;
  runs[5].use_mlp = true;
  runs[6].use_layernorm = true;
  const std::vector<BarPicture> pictures = FlipRates(runs);
  const BarPicture& picture = Named(pictures, "fliprate_vocab41_nomlp_noln");
  EXPECT_EQ(picture.panels[0].cells.At(kMlp, 0).values,
            std::vector<double>({0.5, 0.25}));
  const BarChart chart = PaperChart(picture);
  EXPECT_EQ(chart.hatch, Hatch::kDots);
  EXPECT_EQ(chart.legend, BarChart::Legend::kUpperRight);
  EXPECT_FALSE(chart.legend_yields);
}

TEST(BarsTest, SparsityGridsHaveAPanelPerMlpAndNorm) {
  std::vector<ClassificationRun> runs(6, Sample("mlp_norm", 0.5));
  runs[1].use_layernorm = true;
  runs[2].use_mlp = true;
  runs[3].vocab_size = 81;
  runs[4].num_layers = 2;
  runs[5].num_heads = 4;
  const std::vector<BarPicture> pictures = SparsityGrids(runs);
  const BarChart chart = PaperChart(Named(pictures, "sparsity_layers1_heads1"));
  ASSERT_EQ(chart.panels.size(), 4u);
  EXPECT_EQ(chart.columns, 4u);
  EXPECT_EQ(chart.width, 13);
  EXPECT_EQ(chart.title, "layers=1, heads=1");
  EXPECT_EQ(chart.hatch, Hatch::kStars);
  const char* titles[] = {"no MLP, no LN", "no MLP, LN", "MLP, no LN",
                          "MLP, LN"};
  for (size_t p = 0; p < 4; ++p) {
    EXPECT_EQ(chart.panels[p].title, titles[p]);
    EXPECT_EQ(chart.panels[p].y_label, p == 0 ? "Sparsity Score" : "");
    EXPECT_EQ(BarOf(chart, "mlp", 0, p)->missing, p == 3);
    EXPECT_EQ(std::isnan(BarOf(chart, "mlp", 0, p)->value), p == 3);
  }
  EXPECT_EQ(Named(pictures, "sparsity_layers2_heads1").panels[0].cells.runs(),
            1u);
}

TEST(BarsTest, MissingCellsAreCrossesButSoftmaxWithoutNormIsNoCell) {
  std::vector<InductionRun> runs = {
      SomeRun("softmax", 1), SomeRun("elu_norm", 1),
      SomeRun("coupled_linear_norm", 0.5), SomeRun("mlp_norm", 1)};
  runs[3].accuracy = 0.5;
  const std::vector<BarPicture> pictures = SinkProportions(runs);
  const BarPicture& picture =
      Named(pictures, "sink_proportions_aux0.2_shift_add");
  const BarChart chart = PaperChart(picture);
  EXPECT_EQ(chart.panels[0].groups,
            std::vector<std::string>(
                {"softmax", "sigmoid", "elu", "elu·elu", "mlp", "linear"}));
  EXPECT_EQ(chart.panels[0].bars.size(), 11u);
  EXPECT_EQ(BarOf(chart, "softmax", 1), nullptr);
  EXPECT_FALSE(BarOf(chart, "softmax", 0)->missing);
  EXPECT_DOUBLE_EQ(BarOf(chart, "softmax", 0)->shift, 1 / 1.7);
  EXPECT_FALSE(BarOf(chart, "elu", 0)->missing);
  EXPECT_EQ(BarOf(chart, "elu", 0)->shift, 0);
  EXPECT_TRUE(BarOf(chart, "elu", 1)->missing);
  EXPECT_TRUE(BarOf(chart, "mlp", 0)->missing) << "none passed";
  EXPECT_EQ(BarOf(DetailChart(picture), "mlp", 0)->note, "0/1");
  EXPECT_EQ(BarOf(DetailChart(picture), "mlp", 1)->note, "0/0");
}

TEST(BarsTest, TheMainFigureHasCompleteKindsAlone) {
  std::vector<InductionRun> runs = {
      SomeRun("softmax", 1),    SomeRun("mlp_norm", 1),
      SomeRun("mlp_unnorm", 0), SomeRun("sigmoid_norm", 0.5),
      SomeRun("linear", 1),     SomeRun("linear_unnorm", 1),
  };
  runs[5].accuracy = 0.9;
  const BarChart chart = PaperChart(MainFigure(runs));
  EXPECT_EQ(chart.panels[0].groups,
            std::vector<std::string>({"softmax", "mlp"}));
  EXPECT_EQ(chart.panels[0].y_label, "% of sinks");
  EXPECT_EQ(chart.hatch, Hatch::kNone);
  EXPECT_FALSE(chart.legend_yields);
}

TEST(BarsTest, TheDetailSaysWhatAReaderAsks) {
  std::vector<InductionRun> runs;
  for (int i = 0; i < 8; ++i) runs.push_back(SomeRun("sigmoid_norm", i % 2));
  runs[7].accuracy = 0.2;
  const std::vector<BarPicture> sinks = SinkProportions(runs);
  const BarChart chart =
      DetailChart(Named(sinks, "sink_proportions_aux0.2_shift_add"));
  EXPECT_EQ(chart.name, "sink_proportions_aux0.2_shift_add_detail");
  const BarChart::Bar* bar = BarOf(chart, "sigmoid", 0);
  EXPECT_EQ(bar->note, "7/8");
  EXPECT_LT(bar->low, bar->value);
  EXPECT_GT(bar->high, bar->value);
  EXPECT_TRUE(chart.panels[0].references.empty());
  EXPECT_THAT(chart.caption, HasSubstr("95 % bootstrap"));
  EXPECT_THAT(chart.caption, HasSubstr("accuracy above 95 % / all runs"));
  const auto line = [](const std::vector<BarPicture>& pictures) {
    return DetailChart(pictures[0]).panels[0].references[0].y;
  };
  EXPECT_EQ(line(Accuracies(runs)), 0.1);
  EXPECT_EQ(line(FlipRates({})), 0.25);
  EXPECT_DOUBLE_EQ(line(SparsityGrids({})), 1.0 / 11);
}

TEST(BarsTest, TheTableHasWhatTheBarsShow) {
  std::vector<InductionRun> runs(4, SomeRun("sigmoid_norm", 0.5));
  runs[3].accuracy = 0.1;
  const std::vector<BarPicture> pictures = SinkProportions(runs);
  const CsvTable table =
      BarTable(Named(pictures, "sink_proportions_aux0.2_shift_add"));
  EXPECT_EQ(table.columns,
            std::vector<std::string>({"panel", "bar", "mean", "low", "high",
                                      "runs_passed", "runs_total"}));
  ASSERT_EQ(table.rows.size(), 11u);
  EXPECT_EQ(table.rows[0], std::vector<std::string>(
                               {"", "softmax w. norm.", "", "", "", "0", "0"}));
  EXPECT_EQ(table.rows[1],
            std::vector<std::string>(
                {"", "sigmoid w. norm.", "0.5", "0.5", "0.5", "3", "4"}));
}

// ---- The files ----

class DrawBarsTest : public ::testing::Test {
 protected:
  DrawBarsTest() {
    FigureInputs given;
    given.sweeps = folder_.path();
    inputs_ = WithDefaults(given);
  }

  void Write(const std::string& path, const std::string& text) {
    const std::string folder = path.substr(0, path.rfind('/'));
    ASSERT_TRUE(MakeFolders(folder).ok());
    ASSERT_TRUE(WriteFileWhole(path, text).ok());
  }

  // What it logs, or its error.
  std::string Draw() {
    char* text = nullptr;
    size_t size = 0;
    std::FILE* out = open_memstream(&text, &size);
    PictureLog log(out);
    absl::Status status = CollectMissing(inputs_, log);
    if (status.ok()) status = DrawBars(inputs_, log);
    std::fclose(out);
    std::string lines(text, size);
    std::free(text);
    return status.ok() ? lines : std::string(status.message());
  }

  std::vector<std::string> Pictures() { return NamesIn(inputs_.out); }

  TestFolder folder_;
  FigureInputs inputs_;
};

constexpr char kColumns[] =
    "attention_type,aux_loss_weight,shift_query_token,positional_type,"
    "eval/acc_induction,1_0_rel_attn_bos_global\n";

TEST_F(DrawBarsTest, DrawsWhatThereIsAndNamesTheRest) {
  Write(inputs_.induction_csv,
        std::string(kColumns) + "softmax,0.2,True,add,0.5,0.95\n");
  const std::string log = Draw();
  EXPECT_THAT(log, HasSubstr("drawn    sink_proportions_aux0.2_shift_add\n"));
  EXPECT_THAT(log, HasSubstr("drawn    accuracy_aux0.2_shift_add\n"));
  EXPECT_THAT(log, HasSubstr("no data  accuracy_aux0.0_shift_add: no such run "
                             "in " +
                             inputs_.induction_csv));
  EXPECT_THAT(log, HasSubstr("no data  main_figure: no run with accuracy above "
                             "95 % in "));
  EXPECT_THAT(log, HasSubstr("no data  fliprate_*, sparsity_*: cannot open " +
                             inputs_.classification_csv));
  for (const char* end : {".csv", ".dat", ".gp", "_detail.dat", "_detail.gp"}) {
    EXPECT_THAT(Pictures(),
                Contains(std::string("accuracy_aux0.2_shift_add") + end));
  }
  EXPECT_THAT(Pictures(), Not(Contains("main_figure.csv")));
  const auto table =
      ReadCsv(inputs_.out + "/sink_proportions_aux0.2_shift_add.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows[0].back(), "1");
}

TEST_F(DrawBarsTest, RunsWithoutACsvFileAreCollected) {
  const std::string sweep = inputs_.Sweep("induction");
  Write(sweep + "/runs.tsv",
        "aaaaaaaaaaaaaaaa\tseed=0 "
        "model.positional_type=add\nbbbbbbbbbbbbbbbb\tseed=1\n");
  ASSERT_TRUE(MakeFolders(sweep + "/runs").ok());
  EXPECT_THAT(Draw(), HasSubstr("note     no run of " + sweep));
  InductionConfig config;
  ASSERT_TRUE(
      LoadConfig({"test", ""}, {"model.positional_type=add"}, &config).ok());
  const std::string run = sweep + "/runs/aaaaaaaaaaaaaaaa/";
  Write(run + "config.textproto", ResolvedText(config));
  Write(run + "environment.textproto",
        "simd_target: 'AVX3' numerics: 'v1' "
        "start_time: '2024-01-31T23:59:59Z'\n");
  Write(run + "summary.json",
        "{\"state\": \"finished\", \"steps\": 1, \"seconds\": 1, "
        "\"eval/acc_induction\": 1, \"1_0_rel_attn_bos_global\": 0.95}\n");
  const std::string missing = inputs_.induction_csv;
  const std::string log = Draw();
  EXPECT_THAT(log, HasSubstr("note     no CSV file: collected 1 runs of " +
                             sweep + ", 1 are not over\n"));
  EXPECT_THAT(log, HasSubstr("drawn    sink_proportions_aux0.2_shift_add\n"));
  EXPECT_EQ(inputs_.induction_csv, inputs_.out + "/induction_data.csv");
  EXPECT_FALSE(ReadCsv(missing).ok()) << "which would soon be out of date";
}

TEST_F(DrawBarsTest, ABadFileIsAClearError) {
  Write(inputs_.induction_csv, std::string(kColumns) + "softmax,0.2\n");
  EXPECT_THAT(Draw(), HasSubstr(inputs_.induction_csv + ":2: "));
  Write(inputs_.induction_csv, "run_id\nx\n");
  EXPECT_THAT(Draw(), HasSubstr(inputs_.induction_csv +
                                ": no column 'attention_type'"));
  Write(inputs_.induction_csv,
        std::string(kColumns) + "softmax,0.2,maybe,add,1,1\n");
  EXPECT_THAT(Draw(), HasSubstr("row 1, shift_query_token: 'maybe'"));
}

TEST(InputsTest, FilesThatTheUserNamesMustBeThere) {
  FigureInputs given;
  EXPECT_TRUE(CheckGiven(given).ok());
  given.classification_csv = "/nonexistent/c.csv";
  EXPECT_THAT(std::string(CheckGiven(given).message()),
              HasSubstr("/nonexistent/c.csv"));
}

TEST(InputsTest, DefaultsAreBelowTheSweeps) {
  setenv("BUILD_WORKING_DIRECTORY", "/home/me", 1);
  FigureInputs inputs = WithDefaults({});
  EXPECT_EQ(inputs.sweeps, "/home/me/sweeps");
  EXPECT_EQ(inputs.induction_csv,
            "/home/me/sweeps/induction/induction_data.csv");
  EXPECT_EQ(inputs.classification_csv,
            "/home/me/sweeps/classification/classification_data.csv");
  EXPECT_EQ(inputs.out, "/home/me/sweeps/figures");
  inputs = WithDefaults({"a.csv", "/b.csv", "s", "o"});
  EXPECT_EQ(inputs.induction_csv, "/home/me/a.csv");
  EXPECT_EQ(inputs.classification_csv, "/b.csv");
  EXPECT_EQ(inputs.Sweep("x"), "/home/me/s/x");
  EXPECT_EQ(inputs.out, "/home/me/o");
  unsetenv("BUILD_WORKING_DIRECTORY");
}

}  // namespace
}  // namespace polarize
