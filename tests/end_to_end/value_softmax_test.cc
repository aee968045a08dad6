// The programs of section 3 as a user runs them: files, bits, exit codes.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/safetensors.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "protos/environment.pb.h"
#include "protos/value_softmax.pb.h"
#include "tests/end_to_end/induction_run.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

using Strings = std::vector<std::string>;

const Strings kFamilies = {
    "logistic",   "normalisations_square", "tied", "normalisations_logistic",
    "regression", "condition_numbers",     "kl"};

bool HasGnuplot() {
  return std::system("gnuplot --version > /dev/null 2>&1") == 0;
}

// ExpectWholeFiles knows the configs of another experiment.
void ExpectWhole(const std::string& folder) {
  ValueSoftmaxConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      Contents(folder + "/config.textproto"), &config));
  Environment environment;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      Contents(folder + "/environment.textproto"), &environment));
  EXPECT_GT(environment.threads(), 0);
  EXPECT_TRUE(environment.has_seed());
  for (const std::string& name : FilesBelow(folder)) {
    const std::string path = folder + "/" + name;
    if (absl::EndsWith(name, ".jsonl")) ReadMetrics(path);
    if (absl::EndsWith(name, ".json")) ReadJson(path);
    if (absl::EndsWith(name, ".safetensors")) {
      const auto file = SafetensorsFile::Open(path);
      EXPECT_TRUE(file.ok()) << file.status();
    }
    EXPECT_FALSE(absl::EndsWith(name, ".tmp") ||
                 absl::EndsWith(name, ".partial"))
        << name;
  }
}

// Neither as a word in any file that people or scripts read.
void ExpectNoNan(const std::string& folder) {
  for (const std::string& name : FilesBelow(folder)) {
    if (!absl::EndsWith(name, ".json") && !absl::EndsWith(name, ".jsonl") &&
        !absl::EndsWith(name, ".csv") && !absl::EndsWith(name, ".textproto")) {
      continue;
    }
    const std::string text =
        absl::AsciiStrToLower(Contents(folder + "/" + name));
    for (const absl::string_view word :
         absl::StrSplit(text, absl::ByAnyChar(" \n,:\"[]{}=-"))) {
      EXPECT_TRUE(word != "nan" && word != "inf" && word != "infinity" &&
                  word != "null")
          << name;
    }
  }
}

class ValueSoftmaxTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }

  // The program of the family, or of the section; no pictures.
  ProgramCall Call(const std::string& program, const std::string& out,
                   Strings arguments) const {
    ProgramCall call;
    call.program = DataPath("experiments/value_softmax/" + program);
    call.arguments = std::move(arguments);
    call.arguments.push_back("--out=" + Path(out));
    call.environment = {{"PATH", "/nowhere"}};
    return call;
  }
  ProgramResult Run(const std::string& program, const std::string& out,
                    Strings arguments) const {
    return RunProgram(Call(program, out, std::move(arguments)));
  }

  // One line on stderr, exit code 1, and no folder.
  void ExpectRefused(const std::string& program, const Strings& arguments,
                     const std::string& error) {
    const ProgramResult result = Run(program, "refused", arguments);
    EXPECT_EQ(result.code, 1);
    const Strings lines = ErrorLines(result.err);
    ASSERT_FALSE(lines.empty());
    EXPECT_THAT(lines[0], HasSubstr(error));
    EXPECT_LE(lines.size(), 2u) << result.err;
    EXPECT_FALSE(std::filesystem::exists(Path("refused")));
  }

  const TestFolder folder_;
};

// Steps and a flow that take milliseconds.
const Strings kShort = {"--set=steps=200", "--threads=2"};

