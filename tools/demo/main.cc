// The first minute: three short runs, what they show, and a page of them.
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "experiments/run/file.h"
#include "experiments/run/flags.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/user_path.h"
#include "tools/demo/demo_page.h"
#include "tools/demo/flow_part.h"
#include "tools/demo/options.h"
#include "tools/demo/terminal_colors.h"
#include "tools/demo/terminal_map.h"
#include "tools/demo/training_part.h"
#include "tools/demo/words.h"

namespace polarize {
namespace {

constexpr size_t kWidth = 80;
// Of two maps side by side.
constexpr size_t kMapWidth = 38;
constexpr int kClaimFailed = 2;
constexpr char kPage[] = "demo.html";
constexpr char kFlow[] = "logistic";
constexpr std::array<const char*, 2> kKinds = {"softmax", "sigmoid_unnorm"};

// An exit code: 0, or of a run that Ctrl-C ended.
using Code = absl::StatusOr<int>;

TerminalColors ChosenColors(DemoOptions::Color color) {
  if (color == DemoOptions::Color::kNever) return TerminalColors::kNone;
  if (color == DemoOptions::Color::kAlways) return TerminalColors::k24Bit;
  return ColorsOf(StandardOutputFacts());
}

// An error if somebody's demo, or what looks like one, is there.
absl::Status CheckFree(const std::string& out) {
  std::vector<std::string> names = {kFlow, kPage};
  names.insert(names.end(), kKinds.begin(), kKinds.end());
  for (const std::string& name : names) {
    struct stat found;
    if (stat(absl::StrCat(out, "/", name).c_str(), &found) != 0) continue;
    return absl::AlreadyExistsError(absl::StrCat(
        out, " already holds a demo: ", name,
        "; choose another folder with --out, or replace it with --overwrite"));
  }
  return absl::OkStatus();
}

absl::Status Print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) {
    return absl::OkStatus();
  }
  return absl::DataLossError("cannot write to the standard output");
}

class Demo {
 public:
  Demo(const DemoOptions& options, int argc, const char* const* argv)
      : options_(options),
        out_(UserPath(options.out)),
        colors_(ChosenColors(options.color)),
        argc_(argc),
        argv_(argv) {}

  // Returns the exit code.
  Code Run();

 private:
  absl::Status ShowFlow();
  Code ShowTraining();
  absl::Status WritePage();
  std::string Next() const;

  const DemoOptions& options_;
  const std::string out_;
  const TerminalColors colors_;
  const int argc_;
  const char* const* const argv_;
  const absl::Time start_ = absl::Now();
  FlowPart flow_;
  std::vector<TrainingPart> training_;
};

absl::Status Demo::ShowFlow() {
  RunFolderOptions folder;
  folder.path = absl::StrCat(out_, "/", kFlow);
  folder.experiment = kFlow;
  folder.overwrite = options_.overwrite;
  absl::StatusOr<FlowPart> flow = RunFlowPart(folder, argc_, argv_);
  if (!flow.ok()) return flow.status();
  flow_ = *std::move(flow);
  return Print(absl::StrCat(
      "1. Gradient flow on ln(1 + exp(-<b, V s>)), s = softmax(a): section "
      "3\n\n",
      LinesText(MapLines(flow_.map, kWidth, colors_)), "\n",
      Paragraph(FlowSummary(flow_), kWidth),
      "\nThe paper's claims about it:\n\n", ShortClaims(flow_.claims), "\n"));
}

Code Demo::ShowTraining() {
  absl::Status printed = Print(
      "2. Two transformers, one layer and one head, that tell four groups of "
      "tokens\n   apart: section 4.2. Training ...\n\n");
  if (!printed.ok()) return printed;
  for (const char* const kind : kKinds) {
    RunFlags flags;
    flags.out = absl::StrCat(out_, "/", kind);
    flags.overwrite = options_.overwrite;
    flags.threads = 1;
    absl::StatusOr<TrainingPart> part =
        RunTrainingPart(kind, options_.epochs, flags, kMapWidth, argc_, argv_);
    if (!part.ok()) return part.status();
    if (part->exit_code != 0) return part->exit_code;
    training_.push_back(*std::move(part));
  }
  std::string text =
      "The attention at CLS of one sample's tokens over training\n\n";
  absl::StrAppend(
      &text,
      SideBySide(MapLines(training_[0].map, kMapWidth, colors_),
                 MapLines(training_[1].map, kMapWidth, colors_), kMapWidth + 3),
      "\n", TrainingTable(training_), "\n");
  for (const TrainingPart& part : training_) {
    absl::StrAppend(&text, Paragraph(TrainingSummary(part), kWidth));
  }
  printed = Print(text + "\n");
  if (!printed.ok()) return printed;
  return 0;
}

// Commands with what they are for. A folder as the user typed it.
std::string Demo::Next() const {
  return absl::StrCat(
      "  bazel run //experiments:induction              attention sinks: "
      "minutes\n"
      "  bazel run //experiments:classification -- \\\n"
      "      --config=",
      options_.out,
      "/softmax/config.textproto --set num_heads=4\n"
      "  bazel run //experiments:verify -- ",
      options_.out,
      "/softmax\n"
      "                                                 repeat it: the same "
      "bits?\n"
      "  bazel run //experiments:value_softmax          all of section 3: "
      "seconds\n"
      "  bazel run //experiments:sweep -- induction --dry_run\n"
      "                                                 the paper's grids\n"
      "  bazel run //tools:figures                      a sweep's pictures and "
      "report\n"
      "  README.md                                      what else there is\n");
}

absl::Status Demo::WritePage() {
  const DemoPage page = MakeDemoPage(flow_, training_, Next());
  const std::string path = absl::StrCat(out_, "/", kPage);
  const absl::Status written = WriteFileWhole(path, page.html);
  if (!written.ok()) return written;
  std::string text = absl::StrFormat(
      "page        %s/%s\nruns        %s/{%s,%s,%s}\ntime        %.1f s\n",
      options_.out, kPage, options_.out, kFlow, kKinds[0], kKinds[1],
      absl::ToDoubleSeconds(absl::Now() - start_));
  if (page.pictures == 0) {
    absl::StrAppend(&text, "pictures    ",
                    flow_.notice.empty() ? "none" : flow_.notice, "\n");
  }
  for (const std::string& broken : page.broken) {
    absl::StrAppend(&text, "left out    ", broken, "\n");
  }
  return Print(absl::StrCat(text, "\nWhat to type next\n\n", Next()));
}

Code Demo::Run() {
  absl::Status status = options_.overwrite ? absl::OkStatus() : CheckFree(out_);
  if (status.ok()) status = MakeFolders(out_);
  if (status.ok()) status = ShowFlow();
  if (!status.ok()) return status;
  const Code code = ShowTraining();
  if (!code.ok() || *code != 0) return code;
  status = WritePage();
  if (!status.ok()) return status;
  return flow_.claims_fail() ? kClaimFailed : 0;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

int Main(int argc, const char* const* argv) {
  // A full disk and a reader that has left are errors of a write.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<DemoOptions> options =
      ParseDemoOptions(absl::MakeConstSpan(argv + 1, argv + argc));
  if (!options.ok()) return Fail(options.status());
  if (options->help) {
    const absl::Status printed = Print(kDemoHelp);
    return printed.ok() ? 0 : Fail(printed);
  }
  const Code code = Demo(*options, argc, argv).Run();
  return code.ok() ? *code : Fail(code.status());
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) { return polarize::Main(argc, argv); }
