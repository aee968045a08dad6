#include "experiments/pretrained/fetch/folder_guard.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/fetch/transfer_progress.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

constexpr uint64_t kSpareBytes = uint64_t{64} << 20;

}  // namespace

absl::StatusOr<FolderGuard> FolderGuard::Take(const std::string& folder,
                                              const std::string& name,
                                              absl::string_view doing) {
  if (absl::Status status = MakeFolders(folder); !status.ok()) return status;
  const std::string path = absl::StrCat(folder, "/", name, ".busy");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return FolderGuard(fd);
  const int error = errno;
  close(fd);
  if (error == EWOULDBLOCK) {
    return absl::FailedPreconditionError(absl::StrCat(
        "another process is ", doing, " into ", folder, ": wait for its end"));
  }
  return absl::ErrnoToStatus(error, absl::StrCat("cannot lock ", path));
}

FolderGuard::FolderGuard(FolderGuard&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FolderGuard::~FolderGuard() {
  if (fd_ >= 0) close(fd_);
}

std::string ExistingFolder(std::string folder) {
  struct stat info;
  while (stat(folder.c_str(), &info) != 0) {
    const size_t slash = folder.rfind('/');
    if (slash == std::string::npos) return ".";
    if (slash == 0) return "/";
    folder.resize(slash);
  }
  return folder;
}

absl::Status CheckSpace(const std::string& folder, uint64_t bytes,
                        absl::string_view flag) {
  struct statvfs info;
  if (statvfs(folder.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot ask for the free space of ", folder));
  }
  const uint64_t free = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  if (bytes == 0 || (free >= kSpareBytes && free - kSpareBytes >= bytes)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "the disk is too small: ", FormatBytes(bytes), " are still to come, and ",
      folder, " has room for ", FormatBytes(free),
      ". Make room, or name another folder with --", flag));
}

}  // namespace polarize
