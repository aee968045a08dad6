#include "experiments/pretrained/model/layer_weights.h"

#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

absl::Status CheckScale(absl::Span<const float> scale, size_t size) {
  if (scale.size() == size) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(scale.size(), " elements in place of ", size));
}

absl::Status Named(const absl::Status& status, size_t layer, const char* name) {
  return absl::Status(status.code(), absl::StrCat("layer ", layer, ": ", name,
                                                  ": ", status.message()));
}

}  // namespace

absl::Status CheckMatrix(const WeightMatrix& matrix, size_t rows, size_t cols) {
  if (matrix.rows != rows || matrix.cols != cols) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape [", matrix.rows, ", ", matrix.cols,
                     "] in place of [", rows, ", ", cols, "]"));
  }
  const size_t elements =
      matrix.is_bf16() ? matrix.bf16.size() : matrix.f32.size();
  if (elements == rows * cols) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(elements, " elements in place of ", rows * cols));
}

absl::Status CheckLayerWeights(const LayerWeights& layer,
                               const PretrainedSizes& sizes,
                               bool attention_only, size_t index) {
  struct Scale {
    const char* name;
    absl::Span<const float> scale;
    size_t size;
    bool first;  // needed for the attention weights
  };
  struct Matrix {
    const char* name;
    const WeightMatrix& matrix;
    size_t rows, cols;
    bool first;
  };
  const size_t d = sizes.embed_dim, a = sizes.attention_dim(),
               f = sizes.ffn_dim, h = sizes.head_dim;
  for (const Scale& s : {
           Scale{"attention_prenorm", layer.attention_prenorm, d, true},
           Scale{"attention_postnorm", layer.attention_postnorm, d, false},
           Scale{"query_norm", layer.query_norm, h, true},
           Scale{"key_norm", layer.key_norm, h, true},
           Scale{"ffn_prenorm", layer.ffn_prenorm, d, false},
           Scale{"ffn_postnorm", layer.ffn_postnorm, d, false},
       }) {
    if (attention_only && !s.first) continue;
    const absl::Status status = CheckScale(s.scale, s.size);
    if (!status.ok()) return Named(status, index, s.name);
  }
  for (const Matrix& m :
       {Matrix{"q", layer.q, d, a, true}, Matrix{"k", layer.k, d, a, true},
        Matrix{"v", layer.v, d, a, false}, Matrix{"o", layer.o, a, d, false},
        Matrix{"gate", layer.gate, d, f, false},
        Matrix{"up", layer.up, d, f, false},
        Matrix{"down", layer.down, f, d, false}}) {
    if (attention_only && !m.first) continue;
    const absl::Status status = CheckMatrix(m.matrix, m.rows, m.cols);
    if (!status.ok()) return Named(status, index, m.name);
  }
  return absl::OkStatus();
}

}  // namespace polarize
