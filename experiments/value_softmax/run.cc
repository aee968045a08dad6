#include "experiments/value_softmax/run.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/run/build_commit.h"
#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "experiments/run/flags.h"
#include "experiments/run/interrupt.h"
#include "experiments/run/nearest_name.h"
#include "experiments/run/progress.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/thread_team.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/families.h"
#include "experiments/value_softmax/family_run.h"
#include "experiments/value_softmax/steps_progress.h"
#include "kernels/base/isa.h"

ABSL_FLAG(std::string, only, "", "families to run, with commas");

namespace polarize {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(20);
constexpr int kClaimFailed = 2;  // exit code

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

// Families that run at the same time, from planned runs to their folders.
class Session {
 public:
  // target: a program that takes the first family's config.
  Session(const RunFlags& flags, std::unique_ptr<ThreadTeam> team,
          std::string target)
      : flags_(flags),
        target_(std::move(target)),
        team_(std::move(team)),
        progress_(Progress::StandardError()) {}

  void Add(std::string name, ValueSoftmaxConfig config) {
    families_.push_back(
        std::make_unique<FamilyRun>(std::move(name), std::move(config)));
  }
  void PrintPlan() const;
  // section: the folder holds a folder per family.
  absl::StatusOr<int> Execute(const char* section, int argc,
                              const char* const* argv);

 private:
  absl::Status OpenFolders(const char* section, int argc,
                           const char* const* argv);
  absl::Status ClearOtherFamilies() const;
  std::vector<RunTask> Tasks();
  void RunTasks();
  // runs, steps: of all tasks.
  std::string ProgressLine(size_t runs, int64_t steps) const;
  absl::Status Write();
  void PrintEnd() const;
  absl::StatusOr<int> ExitCode() const;

  const RunFlags& flags_;
  const std::string target_;
  const std::unique_ptr<ThreadTeam> team_;
  Progress progress_;
  std::vector<std::unique_ptr<FamilyRun>> families_;
  std::string path_;  // of the section's folder, or of the one family's
  std::vector<RunFolder> folders_;
  RunProgress running_;
  std::atomic<int64_t> runs_done_{0};
  absl::Time start_ = absl::Now();
  absl::Duration in_runs_;
};

void Session::PrintPlan() const {
  size_t bytes = 0, width = 0, runs = 0;
  for (const auto& family : families_) {
    bytes += family->planned_bytes(team_->threads());
    width = std::max(width, family->name().size());
    runs += family->run_count();
  }
  std::string text;
  for (const auto& family : families_) {
    absl::StrAppend(&text, family->name(),
                    std::string(width + 2 - family->name().size(), ' '),
                    family->PlanText(), "\n");
  }
  absl::StrAppendFormat(
      &text,
      "memory      %s planned, nothing allocated in a step\n"
      "machine     %s, %d thread%s for %d runs\n",
      bytes < 1 << 20
          ? absl::StrFormat("%.1f KiB", static_cast<double>(bytes) / (1 << 10))
          : absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20)),
      ChosenTargetName(), team_->threads(), team_->threads() == 1 ? "" : "s",
      runs);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

