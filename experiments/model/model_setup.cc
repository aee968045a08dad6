#include "experiments/model/model_setup.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "experiments/run/transformer_config.h"
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

UpdateRule RuleNamed(const std::string& name) {
  if (name == "sgd") return UpdateRule::kSgd;
  if (name == "momentum") return UpdateRule::kMomentum;
  if (name == "sign") return UpdateRule::kSign;
  return UpdateRule::kAdamW;  // of adam, the decay was checked to be 0
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

OptimiserConfig MakeOptimiser(const TrainingConfig& config, size_t num_train) {
  OptimiserConfig optimiser = {config.lr(), config.beta1(), config.beta2(),
                               config.epsilon(), config.weight_decay()};
  optimiser.rule = RuleNamed(config.optimizer());
  optimiser.momentum = config.momentum();
  LrSchedule& schedule = optimiser.schedule;
  if (config.lr_schedule() == "cosine") schedule.decay = LrDecay::kCosine;
  schedule.warmup_steps = static_cast<uint64_t>(config.warmup_steps());
  schedule.steps = static_cast<uint64_t>(
      TrainingSteps(config, static_cast<int64_t>(num_train)));
  schedule.min_ratio = config.min_lr_ratio();
  return optimiser;
}

}  // namespace polarize
