// The files of a repacked checkpoint while they are written, in any order.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_WRITER_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/pretrained/checkpoint/packed_layout.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

// Files are called NAME.partial until Finish(). Errors name the file; one of a
// full disk (or quota, or file-size limit) is ResourceExhausted.
class PackedWriter {
 public:
  enum class Start {
    kNew,       // files have their whole size, header and zeros
    kContinue,  // files must be there, under either name
  };
  // Only says what there is to write.
  static absl::StatusOr<PackedWriter> Plan(const std::string& folder,
                                           const PretrainedSizes& sizes,
                                           PackedPrecision precision);

  PackedWriter(PackedWriter&& other) = default;
  PackedWriter& operator=(PackedWriter&& other) = delete;
  ~PackedWriter();

  // Of all files; and what they take of the disk so far.
  uint64_t bytes() const;
  uint64_t allocated_bytes() const;
  // A file that has its final name already; "" if none has.
  std::string FinishedFile() const;

  absl::Status Open(Start start);

  // Files have numbers: those of their layers, then the embedding.
  size_t embedding_file() const { return files_.size() - 1; }
  const PackedTensor& Tensor(size_t file, absl::string_view name) const;
  absl::Status Write(size_t file, uint64_t at, absl::Span<const char> bytes);
  // Puts what was written on the disk.
  absl::Status Sync();
  // After Sync: gives the files their names.
  absl::Status Finish();

 private:
  struct File {
    std::string path;
    bool is_embedding;
    int fd;
  };

  PackedWriter(const std::string& folder, const PretrainedSizes& sizes,
               PackedFile layer, PackedFile embedding);
  const PackedFile& LayoutOf(const File& file) const {
    return file.is_embedding ? embedding_ : layer_;
  }
  absl::Status OpenNew(File& file) const;
  absl::Status OpenAgain(File& file) const;

  std::string folder_;
  PackedFile layer_, embedding_;
  std::vector<File> files_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_WRITER_H_
