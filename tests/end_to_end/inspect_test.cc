// compare and verify, as a user runs them on runs of the real programs.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "kernels/base/isa.h"
#include "tests/end_to_end/induction_run.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class InspectTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }

  // A small induction run.
  std::string Run(const std::string& name,
                  const std::vector<std::string>& settings = {},
                  std::vector<std::string> flags = {}) {
    flags.push_back("--out=" + Path(name));
    flags.push_back("--threads=1");
    const ProgramResult result = RunProgram(SmallRun(settings, flags));
    EXPECT_EQ(result.code, 0) << name << ": " << result.err;
    return Path(name);
  }

  std::string Classify(const std::string& name) {
    const ProgramResult result =
        Start("experiments/classification/classification",
              {"--set=num_train=200", "--set=num_eval=32", "--set=embed_dim=16",
               "--set=num_epochs=2", "--set=batch_size=40", "--set=num_pairs=5",
               "--set=any_token_inputs=2", "--out=" + Path(name)});
    EXPECT_EQ(result.code, 0) << result.err;
    return Path(name);
  }

  ProgramResult Start(const std::string& program,
                      const std::vector<std::string>& arguments) {
    ProgramCall call;
    call.program = DataPath(program);
    call.arguments = arguments;
    call.environment = {
        {"PATH", "/nowhere"}, {"TERM", "xterm"}, {"TMPDIR", TemporaryPath()}};
    return RunProgram(call);
  }
  ProgramResult Compare(std::vector<std::string> arguments) {
    arguments.push_back("--threads=2");
    return Start("experiments/inspect/compare", arguments);
  }
  ProgramResult Verify(std::vector<std::string> arguments) {
    arguments.push_back("--threads=1");
    return Start("experiments/inspect/verify", arguments);
  }

  // Where verify may leave nothing.
  std::string TemporaryPath() {
    const std::string path = Path("tmp");
    mkdir(path.c_str(), 0777);
    return path;
  }

  void Edit(const std::string& file, const std::string& from,
            const std::string& to) {
    std::string text = Contents(file);
    ASSERT_NE(text.find(from), std::string::npos) << file;
    text.replace(text.find(from), from.size(), to);
    ASSERT_TRUE(WriteFileWhole(file, text).ok());
  }

  // An error alone: one line on stderr that says `what`.
  static void ExpectError(const ProgramResult& result,
                          const std::string& what) {
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.signal, 0);
    EXPECT_THAT(result.err, HasSubstr(what));
  }

  const TestFolder folder_;
};

// The line of metrics.jsonl with this loss; changes a digit in the middle.
std::string OneDigitChanged(const std::string& text, int step) {
  const std::string before = absl::StrCat("{\"step\":", step, ",");
  size_t at = text.find(absl::StrCat(before, "\"epoch\":"));
  at = text.find("\"train/step_loss\":", at);
  at = text.find('.', at) + 9;
  std::string changed = text;
  changed[at] = changed[at] == '1' ? '2' : '1';
  return changed;
}

TEST_F(InspectTest, SameRunTwice) {
  const std::string a = Run("a"), b = Run("b");
  const ProgramResult result = Compare({a, b});
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("config      equal\n"));
  EXPECT_THAT(result.out, HasSubstr("environment equal\n"));
  EXPECT_THAT(result.out, HasSubstr("metrics     equal: 30 lines"));
  EXPECT_THAT(result.out, HasSubstr("weights     equal: 38 tensors"));
  EXPECT_THAT(result.out, HasSubstr("the runs are the same"));
  EXPECT_THAT(result.out, Not(HasSubstr("repetition")));

  const ProgramResult replayed = Compare({a, b, "--replay"});
  EXPECT_EQ(replayed.code, 0) << replayed.out << replayed.err;
  EXPECT_THAT(replayed.out, HasSubstr("no difference in 20 steps"));
  EXPECT_THAT(replayed.out, HasSubstr("the repetition of A gives its recorded "
                                      "losses of 20 steps"));

  const ProgramResult few = Compare({a, b, "--replay", "--steps=3"});
  EXPECT_THAT(few.out, HasSubstr("no difference in 3 steps"));
}

TEST_F(InspectTest, AnotherOptimizerWithASchedule) {
  const std::vector<std::string> settings = {"optimizer=momentum",
                                             "lr_schedule=cosine"};
  const std::string a = Run("a", settings);
  const ProgramResult verified = Verify({a});
  EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
  const ProgramResult few = Verify({a, "--steps=3"});
  EXPECT_EQ(few.code, 0) << few.out << few.err;

  const std::string b = Run("b", {settings[0], settings[1], "warmup_steps=5"});
  const ProgramResult compared = Compare({a, b});
  EXPECT_EQ(compared.code, 2) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("training.warmup_steps: 0 and 5\n"));
}