TEST_F(ValueSoftmaxTest, EveryFamilyRuns) {
  for (const std::string& family : kFamilies) {
    SCOPED_TRACE(family);
    Strings arguments = kShort;
    if (family == "logistic" || family == "regression" || family == "kl") {
      arguments.push_back("--set=end_time=100");
    }
    ProgramCall call = Call(family, family, arguments);
    if (family == "logistic") call.environment = {{"TERM", "xterm"}};
    const ProgramResult result = RunProgram(call);
    EXPECT_EQ(result.code, 0) << result.err << result.out;
    EXPECT_THAT(result.out, HasSubstr("run folder  " + Path(family) + "\n"));
    EXPECT_THAT(result.out, HasSubstr("holds"));
    EXPECT_THAT(result.out, Not(HasSubstr("not compiled")));
    ExpectWhole(Path(family));
    ExpectNoNan(Path(family));
    EXPECT_THAT(FilesBelow(Path(family)),
                IsSupersetOf({"claims.jsonl", "config.textproto",
                              "environment.textproto", "metrics.jsonl",
                              "summary.json"}));
    EXPECT_EQ(ReadJson(Path(family) + "/summary.json")
                  .fields()
                  .at("state")
                  .string_value(),
              "finished");
  }
  Strings pictures;
  for (const char* name :
       {"entropy", "flow", "step_size", "softmax_and_u_evolution_icml_2col"}) {
    for (const char* kind : {".dat", ".gp", ".svg", ".pdf"}) {
      if (HasGnuplot() || kind[1] == 'd' || kind[1] == 'g') {
        pictures.push_back(absl::StrCat("figures/", name, kind));
      }
    }
  }
  EXPECT_THAT(FilesBelow(Path("logistic")), IsSupersetOf(pictures));
  // From the largest rate to the flow's, 0; sizes by their letter.
  EXPECT_THAT(
      Contents(Path("logistic/figures/step_size.gp")),
      testing::AllOf(HasSubstr("time t"),
                     testing::ContainsRegex("rate 1'(.|\n)*rate 0.1'(.|\n)*"
                                            "rate 0.01'(.|\n)*flow'")));
  EXPECT_THAT(Contents(Path("tied/figures/entropy.gp")), HasSubstr("D = 10"));
}

TEST_F(ValueSoftmaxTest, TheHistoriesHoldEveryQuantity) {
  ASSERT_EQ(Run("logistic", "run",
                {"--set=steps=200", "--set=end_time=100", "--set=latent=5",
                 "--set=compare_lr=1,0.01"})
                .code,
            0);
  for (const char* label : {"descent", "lr1", "lr0.01", "flow"}) {
    const auto file = SafetensorsFile::Open(
        absl::StrCat(Path("run"), "/history_", label, ".safetensors"));
    ASSERT_TRUE(file.ok()) << file.status();
    const TensorInfo* const step = file->Find("step");
    ASSERT_NE(step, nullptr);
    const int64_t rows = step->shape[0];
    std::vector<std::string> found;
    for (const TensorInfo& tensor : file->tensors()) {
      found.push_back(tensor.name);
      if (tensor.name == "s" || tensor.name == "a" || tensor.name == "u") {
        EXPECT_EQ(ShapeText(tensor.shape), absl::StrCat("[", rows, ", 5]"));
      } else if (tensor.name == "final_values") {
        EXPECT_EQ(ShapeText(tensor.shape), "[8, 5]");
      } else if (tensor.name == "target") {
        EXPECT_EQ(ShapeText(tensor.shape), "[8]");
      } else {
        EXPECT_EQ(ShapeText(tensor.shape), absl::StrCat("[", rows, "]"));
      }
      EXPECT_EQ(tensor.dtype, tensor.name == "step" ? "I64" : "F64");
    }
    EXPECT_THAT(found, testing::UnorderedElementsAre(
                           "step", "time", "loss", "s", "a", "entropy",
                           "values_gradient_norm", "attention_gradient_norm",
                           "output_norm", "u", "alignment", "response",
                           "target", "final_values"));
    std::vector<int64_t> steps(step->elements);
    ASSERT_TRUE(file->Read("step", absl::MakeSpan(steps)).ok());
    const bool flow = label == std::string("flow");
    EXPECT_EQ(steps.back(), flow                             ? -1
                            : label == std::string("lr1")    ? 19
                            : label == std::string("lr0.01") ? 1999
                                                             : 199);
  }
}

