// The files of an ordinary run of the induction experiment, and going on from
// them.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/safetensors.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "protos/environment.pb.h"
#include "protos/induction.pb.h"
#include "tests/end_to_end/induction_run.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

// Log-spaced, four per factor of ten: round(10^(k/4)), then the last.
const std::vector<int64_t> kStatisticsSteps = {0, 1, 2, 3, 6, 10, 18, 20};

std::vector<int64_t> StepsOf(const std::vector<MetricsLine>& lines) {
  std::vector<int64_t> steps;
  for (const MetricsLine& line : lines) steps.push_back(line.step);
  return steps;
}

// One run that most tests look at. It draws its pictures where gnuplot is.
class FilesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TestFolder;
    ProgramCall call = SmallRun({}, {"--out=" + Out(), "--threads=1"});
    call.environment = {{"TERM", "xterm"}};
    result_ = new ProgramResult(RunProgram(call));
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete result_;
  }

  static std::string Path(absl::string_view name) {
    return absl::StrCat(folder_->path(), "/", name);
  }
  static std::string Out() { return Path("run"); }
  static std::string File(absl::string_view name) {
    return absl::StrCat(Out(), "/", name);
  }

  // Runs once more, here, into `name`.
  static ProgramResult Again(const std::string& name,
                             std::vector<std::string> arguments) {
    arguments.push_back("--out=" + Path(name));
    arguments.push_back("--threads=1");
    return RunProgram(Induction(arguments));
  }

  static TestFolder* folder_;
  static ProgramResult* result_;
};

TestFolder* FilesTest::folder_ = nullptr;
ProgramResult* FilesTest::result_ = nullptr;

TEST_F(FilesTest, EndsWell) {
  EXPECT_EQ(result_->code, 0) << result_->err;
  EXPECT_THAT(ErrorLines(result_->err), ElementsAre());
  for (const char* said :
       {"model       2 layers, 4 heads, width 32, softmax attention",
        "time        20 steps", "loss floor  0.7316", "finished after 20 steps",
        "layer head", "--init_from="}) {
    EXPECT_THAT(result_->out, HasSubstr(said));
  }
  EXPECT_THAT(result_->out, HasSubstr("run folder  " + Out() + "\n"));
}

TEST_F(FilesTest, NamesAnotherOptimizerAndRecordsARateThatChanges) {
  EXPECT_THAT(result_->out, Not(HasSubstr("optimiser")));
  for (const MetricsLine& line : ReadMetrics(File("metrics.jsonl"))) {
    EXPECT_FALSE(line.Has("train/lr"));
  }
  const ProgramResult result = RunProgram(SmallRun(
      {"optimizer=momentum", "lr=0.1", "lr_schedule=cosine", "warmup_steps=5"},
      {"--out=" + Path("momentum"), "--threads=1"}));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("optimiser   SGD with momentum 0.9, rate 0.1, 5 steps "
                        "of warm-up, cosine down to 0\n"));
  const std::vector<MetricsLine> steps =
      StepLines(ReadMetrics(Path("momentum/metrics.jsonl")));
  ASSERT_EQ(steps.size(), size_t{kSmallRunSteps});
  for (size_t i = 0; i < steps.size(); ++i) {
    ASSERT_TRUE(steps[i].Has("train/lr"));
    const double rate = steps[i].values.at("train/lr");
    const double expected =
        i < 5 ? 0.02 * static_cast<double>(i + 1)
              : 0.05 * (1 + std::cos(M_PI * static_cast<double>(i - 5) / 15));
    EXPECT_NEAR(rate, expected, 1e-15) << "step " << i + 1;
  }
}

TEST_F(FilesTest, LeavesTheseFilesAndNoOthers) {
  std::vector<std::string> others;
  size_t events = 0;
  for (const std::string& name : FilesBelow(Out())) {
    if (absl::StartsWith(name, "events.out.tfevents.")) {
      ++events;
    } else if (!absl::StartsWith(name, "figures/")) {
      others.push_back(name);
    }
  }
  EXPECT_EQ(events, 1u);
  EXPECT_THAT(others, ElementsAre("attention.safetensors", "config.textproto",
                                  "environment.textproto", "logits.safetensors",
                                  "metrics.jsonl", "summary.json",
                                  "weights.safetensors"));
  ExpectWholeFiles(Out());
}

