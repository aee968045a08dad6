#include "experiments/inspect/compare.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/inspect/metrics_file.h"
#include "experiments/inspect/record_differences.h"
#include "experiments/inspect/recorded_run.h"
#include "experiments/inspect/replay.h"
#include "experiments/inspect/steps_flag.h"
#include "experiments/inspect/values.h"
#include "experiments/inspect/weights_file.h"
#include "experiments/run/flags.h"
#include "experiments/run/progress.h"
#include "experiments/run/user_path.h"

ABSL_FLAG(bool, replay, false, "repeat both runs even if results agree");
ABSL_FLAG(bool, records_only, false, "repeat nothing");

namespace polarize {
namespace {

constexpr char kUsage[] =
    "Says in what two runs differ, and names the first step and tensor in "
    "which\n"
    "they part: first from what they recorded; then, if that differs, by "
    "repeating\n"
    "both side by side. Exit code 0: same results, 2: they differ, 1: an "
    "error.";

constexpr char kOwnFlags[] =
    R"(  --replay          Repeats both runs even if what they recorded agrees.
  --records_only    Repeats nothing.
  --steps N         Steps to repeat at most. Default: up to the first one whose
                    metrics differ; with --replay, all.
  --threads N       Threads for both together; any number gives the same
                    results. Default: one per core.
  --isa NAME        Repeats on this instruction set in place of those recorded.
  --sharing off     For runs that do not record it: every row of every sequence
                    is computed. Default: on.
)";

constexpr size_t kMostLines = 20;

class Comparison {
 public:
  Comparison(RecordedRun a, RecordedRun b, const RunFlags& flags)
      : a_(std::move(a)), b_(std::move(b)), flags_(flags) {}

  // The exit code.
  absl::StatusOr<int> Go(uint64_t most_steps);

 private:
  void PrintRecords();
  absl::Status CompareResults();
  void CompareMetricsOfBoth();
  absl::Status CompareWeightsOfBoth();
  void CompareSummariesOfBoth();
  absl::Status Repeat(uint64_t most_steps);
  uint64_t StepsToRepeat(uint64_t most_steps) const;
  void PrintReplay(const ReplayResult& result);

  const RecordedRun a_, b_;
  const RunFlags& flags_;
  size_t compared_ = 0;  // kinds of results that both have
  bool differ_ = false;
  // Whether a repetition can tell more: not where one run only has more of the
  // same.
  bool values_differ_ = false;
  int64_t first_step_ = -1;  // whose metrics differ
};

void Print(absl::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void PrintRow(absl::string_view name, absl::string_view text) {
  Print(absl::StrFormat("%-12s%s\n", name, text));
}

void PrintRows(absl::string_view name, const std::vector<std::string>& lines,
               absl::string_view none) {
  if (lines.empty()) PrintRow(name, none);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i == kMostLines) {
      PrintRow("", absl::StrCat("and ", lines.size() - i, " more"));
      break;
    }
    PrintRow(i == 0 ? name : "", lines[i]);
  }
}

void Comparison::PrintRecords() {
  PrintRow("A", absl::StrCat(a_.folder, ": ", MachineText(a_.environment)));
  PrintRow("B", absl::StrCat(b_.folder, ": ", MachineText(b_.environment)));
  PrintRows("config", ConfigDifferences(a_, b_), "equal");
  PrintRows("environment",
            EnvironmentDifferences(a_.environment, b_.environment), "equal");
}

std::string OnlyText(absl::string_view who, size_t count, const Metric& first) {
  return absl::StrCat("only ", who, " has ", count, " value",
                      count == 1 ? "" : "s", ", the first ", first.name,
                      " of step ", first.step, " (line ", first.line, ")");
}

