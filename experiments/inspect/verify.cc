#include "experiments/inspect/verify.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/inspect/metrics_file.h"
#include "experiments/inspect/record_differences.h"
#include "experiments/inspect/recorded_run.h"
#include "experiments/inspect/steps_flag.h"
#include "experiments/inspect/weights_file.h"
#include "experiments/inspect/whole_repetition.h"
#include "experiments/run/flags.h"
#include "experiments/run/interrupt.h"
#include "experiments/run/user_path.h"
#include "protos/environment.pb.h"

namespace polarize {
namespace {

constexpr char kUsage[] =
    "Repeats a run from the config, instruction set and sharing that its "
    "folder\n"
    "records, and says whether metrics, weights and summary are the same "
    "bits.\n"
    "Exit code 0: they agree, 2: they differ, 1: an error.";

constexpr char kOwnFlags[] =
    R"(  --steps N         Checks the first N steps alone.
  --out FOLDER      Keeps the repetition there. Default: a temporary folder.
  --threads N       Threads; any number gives the same results. Default: one per
                    core.
  --isa NAME        Repeats on this instruction set in place of the recorded one.
  --sharing off     For a run that does not record it: every row of every
                    sequence is computed. Default: on.
)";

// Beyond it, doubles do not hold every whole number.
constexpr double kMostSteps = 9007199254740992;  // 2^53

void PrintRow(absl::string_view name, absl::string_view text) {
  std::fputs(absl::StrFormat("%-12s%s\n", name, text).c_str(), stdout);
  std::fflush(stdout);
}

// How far the run went, and how it ended.
struct Extent {
  uint64_t steps = 0;
  std::string state;  // of the summary; "broke off" without one
  bool eval_only = false;
};

absl::StatusOr<Extent> ExtentOf(const RecordedRun& run) {
  Extent extent;
  if (!run.summary) {
    extent.state = "broke off";
    for (const int64_t step : run.metrics->steps) {
      extent.steps = std::max(extent.steps, static_cast<uint64_t>(step));
    }
    extent.eval_only = extent.steps == 0;
    return extent;
  }
  const std::string* const state = TextIn(*run.summary, "state");
  const double* const steps = NumberIn(*run.summary, "steps");
  if (state == nullptr || steps == nullptr ||
      !(*steps >= 0 && *steps <= kMostSteps)) {
    return absl::DataLossError(absl::StrCat(
        run.folder,
        "/summary.json: state, and steps from 0 up, must be there"));
  }
  extent.state = *state;
  extent.steps = static_cast<uint64_t>(*steps);
  extent.eval_only = extent.state == "finished" && extent.steps == 0;
  return extent;
}

// Of the recorded run and its repetition.
class Verification {
 public:
  // checked: the steps to compare; whole: they are all of the run's.
  Verification(const RecordedRun& recorded, const RecordedRun& repeated,
               uint64_t checked, bool whole)
      : recorded_(recorded),
        repeated_(repeated),
        checked_(checked),
        whole_(whole) {}

  // Whether all agrees.
  absl::StatusOr<bool> Go();

 private:
  void CheckMetrics();
  absl::Status CheckWeights();
  void CheckSummary();

