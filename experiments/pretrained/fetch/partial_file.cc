#include "experiments/pretrained/fetch/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/fetch/object_name.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

absl::Status DiskError(int error, absl::string_view what,
                       const std::string& path) {
  const std::string text =
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return absl::ResourceExhaustedError(absl::StrCat(
        text, ". Make room and start again: what has arrived is kept"));
  }
  return absl::InternalError(text);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// So that the new name outlives a loss of power.
void SyncFolderOf(const std::string& path) {
  const int fd =
      open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);  // not every file system can
  close(fd);
}

}  // namespace

std::string PartialPath(const std::string& path, uint64_t generation) {
  return absl::StrCat(path, ".", generation, kPartialSuffix);
}

absl::StatusOr<PartialFile> PartialFile::Open(
    const std::string& path, uint64_t generation, uint64_t size,
    absl::FunctionRef<bool()> cancelled,
    absl::FunctionRef<void(uint64_t)> progress) {
  if (absl::Status status = MakeFolders(FolderOf(path)); !status.ok()) {
    return status;
  }
  std::string partial = PartialPath(path, generation);
  const int fd =
      open(partial.c_str(),
           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
           0666);
  if (fd < 0) return DiskError(errno, "write", partial);
  PartialFile file(path, std::move(partial), fd);
  struct stat info;
  if (fstat(fd, &info) != 0) return DiskError(errno, "look at", file.partial_);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.partial_, " is not a regular file"));
  }
  if (info.st_size == 0) return file;
  if (static_cast<uint64_t>(info.st_size) > size) {
    if (absl::Status status = file.Restart(); !status.ok()) return status;
    return file;
  }
  const absl::StatusOr<uint64_t> there =
      AddFile(file.partial_, cancelled, progress, *file.sums_);
  if (!there.ok()) return there.status();
  file.size_ = *there;
  return file;
}

PartialFile::PartialFile(std::string path, std::string partial, int fd)
    : path_(std::move(path)),
      partial_(std::move(partial)),
      fd_(fd),
      sums_(absl::make_unique<StreamChecksums>()) {}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::move(other.partial_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      sums_(std::move(other.sums_)) {}

PartialFile::~PartialFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status PartialFile::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return DiskError(n < 0 ? errno : EIO, "write", partial_);
    const size_t written = static_cast<size_t>(n);
    sums_->Add(bytes.substr(0, written));
    size_ += written;
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::Status PartialFile::Restart() {
  if (ftruncate(fd_, 0) != 0) return DiskError(errno, "empty", partial_);
  size_ = 0;
  sums_->Clear();
  return absl::OkStatus();
}

absl::Status PartialFile::Finish() {
  int rc;
  do {
    rc = fsync(fd_);
  } while (rc != 0 && errno == EINTR);
  // Some file systems have nothing to sync: no error.
  if (rc != 0 && errno != EINVAL && errno != EROFS) {
    return DiskError(errno, "write", partial_);
  }
  if (close(std::exchange(fd_, -1)) != 0) {
    return DiskError(errno, "close", partial_);
  }
  struct stat info;
  if (lstat(path_.c_str(), &info) == 0) {
    return DiskError(EEXIST, "write", path_);
  }
  if (rename(partial_.c_str(), path_.c_str()) != 0) {
    return DiskError(errno, "write", path_);
  }
  SyncFolderOf(path_);
  return absl::OkStatus();
}

}  // namespace polarize