TEST_F(InspectTest, AnotherLearningRate) {
  const std::string a = Run("a"), b = Run("b", {"lr=2e-3"});
  const ProgramResult result = Compare({a, b});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.out, HasSubstr("training.lr: 0.001 and 0.002\n"));
  EXPECT_THAT(result.out,
              HasSubstr("metrics     first difference: step 1, eval/loss: "));
  // The first update is the first to know of it: loss and gradients of step 1
  // are those of the initial weights.
  EXPECT_THAT(result.out,
              HasSubstr("replay      first difference: step 1, updated "
                        "pos_embedding.weight [0, 0]: "));
  EXPECT_THAT(result.out, HasSubstr("loss and gradients are equal"));

  const ProgramResult records = Compare({a, b, "--records_only"});
  EXPECT_EQ(records.code, 2);
  EXPECT_THAT(records.out, Not(HasSubstr("replay")));
}

TEST_F(InspectTest, AnotherLoss) {
  const std::string a = Run("a"), b = Run("b", {"aux_loss_weight=0.25"});
  const ProgramResult result = Compare({a, b});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.out, HasSubstr("first difference: step 1, the loss"));
}

TEST_F(InspectTest, AnotherSeed) {
  const ProgramResult result = Compare({Run("a"), Run("b", {"seed=1"})});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.out, HasSubstr("config      seed: 0 and 1\n"));
  EXPECT_THAT(result.out, HasSubstr("environment seed: 0 and 1\n"));
  EXPECT_THAT(result.out, HasSubstr("replay      first difference: step 0, "
                                    "initial weights: pos_embedding.weight"));
}

TEST_F(InspectTest, AnotherInstructionSetAndSharing) {
  const int64_t others = UsableTargets() & (UsableTargets() - 1);
  const std::string a = Run("a");
  const ProgramResult sharing = Compare({a, Run("off", {}, {"--sharing=off"})});
  EXPECT_EQ(sharing.code, 2) << sharing.err;
  EXPECT_THAT(sharing.out,
              HasSubstr("environment sharing: \"on\" and \"off\""));
  EXPECT_THAT(sharing.out, HasSubstr("B on "));
  EXPECT_THAT(sharing.out, HasSubstr("every row computed"));
  EXPECT_THAT(sharing.out,
              ContainsRegex("replay      first difference: step 1, (gradient "
                            "of [a-z_0-9.]+ \\[[0-9, ]+\\]: |the loss)"));
  if (others == 0) GTEST_SKIP() << "one instruction set";
  const std::string other = hwy::TargetName(others & -others);
  const std::string b = Run("b", {}, {"--isa=" + other});
  const ProgramResult result = Compare({a, b});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.out, HasSubstr("environment simd_target: "));
  EXPECT_THAT(result.out, HasSubstr(absl::StrCat("B on ", other)));
  EXPECT_THAT(result.out,
              ContainsRegex("replay      first difference: step [0-9]+, "));
  EXPECT_THAT(result.out, HasSubstr("the repetition of B gives its recorded"));
  // On one instruction set, given by hand, both are the same run.
  const ProgramResult pinned = Compare({a, b, "--replay", "--isa=" + other});
  EXPECT_THAT(pinned.out, HasSubstr("no difference in 20 steps"));
  EXPECT_THAT(pinned.out,
              HasSubstr("repetition of A does NOT give its own recorded"));

  const ProgramResult verified = Verify({b});
  EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("repeated    on " + other + ", "));
  const ProgramResult elsewhere =
      Verify({a, "--isa=" + absl::AsciiStrToLower(other)});
  EXPECT_EQ(elsewhere.code, 2);
  EXPECT_THAT(elsewhere.out, HasSubstr("(--isa, not the recorded one)"));
  EXPECT_THAT(elsewhere.out,
              HasSubstr("note        the record is of another instruction "));
}

TEST_F(InspectTest, ModelsOfTwoShapes) {
  const ProgramResult result = Compare({Run("a"), Run("b", {"num_layers=1"})});
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("not done: the models are not of one architecture"));
}