  const RecordedRun& recorded_;
  const RecordedRun& repeated_;
  const uint64_t checked_;
  const bool whole_;
  bool agrees_ = true;
};

void Verification::CheckMetrics() {
  if (!recorded_.metrics) {
    PrintRow("metrics", "no metrics.jsonl is recorded");
    return;
  }
  const RecordedMetrics recorded =
      UpToStep(*recorded_.metrics, static_cast<int64_t>(checked_));
  const MetricsComparison result = CompareMetrics(recorded, *repeated_.metrics);
  PrintRow(
      "metrics",
      absl::StrCat(
          result.equal_lines, " of ", recorded.steps.size(), " lines equal",
          whole_ ? "" : absl::StrCat(", of the first ", checked_, " steps")));
  if (result.first) {
    PrintRow("", absl::StrCat("first difference (recorded, repeated): ",
                              DifferenceText(*result.first)));
  }
  if (result.only_a > 0) {
    const Metric& first = *result.first_only_a;
    PrintRow("", absl::StrCat("the repetition lacks ", result.only_a,
                              " values, the first ", first.name, " of step ",
                              first.step, " (line ", first.line, ")"));
  }
  if (result.only_b > 0 && whole_) {
    PrintRow("", absl::StrCat("the record lacks ", result.only_b,
                              " values that are measured today, such as ",
                              result.first_only_b->name));
  }
  agrees_ = agrees_ && result.different == 0 && result.only_a == 0;
}

absl::Status Verification::CheckWeights() {
  if (recorded_.weights.empty()) {
    PrintRow("weights", "no weights.safetensors is recorded");
    return absl::OkStatus();
  }
  if (repeated_.weights.empty()) {  // of a run that diverges today
    PrintRow("weights", "the repetition left none");
    agrees_ = false;
    return absl::OkStatus();
  }
  const absl::StatusOr<WeightsComparison> result =
      CompareWeights(recorded_.weights, repeated_.weights);
  if (!result.ok()) return result.status();
  if (result->same()) {
    PrintRow("weights", absl::StrCat("equal: ", result->tensors, " tensors"));
    return absl::OkStatus();
  }
  agrees_ = false;
  PrintRow("weights",
           absl::StrCat(result->different, " of ", result->tensors,
                        " tensors differ, ", result->other_tensors.size(),
                        " are in one of both, or in another shape"));
  if (result->first) {
    PrintRow("", absl::StrCat("first difference (recorded, repeated): ",
                              DifferenceText(*result->first)));
  }
  return absl::OkStatus();
}

void Verification::CheckSummary() {
  if (!recorded_.summary) {
    PrintRow("summary", "no summary.json is recorded");
    return;
  }
  const SummaryComparison result = CompareSummaries(
      *recorded_.summary, *repeated_.summary, SummaryMembers::kOfA);
  if (result.differences.empty()) {
    PrintRow("summary", absl::StrCat("equal: ", result.shared, " values"));
    return;
  }
  agrees_ = false;
  PrintRow("summary", absl::StrCat(result.differences.size(), " of ",
                                   recorded_.summary->size() - 1,
                                   " values differ (recorded, repeated), the "
                                   "first ",
                                   result.differences[0]));
}

absl::StatusOr<bool> Verification::Go() {
  CheckMetrics();
  if (!whole_) return agrees_;
  const absl::Status status = CheckWeights();
  if (!status.ok()) return status;
  CheckSummary();
  return agrees_;
}

// The same bits are promised to the same build and instruction set alone.
void PrintWhyBitsMayDiffer(const Environment& recorded,
                           const Environment& here) {
  std::vector<std::string> others;
  const auto add = [&](const char* what, const std::string& a,
                       const std::string& b) {
    if (a != b) others.push_back(what);
  };
  add("commit", recorded.commit(), here.commit());
  add("compiler", recorded.compiler(), here.compiler());
  add("build mode", recorded.build_mode(), here.build_mode());
  add("instruction set", recorded.simd_target(), here.simd_target());
  add("processor", recorded.cpu(), here.cpu());
  if (others.empty()) return;
  PrintRow("note", absl::StrCat("the record is of another ",
                                absl::StrJoin(others, ", "),
                                ": last digits may differ for that reason"));
}

absl::StatusOr<int> Verify(const RecordedRun& run, const RunFlags& flags,
                           uint64_t limit, int argc, char** argv) {
  const absl::StatusOr<Extent> extent = ExtentOf(run);
  if (!extent.ok()) return extent.status();
  if (limit > 0 && !run.metrics) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--steps: ", run.folder,
        " has no metrics.jsonl: only the whole run can be checked"));
  }
  const absl::StatusOr<Repetition> how = HowToRepeat(run, flags);
  if (!how.ok()) return how.status();
  const bool whole = limit == 0 || limit >= extent->steps;
  PrintRow("run",
           absl::StrCat(run.folder, " (", std::string(run.section->name()),
                        ", ", extent->steps, " steps, ", extent->state, ")"));
  PrintRow("recorded", MachineText(run.environment));
  const Environment here = EnvironmentHere(how->isa);
  PrintRow("here", MachineText(here));
  PrintRow("repeated", RepetitionText(*how));

  const absl::StatusOr<TemporaryFolder> scratch = TemporaryFolder::Create();
  if (!scratch.ok()) return scratch.status();
  WholeRepetitionOptions options;
  options.scratch = scratch->path();
  options.out =
      flags.out.empty() ? absl::StrCat(scratch->path(), "/run") : flags.out;
  options.eval_only = extent->eval_only;
  // One that finished may do all that comes at the end; others are stopped.
  if (!whole) {
    options.most_steps = limit;
  } else if (extent->state == "interrupted" || !run.summary) {
    options.most_steps = extent->steps;
  }
  options.weights = whole && !run.weights.empty();
  options.threads = flags.threads;
  options.argc = argc;
  options.argv = argv;
  const absl::Status done = RepeatWhole(run, *how, options);
  if (absl::IsCancelled(done)) return 128 + InterruptSignal();
  if (!done.ok()) return done;
  const absl::StatusOr<RecordedRun> repeated = ReadRecordedRun(options.out);
  if (!repeated.ok()) return repeated.status();
  const uint64_t checked = whole ? extent->steps : limit;
  const absl::StatusOr<bool> agrees =
      Verification(run, *repeated, checked, whole).Go();
  if (!agrees.ok()) return agrees.status();
  if (!flags.out.empty()) PrintRow("kept", flags.out);
  if (!*agrees) PrintWhyBitsMayDiffer(run.environment, here);
  std::puts(*agrees ? "\nthe bits agree" : "\nthe bits DIFFER");
  return *agrees ? 0 : 2;
}

}  // namespace

absl::StatusOr<int> VerifyMain(int argc, char** argv) {
  ProgramHelp help;
  help.usage = kUsage;
  help.examples = {"docs/results/induction/default",
                   "runs/mine --steps 20 --threads 1"};
  help.own_flags = kOwnFlags;
  help.arguments = "RUN";
  help.single_run = false;
  help.takes_config = false;
  const RunFlags flags = ParseRunFlags(argc, argv, help);
  if (flags.arguments.size() != 1) {
    return absl::InvalidArgumentError(
        "name one run folder: verify RUN (--help says more)");
  }
  const absl::StatusOr<uint64_t> steps = StepsFlag();
  if (!steps.ok()) return steps.status();
  const absl::StatusOr<RecordedRun> run =
      ReadRecordedRun(UserPath(flags.arguments[0]));
  if (!run.ok()) return run.status();
  return Verify(*run, flags, *steps, argc, argv);
}

}  // namespace polarize
