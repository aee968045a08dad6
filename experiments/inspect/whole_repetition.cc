#include "experiments/inspect/whole_repetition.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/run/file.h"
#include "experiments/run/flags.h"
#include "experiments/run/interrupt.h"

namespace polarize {
namespace {

constexpr size_t kMaxErrorBytes = size_t{1} << 20;
// Between two looks at whether the process has ended.
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

RunFlags FlagsOf(const Repetition& how, const WholeRepetitionOptions& options) {
  RunFlags flags;
  flags.out = options.out;
  flags.threads = options.threads;
  flags.target = how.target;
  flags.sharing = how.sharing;
  flags.eval_only = options.eval_only;
  flags.pictures = false;
  flags.weights = options.weights;
  flags.most_steps = options.most_steps;
  return flags;
}

std::string ErrorPath(const WholeRepetitionOptions& options) {
  return absl::StrCat(options.scratch, "/error.txt");
}

// What the run prints goes to a file: its tables are not what was asked for.
bool RedirectOutput(const std::string& path) {
  const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0666);
  return fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0;
}

[[noreturn]] void RunChild(const RecordedRun& run, const Repetition& how,
                           const WholeRepetitionOptions& options) {
  absl::Status status;
  if (!RedirectOutput(absl::StrCat(options.scratch, "/log.txt"))) {
    status = absl::ErrnoToStatus(
        errno, absl::StrCat("cannot write to ", options.scratch));
  } else {
    status = run.section
                 ->Run(*run.config, FlagsOf(how, options), options.argc,
                       options.argv)
                 .status();
  }
  if (!status.ok()) {
    // Of little use if that fails too: the exit code says it again.
    WriteFileWhole(ErrorPath(options), std::string(status.message()))
        .IgnoreError();
  }
  std::fflush(nullptr);
  _exit(status.ok() ? 0 : 1);
}

// How the process ended. After Ctrl-C nobody wants to know what it has to say.
int WaitForEnd(pid_t child) {
  int status = 0;
  bool killed = false;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (Interrupted() && !killed) {
      kill(child, SIGKILL);
      killed = true;
    }
    absl::SleepFor(kLookAgain);
  }
  return status;
}

absl::Status Broken(const WholeRepetitionOptions& options, int status) {
  const absl::StatusOr<std::string> error =
      ReadFile(ErrorPath(options), kMaxErrorBytes);
  return absl::AbortedError(absl::StrCat(
      "the repetition broke off: ",
      error.ok()            ? *error
      : WIFSIGNALED(status) ? std::string(strsignal(WTERMSIG(status)))
                            : absl::StrCat("exit code ", WEXITSTATUS(status))));
}

}  // namespace

absl::StatusOr<TemporaryFolder> TemporaryFolder::Create() {
  const char* const parent = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(parent == nullptr || *parent == '\0' ? "/tmp" : parent,
                   "/polarize-XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot make a folder ", path));
  }
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, std::string())) {}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::Status RepeatWhole(const RecordedRun& run, const Repetition& how,
                         const WholeRepetitionOptions& options) {
  const std::string summary = absl::StrCat(options.out, "/summary.json");
  // An older run's would be taken for the repetition's.
  if (access(summary.c_str(), F_OK) == 0) {
    return absl::AlreadyExistsError(absl::StrCat(
        options.out, " already holds a run: choose another folder (--out)"));
  }
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return absl::ErrnoToStatus(errno, "cannot start a process");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    RunChild(run, how, options);
  }
  const InterruptHandler interrupt;
  const int status = WaitForEnd(child);
  if (Interrupted()) return absl::CancelledError("stopped");
  if (!PathExists(summary)) return Broken(options, status);
  return absl::OkStatus();
}

}  // namespace polarize
