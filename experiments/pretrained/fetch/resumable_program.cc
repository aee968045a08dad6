#include "experiments/pretrained/fetch/resumable_program.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/parse.h"
#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/run/interrupt.h"

namespace polarize {
namespace {

bool AsksForHelp(int argc, char** argv) {
  return std::any_of(argv + std::min(argc, 1), argv + argc, [](const char* a) {
    const absl::string_view argument = a;
    return argument == "--help" || argument == "-help" || argument == "-h";
  });
}

absl::Status ParseFlags(int argc, char** argv) {
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(rest[1], ": not a flag; flags begin with --"));
}

absl::Status Work(absl::FunctionRef<absl::Status(Progress*)> work) {
  const InterruptHandler handler;
  // Without a terminal nobody watches: no lines but the last ones.
  const Progress::Options terminal = Progress::StandardError();
  const std::unique_ptr<Progress> progress =
      terminal.terminal ? absl::make_unique<Progress>(terminal) : nullptr;
  return work(progress.get());
}

}  // namespace

int ResumableProgram(int argc, char** argv, const char* help,
                     absl::FunctionRef<absl::Status(Progress*)> work) {
  // A full disk (a file-size limit) and a connection or a reader that is gone
  // are errors of a write, not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  if (AsksForHelp(argc, argv)) {
    std::fputs(help, stdout);
    return 0;
  }
  absl::Status status = ParseFlags(argc, argv);
  if (status.ok()) status = Work(work);
  if (status.ok()) return std::fflush(stdout) == 0 ? 0 : 1;
  if (absl::IsCancelled(status)) {
    std::fputs("interrupted: the same command goes on from here\n", stderr);
    return 128 + InterruptSignal();
  }
  std::fprintf(stderr, "ERROR: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace polarize