// A section's folder keeps no family of an older run that this one lacks.
absl::Status Session::ClearOtherFamilies() const {
  for (const Family& other : Families()) {
    const auto same = [&](const auto& family) {
      return family->name() == other.name;
    };
    if (std::any_of(families_.begin(), families_.end(), same)) continue;
    const absl::Status status =
        RunFolder::Clear(absl::StrCat(path_, "/", other.name));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Session::OpenFolders(const char* section, int argc,
                                  const char* const* argv) {
  RunFolderOptions options;
  options.path = flags_.out;
  options.experiment = section != nullptr ? section : families_[0]->name();
  options.overwrite = flags_.overwrite;
  options.start = start_;
  Environment environment = DescribeEnvironment(start_, argc, argv);
  environment.set_commit(BuildCommit());
  environment.set_threads(static_cast<int64_t>(team_->threads()));
  absl::StatusOr<RunFolder> top = RunFolder::Create(options);
  if (!top.ok()) return top.status();
  path_ = top->path();
  if (section != nullptr && flags_.overwrite) {
    const absl::Status status = ClearOtherFamilies();
    if (!status.ok()) return status;
  }
  for (const auto& family : families_) {
    if (section == nullptr) {
      folders_.push_back(*top);
    } else {
      options.path = absl::StrCat(path_, "/", family->name());
      absl::StatusOr<RunFolder> folder = RunFolder::Create(options);
      if (!folder.ok()) return folder.status();
      folders_.push_back(*std::move(folder));
    }
    environment.set_seed(static_cast<uint64_t>(family->config().init().seed()));
    const absl::Status status = folders_.back().WriteEnvironment(environment);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// The longest first, so that none is left alone at the end.
std::vector<RunTask> Session::Tasks() {
  std::vector<RunTask> tasks;
  for (const auto& family : families_) {
    for (RunTask& task : family->Tasks()) tasks.push_back(std::move(task));
  }
  std::stable_sort(
      tasks.begin(), tasks.end(),
      [](const RunTask& a, const RunTask& b) { return a.cost > b.cost; });
  return tasks;
}

void Session::RunTasks() {
  const std::vector<RunTask> tasks = Tasks();
  int64_t steps = 0;
  for (const auto& family : families_) steps += family->steps();
  // The team hands out slices of the list from several places: deal the tasks
  // out to them.
  std::atomic<size_t> next{0};
  std::atomic<bool> done{false};
  std::thread runner([&] {
    team_->Run(tasks.size(), [&](size_t) {
      const size_t i = next++;
      if (!running_.stop) tasks[i].run(running_);
      ++runs_done_;
    });
    done = true;
  });
  while (!done) {
    absl::SleepFor(kLookInterval);
    if (Interrupted()) running_.stop = true;
    if (progress_.Due()) progress_.Show(ProgressLine(tasks.size(), steps));
  }
  runner.join();
  progress_.Finish();
  in_runs_ = absl::Now() - start_;
}

std::string Session::ProgressLine(size_t runs, int64_t steps) const {
  return absl::StrFormat("%d of %d runs  ", runs_done_.load(), runs) +
         StepsProgress(running_.done, steps, running_.evaluations,
                       absl::Now() - start_);
}

absl::Status Session::Write() {
  std::vector<absl::Status> statuses(families_.size());
  team_->Run(families_.size(), [&](size_t i) {
    statuses[i] =
        families_[i]->Write(folders_[i], absl::ToDoubleSeconds(in_runs_));
  });
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Session::PrintEnd() const {
  std::string text;
  std::string notice;
  for (const auto& family : families_) {
    absl::StrAppend(&text, "\n", family->name(), ": ", family->state(), "\n",
                    family->EndText());
    if (!family->notice().empty()) notice = family->notice();
  }
  absl::StrAppendFormat(
      &text, "\nruns        %.2f s, with files and pictures %.2f s\n",
      absl::ToDoubleSeconds(in_runs_),
      absl::ToDoubleSeconds(absl::Now() - start_));
  absl::StrAppend(&text, "run folder  ", path_, "\n");
  if (!notice.empty()) absl::StrAppend(&text, "pictures    ", notice, "\n");
  const std::string config = folders_[0].File("config.textproto");
  absl::StrAppend(&text, "to go on\n  bazel run ", target_,
                  " -- --config=", config, " --set lr=0.05\n",
                  "  bazel run //experiments/value_softmax:phase_diagram\n",
                  "  tensorboard --logdir ", path_, "\n");
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

absl::StatusOr<int> Session::ExitCode() const {
  if (running_.stop) return 128 + InterruptSignal();
  std::vector<std::string> errors;
  for (const auto& family : families_) {
    if (!family->failed()) continue;
    errors.push_back(absl::StrCat(family->name(), " ", family->state(), ": ",
                                  family->reason()));
  }
  if (!errors.empty()) {
    return absl::FailedPreconditionError(absl::StrJoin(errors, "\n"));
  }
  for (const auto& family : families_) {
    if (family->claims_fail()) return kClaimFailed;
  }
  return 0;
}

absl::StatusOr<int> Session::Execute(const char* section, int argc,
                                     const char* const* argv) {
  start_ = absl::Now();
  const InterruptHandler interrupt;
  absl::Status status = OpenFolders(section, argc, argv);
  if (!status.ok()) return status;
  RunTasks();
  status = Write();
  if (!status.ok()) return status;
  PrintEnd();
  return ExitCode();
}

absl::StatusOr<std::unique_ptr<ThreadTeam>> MakeTeam(const RunFlags& flags) {
  return ThreadTeam::Create(
      flags.threads > 0 ? static_cast<size_t>(flags.threads)
                        : std::max(1u, std::thread::hardware_concurrency()));
}

// The program of the family of this name; of all of them if there is none.
std::string TargetFor(const std::string& name) {
  return FindFamily(name) == nullptr
             ? "//experiments:value_softmax"
             : absl::StrCat("//experiments/value_softmax:", name);
}

// section: see Execute.
absl::StatusOr<int> RunFamilies(std::vector<const Family*> families,
                                const RunFlags& flags, const char* section,
                                int argc, const char* const* argv) {
  PinTarget(flags.target);
  absl::StatusOr<std::unique_ptr<ThreadTeam>> team = MakeTeam(flags);
  if (!team.ok()) return team.status();
  std::unique_ptr<Session> session;
  for (const Family* family : families) {
    const absl::StatusOr<ConfigText> text =
        ConfigTextFor(flags.config, family->text);
    if (!text.ok()) return text.status();
    absl::StatusOr<ValueSoftmaxConfig> config =
        LoadValueSoftmaxConfig(*text, flags.settings);
    if (!config.ok()) return config.status();
    if (flags.dry_run) std::fputs(ResolvedText(*config).c_str(), stdout);
    const std::string name =
        flags.config.empty() ? family->name : config->name();
    if (session == nullptr) {
      session =
          std::make_unique<Session>(flags, *std::move(team), TargetFor(name));
    }
    session->Add(name, *std::move(config));
  }
  session->PrintPlan();
  if (flags.dry_run) return 0;
  return session->Execute(section, argc, argv);
}

// A full disk (a file-size limit) and a reader of the output that has left are
// errors of a write, not the end of a run.
void IgnoreSignalsOfWrites() {
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

// The families that --only names; those of the section if it names none.
absl::StatusOr<std::vector<const Family*>> ChosenFamilies(
    const std::string& only) {
  std::vector<const Family*> chosen;
  std::vector<std::string_view> names;
  for (const Family& family : Families()) {
    names.push_back(family.name);
    if (only.empty() && family.in_section) chosen.push_back(&family);
  }
  if (only.empty()) return chosen;
  for (const absl::string_view name : absl::StrSplit(only, ',')) {
    const Family* const family = FindFamily(name);
    if (family == nullptr) {
      const std::string_view nearest = NearestName(name, names);
      return absl::InvalidArgumentError(absl::StrCat(
          "--only=", only, ": no family ", name, "; there are ",
          absl::StrJoin(names, ", "),
          nearest.empty() ? ""
                          : absl::StrCat("; did you mean ", nearest, "?")));
    }
    if (std::count(chosen.begin(), chosen.end(), family) > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--only=", only, ": ", name, " is there twice"));
    }
    chosen.push_back(family);
  }
  return chosen;
}

}  // namespace

int FamilyMain(const char* name, int argc, char** argv) {
  IgnoreSignalsOfWrites();
  const Family* const family = FindFamily(name);
  const std::string target = absl::StrCat("//experiments/value_softmax:", name);
  ProgramHelp help;
  help.usage =
      "Runs one family of the value-softmax model L(V map(a)) of section 3 of\n"
      "the paper, by gradient descent and by gradient flow, and checks the\n"
      "theorems on it. Exit code 2: a claim is false.";
  help.target = target;
  help.examples = {"--dry_run",
                   "--set lr=0.01 --set steps=1000 --out runs/mine",
                   "--set model.map=softmax1 --set learn_sink_logit=true"};
  help.transformer = false;
  const RunFlags flags = ParseRunFlags(argc, argv, help);
  if (!absl::GetFlag(FLAGS_only).empty()) {
    return Fail(absl::InvalidArgumentError(
        "--only is for //experiments:value_softmax"));
  }
  const absl::StatusOr<int> code =
      RunFamilies({family}, flags, nullptr, argc, argv);
  return code.ok() ? *code : Fail(code.status());
}

int SectionMain(int argc, char** argv) {
  IgnoreSignalsOfWrites();
  ProgramHelp help;
  help.usage =
      "Runs section 3 of the paper, the value-softmax model L(V map(a)): "
      "every\n"
      "family of runs in experiments/value_softmax/*.textproto, several at "
      "once.\n"
      "Checks the theorems on them. Exit code 2: a claim is false.";
  help.examples = {"--dry_run", "--only=logistic,kl --threads 1",
                   "--set steps=1000 --out runs/short"};
  help.transformer = false;
  help.own_flags =
      "  --only NAMES      Families to run, with commas. Default: all but\n"
      "                    phase_diagram, which takes under a minute.\n";
  const RunFlags flags = ParseRunFlags(argc, argv, help);
  absl::StatusOr<std::vector<const Family*>> families =
      ChosenFamilies(absl::GetFlag(FLAGS_only));
  if (!families.ok()) return Fail(families.status());
  // One config file stands for one family.
  if (!flags.config.empty()) {
    if (!absl::GetFlag(FLAGS_only).empty()) {
      return Fail(absl::InvalidArgumentError(
          "--only names families, --config is a family of its own: give one of "
          "them"));
    }
    families->resize(1);
  }
  const absl::StatusOr<int> code =
      RunFamilies(*families, flags,
                  flags.config.empty() ? "value_softmax" : nullptr, argc, argv);
  return code.ok() ? *code : Fail(code.status());
}

}  // namespace polarize
