// A file that arrives in pieces, perhaps over several starts of the program.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_PARTIAL_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_PARTIAL_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/fetch/checksum.h"

namespace polarize {

// The name of `path` while it is fetched: PATH.GENERATION.partial. What is left
// of another generation of the object can so never be gone on with.
std::string PartialPath(const std::string& path, uint64_t generation);

// Bytes only ever go to its end, so that what a killed process leaves is a
// beginning of the object. Checksums run along; those of bytes that were there
// already are computed at the start. Errors name the path and are never
// Unavailable: nothing about a disk is worth trying again.
class PartialFile {
 public:
  // Opens or makes the partial file of `path`, and the folders above.
  // `progress` hears of the bytes that were there. Removes what is longer than
  // `size`.
  static absl::StatusOr<PartialFile> Open(
      const std::string& path, uint64_t generation, uint64_t size,
      absl::FunctionRef<bool()> cancelled,
      absl::FunctionRef<void(uint64_t)> progress);

  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&& other) = delete;
  // What is in the file stays.
  ~PartialFile();

  absl::Status Append(absl::string_view bytes);
  // Drops everything.
  absl::Status Restart();
  // Puts the bytes on the disk and gives the file its final name. Call it once,
  // last. A file of that name is an error: nothing of the user's is replaced.
  absl::Status Finish();

  uint64_t size() const { return size_; }
  Checksums checksums() const { return sums_->Get(); }

 private:
  PartialFile(std::string path, std::string partial, int fd);

  std::string path_;
  std::string partial_;
  int fd_;
  uint64_t size_ = 0;
  std::unique_ptr<StreamChecksums> sums_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_PARTIAL_FILE_H_