TEST_F(FilesTest, LeavesDataAndScriptOfEveryPictureAndPicturesIfItCan) {
  const bool gnuplot = std::system("gnuplot --version > /dev/null 2>&1") == 0;
  std::vector<std::string> names;
  for (const char* picture : {"attention_sample0", "attention_sample1",
                              "entropy", "loss", "row_sum", "sink_score"}) {
    for (const char* kind : {".dat", ".gp"}) {
      names.push_back(absl::StrCat("figures/", picture, kind));
    }
    for (const char* kind : {".svg", ".pdf"}) {
      if (gnuplot) names.push_back(absl::StrCat("figures/", picture, kind));
    }
  }
  EXPECT_THAT(FilesBelow(Out()), IsSupersetOf(names));
  for (const std::string& name : names) EXPECT_NE(Contents(File(name)), "");
  if (gnuplot) {
    EXPECT_THAT(result_->out, Not(HasSubstr("pictures")));
  } else {
    EXPECT_THAT(result_->out, HasSubstr("No pictures: gnuplot"));
  }
}

TEST_F(FilesTest, KeepsTheLossOfEveryStepOnce) {
  const std::vector<MetricsLine> all = ReadMetrics(File("metrics.jsonl"));
  const std::vector<MetricsLine> steps = StepLines(all);
  ASSERT_EQ(steps.size(), size_t{kSmallRunSteps});
  for (int i = 0; i < kSmallRunSteps; ++i) {
    EXPECT_EQ(steps[i].step, i + 1);
    EXPECT_EQ(steps[i].epoch, i / kSmallRunStepsPerEpoch + 1);
    EXPECT_EQ(steps[i].values.size(), 3u);
    const auto& values = steps[i].values;
    EXPECT_DOUBLE_EQ(values.at("train/step_loss"),
                     0.2 * values.at("train/step_loss_start") +
                         values.at("train/step_loss_main"));
  }
  // It learns: from ln 100 and more to less.
  EXPECT_LT(steps.back().values.at("train/step_loss"),
            steps.front().values.at("train/step_loss"));
  EXPECT_TRUE(std::is_sorted(
      all.begin(), all.end(),
      [](const auto& a, const auto& b) { return a.step < b.step; }));
}

TEST_F(FilesTest, TakesStatisticsAtLogSpacedStepsTheFirstAndTheLast) {
  const std::vector<MetricsLine> lines =
      StatisticsLines(ReadMetrics(File("metrics.jsonl")));
  EXPECT_EQ(StepsOf(lines), kStatisticsSteps);
  for (const MetricsLine& line : lines) {
    // 5 of the evaluation, 7 of each of 2 x 4 heads.
    EXPECT_EQ(line.values.size(), 5u + 7u * 8u);
    for (const char* name :
         {"eval/loss", "eval/acc_all", "eval/acc_induction", "1_3_abs_attn_bos",
          "1_3_abs_attn_all", "1_3_rel_attn_bos", "1_3_rel_attn_bos_global",
          "0_0_entropy"}) {
      EXPECT_TRUE(line.Has(name)) << name;
    }
  }
}

TEST_F(FilesTest, KeepsTheReferencesMetricsOfEveryEpoch) {
  const std::vector<MetricsLine> all = ReadMetrics(File("metrics.jsonl"));
  const std::vector<MetricsLine> epochs = EpochLines(all);
  ASSERT_THAT(StepsOf(epochs), ElementsAre(10, 20));
  const std::vector<MetricsLine> steps = StepLines(all);
  for (int e = 0; e < 2; ++e) {
    EXPECT_EQ(epochs[e].epoch, e + 1);
    for (const char* name :
         {"train/loss", "eval/loss", "eval/acc_all", "eval/acc_induction"}) {
      EXPECT_TRUE(epochs[e].Has(name)) << name;
    }
    double sum = 0;
    for (int i = 0; i < kSmallRunStepsPerEpoch; ++i) {
      sum += steps[e * kSmallRunStepsPerEpoch + i].values.at("train/step_loss");
    }
    EXPECT_DOUBLE_EQ(epochs[e].values.at("train/loss"),
                     sum / kSmallRunStepsPerEpoch);
  }
}

TEST_F(FilesTest, EveryValueIsFinite) {
  for (const MetricsLine& line : ReadMetrics(File("metrics.jsonl"))) {
    EXPECT_FALSE(line.values.empty());
    for (const auto& [name, value] : line.values) {
      EXPECT_TRUE(std::isfinite(value)) << line.step << " " << name;
    }
  }
}

TEST_F(FilesTest, TheSummaryHoldsTheLastValueOfEveryMetric) {
  const google::protobuf::Struct summary = ReadJson(File("summary.json"));
  EXPECT_EQ(summary.fields().at("state").string_value(), "finished");
  EXPECT_EQ(summary.fields().count("reason"), 0u);
  std::map<std::string, double> numbers = Numbers(summary);
  EXPECT_EQ(numbers["steps"], kSmallRunSteps);
  EXPECT_GT(numbers["seconds"], 0);
  numbers.erase("steps");
  numbers.erase("seconds");
  std::map<std::string, double> last;
  for (const MetricsLine& line : ReadMetrics(File("metrics.jsonl"))) {
    for (const auto& [name, value] : line.values) last[name] = value;
  }
  EXPECT_EQ(numbers, last);
}

