#include "tests/support/model_testing.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "absl/strings/match.h"
#include "hwy/base.h"
#include "kernels/attention/attention.h"

namespace polarize {

size_t AttentionKindNamed(std::string_view name) {
  for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
    if (name == AttentionKinds()[kind].name) return kind;
  }
  HWY_ABORT("no attention kind named %s", std::string(name).c_str());
}

ModelConfig TinyModel(std::string_view attention_kind) {
  ModelConfig config;
  config.vocabulary = 7;
  config.outputs = 9;
  config.positions = 5;
  config.width = 8;
  config.layers = 2;
  config.heads = 2;
  config.hidden = 12;
  config.use_mlp = true;
  config.use_layernorm = true;
  config.causal = true;
  config.attention_kind = AttentionKindNamed(attention_kind);
  config.positional = Positional::kConcat;
  // Nothing else keeps it finite without layer norm.
  if (attention_kind == "exp_unnorm") config.attention_temperature = 8;
  return config;
}

ModelConfig WithNormAndGate(ModelConfig config) {
  config.qk_norm = AttentionKinds()[config.attention_kind].uses_scores;
  config.attention_gate = true;
  return config;
}

double RandomUnit(std::mt19937& random) {
  return static_cast<double>(random()) * 0x1p-31 - 1;
}

void FillParameters(const Parameters& parameters, uint32_t seed,
                    double* values) {
  std::mt19937 random(seed);
  std::fill_n(values, parameters.array_size(), 0.0);
  for (const Parameter& p : parameters.list()) {
    const bool norm = absl::StrContains(p.name, "norm");
    const bool weight = absl::EndsWith(p.name, "weight");
    const bool embedding = absl::StrContains(p.name, "embedding");
    double scale = 0.3, center = 0;
    if (norm && weight) center = 1;
    if (weight && !norm && !embedding) {
      scale = std::sqrt(3.0 / static_cast<double>(p.shape[1]));
    }
    if (embedding) scale = 1.5;
    if (absl::StrContains(p.name, "q_proj") ||
        absl::StrContains(p.name, "k_proj")) {
      scale *= 1.5;
    }
    // Without layer norm, what a signed kind adds grows from layer to layer.
    if (absl::StrContains(p.name, "o_proj")) scale *= 0.4;
    for (size_t i = 0; i < p.size; ++i) {
      values[p.offset + i] = center + scale * RandomUnit(random);
    }
  }
}

Batch RandomBatch(const ModelConfig& config, size_t sequences, uint32_t seed) {
  std::mt19937 random(seed);
  const size_t rows = sequences * config.positions;
  Batch batch = {sequences, {}, {}, {}};
  for (size_t r = 0; r < rows; ++r) {
    batch.token.push_back(static_cast<int32_t>(random() % config.vocabulary));
    batch.target.push_back(static_cast<int32_t>(random() % config.outputs));
    batch.weight.push_back((1.5 + RandomUnit(random)) /
                           static_cast<double>(rows));
  }
  return batch;
}

RowPlan IdentityPlan(const ModelConfig& config, const Batch& batch) {
  RowPlan plan;
  MakeIdentityPlan(config.layers, batch.sequences, config.positions,
                   config.causal, plan);
  plan.token = batch.token;
  plan.target = batch.target;
  plan.weight = batch.weight;
  return plan;
}

void ShuffledFor::Run(size_t tasks, absl::FunctionRef<void(size_t)> task) {
  std::vector<size_t> order(tasks);
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), random_);
  for (size_t i : order) task(i);
}

double NormWiseError(const std::vector<double>& a,
                     const std::vector<double>& b) {
  HWY_ASSERT(a.size() == b.size());
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / size);
}

}  // namespace polarize