TEST_F(InspectTest, ARunThatDivergesAndOneThatBrokeOff) {
  const std::string a = Path("a");
  const ProgramResult run =
      RunProgram(SmallRun({"lr=1e30"}, {"--out=" + a, "--threads=1"}));
  ASSERT_EQ(run.code, 1);
  const ProgramResult verified = Verify({a});
  EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("diverged"));

  const std::string b = Run("b"), c = Run("c");
  ASSERT_EQ(unlink((c + "/summary.json").c_str()), 0);
  ASSERT_EQ(unlink((c + "/weights.safetensors").c_str()), 0);
  ASSERT_EQ(unlink((c + "/metrics.jsonl").c_str()), 0);
  const std::string text = Contents(b + "/metrics.jsonl");
  const size_t cut = text.find("{\"step\":8,");
  ASSERT_TRUE(
      WriteFileWhole(c + "/metrics.jsonl.partial", text.substr(0, cut + 20))
          .ok());
  const ProgramResult broken = Verify({c});
  EXPECT_EQ(broken.code, 0) << broken.out << broken.err;
  EXPECT_THAT(broken.out, HasSubstr("7 steps, broke off"));
  const ProgramResult compared = Compare({b, c});
  EXPECT_EQ(compared.code, 2);
  EXPECT_THAT(compared.out, HasSubstr("values that both have are equal"));
  EXPECT_THAT(compared.out, HasSubstr("of a run that broke off"));
  EXPECT_THAT(compared.out, Not(HasSubstr("replay")));
}

TEST_F(InspectTest, VerifyAgrees) {
  for (const std::string& run : {Run("a"), Classify("b")}) {
    const ProgramResult result = Verify({run});
    EXPECT_EQ(result.code, 0) << result.out << result.err;
    EXPECT_THAT(result.out, ContainsRegex("metrics +([0-9]+) of [0-9]+ lines"));
    EXPECT_THAT(result.out, HasSubstr("weights     equal: "));
    EXPECT_THAT(result.out, HasSubstr("summary     equal: "));
    EXPECT_THAT(result.out, HasSubstr("the bits agree"));
    EXPECT_TRUE(NamesIn(TemporaryPath()).empty());
  }
  // Without sharing on record, as runs of before were published.
  Edit(Path("a") + "/environment.textproto", "sharing: \"on\"\n", "");
  const ProgramResult on = Verify({Path("a"), "--out=" + Path("kept")});
  EXPECT_EQ(on.code, 0) << on.out << on.err;
  EXPECT_THAT(on.out, HasSubstr("(--sharing: the run does not record it)"));
  ExpectSameBytes(Path("a") + "/weights.safetensors",
                  Path("kept") + "/weights.safetensors");
  ExpectError(Verify({Path("a"), "--out=" + Path("a")}),
              Path("a") + " already holds a run");
  EXPECT_EQ(Verify({Path("a"), "--sharing=off"}).code, 2);
}

TEST_F(InspectTest, VerifyOfAnEvaluation) {
  const std::string a = Run("a", {}, {"--eval_only"});
  const ProgramResult result = Verify({a});
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("0 steps, finished"));
  ExpectError(
      Verify({Run("b", {}, {"--init_from=" + a + "/weights.safetensors"})}),
      "init_from");
}

TEST_F(InspectTest, VerifyOfAnInterruptedRun) {
  const std::string a = Path("a");
  Program program(
      SmallRun({"num_train=96", "batch_size=32", "num_epochs=100000"},
               {"--out=" + a, "--threads=1"}));
  ASSERT_TRUE(program.WaitUntil([&] {
    return absl::StrContains(program.err(), "epoch 2/100000  train loss");
  })) << program.err();
  program.Signal(SIGINT);
  ASSERT_EQ(program.Wait().code, 128 + SIGINT);
  const ProgramResult result = Verify({a});
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr(" steps, interrupted)"));
  EXPECT_THAT(result.out, HasSubstr("weights     equal: "));
  EXPECT_THAT(result.out, HasSubstr("summary     equal: "));
}

// Ctrl-C, to the program alone.
TEST_F(InspectTest, VerifyStopsAndLeavesNothing) {
  const std::string a = Run("a");
  Edit(a + "/config.textproto", "num_epochs: 2", "num_epochs: 100000");
  ProgramCall call;
  call.program = DataPath("experiments/inspect/verify");
  call.arguments = {a, "--threads=1"};
  call.environment = {{"TMPDIR", TemporaryPath()}, {"TERM", "xterm"}};
  Program program(call);
  ASSERT_TRUE(program.WaitUntil([&] {
    return absl::StrContains(program.err(), "epoch 2/100000  train loss");
  })) << program.err();
  program.Signal(SIGTERM);
  EXPECT_EQ(program.Wait().code, 128 + SIGTERM);
  EXPECT_TRUE(NamesIn(TemporaryPath()).empty());
}