TEST_F(FilesTest, TheEnvironmentTellsHowItRan) {
  Environment environment;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      Contents(File("environment.textproto")), &environment));
  EXPECT_FALSE(environment.commit().empty());
  EXPECT_FALSE(environment.simd_target().empty());
  EXPECT_EQ(environment.threads(), 1);
  EXPECT_TRUE(environment.has_seed());
  EXPECT_EQ(environment.argument(environment.argument_size() - 1),
            "--threads=1");
}

// Names and shapes of the reference's state_dict.
TEST_F(FilesTest, TheWeightsAreThoseOfTheParameterTable) {
  const absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Open(File("weights.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<std::string> expected = {"pos_embedding.weight [512, 16]",
                                       "embedding.weight [100, 16]"};
  for (const char* layer : {"layers.0.", "layers.1."}) {
    for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      expected.push_back(absl::StrCat(layer, name, ".weight [32, 32]"));
      expected.push_back(absl::StrCat(layer, name, ".bias [32]"));
    }
    for (const char* name : {"norm1", "norm2"}) {
      expected.push_back(absl::StrCat(layer, name, ".weight [32]"));
      expected.push_back(absl::StrCat(layer, name, ".bias [32]"));
    }
    expected.push_back(absl::StrCat(layer, "mlp.0.weight [128, 32]"));
    expected.push_back(absl::StrCat(layer, "mlp.0.bias [128]"));
    expected.push_back(absl::StrCat(layer, "mlp.2.weight [32, 128]"));
    expected.push_back(absl::StrCat(layer, "mlp.2.bias [32]"));
  }
  for (const char* last :
       {"final_norm.weight [32]", "final_norm.bias [32]",
        "output_proj.weight [100, 32]", "output_proj.bias [100]"}) {
    expected.push_back(last);
  }
  std::vector<std::string> found;
  for (const TensorInfo& tensor : file->tensors()) {
    EXPECT_EQ(tensor.dtype, "F32");
    found.push_back(absl::StrCat(tensor.name, " ", ShapeText(tensor.shape)));
    std::vector<float> values(tensor.elements);
    ASSERT_TRUE(file->Read(tensor.name, absl::MakeSpan(values)).ok());
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) {
      return std::isfinite(v);
    })) << tensor.name;
  }
  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(FilesTest, TheLogitsComeWithTheirInput) {
  const absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Open(File("logits.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorInfo* input = file->Find("input");
  const TensorInfo* logits = file->Find("logits");
  ASSERT_TRUE(input != nullptr && logits != nullptr);
  EXPECT_EQ(input->dtype, "I32");
  EXPECT_EQ(ShapeText(input->shape), "[16, 12]");
  EXPECT_EQ(ShapeText(logits->shape), "[16, 12, 100]");
  std::vector<int64_t> tokens(input->elements);
  ASSERT_TRUE(file->Read("input", absl::MakeSpan(tokens)).ok());
  for (size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_TRUE(i % 12 == 0 ? tokens[i] == 0 : tokens[i] > 0 && tokens[i] < 100)
        << tokens[i];
  }
  std::vector<float> values(logits->elements);
  ASSERT_TRUE(file->Read("logits", absl::MakeSpan(values)).ok());
  EXPECT_TRUE(std::all_of(values.begin(), values.end(),
                          [](float v) { return std::isfinite(v); }));
  EXPECT_NE(values.front(), values.back());
}

TEST_F(FilesTest, TheResolvedConfigGivesTheSameRun) {
  const ProgramResult again =
      Again("again", {"--config=" + File("config.textproto")});
  ASSERT_EQ(again.code, 0) << again.err;
  for (const char* name : {"config.textproto", "metrics.jsonl",
                           "weights.safetensors", "logits.safetensors"}) {
    ExpectSameBytes(Path("again/") + name, File(name));
  }
}

TEST_F(FilesTest, SettingsChangeWhatTheConfigFileSays) {
  const ProgramResult again =
      Again("seed", {"--config=" + File("config.textproto"), "--set", "seed=1",
                     "--set", "num_epochs=1"});
  ASSERT_EQ(again.code, 0) << again.err;
  InductionConfig config;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      Contents(Path("seed/config.textproto")), &config));
  EXPECT_EQ(config.seed(), 1);
  EXPECT_EQ(config.model().embed_dim(), 32);
  const auto steps = StepLines(ReadMetrics(Path("seed/metrics.jsonl")));
  EXPECT_EQ(steps.size(), size_t{kSmallRunStepsPerEpoch});
  EXPECT_NE(steps[0].values,
            StepLines(ReadMetrics(File("metrics.jsonl")))[0].values);
}

