#include "tests/support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "hwy/base.h"

namespace polarize {
namespace {

constexpr int kOut = 0, kErr = 1;
constexpr int kPollMilliseconds = 5;

// What the child does after fork(), where allocating is not allowed: all of it
// prepared before.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<std::string> variables;
  std::vector<char*> environment;
};

void Prepare(const ProgramCall& call, Prepared* prepared) {
  const auto add = [](std::vector<char*>* list, const std::string& text) {
    list->push_back(const_cast<char*>(text.c_str()));
  };
  add(&prepared->arguments, call.program);
  for (const std::string& a : call.arguments) add(&prepared->arguments, a);
  prepared->arguments.push_back(nullptr);
  const auto replaced = [&](absl::string_view variable) {
    for (const auto& [name, value] : call.environment) {
      if (variable.substr(0, variable.find('=')) == name) return true;
    }
    return false;
  };
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!replaced(*variable)) prepared->environment.push_back(*variable);
  }
  std::map<std::string, std::string> last;
  for (const auto& [name, value] : call.environment) last[name] = value;
  for (const auto& [name, value] : last) {
    prepared->variables.push_back(absl::StrCat(name, "=", value));
  }
  for (const std::string& v : prepared->variables) {
    add(&prepared->environment, v);
  }
  prepared->environment.push_back(nullptr);
}

[[noreturn]] void Become(const ProgramCall& call, const Prepared& prepared,
                         int out, int err) {
  // What a shell's child starts with, whatever the test or Bazel ignores.
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) {
    signal(number, SIG_DFL);
  }
  if (call.terminal) login_tty(out);
  const int null = open("/dev/null", O_RDONLY);
  bool good = call.terminal ||
              (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
               dup2(err, STDERR_FILENO) >= 0);
  if (!call.directory.empty())
    good = good && chdir(call.directory.c_str()) == 0;
  if (call.file_size_limit != RLIM_INFINITY) {
    const rlimit limit = {call.file_size_limit, call.file_size_limit};
    good = good && setrlimit(RLIMIT_FSIZE, &limit) == 0;
  }
  if (good) {
    execve(call.program.c_str(), prepared.arguments.data(),
           prepared.environment.data());
  }
  _exit(127);
}

void OpenPipe(int ends[2]) { HWY_ASSERT(pipe2(ends, O_CLOEXEC) == 0); }

// The end to read from, the end to write to.
void OpenTerminal(int ends[2]) {
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = kTerminalColumns;
  HWY_ASSERT(openpty(&ends[0], &ends[1], nullptr, nullptr, &size) == 0);
  for (const int i : {0, 1}) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
}

}  // namespace

std::string DataPath(absl::string_view path) {
  const char* const runfiles = std::getenv("TEST_SRCDIR");
  const char* const workspace = std::getenv("TEST_WORKSPACE");
  if (runfiles == nullptr || workspace == nullptr) {
    HWY_ABORT("TEST_SRCDIR and TEST_WORKSPACE are not set: not run by Bazel");
  }
  return absl::StrCat(runfiles, "/", workspace, "/", path);
}

Program::Program(const ProgramCall& call)
    : deadline_(absl::Now() + call.limit) {
  Prepared prepared;
  Prepare(call, &prepared);
  int out[2], err[2] = {-1, -1};
  if (call.terminal) {
    OpenTerminal(out);
  } else {
    OpenPipe(out);
    OpenPipe(err);
  }
  process_ = fork();
  HWY_ASSERT(process_ >= 0);
  if (process_ == 0) {
    if (call.closed_output) close(out[0]);
    Become(call, prepared, out[1], err[1]);
  }
  close(out[1]);
  if (err[1] >= 0) close(err[1]);
  ends_[kOut] = out[0];
  ends_[kErr] = err[0];
  if (call.closed_output) {
    close(out[0]);
    ends_[kOut] = -1;
  }
}

Program::~Program() {
  if (!ended_) {
    kill(process_, SIGKILL);
    Ended(/*wait=*/true);
  }
  for (const int end : ends_) {
    if (end >= 0) close(end);
  }
}

bool Program::Pump() {
  pollfd polls[2] = {{ends_[kOut], POLLIN, 0}, {ends_[kErr], POLLIN, 0}};
  if (ends_[kOut] < 0 && ends_[kErr] < 0) return false;
  poll(polls, 2, kPollMilliseconds);
  for (const int i : {kOut, kErr}) {
    if (polls[i].fd < 0 || polls[i].revents == 0) continue;
    char bytes[4096];
    const ssize_t n = read(ends_[i], bytes, sizeof(bytes));
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) {
      (i == kOut ? result_.out : result_.err)
          .append(bytes, static_cast<size_t>(n));
    } else {  // a terminal whose other end closed is an error, EIO
      close(ends_[i]);
      ends_[i] = -1;
    }
  }
  return true;
}

bool Program::Ended(bool wait) {
  if (ended_) return true;
  int status = 0;
  pid_t got;
  do {
    got = waitpid(process_, &status, wait ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  HWY_ASSERT(got >= 0);
  if (got == 0) return false;
  ended_ = true;
  if (WIFEXITED(status)) result_.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
  return true;
}

bool Program::WaitUntil(const std::function<bool()>& condition) {
  while (!condition()) {
    if (Ended(/*wait=*/false) || absl::Now() > deadline_) return condition();
    if (!Pump()) usleep(1000 * kPollMilliseconds);
  }
  return true;
}

void Program::Signal(int number) const {
  HWY_ASSERT(!ended_ && kill(process_, number) == 0);
}

ProgramResult Program::Wait() {
  while (absl::Now() <= deadline_) {
    // In this order: what it wrote before its end is there to be read.
    const bool ended = Ended(/*wait=*/false);
    const bool open = Pump();
    if (ended && !open) return result_;
    if (!open) usleep(1000 * kPollMilliseconds);
  }
  ADD_FAILURE() << "took too long, and was killed; it said\n"
                << result_.out << result_.err;
  if (!ended_) kill(process_, SIGKILL);
  Ended(/*wait=*/true);
  return result_;
}

ProgramResult RunProgram(const ProgramCall& call) {
  return Program(call).Wait();
}

std::vector<std::string> TerminalScreen(absl::string_view output,
                                        size_t columns) {
  std::vector<std::string> lines(1);
  size_t at = 0;
  constexpr absl::string_view kClearToEnd = "\x1b[K";
  while (!output.empty()) {
    const char c = output[0];
    if (output.substr(0, kClearToEnd.size()) == kClearToEnd) {
      lines.back().resize(std::min(at, lines.back().size()));
      output.remove_prefix(kClearToEnd.size());
      continue;
    }
    output.remove_prefix(1);
    if (c == '\r') {
      at = 0;
    } else if (c == '\n') {
      lines.emplace_back();  // the column stays: "\r" before it brings it back
    } else {
      if (at == columns) {
        lines.emplace_back();
        at = 0;
      }
      if (lines.back().size() <= at) lines.back().resize(at + 1, ' ');
      lines.back()[at++] = c;
    }
  }
  return lines;
}

}  // namespace polarize
