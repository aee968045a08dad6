// Bytes that come one after the other, from a file or made of others.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_BYTE_SOURCE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace polarize {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // The next bytes, at least one and as many as `out` has room for; 0: the end.
  // `out` is not empty.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> out) = 0;
};

// A regular file. Errors name it.
class FileSource : public ByteSource {
 public:
  static absl::StatusOr<FileSource> Open(const std::string& path);

  FileSource(FileSource&& other) noexcept;
  FileSource& operator=(FileSource&& other) = delete;
  ~FileSource() override;

  absl::StatusOr<size_t> Read(absl::Span<char> out) override;

 private:
  FileSource(std::string path, int fd);

  std::string path_;
  int fd_;
};

// A text, which must outlive it.
class StringSource : public ByteSource {
 public:
  explicit StringSource(absl::string_view text) : text_(text) {}

  absl::StatusOr<size_t> Read(absl::Span<char> out) override;

 private:
  absl::string_view text_;
};

// So many zeros.
class ZeroSource : public ByteSource {
 public:
  explicit ZeroSource(uint64_t bytes) : left_(bytes) {}

  absl::StatusOr<size_t> Read(absl::Span<char> out) override;

 private:
  uint64_t left_;
};

// A source that must hold a known number of bytes, neither more nor fewer.
class ExactSource {
 public:
  // `source` must outlive it.
  ExactSource(ByteSource& source, uint64_t bytes)
      : source_(source), bytes_(bytes) {}

  // Fills `out`. A source that ends before is an error that tells both numbers.
  absl::Status Read(absl::Span<char> out);
  // After as many bytes as there must be: an error if there are more.
  absl::Status ExpectEnd();

 private:
  ByteSource& source_;
  const uint64_t bytes_;
  uint64_t done_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_BYTE_SOURCE_H_