TEST_F(ValueSoftmaxTest, TheSectionRunsAllFamiliesButThePhaseDiagram) {
  const ProgramResult result = Run("value_softmax", "all", kShort);
  EXPECT_EQ(result.code, 0) << result.err << result.out;
  Strings folders;
  for (const std::string& name : NamesIn(Path("all"))) {
    if (std::filesystem::is_directory(Path("all/" + name))) {
      folders.push_back(name);
      ExpectWhole(Path("all/" + name));
    }
  }
  EXPECT_THAT(folders, testing::UnorderedElementsAreArray(kFamilies));
}

TEST_F(ValueSoftmaxTest, OnlyRunsTheFamiliesNamed) {
  EXPECT_EQ(Run("value_softmax", "some",
                {"--only=regression,tied", "--set=steps=50", "--threads=1"})
                .code,
            0);
  EXPECT_THAT(NamesIn(Path("some")), IsSupersetOf({"regression", "tied"}));
  EXPECT_THAT(NamesIn(Path("some")), Not(Contains("kl")));
}

// Theorem 3.3(c) is about the flow: such steps jump over it.
TEST_F(ValueSoftmaxTest, AFalseClaimIsExitCodeTwo) {
  const ProgramResult result = Run("logistic", "false",
                                   {"--set=lr=300", "--set=steps=1000",
                                    "--set=end_time=0", "--set=compare_lr="});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.out, HasSubstr("fails"));
  EXPECT_THAT(Contents(Path("false/claims.jsonl")),
              HasSubstr("\"verdict\":\"fails\""));
  ExpectWhole(Path("false"));
}

