// The arrays of a 7B checkpoint, and which part of a packed file each becomes.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ARRAYS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ARRAYS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

struct WeightArray {
  // Below "model/" of the index, which is "gda/model/" of the folder.
  const char* path;
  // A letter for each axis: L layers, D embed_dim, N heads, H head_dim, F
  // ffn_dim, V vocab; 3 is itself (query, key, value).
  const char* axes;
  // What it becomes (packed_layout.h): in the file of each layer if the first
  // axis is L, else in the embedding's. The query's tensor is followed by the
  // key's and the value's, as in the array.
  const char* tensor;
  // Stored with the output dimension first: rows become columns.
  bool transposed;

  bool layered() const { return axes[0] == 'L'; }
};

inline constexpr size_t kWeightArrays = 13;
const std::array<WeightArray, kWeightArrays>& WeightArrays();

// The model's sizes, from the shapes of all arrays in the order of the table.
// An error names the array that has another number of axes, or an axis that is
// of another size than in an array before it.
absl::StatusOr<PretrainedSizes> SizesFromShapes(
    absl::Span<const std::vector<uint64_t>> shapes);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ARRAYS_H_
