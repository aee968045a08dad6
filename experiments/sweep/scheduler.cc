#include "experiments/sweep/scheduler.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <deque>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/run/file.h"
#include "experiments/run/progress.h"

namespace polarize {
namespace {

// How a run's process ended, as its exit code.
enum ChildExit {
  kOver = 0,          // its folder says how
  kRecorded = 10,     // broke off; failure.json says why
  kElsewhere = 11,    // another process has it, or brought it to its end
  kNotRecorded = 12,  // broke off, and no failure.json could be written
  kDiskFull = 13,     // broke off for want of room
};

// Between two looks at runs that another process has in flight.
constexpr absl::Duration kLookAgain = absl::Seconds(1);
constexpr absl::Duration kTick = absl::Milliseconds(100);

// Signals that the loop takes one by one while this lives, in place of their
// effects.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&held_);
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) {
      sigaddset(&held_, signal);
    }
    sigprocmask(SIG_BLOCK, &held_, &before_);
  }
  ~HeldSignals() { Release(); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  void Release() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  // A terminal's Ctrl-C reaches the children too, who hear of it from their
  // parent once more: to them the second signal means to end at once.
  void ReleaseInChild() const {
    sigset_t held = before_;
    sigaddset(&held, SIGINT);
    sigprocmask(SIG_SETMASK, &held, nullptr);
  }

  // One that came, or 0 after kTick.
  int Wait() const {
    const timespec tick = absl::ToTimespec(kTick);
    const int signal = sigtimedwait(&held_, nullptr, &tick);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t held_, before_;
};

// A status keeps the text of an error number alone.
bool IsDiskFull(const absl::Status& status) {
  for (const int error : {ENOSPC, EDQUOT, EFBIG}) {
    if (absl::StrContains(status.message(), std::strerror(error))) return true;
  }
  return false;
}

// Output of the run goes to its log.
absl::Status RedirectOutput(const std::string& path) {
  const int fd =
      open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0666);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  close(fd);
  return absl::OkStatus();
}

class Scheduler {
 public:
  Scheduler(const SweepFolder& folder, const std::vector<SweepRun>& runs,
            Section& section, const SchedulerOptions& options)
      : folder_(folder),
        runs_(runs),
        section_(section),
        options_(options),
        progress_(Progress::StandardError()) {}

  absl::StatusOr<SweepResult> Go();

 private:
  void Sort();
  void StartRuns();
  bool StartOne();
  [[noreturn]] void RunChild(const SweepRun& run, pid_t parent);
  int ChildCode(const SweepRun& run);
  void Reap();
  void TakeExit(const SweepRun& run, int status);
  void TakeOutcome(const SweepRun& run);
  void RecordCrash(const SweepRun& run, int status);
  void SayBroken(const SweepRun& run, const RunOutcome& outcome);
  void TakeSignal(int signal);
  void Signal(int signal);
  bool Stopping() const {
    return result_.signal != 0 || result_.stopped || !error_.ok();
  }
  void Show();

  const SweepFolder& folder_;
  const std::vector<SweepRun>& runs_;
  Section& section_;
  const SchedulerOptions& options_;
  Progress progress_;
  const HeldSignals signals_;

  std::deque<const SweepRun*> waiting_;
  std::deque<const SweepRun*> elsewhere_;  // in flight in another process
  std::map<pid_t, const SweepRun*> in_flight_;
  SweepResult result_;
  absl::Status error_;
  absl::Time start_ = absl::Now();
  absl::Time looked_ = absl::Now();
  size_t ended_here_ = 0;
};

// Finds what is over already.
void Scheduler::Sort() {
  for (const SweepRun& run : runs_) {
    const absl::StatusOr<RunOutcome> outcome = folder_.Outcome(run.id);
    if (!outcome.ok()) {
      progress_.Print(absl::StrCat("run again: ", outcome.status().message()));
    }
    if (!outcome.ok() || !outcome->over()) {
      waiting_.push_back(&run);
      continue;
    }
    ++result_.counts.skipped;
    ++(outcome->state == RunOutcome::kFinished ? result_.counts.finished
                                               : result_.counts.diverged);
  }
}