TEST_F(ValueSoftmaxTest, DivergenceNamesItsStepAndLeavesNoNan) {
  const ProgramResult result =
      Run("regression", "diverged",
          {"--set=lr=10", "--set=attention_scale=5", "--set=end_time=0"});
  EXPECT_EQ(result.code, 1);
  const Strings lines = ErrorLines(result.err);
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines.back(),
              testing::MatchesRegex("regression diverged: descent: step "
                                    "[0-9]+: .*the rate 10 is too large.*"));
  // Said once.
  EXPECT_THAT(result.out, HasSubstr("descent diverged\n"));
  EXPECT_THAT(result.out, HasSubstr("no claim applies to these runs\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("too large")));
  EXPECT_THAT(NamesIn(Path("diverged")), Not(Contains("claims.jsonl")));
  ExpectWhole(Path("diverged"));
  ExpectNoNan(Path("diverged"));
  const auto summary = ReadJson(Path("diverged/summary.json")).fields();
  EXPECT_EQ(summary.at("state").string_value(), "diverged");
  EXPECT_LT(summary.at("steps").number_value(), 100000);
  EXPECT_THAT(lines.back(), HasSubstr(summary.at("reason").string_value()));
  const auto file =
      SafetensorsFile::Open(Path("diverged/history_descent.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Find("final_values"), nullptr);
}

TEST_F(ValueSoftmaxTest, DivergenceInTheFirstStepLeavesNoHistory) {
  const ProgramResult result = Run("logistic", "first",
                                   {"--set=lr=1e300", "--set=steps=200",
                                    "--set=end_time=0", "--set=compare_lr="});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("step 0"));
  ExpectWhole(Path("first"));
  ExpectNoNan(Path("first"));
  EXPECT_THAT(FilesBelow(Path("first")),
              Not(Contains("history_descent.safetensors")));
}

TEST_F(ValueSoftmaxTest, AFlowThatGivesUpHasNotDiverged) {
  const ProgramResult result =
      Run("logistic", "gave_up",
          {"--set=steps=200", "--set=flow.max_steps=10", "--threads=1"});
  EXPECT_EQ(result.code, 1);
  const Strings lines = ErrorLines(result.err);
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines.back(),
              testing::MatchesRegex("logistic gave up: flow: max_steps = 10 "
                                    "reached at t = [0-9.e+-]{1,12}, before "
                                    "1e.12"));
  EXPECT_THAT(result.out, HasSubstr("logistic: gave up\nflow gave up\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("diverged")));
  const auto summary = ReadJson(Path("gave_up/summary.json")).fields();
  EXPECT_EQ(summary.at("state").string_value(), "gave up");
  const auto runs = summary.at("runs").struct_value().fields();
  EXPECT_EQ(runs.at("flow").struct_value().fields().at("state").string_value(),
            "gave up");
  EXPECT_EQ(
      runs.at("descent").struct_value().fields().at("state").string_value(),
      "finished");
}

TEST_F(ValueSoftmaxTest, TheSummaryHoldsWhatEachRunTook) {
  ASSERT_EQ(Run("regression", "run", {"--set=steps=200"}).code, 0);
  const auto runs = ReadJson(Path("run/summary.json"))
                        .fields()
                        .at("runs")
                        .struct_value()
                        .fields();
  const auto& descent = runs.at("descent").struct_value().fields();
  EXPECT_EQ(descent.at("steps").number_value(), 200);
  EXPECT_GE(descent.at("seconds").number_value(), 0);
  const auto& flow = runs.at("flow").struct_value().fields();
  for (const char* field : {"accepted", "evaluations", "stationary_from"}) {
    ASSERT_EQ(flow.count(field), 1u) << field;
    EXPECT_GT(flow.at(field).number_value(), 0) << field;
  }
  EXPECT_GE(flow.at("rejected").number_value(), 0);
}

TEST_F(ValueSoftmaxTest, CtrlCKeepsWhatWasMeasured) {
  ProgramCall call =
      Call("value_softmax", "stopped",
           {"--only=logistic,tied", "--set=steps=100000000000", "--threads=1"});
  Program program(call);
  ASSERT_TRUE(program.WaitUntil([&] {
    return absl::StrContains(program.err(), "million steps");
  })) << program.err();
  program.Signal(SIGINT);
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.code, 128 + SIGINT) << result.err;
  // The one that ran, and the one that waited for it.
  for (const char* family : {"logistic", "tied"}) {
    const std::string folder = Path(absl::StrCat("stopped/", family));
    ExpectWhole(folder);
    ExpectNoNan(folder);
    EXPECT_EQ(
        ReadJson(folder + "/summary.json").fields().at("state").string_value(),
        "interrupted");
  }
  EXPECT_THAT(NamesIn(Path("stopped/tied")), Not(Contains("claims.jsonl")));
}

TEST_F(ValueSoftmaxTest, BadInputIsOneErrorAndLeavesNothing) {
  ExpectRefused("logistic", {"--set=lrr=1"}, "did you mean descent.lr?");
  ExpectRefused("logistic", {"--set=lr=0"},
                "--set lr=0: descent.lr = 0: must be above 0");
  ExpectRefused("logistic", {"--init_from=x"}, "has no transformer");
  ExpectRefused("value_softmax", {"--eval_only"}, "has no transformer");
  ExpectRefused("logistic", {"--ovrwrite"}, "Unknown command line flag");
  ExpectRefused("logistic", {"x.textproto"}, "not a flag");
  ExpectRefused("logistic", {"--isa=mmx"}, "--isa=mmx: must be one of");
  ExpectRefused("logistic", {"--threads=-1"}, "must be from 0 to 1024");
  ExpectRefused("logistic", {"--only=kl"}, "--only is for");
  ExpectRefused("value_softmax", {"--only=logistc"},
                "--only=logistc: no family logistc; there are logistic, ");
  ExpectRefused("value_softmax", {"--only=logistc"}, "did you mean logistic?");
  ExpectRefused("value_softmax", {"--only=kl,kl"}, "kl is there twice");
  ExpectRefused("value_softmax", {"--only=kl", "--config=x.textproto"},
                "--only names families, --config is a family of its own");
  ExpectRefused("condition_numbers", {"--set=condition_number=2"},
                "model.condition_number: also set at "
                "experiments/value_softmax/condition_numbers.textproto:");
  ExpectRefused("condition_numbers", {"--set=condition_number=2"},
                " (vary): change it there");
  ExpectRefused("phase_diagram", {"--set=vary.points=8"},
                "vary is a list; change it in a copy of the config (--config)");
  ExpectRefused("phase_diagram", {"--set=history.points=8"},
                "has no effect with two axes");
  ExpectRefused("logistic", {"--set=lr=1"},
                "1 is descent.lr itself (--set compare_lr= clears it)");
  ExpectRefused("logistic", {"--set=steps=5"},
                "a step of 1 is longer than lr * steps, 0.5");
  ExpectRefused("logistic", {"--config=" + Path("nothing")},
                "cannot read the config");
}

TEST_F(ValueSoftmaxTest, APathBelowAFileIsRefused) {
  std::ofstream(Path("file")) << "x";
  for (const char* program : {"logistic", "value_softmax"}) {
    const ProgramResult result = Run(program, "file/run", kShort);
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.err, "cannot make the folder " + Path("file/run") +
                              ": Not a directory\n");
  }
}

TEST_F(ValueSoftmaxTest, AFullDiskIsSaidAndLeavesWholeFiles) {
  for (const auto& [limit, file] :
       {std::pair{300, "config.textproto"},
        std::pair{20000, "history_descent.safetensors"}}) {
    const std::string out = absl::StrCat("full", limit);
    ProgramCall call = Call(
        "regression", out,
        {"--set=steps=500", "--set=end_time=0", "--threads=1", "--isa=sse2"});
    call.file_size_limit = static_cast<rlim_t>(limit);
    const ProgramResult result = RunProgram(call);
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.signal, 0);
    EXPECT_THAT(result.err, HasSubstr("cannot write " + Path(out) + "/"));
    EXPECT_THAT(result.err, HasSubstr(": File too large"));
    EXPECT_THAT(FilesBelow(Path(out)), Not(Contains("summary.json")));
    EXPECT_THAT(FilesBelow(Path(out)), Not(Contains(file)));
  }
}

