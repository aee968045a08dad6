// A file that is read from any place in it.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_INPUT_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_INPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace polarize {

// Errors name the path.
class InputFile {
 public:
  // Files that cannot be read twice, pipes for one, are errors.
  static absl::StatusOr<InputFile> Open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) = delete;
  ~InputFile();

  const std::string& path() const { return path_; }
  // When it was opened.
  uint64_t size() const { return size_; }

  // The `count` bytes from `start` on; fewer only where the file ends.
  absl::Status Read(uint64_t start, size_t count, std::string* bytes) const;

 private:
  InputFile(std::string path, int fd);

  std::string path_;
  int fd_;
  uint64_t size_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_INPUT_FILE_H_
