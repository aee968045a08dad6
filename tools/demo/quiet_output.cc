#include "tools/demo/quiet_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

void Restore(int copy, int descriptor) {
  if (copy < 0) {  // it was closed
    close(descriptor);
    return;
  }
  dup2(copy, descriptor);
  close(copy);
}

}  // namespace

absl::StatusOr<QuietOutput> QuietOutput::To(const std::string& path) {
  const int file = open(
      path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  std::fflush(stdout);
  const int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  const int err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  close(file);
  return QuietOutput(out, err);
}

QuietOutput::QuietOutput(QuietOutput&& other) noexcept
    : out_(other.out_), err_(other.err_) {
  other.moved_ = true;
}

QuietOutput::~QuietOutput() {
  if (moved_) return;
  std::fflush(stdout);
  Restore(out_, STDOUT_FILENO);
  Restore(err_, STDERR_FILENO);
}

}  // namespace polarize
