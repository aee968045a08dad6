#include "experiments/pretrained/text/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;

absl::Status ErrnoStatus(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

}  // namespace

LineFile::LineFile(std::string path, int fd)
    : path_(std::move(path)), fd_(fd) {}

LineFile::LineFile(LineFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      used_(other.used_),
      buffer_end_(other.buffer_end_),
      line_(std::move(other.line_)),
      number_(other.number_),
      start_(other.start_) {}

LineFile::~LineFile() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<LineFile> LineFile::Open(const std::string& path) {
  // A pipe without a writer would keep a blocking open() waiting.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return ErrnoStatus("open", path);
  LineFile file(path, fd);
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus("look at", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": not a regular file"));
  }
  return file;
}

absl::StatusOr<bool> LineFile::Fill() {
  buffer_.resize(kBufferBytes);
  ssize_t got;
  do {
    got =
        pread(fd_, &buffer_[0], kBufferBytes, static_cast<off_t>(buffer_end_));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return ErrnoStatus("read", path_);
  buffer_.resize(static_cast<size_t>(got));
  used_ = 0;
  buffer_end_ += static_cast<uint64_t>(got);
  return got > 0;
}

absl::StatusOr<bool> LineFile::Next() {
  line_.clear();
  start_ = buffer_end_ - (buffer_.size() - used_);
  bool any = false;
  for (;;) {
    if (used_ == buffer_.size()) {
      const absl::StatusOr<bool> more = Fill();
      if (!more.ok()) return more;
      if (!*more) break;
    }
    any = true;
    const size_t end = std::min(buffer_.find('\n', used_), buffer_.size());
    if (line_.size() + (end - used_) > kMaxLineBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ":", number_ + 1,
                                                     ": a line of more than ",
                                                     kMaxLineBytes, " bytes"));
    }
    line_.append(buffer_, used_, end - used_);
    used_ = std::min(end + 1, buffer_.size());
    if (end < buffer_.size()) break;
  }
  number_ += any;
  return any;
}

void LineFile::Seek(uint64_t start, uint64_t number) {
  buffer_.clear();
  used_ = 0;
  buffer_end_ = start;
  number_ = number - 1;
}

}  // namespace polarize