void Scheduler::StartRuns() {
  if (waiting_.empty() && !elsewhere_.empty() &&
      // In either direction, should the clock be set.
      absl::AbsDuration(absl::Now() - looked_) >= kLookAgain) {
    looked_ = absl::Now();
    waiting_.swap(elsewhere_);
  }
  while (!Stopping() && in_flight_.size() < options_.jobs &&
         !waiting_.empty() && StartOne()) {
  }
}

// False if no process could be made.
bool Scheduler::StartOne() {
  const SweepRun& run = *waiting_.front();
  if (folder_.IsTaken(run.id)) {
    waiting_.pop_front();
    elsewhere_.push_back(&run);
    return true;
  }
  section_.Prepare(*run.config);
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) RunChild(run, parent);
  if (child < 0) {
    // With some in flight it goes on when one of them ends.
    if (in_flight_.empty()) {
      error_ = absl::ErrnoToStatus(errno, "cannot start a process");
    }
    return false;
  }
  waiting_.pop_front();
  in_flight_[child] = &run;
  return true;
}

void Scheduler::RunChild(const SweepRun& run, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kElsewhere);
  signals_.ReleaseInChild();
  const int code = ChildCode(run);
  std::fflush(nullptr);
  _exit(code);
}

int Scheduler::ChildCode(const SweepRun& run) {
  const auto broken = [&](const absl::Status& status) {
    const absl::Status recorded =
        folder_.RecordFailure(run.id, status.message());
    if (IsDiskFull(status)) return kDiskFull;
    return recorded.ok() ? kRecorded : kNotRecorded;
  };
  const absl::StatusOr<bool> taken = folder_.Take(run.id);
  if (!taken.ok()) return broken(taken.status());
  if (!*taken) return kElsewhere;
  // Another process may have ended it in the meantime.
  const absl::StatusOr<RunOutcome> outcome = folder_.Outcome(run.id);
  if (outcome.ok() && outcome->over()) return kElsewhere;
  absl::Status status = MakeFolders(folder_.RunPath(run.id));
  if (status.ok()) status = RedirectOutput(folder_.LogPath(run.id));
  if (!status.ok()) return broken(status);
  RunFlags flags = options_.run;
  flags.out = folder_.RunPath(run.id);
  flags.overwrite = true;
  flags.threads = 1;
  const absl::StatusOr<int> code =
      section_.Run(*run.config, flags, options_.argc, options_.argv);
  if (code.ok()) return kOver;
  std::fprintf(stderr, "%s\n", std::string(code.status().message()).c_str());
  const absl::StatusOr<RunOutcome> after = folder_.Outcome(run.id);
  if (after.ok() && after->state == RunOutcome::kDiverged) return kOver;
  return broken(code.status());
}

void Scheduler::SayBroken(const SweepRun& run, const RunOutcome& outcome) {
  progress_.Print(absl::StrCat(
      outcome.state == RunOutcome::kDiverged ? "diverged: " : "failed: ",
      run.id, " ", run.settings, ": ", outcome.reason));
  if (options_.fail_fast && !result_.stopped) {
    result_.stopped = true;
    Signal(SIGTERM);
  }
}

void Scheduler::TakeOutcome(const SweepRun& run) {
  const absl::StatusOr<RunOutcome> outcome = folder_.Outcome(run.id);
  if (!outcome.ok()) {
    error_ = outcome.status();
    return;
  }
  if (outcome->state == RunOutcome::kNotOver) return;  // told to stop
  ++ended_here_;
  if (outcome->state == RunOutcome::kFinished) {
    ++result_.counts.finished;
    return;
  }
  ++(outcome->state == RunOutcome::kDiverged ? result_.counts.diverged
                                             : result_.counts.failed);
  SayBroken(run, *outcome);
}