TEST_F(InspectTest, VerifySeesOneDigit) {
  const std::string a = Run("a");
  const std::string file = a + "/metrics.jsonl";
  const std::string text = Contents(file);
  ASSERT_TRUE(WriteFileWhole(file, OneDigitChanged(text, 7)).ok());
  const ProgramResult result = Verify({a});
  EXPECT_EQ(result.code, 2) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("metrics     29 of 30 lines equal\n"));
  EXPECT_THAT(result.out, HasSubstr("step 7, train/step_loss: "));
  EXPECT_THAT(result.out, HasSubstr("weights     equal"));
  EXPECT_THAT(result.out, HasSubstr("the bits DIFFER"));
  // The first steps alone do not reach it.
  const ProgramResult few = Verify({a, "--steps=6"});
  EXPECT_EQ(few.code, 0) << few.out << few.err;
  EXPECT_THAT(few.out, HasSubstr("of the first 6 steps"));
  EXPECT_EQ(Verify({a, "--steps=7"}).code, 2);
  // compare says that it is the record that is wrong.
  const ProgramResult compared = Compare({a, Run("b")});
  EXPECT_EQ(compared.code, 2);
  EXPECT_THAT(compared.out, HasSubstr("first difference: step 7, "));
  EXPECT_THAT(compared.out, HasSubstr("no difference in 7 steps"));
  EXPECT_THAT(compared.out, HasSubstr("the repetition of A does NOT give its "
                                      "own recorded losses: step 7 "));
}

TEST_F(InspectTest, BrokenFoldersAreErrorsThatNameTheFile) {
  const std::string a = Run("a");
  ExpectError(Compare({a, Path("none")}), Path("none") + "/config.textproto");
  ExpectError(Verify({Path("none")}), Path("none") + "/config.textproto");
  ExpectError(Compare({a}), "name two run folders");
  ExpectError(Verify({}), "name one run folder");
  ExpectError(Verify({a, "--steps=-1"}), "--steps=-1");
  ExpectError(Verify({a, "--set=lr=1"}), "--set");
  ExpectError(Compare({a, a, "--out=x"}), "--out");
  ExpectError(Compare({a, a, "--replay", "--records_only"}), "--replay");

  const std::string metrics = a + "/metrics.jsonl";
  const std::string text = Contents(metrics);
  ASSERT_TRUE(WriteFileWhole(metrics, text.substr(0, text.size() - 9)).ok());
  ExpectError(Verify({a}), metrics + ":30: ");
  ASSERT_TRUE(WriteFileWhole(metrics, text).ok());

  const std::string weights = a + "/weights.safetensors";
  ASSERT_TRUE(WriteFileWhole(weights, "junk").ok());
  ExpectError(Verify({a}), weights);
  ExpectError(Compare({a, a}), weights);

  Edit(a + "/summary.json", "\"state\"", "\"stat\"");
  ExpectError(Verify({a}), a + "/summary.json");
  Edit(a + "/environment.textproto", "simd_target: \"", "simd_target: \"No");
  Edit(a + "/summary.json", "\"stat\"", "\"state\"");
  ExpectError(Verify({a}), "simd_target: \"No");
  Edit(a + "/environment.textproto", "cpu:", "cpo:");
  ExpectError(Verify({a}), a + "/environment.textproto:");
  Edit(a + "/config.textproto", "InductionConfig", "ValueSoftmaxConfig");
  ExpectError(Verify({a}), "a ValueSoftmaxConfig: only runs of");
  Edit(a + "/config.textproto", "# proto-message", "# message");
  ExpectError(Verify({a}), a + "/config.textproto: no comment");
}

TEST_F(InspectTest, HelpSaysWhatTheyTake) {
  for (const char* const program : {"compare", "verify"}) {
    const ProgramResult result =
        Start(absl::StrCat("experiments/inspect/", program), {"--help"});
    EXPECT_EQ(result.code, 0);
    EXPECT_THAT(result.out, HasSubstr(absl::StrCat(
                                "bazel run //experiments:", program, " -- ")));
    EXPECT_THAT(result.out, HasSubstr("--steps N"));
    EXPECT_THAT(result.out, Not(HasSubstr("--config")));
    EXPECT_THAT(result.out, Not(HasSubstr("--dry_run")));
  }
}

}  // namespace
}  // namespace polarize
