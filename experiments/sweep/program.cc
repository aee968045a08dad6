#include "experiments/sweep/program.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "experiments/run/field_path.h"
#include "experiments/run/flags.h"
#include "experiments/run/json_file.h"
#include "experiments/run/progress.h"
#include "experiments/run/thread_team.h"
#include "experiments/run/user_path.h"
#include "experiments/sweep/classification_sweep_embedded_config.h"
#include "experiments/sweep/collect.h"
#include "experiments/sweep/induction_sweep_embedded_config.h"
#include "experiments/sweep/numerics.h"
#include "experiments/sweep/scheduler.h"
#include "experiments/sweep/sweep_folder.h"
#include "experiments/sweep/sweep_list.h"
#include "kernels/base/isa.h"

ABSL_FLAG(std::string, filter, "", "subset of the runs");
ABSL_FLAG(std::string, shard, "1/1", "part of the runs");
ABSL_FLAG(int, jobs, 0, "runs at a time; 0: one per core");
ABSL_FLAG(bool, fail_fast, false, "stop at the first run that breaks off");
ABSL_FLAG(bool, mixed_numerics, false, "allow runs of other numerics");
ABSL_FLAG(bool, times, false, "collect: fill _runtime and _timestamp");

namespace polarize {
namespace {

constexpr int kMostJobs = 4096;

constexpr char kUsage[] =
    "Runs many runs of an experiment, those of the paper's sweeps (induction:\n"
    "8640 runs, classification: 12960) or of a config of your own, one per "
    "core.\n"
    "Started again, it goes on where it was; collect makes CSV files of "
    "results.";

constexpr char kOwnFlags[] =
    R"(  --filter LIST     Only runs that have these values: PATH=VALUE,PATH=VALUE; a
                    value may be a choice: lr=1e-2|1e-3.
  --shard I/N       The I-th of N parts of the list.
  --jobs N          Runs at a time, each on one thread. Default: one per core.
  --fail_fast       The first run that diverges or breaks off ends the sweep.
                    Default: that is a result, recorded with its reason.
  --mixed_numerics  Allows runs whose numbers would differ in their last digits
                    from those that the folder holds (another instruction set,
                    compiler or version).
  --times           collect: fills the columns _runtime and _timestamp.
  --out FOLDER      Folder of the sweep; of collect, of the CSV files. Default:
                    sweeps/NAME; of collect, the first folder.
)";

struct EmbeddedSweep {
  std::string_view name;
  ConfigText text;
};

std::vector<EmbeddedSweep> EmbeddedSweeps() {
  return {{"induction", {kInductionSweepConfigFile, kInductionSweepConfigText}},
          {"classification",
           {kClassificationSweepConfigFile, kClassificationSweepConfigText}}};
}

RunFlags ParseFlags(int argc, char** argv) {
  ProgramHelp help;
  help.usage = kUsage;
  help.examples = {
      "induction --filter "
      "aux_loss_weight=0.2,shift_query_token=true,positional_type=add",
      "classification --filter vocab_size=41 --dry_run",
      "--config my_sweep.textproto --out sweeps/mine",
      "collect sweeps/induction"};
  help.own_flags = kOwnFlags;
  help.arguments = "[induction | classification | collect FOLDER...]";
  help.single_run = false;
  return ParseRunFlags(argc, argv, help);
}

absl::StatusOr<ConfigText> ChosenText(const RunFlags& flags) {
  const std::string choices =
      "name a sweep, induction or classification, or give your own with "
      "--config=FILE (--help says more)";
  if (!flags.config.empty()) {
    if (flags.arguments.empty()) return ReadConfigText(flags.config);
    return absl::InvalidArgumentError(
        absl::StrCat(flags.arguments[0], " and --config: give one of them"));
  }
  if (flags.arguments.size() != 1) {
    return absl::InvalidArgumentError(choices);
  }
  for (const EmbeddedSweep& sweep : EmbeddedSweeps()) {
    if (sweep.name == flags.arguments[0]) return sweep.text;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flags.arguments[0], ": no such sweep: ", choices));
}

// The cores that this process may use: on a cluster, those of its job.
size_t Cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    // More of them than the set has room for.
    return std::max(1u, std::thread::hardware_concurrency());
  }
  return static_cast<size_t>(std::max(1, CPU_COUNT(&set)));
}

absl::StatusOr<size_t> Jobs() {
  const int jobs = absl::GetFlag(FLAGS_jobs);
  if (jobs < 0 || jobs > kMostJobs) {
    return absl::InvalidArgumentError(
        absl::StrCat("--jobs=", jobs, ": must be from 0 to ", kMostJobs));
  }
  return jobs > 0 ? static_cast<size_t>(jobs) : Cores();
}

struct Overview {
  size_t over = 0, failed = 0, left = 0;
  absl::Duration of_a_run;  // one thread
  bool measured = false;    // by runs that are over
};

