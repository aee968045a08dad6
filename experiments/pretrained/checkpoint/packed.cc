#include "experiments/pretrained/checkpoint/packed.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"
#include "experiments/run/config_text.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

absl::Status CheckManifest(const PackedCheckpoint& manifest,
                           const FieldPlaces& places) {
  ConfigChecker checker(manifest, places);
  for (const char* const name :
       {"layers", "embed_dim", "heads", "head_dim", "ffn_dim", "vocab"}) {
    checker.InRange(name, 1, static_cast<double>(kMostOfASize));
  }
  checker.OneOf("precision", {"FP32", "BF16"});
  checker.OneOf("attention", {"", "softmax", "sigmoid"});
  return checker.status();
}

// A file that is as `layout` has it, mapped.
absl::StatusOr<MappedFile> Map(const std::string& path,
                               const PackedFile& layout) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path, layout.bytes);
  if (!file.ok()) return file;
  if (std::memcmp(file->data(), layout.header.data(), layout.header.size()) !=
      0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": its header is not that of the model that ",
                     kPackedManifest, " beside it tells of"));
  }
  return file;
}

const PackedTensor& Find(const PackedFile& layout, absl::string_view name) {
  size_t at = 0;
  while (layout.tensors[at].name != name) ++at;
  return layout.tensors[at];
}

// The tensors of a mapped file.
class Reader {
 public:
  Reader(const MappedFile& file, const PackedFile& layout,
         PackedPrecision precision)
      : file_(file), layout_(layout), precision_(precision) {}

  absl::Span<const float> Scale(absl::string_view name) const {
    const PackedTensor& tensor = Find(layout_, name);
    return Elements<float>(tensor);
  }
  WeightMatrix Matrix(absl::string_view name) const {
    const PackedTensor& tensor = Find(layout_, name);
    WeightMatrix matrix;
    matrix.rows = tensor.rows;
    matrix.cols = tensor.cols;
    if (precision_ == PackedPrecision::kBF16) {
      matrix.bf16 = Elements<uint16_t>(tensor);
    } else {
      matrix.f32 = Elements<float>(tensor);
    }
    return matrix;
  }

 private:
  template <typename T>
  absl::Span<const T> Elements(const PackedTensor& tensor) const {
    return {reinterpret_cast<const T*>(file_.data() + tensor.begin),
            tensor.rows * tensor.cols};
  }

  const MappedFile& file_;
  const PackedFile& layout_;
  const PackedPrecision precision_;
};

LayerWeights WeightsOf(const Reader& reader) {
  LayerWeights weights;
  weights.attention_prenorm = reader.Scale("attention_prenorm");
  weights.attention_postnorm = reader.Scale("attention_postnorm");
  weights.query_norm = reader.Scale("query_norm");
  weights.key_norm = reader.Scale("key_norm");
  weights.ffn_prenorm = reader.Scale("ffn_prenorm");
  weights.ffn_postnorm = reader.Scale("ffn_postnorm");
  weights.q = reader.Matrix("q");
  weights.k = reader.Matrix("k");
  weights.v = reader.Matrix("v");
  weights.o = reader.Matrix("o");
  weights.gate = reader.Matrix("gate");
  weights.up = reader.Matrix("up");
  weights.down = reader.Matrix("down");
  return weights;
}

}  // namespace

absl::StatusOr<PackedFolder> PackedFolder::Open(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kPackedManifest);
  if (!PathExists(path)) {
    return absl::NotFoundError(
        absl::StrCat("there is no ", path, ": ", folder,
                     " holds no repacked checkpoint, or not a whole one. Make "
                     "it with bazel run //experiments/pretrained:repack"));
  }
  const absl::StatusOr<ConfigText> text = ReadConfigText(path);
  if (!text.ok()) return text.status();
  PackedFolder packed;
  packed.folder_ = folder;
  PackedCheckpoint& manifest = packed.manifest_;
  const absl::StatusOr<FieldPlaces> places = LoadConfig(*text, {}, &manifest);
  if (!places.ok()) return places.status();
  absl::Status status = CheckManifest(manifest, *places);
  if (!status.ok()) return status;
  packed.sizes_.layers = manifest.layers();
  packed.sizes_.embed_dim = manifest.embed_dim();
  packed.sizes_.heads = manifest.heads();
  packed.sizes_.head_dim = manifest.head_dim();
  packed.sizes_.ffn_dim = manifest.ffn_dim();
  packed.sizes_.vocab = manifest.vocab();
  const absl::StatusOr<PackedPrecision> precision =
      ParsePackedPrecision(manifest.precision());
  if (!precision.ok()) return precision.status();
  packed.precision_ = *precision;
  return packed;
}

absl::StatusOr<PackedLayer> PackedFolder::MapLayer(size_t layer) const {
  if (layer >= sizes_.layers) {
    return absl::OutOfRangeError(absl::StrCat(folder_, ": no layer ", layer,
                                              ": it has ", sizes_.layers));
  }
  const absl::StatusOr<PackedFile> layout = LayerFileLayout(sizes_, precision_);
  if (!layout.ok()) return layout.status();
  absl::StatusOr<MappedFile> file =
      Map(absl::StrCat(folder_, "/", PackedLayerFile(layer)), *layout);
  if (!file.ok()) return file.status();
  const LayerWeights weights = WeightsOf(Reader(*file, *layout, precision_));
  return PackedLayer(*std::move(file), weights);
}

absl::StatusOr<PackedEmbedding> PackedFolder::MapEmbedding() const {
  const absl::StatusOr<PackedFile> layout =
      EmbeddingFileLayout(sizes_, precision_);
  if (!layout.ok()) return layout.status();
  absl::StatusOr<MappedFile> file =
      Map(absl::StrCat(folder_, "/", kPackedEmbeddingFile), *layout);
  if (!file.ok()) return file.status();
  const WeightMatrix table =
      Reader(*file, *layout, precision_).Matrix("embedding");
  return PackedEmbedding(*std::move(file), table);
}

}  // namespace polarize