void Comparison::CompareMetricsOfBoth() {
  if (!a_.metrics || !b_.metrics) {
    if (a_.metrics || b_.metrics) {
      PrintRow("metrics",
               absl::StrCat("not compared: ", (a_.metrics ? b_ : a_).folder,
                            " has no metrics.jsonl"));
    }
    return;
  }
  ++compared_;
  for (const RecordedRun* const run : {&a_, &b_}) {
    if (run->metrics->partial) {
      PrintRow("metrics", absl::StrCat(run->metrics->file,
                                       ": of a run that broke off or is still "
                                       "going on"));
    }
  }
  const MetricsComparison result = CompareMetrics(*a_.metrics, *b_.metrics);
  if (result.same()) {
    PrintRow("metrics", absl::StrCat("equal: ", a_.metrics->steps.size(),
                                     " lines, ", result.shared, " values"));
    return;
  }
  differ_ = true;
  if (result.first) {
    values_differ_ = true;
    first_step_ = result.first->a.step;
    PrintRow("metrics",
             absl::StrCat("first difference: ", DifferenceText(*result.first)));
    PrintRow("", absl::StrCat(result.different, " of ", result.shared,
                              " values that both have differ"));
  } else {
    PrintRow("metrics", absl::StrCat("the ", result.shared,
                                     " values that both have are equal"));
  }
  if (result.only_a > 0) {
    PrintRow("", OnlyText("A", result.only_a, *result.first_only_a));
  }
  if (result.only_b > 0) {
    PrintRow("", OnlyText("B", result.only_b, *result.first_only_b));
  }
}

absl::Status Comparison::CompareWeightsOfBoth() {
  if (a_.weights.empty() || b_.weights.empty()) return absl::OkStatus();
  ++compared_;
  const absl::StatusOr<WeightsComparison> result =
      CompareWeights(a_.weights, b_.weights);
  if (!result.ok()) return result.status();
  if (result->same()) {
    PrintRow("weights", absl::StrCat("equal: ", result->tensors, " tensors"));
    return absl::OkStatus();
  }
  differ_ = true;
  PrintRow("weights", absl::StrCat(result->different, " of ", result->tensors,
                                   " tensors differ"));
  if (result->different > 0) {
    values_differ_ = true;
    PrintRow("", absl::StrCat("first ", DifferenceText(*result->first)));
    PrintRow("", absl::StrCat("largest ", DifferenceText(*result->largest)));
  }
  if (!result->other_tensors.empty()) {
    PrintRow("", absl::StrCat(result->other_tensors.size(),
                              " are in one of both, or in another shape: ",
                              result->other_tensors[0], " ..."));
  }
  return absl::OkStatus();
}

void Comparison::CompareSummariesOfBoth() {
  if (!a_.summary || !b_.summary) return;
  ++compared_;
  const SummaryComparison result =
      CompareSummaries(*a_.summary, *b_.summary, SummaryMembers::kOfBoth);
  if (result.differences.empty()) {
    PrintRow("summary", absl::StrCat("equal: ", result.shared, " values"));
    return;
  }
  differ_ = true;
  values_differ_ = values_differ_ || !a_.metrics || !b_.metrics;
  PrintRow("summary",
           absl::StrCat(result.differences.size(), " values differ, the first ",
                        result.differences[0]));
}

absl::Status Comparison::CompareResults() {
  CompareMetricsOfBoth();
  const absl::Status status = CompareWeightsOfBoth();
  if (!status.ok()) return status;
  CompareSummariesOfBoth();
  if (compared_ > 0 || absl::GetFlag(FLAGS_replay)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(a_.folder, " and ", b_.folder,
                   " recorded nothing that can be compared; --replay repeats "
                   "them"));
}

uint64_t Comparison::StepsToRepeat(uint64_t most_steps) const {
  if (most_steps > 0 || absl::GetFlag(FLAGS_replay) || first_step_ < 0) {
    return most_steps;
  }
  return static_cast<uint64_t>(std::max<int64_t>(1, first_step_));
}

void PrintOwn(absl::string_view who, const RecordedRun& run,
              const ReplayResult::Own& own) {
  if (own.checked == 0) return;
  if (!own.first) {
    PrintRow("", absl::StrCat("the repetition of ", who,
                              " gives its recorded losses of ", own.checked,
                              own.checked == 1 ? " step" : " steps"));
    return;
  }
  PrintRow(
      "", absl::StrCat("the repetition of ", who,
                       " does NOT give its own recorded losses: step ",
                       own.first->step, " recorded ",
                       ExactText(own.first->recorded), ", repeated ",
                       ExactText(own.first->repeated),
                       ". The program or the "
                       "processor is another one than then (",
                       MachineText(run.environment),
                       "): what the repetition says of it may not hold for the "
                       "recorded run"));
}

