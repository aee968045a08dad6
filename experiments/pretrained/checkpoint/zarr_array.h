// One array of a checkpoint: a folder with .zarray and a file per chunk.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZARR_ARRAY_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZARR_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "experiments/pretrained/checkpoint/byte_source.h"
#include "experiments/pretrained/checkpoint/zarray.h"

namespace polarize {

// Elements from begin to before end, along one axis.
struct AxisRange {
  uint64_t begin = 0, end = 0;
};

// Takes the elements from number `first` on, counted over the whole array, rows
// first; `bytes` holds whole elements, at most kMostPieceBytes.
using PieceSink = absl::FunctionRef<absl::Status(uint64_t first,
                                                 absl::Span<const char> bytes)>;
inline constexpr size_t kMostPieceBytes = size_t{256} << 10;

// Chunks have numbers, those of the grid's cells, rows first.
class ZarrArray {
 public:
  // `name` is its path inside of `root`. Every error names the array.
  static absl::StatusOr<ZarrArray> Open(const std::string& root,
                                        const std::string& name);

  const std::string& name() const { return name_; }
  const Zarray& zarray() const { return zarray_; }
  // The text of .zarray.
  const std::string& text() const { return text_; }

  // The part of the array that a chunk holds, cut where the array ends.
  std::vector<AxisRange> Box(uint64_t chunk) const;
  uint64_t ElementsIn(uint64_t chunk) const;
  // "0.0.5.0.0"; "0" of an array without axes.
  std::string Key(uint64_t chunk) const;
  // The size of the chunk's file; nullopt if there is none, which stands for
  // zeros. An error if that cannot be told, or it is no regular file.
  absl::StatusOr<absl::optional<uint64_t>> FileBytes(uint64_t chunk) const;

  // Every element of a chunk, in the order of its bytes; elements of chunks
  // that reach beyond the array are left out. Holds a piece in memory, whatever
  // the size of the chunk. An error of the file is one that names array and
  // chunk; the sink's are handed through, and end the reading.
  absl::Status ReadChunk(uint64_t chunk, PieceSink sink) const;
  // The same of a chunk that has no file.
  absl::Status ReadZeros(uint64_t chunk, PieceSink sink) const;

 private:
  ZarrArray(std::string folder, std::string name, std::string text,
            Zarray zarray);
  absl::Status Error(uint64_t chunk, const absl::Status& status) const;
  absl::Status ReadFrom(uint64_t chunk, ByteSource& source,
                        PieceSink sink) const;

  std::string folder_;
  std::string name_;
  std::string text_;
  Zarray zarray_;
};

// The walk through a chunk's bytes alone: `source` holds them, not compressed,
// and is read to its end.
absl::Status ReadChunkBytes(const Zarray& zarray, uint64_t chunk,
                            ByteSource& source, PieceSink sink);
std::vector<AxisRange> ChunkBox(const Zarray& zarray, uint64_t chunk);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZARR_ARRAY_H_
