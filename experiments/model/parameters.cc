#include "experiments/model/parameters.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/model/init.h"
#include "kernels/attention/attention.h"

namespace polarize {

size_t Parameters::Add(std::string name, std::vector<size_t> shape,
                       bool trained) {
  size_t size = 1;
  for (size_t n : shape) size *= n;
  const size_t offset = array_size_;
  constexpr size_t kLine = 64 / sizeof(float);
  array_size_ += (size + kLine - 1) / kLine * kLine;
  list_.push_back({std::move(name), std::move(shape), offset, size, trained});
  return offset;
}

LinearParameters Parameters::AddLinear(const std::string& name, size_t inner,
                                       size_t outer, bool trained) {
  const size_t weight =
      Add(absl::StrCat(name, ".weight"), {outer, inner}, trained);
  const size_t bias = Add(absl::StrCat(name, ".bias"), {outer}, trained);
  return {weight, bias, inner, outer};
}

NormParameters Parameters::AddNorm(const std::string& name, size_t width) {
  const size_t weight = Add(absl::StrCat(name, ".weight"), {width});
  return {weight, Add(absl::StrCat(name, ".bias"), {width})};
}

LayerParameters Parameters::AddLayer(const ModelConfig& config, size_t layer) {
  const AttentionKind& kind = AttentionKinds()[config.attention_kind];
  const std::string name = absl::StrCat("layers.", layer, ".");
  const size_t width = config.width, head = config.head_width();
  LayerParameters p = {};
  // A module's own parameters come before those of its parts, as in PyTorch.
  if (kind.learned_sink)
    p.sink_logit = Add(name + "sink_logit", {config.heads});
  p.q = AddLinear(name + "q_proj", width, width, kind.uses_scores);
  p.k = AddLinear(name + "k_proj", width, width, kind.uses_scores);
  p.v = AddLinear(name + "v_proj", width, width);
  p.o = AddLinear(name + "o_proj", width, width);
  if (config.use_layernorm) {
    p.norm1 = AddNorm(name + "norm1", width);
    if (config.use_mlp) p.norm2 = AddNorm(name + "norm2", width);
  }
  if (config.use_mlp) {
    p.mlp_in = AddLinear(name + "mlp.0", width, config.hidden);
    p.mlp_out = AddLinear(name + "mlp.2", config.hidden, width);
  }
  if (kind.shared_mlp) {
    const size_t hidden = config.attention_hidden();
    p.attn_mlp_in = AddLinear(name + "attn_mlp.0", head, hidden);
    p.attn_mlp_out = AddLinear(name + "attn_mlp.2", hidden, head);
  }
  if (config.attention_gate) {
    p.gate = AddLinear(name + "gate_proj", width, width);
  }
  if (config.qk_norm) {
    p.q_norm = Add(name + "q_norm.weight", {head});
    p.k_norm = Add(name + "k_norm.weight", {head});
  }
  return p;
}

Parameters::Parameters(const ModelConfig& config) {
  if (config.positional != Positional::kNone) {
    position_table =
        Add("pos_embedding.weight", {kPositionRows, config.token_width()});
  }
  token_table =
      Add("embedding.weight", {config.vocabulary, config.token_width()});
  for (size_t l = 0; l < config.layers; ++l) {
    layers.push_back(AddLayer(config, l));
  }
  if (config.use_layernorm) final_norm = AddNorm("final_norm", config.width);
  output = AddLinear("output_proj", config.width, config.outputs);
}

size_t Parameters::count() const {
  size_t count = 0;
  for (const Parameter& p : list_) count += p.size;
  return count;
}

namespace {

void DrawLinear(const LinearParameters& p, TorchRandom& random, float* array) {
  InitLinear(random, p.inner, p.outer, array + p.weight, array + p.bias);
}

void SetNorm(const NormParameters& p, size_t width, float* array) {
  std::fill_n(array + p.weight, width, 1.0f);
  std::fill_n(array + p.bias, width, 0.0f);
}

}  // namespace

void InitParameters(const ModelConfig& config, const Parameters& parameters,
                    TorchRandom& random, float* array) {
  const AttentionKind& kind = AttentionKinds()[config.attention_kind];
  std::fill_n(array, parameters.array_size(), 0.0f);
  if (config.positional != Positional::kNone) {
    InitEmbedding(random, kPositionRows, config.token_width(),
                  array + parameters.position_table);
  }
  InitEmbedding(random, config.vocabulary, config.token_width(),
                array + parameters.token_table);
  for (const LayerParameters& p : parameters.layers) {
    for (const LinearParameters& linear : {p.q, p.k, p.v, p.o}) {
      DrawLinear(linear, random, array);
    }
    if (config.use_layernorm) {
      SetNorm(p.norm1, config.width, array);
      if (config.use_mlp) SetNorm(p.norm2, config.width, array);
    }
    if (config.use_mlp) {
      DrawLinear(p.mlp_in, random, array);
      DrawLinear(p.mlp_out, random, array);
    }
    if (kind.shared_mlp) {
      DrawLinear(p.attn_mlp_in, random, array);
      DrawLinear(p.attn_mlp_out, random, array);
    }
    if (config.attention_gate) DrawLinear(p.gate, random, array);
    if (config.qk_norm) {
      std::fill_n(array + p.q_norm, config.head_width(), 1.0f);
      std::fill_n(array + p.k_norm, config.head_width(), 1.0f);
    }
  }
  if (config.use_layernorm) {
    SetNorm(parameters.final_norm, config.width, array);
  }
  DrawLinear(parameters.output, random, array);
}

}  // namespace polarize
