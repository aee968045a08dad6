// Where an array's elements go in the packed files.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PLACEMENT_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PLACEMENT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "experiments/pretrained/checkpoint/arrays.h"
#include "experiments/pretrained/checkpoint/packed_writer.h"
#include "experiments/pretrained/checkpoint/zarr_array.h"

namespace polarize {

// Takes the pieces of one chunk and writes them where they belong.
class Placement {
 public:
  // All must outlive it. `precision` is that of matrices.
  Placement(const WeightArray& weights, const ZarrArray& array,
            PackedPrecision precision, PackedWriter& writer);

  // Before a chunk's first piece, and after its last.
  void BeginChunk(uint64_t chunk);
  absl::Status EndChunk() { return WriteTile(); }
  // As PieceSink has it.
  absl::Status Place(uint64_t first, absl::Span<const char> bytes);

 private:
  // Elements that all belong to `layer`'s slice of the array, or to the array
  // where that has no layers; they begin at number `at` of it.
  absl::Status PlaceInLayer(size_t layer, uint64_t at,
                            absl::Span<const char> bytes);
  absl::Status PlaceStraight(size_t layer, uint64_t at,
                             absl::Span<const char> bytes);
  // The transposing one gathers rows into the columns of a tile first, so that
  // what is written is longer than an element.
  absl::Status PlaceTransposed(size_t layer, uint64_t at,
                               absl::Span<const char> bytes);
  void FillTile(uint64_t row, uint64_t column, absl::Span<const char> bytes);
  absl::Status WriteTile();

  const WeightArray& weights_;
  const ZarrArray& array_;
  PackedWriter& writer_;
  const PackedTensor& tensor_;       // of every layer
  const PackedPrecision precision_;  // of this tensor
  const size_t from_bytes_, to_bytes_;
  uint64_t slice_ = 1;  // elements of a layer
  std::vector<char> converted_;

  // Of a transposed array [layers, rows, heads, head_dim]:
  uint64_t rows_ = 0, columns_ = 0, head_dim_ = 0;
  AxisRange heads_, in_head_;  // of the chunk
  std::vector<char> tile_;     // columns_ x tile_rows_
  size_t tile_rows_ = 0;
  size_t tile_layer_ = 0;
  uint64_t first_row_ = 0;
  size_t filled_rows_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PLACEMENT_H_
