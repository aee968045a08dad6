// A repacked checkpoint: a file per layer, mapped into memory one at a time.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "experiments/pretrained/checkpoint/mapped_file.h"
#include "experiments/pretrained/checkpoint/packed_layout.h"
#include "experiments/pretrained/model/layer_weights.h"
#include "experiments/pretrained/model/sizes.h"
#include "protos/packed_checkpoint.pb.h"

namespace polarize {

// A layer's tensors where they lie in its file. They are read from the disk
// when they are looked at, and go when this does.
class PackedLayer {
 public:
  PackedLayer(MappedFile file, const LayerWeights& weights)
      : file_(std::move(file)), weights_(weights) {}

  const LayerWeights& weights() const { return weights_; }

 private:
  MappedFile file_;
  LayerWeights weights_;
};

// The embedding, [V, D], in the same way.
class PackedEmbedding {
 public:
  PackedEmbedding(MappedFile file, const WeightMatrix& table)
      : file_(std::move(file)), table_(table) {}

  const WeightMatrix& table() const { return table_; }

 private:
  MappedFile file_;
  WeightMatrix table_;
};

// A folder that `bazel run //experiments/pretrained:repack` made.
class PackedFolder {
 public:
  // Reads and checks packed.textproto. An error names the file and the field;
  // NotFound: the folder has none, so no repacking has come to its end there.
  static absl::StatusOr<PackedFolder> Open(const std::string& folder);

  const std::string& folder() const { return folder_; }
  const PretrainedSizes& sizes() const { return sizes_; }
  PackedPrecision precision() const { return precision_; }
  // What is known of the checkpoint that it was made from.
  const PackedCheckpoint& manifest() const { return manifest_; }

  // An error names the file that is missing, or that does not have the size or
  // the header that the manifest implies. What its tensors hold is not checked.
  absl::StatusOr<PackedLayer> MapLayer(size_t layer) const;
  absl::StatusOr<PackedEmbedding> MapEmbedding() const;

 private:
  PackedFolder() = default;

  std::string folder_;
  PretrainedSizes sizes_;
  PackedPrecision precision_ = PackedPrecision::kF32;
  PackedCheckpoint manifest_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_PACKED_H_
