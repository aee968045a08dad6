#include "experiments/pretrained/checkpoint/packed_layout.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

// Of a file's first tensor; a line of the cache.
constexpr size_t kAlignment = 64;

// Fills in where the tensors lie.
absl::StatusOr<PackedFile> LayOut(const std::string& name,
                                  std::vector<PackedTensor> tensors,
                                  PackedPrecision precision) {
  std::vector<TensorPlace> places;
  for (const PackedTensor& tensor : tensors) {
    TensorPlace place;
    place.name = tensor.name;
    place.dtype = tensor.is_matrix && precision == PackedPrecision::kBF16
                      ? "BF16"
                      : "F32";
    if (tensor.is_matrix) {
      place.shape.push_back(static_cast<int64_t>(tensor.rows));
    }
    place.shape.push_back(static_cast<int64_t>(tensor.cols));
    places.push_back(std::move(place));
  }
  absl::StatusOr<std::string> header =
      SafetensorsHeader(name, places, kAlignment);
  if (!header.ok()) return header.status();
  PackedFile file;
  file.header = *std::move(header);
  uint64_t at = file.header.size();
  for (PackedTensor& tensor : tensors) {
    tensor.begin = at;
    tensor.bytes =
        uint64_t{tensor.rows} * tensor.cols *
        (tensor.is_matrix ? PackedElementBytes(precision) : sizeof(float));
    at += tensor.bytes;
  }
  file.bytes = at;
  file.tensors = std::move(tensors);
  return file;
}

}  // namespace

const char* PackedPrecisionName(PackedPrecision precision) {
  return precision == PackedPrecision::kBF16 ? "BF16" : "FP32";
}

absl::StatusOr<PackedPrecision> ParsePackedPrecision(absl::string_view name) {
  for (const PackedPrecision precision :
       {PackedPrecision::kF32, PackedPrecision::kBF16}) {
    if (name == PackedPrecisionName(precision)) return precision;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("must be FP32 or BF16, not \"", name, "\""));
}

size_t PackedElementBytes(PackedPrecision precision) {
  return precision == PackedPrecision::kBF16 ? 2 : 4;
}

std::string PackedLayerFile(size_t layer) {
  return absl::StrFormat("layer_%02d.safetensors", layer);
}

absl::StatusOr<PackedFile> LayerFileLayout(const PretrainedSizes& sizes,
                                           PackedPrecision precision) {
  const size_t d = sizes.embed_dim, a = sizes.attention_dim(),
               f = sizes.ffn_dim, h = sizes.head_dim;
  return LayOut("a layer",
                {{"attention_prenorm", false, 1, d},
                 {"attention_postnorm", false, 1, d},
                 {"query_norm", false, 1, h},
                 {"key_norm", false, 1, h},
                 {"ffn_prenorm", false, 1, d},
                 {"ffn_postnorm", false, 1, d},
                 {"q", true, d, a},
                 {"k", true, d, a},
                 {"v", true, d, a},
                 {"o", true, a, d},
                 {"gate", true, d, f},
                 {"up", true, d, f},
                 {"down", true, f, d}},
                precision);
}

absl::StatusOr<PackedFile> EmbeddingFileLayout(const PretrainedSizes& sizes,
                                               PackedPrecision precision) {
  return LayOut(kPackedEmbeddingFile,
                {{"output_norm", false, 1, sizes.embed_dim},
                 {"embedding", true, sizes.vocab, sizes.embed_dim}},
                precision);
}

}  // namespace polarize