void Comparison::PrintReplay(const ReplayResult& result) {
  if (result.difference) {
    differ_ = true;
    PrintRow("replay", absl::StrCat("first difference: ",
                                    DifferenceText(*result.difference)));
  } else {
    PrintRow("replay",
             absl::StrCat("no difference in ", result.steps,
                          " steps: losses, gradients and weights are equal",
                          result.diverged ? ", and then both diverge" : ""));
  }
  PrintOwn("A", a_, result.own_a);
  PrintOwn("B", b_, result.own_b);
}

absl::Status Comparison::Repeat(uint64_t most_steps) {
  const absl::StatusOr<Repetition> as = HowToRepeat(a_, flags_);
  if (!as.ok()) return as.status();
  const absl::StatusOr<Repetition> bs = HowToRepeat(b_, flags_);
  if (!bs.ok()) return bs.status();
  PrintRow("repeated", absl::StrCat("A ", RepetitionText(*as), "; B ",
                                    RepetitionText(*bs)));
  Progress progress(Progress::StandardError());
  ReplayOptions options;
  options.most_steps = StepsToRepeat(most_steps);
  const unsigned threads = flags_.threads > 0
                               ? static_cast<unsigned>(flags_.threads)
                               : std::thread::hardware_concurrency();
  options.threads = std::max(1u, threads / 2);
  options.progress = [&](uint64_t step, uint64_t steps) {
    if (!progress.Due()) return;
    progress.Show(
        absl::StrCat("step ", step, "/", steps, "  no difference yet"));
  };
  const absl::StatusOr<ReplayResult> result = Replay(a_, *as, b_, *bs, options);
  progress.Finish();
  if (!result.ok()) return result.status();
  PrintReplay(*result);
  return absl::OkStatus();
}

absl::StatusOr<int> Comparison::Go(uint64_t most_steps) {
  PrintRecords();
  absl::Status status = CompareResults();
  if (!status.ok()) return status;
  if (absl::GetFlag(FLAGS_replay)) {
    status = Repeat(most_steps);
    if (!status.ok()) return status;
  } else if (values_differ_ && !absl::GetFlag(FLAGS_records_only)) {
    // The answer is there already: what stands in the way is a remark.
    status = Repeat(most_steps);
    if (!status.ok()) {
      PrintRow("replay",
               absl::StrCat("not done: ", std::string(status.message())));
    }
  }
  Print(differ_ ? "\nthe runs differ\n" : "\nthe runs are the same\n");
  return differ_ ? 2 : 0;
}

}  // namespace

absl::StatusOr<int> CompareMain(int argc, char** argv) {
  ProgramHelp help;
  help.usage = kUsage;
  help.examples = {"runs/a runs/b", "runs/a runs/b --replay --steps 100"};
  help.own_flags = kOwnFlags;
  help.arguments = "A B";
  help.single_run = false;
  help.takes_config = false;
  const RunFlags flags = ParseRunFlags(argc, argv, help);
  if (!flags.out.empty()) {
    return absl::InvalidArgumentError("--out: this program writes no files");
  }
  if (absl::GetFlag(FLAGS_replay) && absl::GetFlag(FLAGS_records_only)) {
    return absl::InvalidArgumentError(
        "--replay and --records_only: give one of them");
  }
  if (flags.arguments.size() != 2) {
    return absl::InvalidArgumentError(
        "name two run folders: compare A B (--help says more)");
  }
  const absl::StatusOr<uint64_t> steps = StepsFlag();
  if (!steps.ok()) return steps.status();
  absl::StatusOr<RecordedRun> a = ReadRecordedRun(UserPath(flags.arguments[0]));
  if (!a.ok()) return a.status();
  absl::StatusOr<RecordedRun> b = ReadRecordedRun(UserPath(flags.arguments[1]));
  if (!b.ok()) return b.status();
  return Comparison(*std::move(a), *std::move(b), flags).Go(*steps);
}

}  // namespace polarize
