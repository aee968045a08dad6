// A file's bytes in memory, read by the system when they are looked at.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_MAPPED_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_MAPPED_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace polarize {

class MappedFile {
 public:
  // The whole of a regular file that has exactly `bytes` bytes, at least one:
  // looking behind the end of a file that is shorter would kill the process.
  static absl::StatusOr<MappedFile> Open(const std::string& path, size_t bytes);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  // The memory goes.
  ~MappedFile();

  const char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  void Unmap();

  const char* data_;
  size_t size_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_MAPPED_FILE_H_
