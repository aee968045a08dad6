#include "experiments/model/model_setup.h"

#include <cmath>
#include <string>

#include "hwy/base.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

size_t KindNamed(const std::string& name) {
  for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
    if (name == AttentionKinds()[kind].name) return kind;
  }
  HWY_ABORT("attention type %s was not checked", name.c_str());
}

Positional PositionalNamed(const std::string& name) {
  if (name == "concat") return Positional::kConcat;
  if (name == "add") return Positional::kAdd;
  return Positional::kNone;
}

}  // namespace

std::vector<std::string_view> AttentionTypes() {
  std::vector<std::string_view> names;
  for (const AttentionKind& kind : AttentionKinds()) names.push_back(kind.name);
  return names;
}

ModelConfig MakeModelConfig(const TransformerConfig& config, size_t vocabulary,
                            size_t outputs, size_t positions) {
  ModelConfig model;
  model.vocabulary = vocabulary;
  model.outputs = outputs;
  model.positions = positions;
  model.width = config.embed_dim();
  model.layers = config.num_layers();
  model.heads = config.num_heads();
  model.hidden = std::lround(config.mlp_ratio() * config.embed_dim());
  model.use_mlp = config.use_mlp();
  model.use_layernorm = config.use_layernorm();
  model.causal = config.is_causal();
  model.attention_kind = KindNamed(config.attention_type());
  model.positional = PositionalNamed(config.positional_type());
  model.attention_temperature = config.attention_temperature();
  model.bf16 = config.precision() == "BF16";
  model.qk_norm = config.qk_norm();
  model.attention_gate = config.attention_gate();
  return model;
}

AdamW MakeAdamW(const TrainingConfig& config) {
  return {config.lr(), config.beta1(), config.beta2(), config.epsilon(),
          config.weight_decay()};
}

}  // namespace polarize