void Scheduler::RecordCrash(const SweepRun& run, int status) {
  const std::string reason =
      WIFSIGNALED(status)
          ? absl::StrCat("ended by signal ", WTERMSIG(status), " (",
                         strsignal(WTERMSIG(status)), ")")
          : absl::StrCat("ended with exit code ", WEXITSTATUS(status));
  const absl::Status recorded = folder_.RecordFailure(
      run.id, absl::StrCat(reason, "; its output: ", folder_.LogPath(run.id)));
  if (recorded.ok()) {
    TakeOutcome(run);
  } else if (absl::IsNotFound(recorded)) {
    // Another process has taken the run meanwhile, and cleared its folder.
    elsewhere_.push_back(&run);
  } else {
    error_ = recorded;
  }
}

void Scheduler::TakeExit(const SweepRun& run, int status) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == kElsewhere) {
    elsewhere_.push_back(&run);
    // Over by now, as a rule: waiting only if it is not.
    const absl::StatusOr<RunOutcome> outcome = folder_.Outcome(run.id);
    if (outcome.ok() && outcome->over()) {
      elsewhere_.pop_back();
      TakeOutcome(run);
    }
  } else if (code == kOver || code == kRecorded) {
    TakeOutcome(run);
  } else if (code == kDiskFull || code == kNotRecorded) {
    error_ = absl::UnavailableError(
        absl::StrCat("the run ", run.id, " broke off ",
                     code == kDiskFull ? "because the disk is full"
                                       : "and could not be recorded",
                     "; its output: ", folder_.LogPath(run.id)));
  } else if (!Stopping()) {
    RecordCrash(run, status);
  }
}

void Scheduler::Reap() {
  int status;
  for (;;) {
    const pid_t child = waitpid(-1, &status, WNOHANG);
    if (child <= 0) return;
    const auto found = in_flight_.find(child);
    if (found == in_flight_.end()) continue;
    const SweepRun& run = *found->second;
    in_flight_.erase(found);
    TakeExit(run, status);
  }
}

void Scheduler::Signal(int signal) {
  for (const auto& [child, run] : in_flight_) kill(child, signal);
}

void Scheduler::TakeSignal(int signal) {
  if (signal != SIGINT && signal != SIGTERM) return;
  if (result_.signal == 0) {
    progress_.Print(
        "stopping the runs in flight; they will be run again (once more: at "
        "once)");
  }
  Signal(result_.signal == 0 ? SIGTERM : SIGKILL);
  result_.signal = signal;
}

void Scheduler::Show() {
  if (!progress_.Due()) return;
  const SweepCounts& counts = result_.counts;
  const size_t over = counts.finished + counts.diverged;
  const absl::Duration elapsed = absl::Now() - start_;
  const double minutes = absl::ToDoubleMinutes(elapsed);
  const size_t here = runs_.size() - counts.skipped;
  std::string line = absl::StrFormat(
      "%d/%d runs done, %d diverged, %d failed, %d in flight", over,
      runs_.size(), counts.diverged, counts.failed, in_flight_.size());
  if (!elsewhere_.empty()) {
    absl::StrAppend(&line, ", ", elsewhere_.size(), " in another process");
  }
  if (ended_here_ > 0) {
    absl::StrAppend(&line,
                    absl::StrFormat(", %.3g runs/min, ",
                                    static_cast<double>(ended_here_) / minutes),
                    FormatTime(TimeLeft(static_cast<int64_t>(ended_here_),
                                        static_cast<int64_t>(here), elapsed)),
                    " left");
  }
  progress_.Show(line);
}

absl::StatusOr<SweepResult> Scheduler::Go() {
  Sort();
  for (;;) {
    StartRuns();
    const bool none_left = waiting_.empty() && elsewhere_.empty();
    if (in_flight_.empty() && (none_left || Stopping())) break;
    Show();
    TakeSignal(signals_.Wait());
    Reap();
  }
  progress_.Finish();
  if (!error_.ok()) return error_;
  const SweepCounts& counts = result_.counts;
  result_.counts.left = runs_.size() - counts.finished - counts.diverged;
  return result_;
}

}  // namespace

absl::StatusOr<SweepResult> RunSweep(const SweepFolder& folder,
                                     const std::vector<SweepRun>& runs,
                                     Section& section,
                                     const SchedulerOptions& options) {
  return Scheduler(folder, runs, section, options).Go();
}

}  // namespace polarize