TEST_F(FilesTest, EvaluatingTheWeightsGivesTheSameBits) {
  const ProgramResult again = Again(
      "eval", {"--config=" + File("config.textproto"),
               "--init_from=" + File("weights.safetensors"), "--eval_only"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("time        0 steps"));
  const std::vector<MetricsLine> lines =
      ReadMetrics(Path("eval/metrics.jsonl"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].step, 0);
  EXPECT_EQ(lines[0].values,
            StatisticsLines(ReadMetrics(File("metrics.jsonl"))).back().values);
  for (const char* name : {"weights.safetensors", "logits.safetensors"}) {
    ExpectSameBytes(Path("eval/") + name, File(name));
  }
}

TEST_F(FilesTest, TrainingGoesOnFromTheWeights) {
  const ProgramResult again =
      Again("on", {"--config=" + File("config.textproto"),
                   "--init_from=" + File("weights.safetensors")});
  ASSERT_EQ(again.code, 0) << again.err;
  const std::vector<MetricsLine> before = ReadMetrics(File("metrics.jsonl"));
  const std::vector<MetricsLine> after = ReadMetrics(Path("on/metrics.jsonl"));
  EXPECT_EQ(StatisticsLines(after).front().values,
            StatisticsLines(before).back().values);
  EXPECT_LT(EpochLines(after).back().values.at("train/loss"),
            EpochLines(before).back().values.at("train/loss"));
  EXPECT_FALSE(Contents(Path("on/weights.safetensors")) ==
               Contents(File("weights.safetensors")));
}

TEST_F(FilesTest, RelativePathsMeanTheUsersDirectory) {
  ProgramCall call = Induction(
      {"--config=run/config.textproto", "--init_from=run/weights.safetensors",
       "--eval_only", "--out=relative/below", "--threads=1"});
  call.directory = "/";
  call.environment.emplace_back("BUILD_WORKING_DIRECTORY", folder_->path());
  const ProgramResult result = RunProgram(call);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(ReadMetrics(Path("relative/below/metrics.jsonl")).size(), 1u);
  // What it prints can be used from anywhere.
  EXPECT_THAT(result.out, HasSubstr("--config=" + Path("relative/below") +
                                    "/config.textproto"));
}

TEST_F(FilesTest, WithoutOutARunFolderAppearsInTheUsersDirectory) {
  ProgramCall call = SmallRun({"num_epochs=0", "name=my-run"}, {});
  call.directory = "/";
  call.environment.emplace_back("BUILD_WORKING_DIRECTORY", Path("typed"));
  const ProgramResult result = RunProgram(call);
  ASSERT_EQ(result.code, 0) << result.err;
  const std::vector<std::string> runs = NamesIn(Path("typed/runs"));
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(runs[0], "my-run-2")) << runs[0];
  ExpectWholeFiles(Path("typed/runs/" + runs[0]));
}

TEST_F(FilesTest, ADryRunPrintsConfigAndPlanAndLeavesNothing) {
  const ProgramResult result = RunProgram(
      SmallRun({}, {"--dry_run", "--out=" + Path("dry"), "--threads=2"}));
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("embed_dim: 32"));
  EXPECT_THAT(result.out, HasSubstr(", 2 threads"));
  EXPECT_THAT(result.out, HasSubstr("20 steps"));
  EXPECT_THAT(NamesIn(folder_->path()), Not(::testing::Contains("dry")));
}

TEST_F(FilesTest, HelpNamesEveryFlag) {
  const ProgramResult result = RunProgram(Induction({"--help"}));
  EXPECT_EQ(result.code, 0);
  for (const char* flag :
       {"--config", "--set", "--out", "--overwrite", "--threads", "--isa",
        "--sharing", "--init_from", "--eval_only", "--dry_run"}) {
    EXPECT_THAT(result.out, HasSubstr(flag));
  }
}

// "induction | head -1": nobody reads on, and the run goes on.
TEST_F(FilesTest, AReaderThatLeavesDoesNotEndTheRun) {
  ProgramCall call = SmallRun({}, {"--out=" + Path("unread"), "--threads=1"});
  call.closed_output = true;
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.code, 0);
  ExpectSameBytes(Path("unread/weights.safetensors"),
                  File("weights.safetensors"));
}

}  // namespace
}  // namespace polarize
