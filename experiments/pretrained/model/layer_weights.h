// One layer's tensors, as whoever reads a checkpoint hands them over.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_LAYER_WEIGHTS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_LAYER_WEIGHTS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

// rows x cols, row-major, the input dimension first. One of the spans holds
// the elements, the other is empty.
struct WeightMatrix {
  size_t rows = 0;
  size_t cols = 0;
  absl::Span<const float> f32;
  absl::Span<const uint16_t> bf16;  // the upper halves of floats

  bool is_bf16() const { return f32.empty(); }
};

// Letters as in sizes.h. Column n*H + h of q, k and v, and row n*H + h of o,
// is head n's.
struct LayerWeights {
  absl::Span<const float> attention_prenorm;   // [D]
  absl::Span<const float> attention_postnorm;  // [D]
  WeightMatrix q, k, v;                        // [D, N*H]
  WeightMatrix o;                              // [N*H, D]
  absl::Span<const float> query_norm;          // [H]
  absl::Span<const float> key_norm;            // [H]
  absl::Span<const float> ffn_prenorm;         // [D]
  absl::Span<const float> ffn_postnorm;        // [D]
  WeightMatrix gate, up;                       // [D, F]; gate goes through silu
  WeightMatrix down;                           // [F, D]
};

// An error names layer `index` and the tensor whose shape is not what `sizes`
// say; attention_only: all but q, k, the norm before them and theirs may be
// missing.
absl::Status CheckLayerWeights(const LayerWeights& layer,
                               const PretrainedSizes& sizes,
                               bool attention_only, size_t index);
// An error says what is wrong, not of which matrix.
absl::Status CheckMatrix(const WeightMatrix& matrix, size_t rows, size_t cols);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_LAYER_WEIGHTS_H_
