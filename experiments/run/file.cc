#include "experiments/run/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

absl::Status ErrnoStatus(int error, absl::string_view what,
                         const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path));
}

int OpenRetrying(const std::string& path, int flags, mode_t mode = 0) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// Writes all bytes or returns the errno that stopped it.
int WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    // POSIX allows a write of nothing; going on would never end.
    if (n == 0) return EIO;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

int SyncRetrying(int fd) {
  int rc;
  do {
    rc = fsync(fd);
  } while (rc != 0 && errno == EINTR);
  // Pipes and some file systems have nothing to sync: no error.
  return rc == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
}

// In the folder of `path`, hidden, and used by nobody else: the number tells
// writers of one process apart, the process id processes of one machine, and
// O_EXCL settles the rest.
std::string AsideName(const std::string& path) {
  static std::atomic<uint64_t> count{0};
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  return absl::StrCat(path.substr(0, name), ".", path.substr(name), ".",
                      getpid(), "-", count.fetch_add(1), ".tmp");
}

absl::Status ReadDescriptor(int fd, const std::string& path, size_t max_bytes,
                            std::string& bytes) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "look at", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": not a regular file"));
  }
  // One byte more than expected notices a file that grows meanwhile, and
  // files such as /proc's, whose size reads 0, are read to their end.
  bytes.resize(
      std::min<uint64_t>(static_cast<uint64_t>(info.st_size), max_bytes) + 1);
  size_t got = 0;
  for (;;) {
    const ssize_t n = read(fd, &bytes[got], bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "read", path);
    if (n == 0) break;
    got += static_cast<size_t>(n);
    if (got > max_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "cannot read ", path, ": more than ", max_bytes, " bytes"));
    }
    if (got == bytes.size()) bytes.resize(std::min(2 * got, max_bytes) + 1);
  }
  bytes.resize(got);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t max_bytes) {
  // Opening a pipe would wait for its writer; O_NONBLOCK does not.
  const int fd = OpenRetrying(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return ErrnoStatus(errno, "open", path);
  std::string bytes;
  const absl::Status status = ReadDescriptor(fd, path, max_bytes, bytes);
  close(fd);
  if (!status.ok()) return status;
  return bytes;
}

WholeFile::WholeFile(std::string path, std::string aside, int fd)
    : path_(std::move(path)), aside_(std::move(aside)), fd_(fd) {}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : path_(std::move(other.path_)),
      aside_(std::exchange(other.aside_, std::string())),
      fd_(std::exchange(other.fd_, -1)) {}

WholeFile::~WholeFile() {
  if (fd_ >= 0) close(fd_);
  if (!aside_.empty()) unlink(aside_.c_str());
}

absl::StatusOr<WholeFile> WholeFile::Create(const std::string& path) {
  for (;;) {
    std::string aside = AsideName(path);
    const int fd = OpenRetrying(aside, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd >= 0) return WholeFile(path, std::move(aside), fd);
    if (errno != EEXIST) return ErrnoStatus(errno, "write", path);
  }
}

absl::Status WholeFile::Write(absl::string_view bytes) {
  const int error = WriteAll(fd_, bytes);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "write", path_);
}

absl::Status WholeFile::Commit() {
  if (const int error = SyncRetrying(fd_)) {
    return ErrnoStatus(error, "write", path_);
  }
  // The descriptor is gone even when close fails.
  if (close(std::exchange(fd_, -1)) != 0) {
    return ErrnoStatus(errno, "close", path_);
  }
  if (rename(aside_.c_str(), path_.c_str()) != 0) {
    return ErrnoStatus(errno, "write", path_);
  }
  aside_.clear();
  return absl::OkStatus();
}

absl::Status WriteFileWhole(const std::string& path,
                            absl::string_view contents) {
  absl::StatusOr<WholeFile> file = WholeFile::Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Write(contents); !status.ok()) return status;
  return file->Commit();
}

AppendFile::AppendFile(std::string path, std::string current_path, int fd)
    : path_(std::move(path)), current_path_(std::move(current_path)), fd_(fd) {
  pending_.reserve(kBufferBytes);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)),
      current_path_(std::move(other.current_path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      pending_(std::move(other.pending_)) {}

AppendFile::~AppendFile() { Close().IgnoreError(); }

absl::StatusOr<AppendFile> AppendFile::Create(const std::string& path,
                                              Name name) {
  std::string current = path;
  if (name == Name::kPartialUntilFinished) current += ".partial";
  // Not O_TRUNC: the bytes may be another writer's until the lock is ours.
  const int fd = OpenRetrying(current, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (fd < 0) return ErrnoStatus(errno, "write", current);
  AppendFile file(path, std::move(current), fd);
  // File systems without locks say so with other errors: then nothing is known.
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write ", file.current_path_,
                     ": another process is writing it"));
  }
  if (ftruncate(fd, 0) != 0) {
    return ErrnoStatus(errno, "empty", file.current_path_);
  }
  return file;
}

absl::Status AppendFile::Append(absl::string_view bytes) {
  if (pending_.size() + bytes.size() > kBufferBytes) {
    if (absl::Status status = Flush(); !status.ok()) return status;
  }
  pending_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status AppendFile::Flush() {
  if (pending_.empty()) return absl::OkStatus();
  if (fd_ < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write ", current_path_, ": already closed"));
  }
  if (const int error = WriteAll(fd_, pending_)) {
    // Half a record would be worse than none. If this fails too, the error
    // below still tells.
    if (ftruncate(fd_, static_cast<off_t>(size_)) != 0) errno = error;
    return ErrnoStatus(error, "write", current_path_);
  }
  size_ += pending_.size();
  pending_.clear();
  return absl::OkStatus();
}

absl::Status AppendFile::CloseDescriptor() {
  if (close(std::exchange(fd_, -1)) != 0) {
    return ErrnoStatus(errno, "close", current_path_);
  }
  return absl::OkStatus();
}

absl::Status AppendFile::Close() {
  if (fd_ < 0) return absl::OkStatus();
  const absl::Status flushed = Flush();
  const absl::Status closed = CloseDescriptor();
  return flushed.ok() ? closed : flushed;
}

absl::Status AppendFile::Finish() {
  if (fd_ < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot finish ", current_path_, ": already closed"));
  }
  if (absl::Status status = Flush(); !status.ok()) return status;
  if (const int error = SyncRetrying(fd_)) {
    return ErrnoStatus(error, "write", current_path_);
  }
  if (absl::Status status = CloseDescriptor(); !status.ok()) return status;
  if (current_path_ == path_) return absl::OkStatus();
  if (rename(current_path_.c_str(), path_.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename ", current_path_, " to"),
                       path_);
  }
  current_path_ = path_;
  return absl::OkStatus();
}

absl::Status AppendFile::Discard() {
  pending_.clear();
  if (fd_ < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot discard ", current_path_, ": already closed"));
  }
  // Removed while still locked, so that it is surely ours.
  const int error = unlink(current_path_.c_str()) == 0 ? 0 : errno;
  const absl::Status closed = CloseDescriptor();
  if (error != 0) return ErrnoStatus(error, "remove", current_path_);
  return closed;
}

bool IsBeingWritten(const std::string& path) {
  const int fd = OpenRetrying(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return false;
  const bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  return locked;
}

bool PathExists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

absl::Status MakeFolders(const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError("cannot make a folder without a name");
  }
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0777) == 0) continue;
    const int error = errno;
    struct stat info;
    if (stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
    return ErrnoStatus(error == EEXIST ? ENOTDIR : error, "make the folder",
                       path);
  }
  return absl::OkStatus();
}

}  // namespace polarize