// From so many on, runs that are over say how long others take.
constexpr size_t kEnoughMeasured = 8;
// Runs that are judged by a forward pass if there are fewer.
constexpr size_t kMostJudged = 5;

absl::StatusOr<absl::Duration> JudgedTime(Section& section, bool sharing,
                                          const std::vector<SweepRun>& runs) {
  const absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(1);
  if (!team.ok()) return team.status();
  const size_t n = std::min(kMostJudged, runs.size());
  absl::Duration sum;
  for (size_t i = 0; i < n; ++i) {
    const SweepRun& run = runs[(2 * i + 1) * runs.size() / (2 * n)];
    sum += ExpectedTime(*section.Make(*run.config, sharing, **team));
  }
  return sum / static_cast<double>(n);
}

// folder: where the sweep is or will be.
absl::StatusOr<Overview> Look(const std::string& folder, Section& section,
                              bool sharing, const std::vector<SweepRun>& runs) {
  Overview overview;
  double seconds = 0;
  std::vector<SweepRun> left;
  for (const SweepRun& run : runs) {
    const absl::StatusOr<RunOutcome> outcome = OutcomeIn(folder, run.id);
    overview.failed += outcome.ok() && outcome->state == RunOutcome::kFailed;
    if (!outcome.ok() || !outcome->over()) {
      left.push_back(run);
      continue;
    }
    ++overview.over;
    seconds += outcome->seconds;
  }
  overview.left = left.size();
  if (left.empty()) return overview;
  overview.measured = overview.over >= kEnoughMeasured;
  if (overview.measured) {
    overview.of_a_run =
        absl::Seconds(seconds / static_cast<double>(overview.over));
    return overview;
  }
  const absl::StatusOr<absl::Duration> judged =
      JudgedTime(section, sharing, left);
  if (!judged.ok()) return judged.status();
  overview.of_a_run = *judged;
  return overview;
}

