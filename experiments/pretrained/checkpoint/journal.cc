#include "experiments/pretrained/checkpoint/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

constexpr absl::string_view kFirstLine = "polarize repack 1 ";
constexpr size_t kMostBytes = size_t{64} << 20;

absl::Status WriteError(const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
}

bool ParseLine(absl::string_view line, ChunkId& chunk) {
  const std::vector<absl::string_view> numbers = absl::StrSplit(line, ' ');
  return numbers.size() == 2 && absl::SimpleAtoi(numbers[0], &chunk.first) &&
         absl::SimpleAtoi(numbers[1], &chunk.second);
}

}  // namespace

Journal::Journal(std::string path, int fd, std::set<ChunkId> done)
    : path_(std::move(path)), fd_(fd), done_(std::move(done)) {}

Journal::Journal(Journal&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      done_(std::move(other.done_)) {}

Journal::~Journal() {
  if (fd_ >= 0) close(fd_);
}

// What is behind `bytes` goes.
absl::StatusOr<Journal> Journal::OpenAt(const std::string& path, uint64_t bytes,
                                        std::set<ChunkId> done) {
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return WriteError(path);
  Journal journal(path, fd, std::move(done));
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) return WriteError(path);
  return journal;
}

absl::StatusOr<Journal> Journal::Create(const std::string& path,
                                        const std::string& key) {
  const std::string line = absl::StrCat(kFirstLine, key, "\n");
  const absl::Status written = WriteFileWhole(path, line);
  if (!written.ok()) return written;
  return OpenAt(path, line.size(), {});
}

absl::StatusOr<Journal> Journal::Open(const std::string& path,
                                      const std::string& key) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMostBytes);
  if (!text.ok()) return text.status();
  const absl::string_view whole =
      absl::string_view(*text).substr(0, text->rfind('\n') + 1);
  std::set<ChunkId> done;
  bool first = true;
  for (const absl::string_view line : absl::StrSplit(whole, '\n')) {
    if (first && line != absl::StrCat(kFirstLine, key)) {
      return absl::FailedPreconditionError(absl::StrCat(
          path,
          " is of an unfinished repacking of another checkpoint, or with "
          "another precision. Name another folder, or remove this one"));
    }
    ChunkId chunk;
    if (!first && !line.empty()) {
      if (!ParseLine(line, chunk)) {
        return absl::InvalidArgumentError(
            absl::StrCat(path,
                         ": a damaged line. Remove the folder and start "
                         "again"));
      }
      done.insert(chunk);
    }
    first = false;
  }
  return OpenAt(path, whole.size(), std::move(done));
}

absl::Status Journal::Add(const std::set<ChunkId>& chunks) {
  std::string lines;
  for (const ChunkId& chunk : chunks) {
    absl::StrAppend(&lines, chunk.first, " ", chunk.second, "\n");
  }
  // A line that is cut off by an error is dropped by the next Open().
  for (absl::string_view left = lines; !left.empty();) {
    const ssize_t n = write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return WriteError(path_);
    left.remove_prefix(static_cast<size_t>(n));
  }
  if (fdatasync(fd_) != 0) return WriteError(path_);
  done_.insert(chunks.begin(), chunks.end());
  return absl::OkStatus();
}

absl::Status Journal::Remove() {
  return unlink(path_.c_str()) == 0 ? absl::OkStatus() : WriteError(path_);
}

}  // namespace polarize