TEST_F(ValueSoftmaxTest, ARunIsReplacedOnlyWhenAskedTo) {
  ASSERT_EQ(Run("regression", "run", {"--set=steps=50"}).code, 0);
  const std::string history = Contents(Path("run/history_descent.safetensors"));
  const ProgramResult second = Run("regression", "run", {"--set=steps=60"});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("already holds a run"));
  EXPECT_TRUE(Contents(Path("run/history_descent.safetensors")) == history);
  EXPECT_EQ(Run("regression", "run", {"--set=steps=60", "--overwrite"}).code,
            0);
  EXPECT_FALSE(Contents(Path("run/history_descent.safetensors")) == history);
  // The same for the folders of a section.
  const Strings only = {"--only=tied", "--set=steps=50"};
  EXPECT_EQ(Run("value_softmax", "section", only).code, 0);
  EXPECT_EQ(Run("value_softmax", "section", only).code, 1);
  EXPECT_EQ(Run("value_softmax", "section",
                {"--only=tied", "--set=steps=50", "--overwrite"})
                .code,
            0);
}

TEST_F(ValueSoftmaxTest, NothingOfAReplacedRunIsLeft) {
  ASSERT_EQ(Run("logistic", "run", {"--set=steps=50", "--set=end_time=1"}).code,
            0);
  EXPECT_THAT(NamesIn(Path("run")),
              IsSupersetOf({"history_lr1.safetensors", "claims.jsonl"}));
  ASSERT_EQ(Run("logistic", "run",
                {"--set=steps=50", "--set=end_time=0",
                 "--set=compare_lr=", "--set=optimiser=adam", "--overwrite"})
                .code,
            0);
  Strings histories;
  for (const std::string& name : NamesIn(Path("run"))) {
    if (absl::EndsWith(name, ".safetensors")) histories.push_back(name);
  }
  EXPECT_THAT(histories, ElementsAre("history_descent.safetensors"));
  EXPECT_THAT(NamesIn(Path("run")), Not(Contains("claims.jsonl")));
  // Families of a section that the new one lacks, but no files of others.
  const auto section = [&](const char* only, bool overwrite) {
    Strings arguments = {absl::StrCat("--only=", only), "--set=steps=50"};
    if (overwrite) arguments.push_back("--overwrite");
    return Run("value_softmax", "section", arguments).code;
  };
  ASSERT_EQ(section("tied,regression,kl", false), 0);
  std::ofstream(Path("section/kl/notes.txt")) << "x";
  std::filesystem::create_directory(Path("section/mine"));
  std::ofstream(Path("section/mine/summary.json")) << "x";
  ASSERT_EQ(section("tied", true), 0);
  EXPECT_THAT(NamesIn(Path("section")), ElementsAre("kl", "mine", "tied"));
  EXPECT_THAT(NamesIn(Path("section/kl")), ElementsAre("notes.txt"));
  EXPECT_THAT(NamesIn(Path("section/mine")), ElementsAre("summary.json"));
}

