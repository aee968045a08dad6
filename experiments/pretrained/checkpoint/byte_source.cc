#include "experiments/pretrained/checkpoint/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace polarize {

absl::StatusOr<FileSource> FileSource::Open(const std::string& path) {
  // Opening a pipe would wait for its writer; O_NONBLOCK does not.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  FileSource source(path, fd);
  struct stat info;
  if (fstat(fd, &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not a regular file"));
  }
  return source;
}

FileSource::FileSource(std::string path, int fd)
    : path_(std::move(path)), fd_(fd) {}

FileSource::FileSource(FileSource&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

FileSource::~FileSource() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<size_t> FileSource::Read(absl::Span<char> out) {
  for (;;) {
    const ssize_t n = read(fd_, out.data(), out.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == EINTR) continue;
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path_));
  }
}

absl::StatusOr<size_t> StringSource::Read(absl::Span<char> out) {
  const size_t n = std::min(out.size(), text_.size());
  std::copy_n(text_.data(), n, out.data());
  text_.remove_prefix(n);
  return n;
}

absl::StatusOr<size_t> ZeroSource::Read(absl::Span<char> out) {
  const size_t n = static_cast<size_t>(std::min<uint64_t>(out.size(), left_));
  std::memset(out.data(), 0, n);
  left_ -= n;
  return n;
}

absl::Status ExactSource::Read(absl::Span<char> out) {
  while (!out.empty()) {
    const absl::StatusOr<size_t> n = source_.Read(out);
    if (!n.ok()) return n.status();
    if (*n == 0) {
      return absl::DataLossError(
          absl::StrCat("ends after ", done_, " bytes in place of ", bytes_));
    }
    done_ += *n;
    out.remove_prefix(*n);
  }
  return absl::OkStatus();
}

absl::Status ExactSource::ExpectEnd() {
  char more;
  const absl::StatusOr<size_t> n = source_.Read(absl::MakeSpan(&more, 1));
  if (!n.ok()) return n.status();
  if (*n == 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("goes on after its ", bytes_, " bytes"));
}

}  // namespace polarize
