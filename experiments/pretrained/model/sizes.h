// What the 7B models of Fig. 7 have in common with small ones of their kind.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SIZES_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SIZES_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"

namespace polarize {

struct PretrainedSizes {
  size_t layers = 0;
  size_t embed_dim = 0;  // D
  size_t heads = 0;      // N
  size_t head_dim = 0;   // H
  size_t ffn_dim = 0;    // F
  size_t vocab = 0;      // V

  size_t attention_dim() const { return heads * head_dim; }
};

// An error names the size that is 0, or a number of heads that is no power of
// two: for others there is no agreed series of slopes.
absl::Status CheckSizes(const PretrainedSizes& sizes);

// ALiBi's slope of each head: 2^(-8 (n + 1) / heads), n = 0, 1, ...
std::vector<float> AlibiSlopes(size_t heads);

// The models' constants.
inline constexpr float kPretrainedEpsilon = 1e-5f;  // of every RMSNorm
// ln 4096, subtracted from the sigmoid model's scores: the length that it was
// configured for, not a prompt's.
inline constexpr double kSigmoidShift = 8.317766166719343;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SIZES_H_