TEST_F(ValueSoftmaxTest, ADryRunPrintsTheConfigAndWritesNothing) {
  const ProgramResult result =
      Run("value_softmax", "dry", {"--dry_run", "--threads=2"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("name: \"condition_numbers\""));
  EXPECT_THAT(result.out, HasSubstr("nothing allocated in a step"));
  EXPECT_THAT(result.out, HasSubstr(", 2 threads for "));
  EXPECT_THAT(NamesIn(folder_.path()), IsEmpty());
}

// Histories and claims of two folders.
void ExpectSameResults(const std::string& a, const std::string& b) {
  size_t histories = 0;
  for (const std::string& name : FilesBelow(a)) {
    if (!absl::EndsWith(name, ".safetensors") &&
        !absl::EndsWith(name, "claims.jsonl") &&
        !absl::EndsWith(name, "metrics.jsonl")) {
      continue;
    }
    ExpectSameBytes(a + "/" + name, b + "/" + name);
    histories += absl::EndsWith(name, ".safetensors");
  }
  EXPECT_GT(histories, 0u);
}

TEST_F(ValueSoftmaxTest, ThreadsChangeNoBit) {
  for (const char* threads : {"1", "2", "3"}) {
    ASSERT_EQ(Run("value_softmax", absl::StrCat("threads", threads),
                  {"--set=steps=200", absl::StrCat("--threads=", threads)})
                  .code,
              0);
  }
  ExpectSameResults(Path("threads1"), Path("threads2"));
  ExpectSameResults(Path("threads1"), Path("threads3"));
}

TEST_F(ValueSoftmaxTest, TheResolvedConfigGivesTheSameRun) {
  const Strings small = {"--set=steps=300", "--set=seed=5"};
  for (const char* family : {"normalisations_logistic", "regression"}) {
    ASSERT_EQ(Run(family, family, small).code, 0);
    const std::string again = absl::StrCat(family, "_again");
    const ProgramResult result =
        Run(family, again,
            {absl::StrCat("--config=", Path(family), "/config.textproto")});
    ASSERT_EQ(result.code, 0) << result.err;
    ExpectSameBytes(Path(family) + "/config.textproto",
                    Path(again) + "/config.textproto");
    ExpectSameResults(Path(family), Path(again));
  }
}

TEST_F(ValueSoftmaxTest, WhatToTypeNextIsAProgramThatExists) {
  std::ofstream(Path("my.textproto")) << "name: \"mine\" descent { steps: 10 }";
  const ProgramResult result =
      Run("logistic", "mine", {"--config=" + Path("my.textproto")});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("mine: finished"));
  EXPECT_THAT(result.out,
              HasSubstr("bazel run //experiments:value_softmax -- --config=" +
                        Path("mine") + "/config.textproto"));
  const ProgramResult own =
      Run("value_softmax", "own",
          {"--config=" + Path("mine") + "/config.textproto"});
  EXPECT_EQ(own.code, 0) << own.err;
  std::ofstream(Path("tied.textproto"))
      << "name: \"tied\" descent { steps: 9 }";
  EXPECT_THAT(
      Run("value_softmax", "tied", {"--config=" + Path("tied.textproto")}).out,
      HasSubstr("bazel run //experiments/value_softmax:tied -- "));
}

