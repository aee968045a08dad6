// The model's parameters: the reference's names, shapes and order, in one
// array.
#ifndef POLARIZE_EXPERIMENTS_MODEL_PARAMETERS_H_
#define POLARIZE_EXPERIMENTS_MODEL_PARAMETERS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/model/model_config.h"
#include "kernels/base/random/torch_random.h"

namespace polarize {

struct Parameter {
  std::string name;           // as in the reference's state_dict
  std::vector<size_t> shape;  // one or two sizes, row-major
  size_t offset;              // of its first element in the model's array
  size_t size;
  // False where no gradient ever arrives (q and k under `uniform`): the
  // optimiser leaves such a parameter alone, without even decay.
  bool trained;
};

// A weight (outer, inner) and a bias (outer), as offsets.
struct LinearParameters {
  size_t weight, bias;
  size_t inner, outer;
};
struct NormParameters {
  size_t weight, bias;
};
struct LayerParameters {
  size_t sink_logit;  // of each head, if the kind has a learned sink
  LinearParameters q, k, v, o;
  NormParameters norm1, norm2;                 // if use_layernorm
  LinearParameters mlp_in, mlp_out;            // if use_mlp
  LinearParameters attn_mlp_in, attn_mlp_out;  // if the kind has a shared MLP
  LinearParameters gate;                       // if attention_gate
  size_t q_norm, k_norm;  // gains, one for all heads: if qk_norm
};

// The table of one configuration. Every parameter starts on a 64-byte line (for
// float32); the gaps are zero and stay zero.
class Parameters {
 public:
  explicit Parameters(const ModelConfig& config);

  // In the order of the reference's parameters().
  const std::vector<Parameter>& list() const { return list_; }
  // Elements of the array, gaps included.
  size_t array_size() const { return array_size_; }
  // Elements without gaps: the number that the reference prints.
  size_t count() const;

  size_t token_table = 0, position_table = 0;  // offsets
  std::vector<LayerParameters> layers;
  NormParameters final_norm = {};
  LinearParameters output = {};

 private:
  size_t Add(std::string name, std::vector<size_t> shape, bool trained = true);
  LinearParameters AddLinear(const std::string& name, size_t inner,
                             size_t outer, bool trained = true);
  NormParameters AddNorm(const std::string& name, size_t width);
  LayerParameters AddLayer(const ModelConfig& config, size_t layer);

  std::vector<Parameter> list_;
  size_t array_size_ = 0;
};

// The reference's initial weights, bit for bit, drawn from `random` in the
// reference's order (which is not the order of the list). What it does not have
// draws nothing: logits of sinks start at 0. array: array_size() elements,
// overwritten.
void InitParameters(const ModelConfig& config, const Parameters& parameters,
                    TorchRandom& random, float* array);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_PARAMETERS_H_
