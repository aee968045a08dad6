// What the files of a repacked checkpoint hold, and where.
//
// Every file is a safetensors file (experiments/run/safetensors.h), so that
// other programs read it too. Tensors lie one after the other without holes:
// scales first, in float32, then the matrices, which is why all are aligned to
// their elements.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_LAYOUT_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

// What the matrices hold: floats, or their upper halves, rounded to nearest.
enum class PackedPrecision { kF32, kBF16 };

// "FP32" or "BF16", as flags and the manifest have them.
const char* PackedPrecisionName(PackedPrecision precision);
absl::StatusOr<PackedPrecision> ParsePackedPrecision(absl::string_view name);
// Of an element of a matrix.
size_t PackedElementBytes(PackedPrecision precision);

// Of layers, and of any of a model's sizes.
inline constexpr uint64_t kMostOfASize = uint64_t{1} << 24;

inline constexpr char kPackedManifest[] = "packed.textproto";
// "layer_07.safetensors"
std::string PackedLayerFile(size_t layer);
inline constexpr char kPackedEmbeddingFile[] = "embedding.safetensors";

// A vector (one row) or a matrix, row-major.
struct PackedTensor {
  const char* name;
  bool is_matrix;
  size_t rows, cols;
  uint64_t begin = 0;  // of its bytes, counted from the start of the file
  uint64_t bytes = 0;
};

struct PackedFile {
  std::string header;  // the file's beginning, before the first tensor
  std::vector<PackedTensor> tensors;
  uint64_t bytes = 0;  // of all of it
};

// A layer's: names and shapes are those of LayerWeights' members, in this
// order: the six scales, q, k, v, o, gate, up, down.
absl::StatusOr<PackedFile> LayerFileLayout(const PretrainedSizes& sizes,
                                           PackedPrecision precision);
// "output_norm" [D], which the statistics do not need, and "embedding" [V, D].
absl::StatusOr<PackedFile> EmbeddingFileLayout(const PretrainedSizes& sizes,
                                               PackedPrecision precision);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_LAYOUT_H_