void PrintOverview(const SweepList& list, const std::vector<SweepRun>& runs,
                   const std::string& folder, const Overview& overview,
                   size_t jobs) {
  std::string text = absl::StrFormat(
      "sweep       %s: %d runs of //experiments:%s\n", list.config.name(),
      list.runs.size(), list.config.experiment());
  if (runs.size() < list.runs.size()) {
    absl::StrAppendFormat(&text, "chosen      %d of them\n", runs.size());
  }
  absl::StrAppendFormat(&text, "over        %d, left %d", overview.over,
                        overview.left);
  if (overview.failed > 0) {
    absl::StrAppendFormat(&text, " (%d broke off and are tried again)",
                          overview.failed);
  }
  absl::StrAppendFormat(&text, "\nmachine     %s, %d at a time\n",
                        ChosenTargetName(), jobs);
  if (overview.left > 0) {
    // A last round takes as long as any, however few runs it has.
    const size_t rounds = (overview.left + jobs - 1) / jobs;
    absl::StrAppend(&text, "time        about ",
                    FormatTime(overview.of_a_run * static_cast<double>(rounds)),
                    ", ", FormatTime(overview.of_a_run), " a run, ",
                    overview.measured
                        ? "as those that are over took"
                        : "judged by forward passes of a few of them",
                    "\n");
  }
  absl::StrAppend(&text, "folder      ", folder, "\n");
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

absl::Status CollectInto(const std::vector<std::string>& folders,
                         const std::string& out) {
  CollectOptions options;
  options.times = absl::GetFlag(FLAGS_times);
  options.allow_mixed_numerics = absl::GetFlag(FLAGS_mixed_numerics);
  const absl::StatusOr<CollectResult> result = Collect(folders, options);
  if (!result.ok()) return result.status();
  const absl::StatusOr<std::string> path = WriteCollected(*result, out);
  if (!path.ok()) return path.status();
  std::printf("collected   %d runs: %d finished, %d diverged, %d broke off\n",
              static_cast<int>(result->data.rows.size()),
              static_cast<int>(result->finished),
              static_cast<int>(result->diverged),
              static_cast<int>(result->failed));
  if (!result->missing.empty()) {
    std::printf("missing     %d runs of the list, the first one %s\n",
                static_cast<int>(result->missing.size()),
                result->missing[0].c_str());
  }
  if (!result->unlisted.empty()) {
    std::printf("left out    %d runs that the list lacks, the first one %s\n",
                static_cast<int>(result->unlisted.size()),
                result->unlisted[0].c_str());
  }
  std::printf("table       %s\n", path->c_str());
  return absl::OkStatus();
}

absl::StatusOr<int> RunCollect(const RunFlags& flags) {
  std::vector<std::string> folders;
  for (size_t i = 1; i < flags.arguments.size(); ++i) {
    folders.push_back(UserPath(flags.arguments[i]));
  }
  if (folders.empty()) {
    return absl::InvalidArgumentError(
        "collect: name the sweep's folder, or the folders of its parts");
  }
  const absl::Status status =
      CollectInto(folders, flags.out.empty() ? folders[0] : flags.out);
  if (!status.ok()) return status;
  return 0;
}

void PrintEnd(const SweepResult& result, absl::Duration time) {
  const SweepCounts& counts = result.counts;
  std::string text =
      absl::StrFormat("%s %s: %d finished, %d diverged, %d broke off, %d left",
                      result.signal != 0 ? "stopped after"
                      : result.stopped   ? "ended (--fail_fast) after"
                                         : "ended after",
                      FormatTime(time), counts.finished, counts.diverged,
                      counts.failed, counts.left);
  if (counts.skipped > 0) {
    absl::StrAppendFormat(&text, " (%d were over before)", counts.skipped);
  }
  absl::StrAppend(&text, "\n");
  std::fputs(text.c_str(), stdout);
}

std::string FolderAbove(const std::string& folder) {
  const size_t slash = folder.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return folder.substr(0, std::max<size_t>(slash, 1));
}

void PrintWhatNext(const std::string& folder, bool all_over) {
  std::string text = "to go on\n";
  if (!all_over) absl::StrAppend(&text, "  the same command again\n");
  absl::StrAppend(&text, "  bazel run //experiments:sweep -- collect ", folder,
                  " FOLDER...   # with the folders of other shards\n"
                  "  bazel run //tools:figures -- --sweeps=",
                  FolderAbove(folder), "\n  tensorboard --logdir ", folder,
                  "/runs\n");
  std::fputs(text.c_str(), stdout);
}

// What its runs have in a field, each value once.
std::set<std::string> ValuesOf(const SweepList& list, const std::string& path) {
  std::set<std::string> values;
  for (const SweepRun& run : list.runs) {
    values.insert(ValueText(*run.config, path));
  }
  return values;
}

absl::StatusOr<int> RunChosen(const RunFlags& flags, const SweepList& list,
                              const std::vector<SweepRun>& runs, Shard shard,
                              int argc, const char* const* argv) {
  const absl::StatusOr<size_t> jobs = Jobs();
  if (!jobs.ok()) return jobs.status();
  const std::string out =
      flags.out.empty() ? UserPath(absl::StrCat("sweeps/", list.config.name()))
                        : flags.out;
  PinTarget(flags.target);
  const absl::StatusOr<Overview> overview =
      Look(out, *list.section, flags.sharing, runs);
  if (!overview.ok()) return overview.status();
  PrintOverview(list, runs, out, *overview, *jobs);
  if (flags.dry_run) return 0;

  const absl::StatusOr<std::string> numerics = NumericsFingerprint(
      *list.section, flags.sharing, ValuesOf(list, "model.precision"),
      ValuesOf(list, "model.attention_type"),
      ValuesOf(list, "training.optimizer"));
  if (!numerics.ok()) return numerics.status();
  const absl::StatusOr<SweepFolder> folder = SweepFolder::Open(
      out, list, *numerics, absl::GetFlag(FLAGS_mixed_numerics));
  if (!folder.ok()) return folder.status();
  SchedulerOptions options;
  options.jobs = *jobs;
  options.fail_fast = absl::GetFlag(FLAGS_fail_fast);
  options.run = flags;
  options.run.pictures = list.config.pictures();
  options.run.weights = list.config.keep_weights();
  options.run.numerics = *numerics;
  options.argc = argc;
  options.argv = argv;
  const absl::Time start = absl::Now();
  const absl::StatusOr<SweepResult> result =
      RunSweep(*folder, runs, *list.section, options);
  if (!result.ok()) return result.status();
  PrintEnd(*result, absl::Now() - start);
  const bool all_over = result->counts.left == 0;
  if (all_over && shard.count == 1) {
    const absl::Status collected = CollectInto({out}, out);
    if (!collected.ok()) return collected;
  }
  PrintWhatNext(out, all_over);
  if (result->signal != 0) return 128 + result->signal;
  return all_over && !result->stopped ? 0 : 1;
}

}  // namespace

absl::StatusOr<int> SweepMain(int argc, char** argv) {
  const RunFlags flags = ParseFlags(argc, argv);
  if (!flags.arguments.empty() && flags.arguments[0] == "collect") {
    return RunCollect(flags);
  }
  const absl::StatusOr<ConfigText> text = ChosenText(flags);
  if (!text.ok()) return text.status();
  const absl::StatusOr<SweepList> list = LoadSweep(*text, flags.settings);
  if (!list.ok()) return list.status();
  const absl::StatusOr<std::vector<SweepRun>> filtered =
      FilterRuns(*list, absl::GetFlag(FLAGS_filter));
  if (!filtered.ok()) return filtered.status();
  const absl::StatusOr<Shard> shard = ParseShard(absl::GetFlag(FLAGS_shard));
  if (!shard.ok()) return shard.status();
  return RunChosen(flags, *list, ShardOf(*filtered, *shard), *shard, argc,
                   argv);
}

}  // namespace polarize
