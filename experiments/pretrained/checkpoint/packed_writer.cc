#include "experiments/pretrained/checkpoint/packed_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "hwy/base.h"

namespace polarize {
namespace {

constexpr char kPartial[] = ".partial";

absl::Status DiskError(int error, absl::string_view what,
                       const std::string& path) {
  const std::string text =
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return absl::ResourceExhaustedError(absl::StrCat(
        text, ". Make room and start again: what is done is kept"));
  }
  return absl::InternalError(text);
}

int SyncRetrying(int fd) {
  while (fdatasync(fd) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

// The size, and room for it where the file system can promise that: a disk that
// is too small is then found out at once.
int Allocate(int fd, uint64_t bytes) {
  const auto size = static_cast<off_t>(bytes);
  while (fallocate(fd, 0, 0, size) != 0) {
    if (errno == EINTR) continue;
    if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
    break;
  }
  return ftruncate(fd, size) == 0 ? 0 : errno;
}

// Writes all bytes or returns the errno that stopped it.
int WriteAllAt(int fd, uint64_t at, absl::Span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t n =
        pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    // POSIX allows a write of nothing; going on would never end.
    if (n == 0) return EIO;
    at += static_cast<uint64_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

}  // namespace

absl::StatusOr<PackedWriter> PackedWriter::Plan(const std::string& folder,
                                                const PretrainedSizes& sizes,
                                                PackedPrecision precision) {
  absl::StatusOr<PackedFile> layer = LayerFileLayout(sizes, precision);
  if (!layer.ok()) return layer.status();
  absl::StatusOr<PackedFile> embedding = EmbeddingFileLayout(sizes, precision);
  if (!embedding.ok()) return embedding.status();
  return PackedWriter(folder, sizes, *std::move(layer), *std::move(embedding));
}

PackedWriter::PackedWriter(const std::string& folder,
                           const PretrainedSizes& sizes, PackedFile layer,
                           PackedFile embedding)
    : folder_(folder),
      layer_(std::move(layer)),
      embedding_(std::move(embedding)) {
  for (size_t i = 0; i < sizes.layers; ++i) {
    files_.push_back(
        {absl::StrCat(folder, "/", PackedLayerFile(i)), false, -1});
  }
  files_.push_back({absl::StrCat(folder, "/", kPackedEmbeddingFile), true, -1});
}

PackedWriter::~PackedWriter() {
  for (const File& file : files_) {
    if (file.fd >= 0) close(file.fd);
  }
}

uint64_t PackedWriter::bytes() const {
  return layer_.bytes * (files_.size() - 1) + embedding_.bytes;
}

uint64_t PackedWriter::allocated_bytes() const {
  uint64_t bytes = 0;
  struct stat info;
  for (const File& file : files_) {
    if (stat((file.path + kPartial).c_str(), &info) == 0 ||
        stat(file.path.c_str(), &info) == 0) {
      bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    }
  }
  return bytes;
}

std::string PackedWriter::FinishedFile() const {
  for (const File& file : files_) {
    if (PathExists(file.path)) return file.path;
  }
  return "";
}

absl::Status PackedWriter::OpenNew(File& file) const {
  const std::string path = file.path + kPartial;
  file.fd = open(path.c_str(),
                 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (file.fd < 0) return DiskError(errno, "write", path);
  const PackedFile& layout = LayoutOf(file);
  // What a killed process left goes first.
  int error = ftruncate(file.fd, 0) == 0 ? 0 : errno;
  if (error == 0) error = Allocate(file.fd, layout.bytes);
  if (error == 0) error = WriteAllAt(file.fd, 0, layout.header);
  return error == 0 ? absl::OkStatus() : DiskError(error, "write", path);
}

absl::Status PackedWriter::OpenAgain(File& file) const {
  std::string path = file.path + kPartial;
  file.fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file.fd < 0 && errno == ENOENT) {
    path = file.path;
    file.fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  }
  if (file.fd < 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot go on with ", file.path, kPartial, ": ", std::strerror(errno),
        ". Remove ", folder_, " and start again"));
  }
  struct stat info;
  const uint64_t bytes = LayoutOf(file).bytes;
  if (fstat(file.fd, &info) != 0) return DiskError(errno, "look at", path);
  if (S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) == bytes) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot go on with ", path, ": it has ", info.st_size,
      " bytes in place of ", bytes, ". Remove ", folder_, " and start again"));
}

absl::Status PackedWriter::Open(Start start) {
  for (File& file : files_) {
    const absl::Status status =
        start == Start::kNew ? OpenNew(file) : OpenAgain(file);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

const PackedTensor& PackedWriter::Tensor(size_t file,
                                         absl::string_view name) const {
  for (const PackedTensor& tensor : LayoutOf(files_[file]).tensors) {
    if (tensor.name == name) return tensor;
  }
  HWY_ABORT("no tensor of this name");
}

absl::Status PackedWriter::Write(size_t file, uint64_t at,
                                 absl::Span<const char> bytes) {
  const int error = WriteAllAt(files_[file].fd, at, bytes);
  return error == 0 ? absl::OkStatus()
                    : DiskError(error, "write", files_[file].path + kPartial);
}

absl::Status PackedWriter::Sync() {
  for (const File& file : files_) {
    if (const int error = SyncRetrying(file.fd)) {
      return DiskError(error, "write", file.path + kPartial);
    }
  }
  return absl::OkStatus();
}

absl::Status PackedWriter::Finish() {
  for (const File& file : files_) {
    const std::string partial = file.path + kPartial;
    if (rename(partial.c_str(), file.path.c_str()) == 0) continue;
    // Renamed before it was interrupted.
    if (errno == ENOENT && PathExists(file.path)) continue;
    return DiskError(errno, "rename", partial);
  }
  return absl::OkStatus();
}

}  // namespace polarize