TEST_F(ValueSoftmaxTest, EveryInstructionSetRuns) {
  for (const char* isa : {"sse2", "avx2"}) {
    const ProgramResult result =
        Run("normalisations_logistic", isa,
            {"--set=steps=200", absl::StrCat("--isa=", isa)});
    if (absl::StrContains(result.err, "must be one of")) {
      GTEST_SKIP() << result.err;
    }
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(absl::AsciiStrToUpper(isa) + ", "));
    ExpectWhole(Path(isa));
  }
}

// Two axes: one of them of rates that diverge.
TEST_F(ValueSoftmaxTest, APhaseDiagramHasALineAndACellPerPair) {
  std::ofstream(Path("phase.textproto")) << R"(
name: "phase" model { loss: "square" } descent { steps: 2000 }
init { attention_scale: 5 value_scale: 0.5 }
vary { field: "init.value_scale" from: 0.1 to: 1 points: 4 log: true }
vary { field: "descent.lr" from: 0.01 to: 100 points: 4 log: true }
)";
  ProgramCall call =
      Call("phase_diagram", "phase", {"--config=" + Path("phase.textproto")});
  call.environment = {{"TERM", "xterm"}};
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.code, 0) << result.err;
  ExpectWhole(Path("phase"));
  ExpectNoNan(Path("phase"));
  const Strings lines = absl::StrSplit(Contents(Path("phase/phase.csv")), '\n');
  ASSERT_EQ(lines.size(), 18u);  // a heading before, nothing behind
  EXPECT_EQ(lines[0],
            "init.value_scale,descent.lr,entropy,largest_s,loss,state");
  size_t diverged = 0;
  for (size_t i = 1; i <= 16; ++i) {
    const Strings fields = absl::StrSplit(lines[i], ',');
    ASSERT_EQ(fields.size(), 6u) << lines[i];
    if (fields[5] == "diverged") {
      EXPECT_THAT(lines[i], HasSubstr(",,,,diverged"));
      ++diverged;
    } else {
      EXPECT_EQ(fields[5], "finished");
      EXPECT_THAT(fields, Not(Contains("")));
    }
  }
  EXPECT_GE(diverged, 4u);
  EXPECT_LE(diverged, 8u);
  EXPECT_THAT(result.out,
              HasSubstr(absl::StrCat(16 - diverged, " runs finished, ",
                                     diverged, " diverged")));
  for (const char* kind : {".dat", ".gp", ".svg", ".pdf"}) {
    if (!HasGnuplot() && kind[1] != 'd' && kind[1] != 'g') continue;
    EXPECT_THAT(FilesBelow(Path("phase")),
                IsSupersetOf({absl::StrCat("figures/phase_entropy", kind),
                              absl::StrCat("figures/phase_largest_s", kind)}));
  }
}

}  // namespace
}  // namespace polarize
