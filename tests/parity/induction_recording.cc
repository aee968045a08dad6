#include "tests/parity/induction_recording.h"

#include <cmath>

#include "tests/support/model_testing.h"

namespace polarize {

Positional RecordedPositional(absl::string_view name) {
  if (name == "concat") return Positional::kConcat;
  return name == "add" ? Positional::kAdd : Positional::kNone;
}

InductionSetup RecordedSetup(const Golden& config) {
  InductionSetup setup;
  setup.task = {static_cast<size_t>(config["num_train"].Int()),
                static_cast<size_t>(config["num_eval"].Int()),
                static_cast<uint32_t>(config["vocab_size"].Int()),
                static_cast<size_t>(config["seq_length"].Int()),
                config["shift_query_token"].Bool(),
                static_cast<uint64_t>(config["seed"].Int())};
  ModelConfig& model = setup.model;
  model.vocabulary = model.outputs = setup.task.num_tokens();
  model.positions = setup.task.seq_length - 1;
  model.width = config["embed_dim"].Int();
  model.layers = config["num_layers"].Int();
  model.heads = config["num_heads"].Int();
  model.hidden = std::lround(model.width * config["mlp_ratio"].Number());
  model.use_mlp = config["use_mlp"].Bool();
  model.use_layernorm = config["use_layernorm"].Bool();
  model.causal = config["is_causal"].Bool();
  model.attention_kind = AttentionKindNamed(config["attention_type"].String());
  model.positional = RecordedPositional(config["positional_type"].String());
  setup.optimiser = {config["lr"].Number(), 0.9, 0.999, 1e-8, 0.01};
  setup.batch_size = config["batch_size"].Int();
  setup.aux_loss_weight = config["aux_loss_weight"].Number();
  return setup;
}

}  // namespace polarize
