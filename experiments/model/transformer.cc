#include "experiments/model/transformer.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "hwy/base.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/embedding/embedding.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear/linear.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rows/rows.h"
#include "kernels/sigmoid_gate/sigmoid_gate.h"

namespace polarize {
namespace {

// A packed weight of T, as products that round have it.
template <typename T>
BF16Pair* PairsIn(T* packed) {
  return reinterpret_cast<BF16Pair*>(packed);
}

EmbeddingShape ShapeOf(const ModelConfig& config) {
  const size_t width = config.token_width();
  EmbeddingShape shape = {EmbeddingShape::Combine::kTokenOnly,
                          config.vocabulary, kPositionRows, width, width};
  if (config.positional == Positional::kConcat) {
    shape.combine = EmbeddingShape::Combine::kConcat;
  } else if (config.positional == Positional::kAdd) {
    shape.combine = EmbeddingShape::Combine::kAdd;
  }
  return shape;
}

}  // namespace

// ------------------------------------------------------------------ memory

template <typename T>
Transformer<T>::Transformer(const ModelConfig& config, size_t max_sequences,
                            ParallelFor& parallel)
    : config_(config),
      parameters_(config),
      kind_(AttentionKinds()[config.attention_kind]),
      max_rows_(max_sequences * config.positions),
      parallel_(parallel),
      layers_(config.layers) {
  if (config.qk_norm && !kind_.uses_scores) {
    HWY_ABORT("qk_norm with %s attention, which has no scores", kind_.name);
  }
  Arena measure(nullptr, 0);
  Layout(measure);
  arena_bytes_ = measure.used();
  block_ = hwy::AllocateAligned<uint8_t>(arena_bytes_);
  if (block_ == nullptr) {
    HWY_ABORT("no memory for a model's plan of %zu bytes", arena_bytes_);
  }
  std::fill_n(block_.get(), arena_bytes_, uint8_t{0});
  Arena arena(block_.get(), arena_bytes_);
  Layout(arena);
}

template <typename T>
typename Transformer<T>::Packed Transformer<T>::LayoutPacked(
    Arena& arena, const LinearParameters& p) {
  return {arena.Take<T>(PackedWeightSize(p.inner, p.outer)),
          arena.Take<T>(PackedWeightSize(p.outer, p.inner))};
}

template <typename T>
void Transformer<T>::LayoutLayer(Arena& arena, Layer& layer) {
  const size_t l = &layer - layers_.data();
  const LayerParameters& p = parameters_.layers[l];
  const size_t rows = max_rows_, stream = rows * config_.width;
  const auto norm = [&] {
    return Norm{arena.Take<T>(rows), arena.Take<T>(rows)};
  };
  layer.x_in = arena.Take<T>(stream);
  const auto row_pairs = [&](size_t rows, size_t columns) {
    return rounds() ? arena.Take<BF16Pair>(RowPairsSizeBF16(rows, columns))
                    : nullptr;
  };
  layer.n1 = layer.x_in;
  layer.n1_pairs = row_pairs(rows, config_.width);
  if (config_.use_layernorm) {
    layer.norm1 = norm();
    layer.n1 = arena.Take<T>(stream);
  }
  if (kind_.uses_scores) {
    layer.q = LayoutPacked(arena, p.q);
    layer.k = LayoutPacked(arena, p.k);
    layer.qk = layer.mapped = arena.Take<T>(2 * stream);
    layer.q_read = arena.Take<T>(stream);
    layer.k_read = arena.Take<T>(stream);
  }
  if (asks()) layer.asked_pairs = row_pairs(rows, config_.width);
  if (kind_.shared_mlp) {
    layer.attn_mlp_in = LayoutPacked(arena, p.attn_mlp_in);
    layer.attn_mlp_out = LayoutPacked(arena, p.attn_mlp_out);
    const size_t hidden = 2 * rows * config_.heads * config_.attention_hidden();
    layer.attn_slope = arena.Take<T>(hidden);
    layer.attn_active = arena.Take<T>(hidden);
    layer.mapped = arena.Take<T>(2 * stream);
    const size_t head_rows = 2 * rows * config_.heads;
    layer.qk_pairs = row_pairs(head_rows, config_.head_width());
    layer.attn_active_pairs = row_pairs(head_rows, config_.attention_hidden());
  }
  layer.scored = layer.mapped;
  if (config_.qk_norm) {
    layer.scored = arena.Take<T>(2 * stream);
    layer.qk_rstd = arena.Take<T>(2 * rows * config_.heads);
  }
  layer.v = LayoutPacked(arena, p.v);
  layer.o = LayoutPacked(arena, p.o);
  layer.v_rows = arena.Take<T>(stream);
  layer.v_read = arena.Take<T>(stream);
  layer.raw =
      arena.Take<T>(rows * config_.heads * PaddedKeys(config_.positions));
  layer.sum = arena.Take<T>(rows * config_.heads);
  layer.sink_term =
      kind_.learned_sink ? arena.Take<T>(rows * config_.heads) : nullptr;
  layer.attended = layer.gated = arena.Take<T>(stream);
  if (config_.attention_gate) {
    layer.gate = LayoutPacked(arena, p.gate);
    layer.open = arena.Take<T>(stream);
    layer.gated = arena.Take<T>(stream);
  }
  layer.gated_pairs = row_pairs(rows, config_.width);
  if (config_.use_mlp) {
    layer.mlp_in = LayoutPacked(arena, p.mlp_in);
    layer.mlp_out = LayoutPacked(arena, p.mlp_out);
    layer.x_mid = arena.Take<T>(stream);
    layer.n2 = layer.x_mid;
    if (config_.use_layernorm) {
      layer.norm2 = norm();
      layer.n2 = arena.Take<T>(stream);
    }
    layer.slope = arena.Take<T>(rows * config_.hidden);
    layer.active = arena.Take<T>(rows * config_.hidden);
    layer.n2_pairs = row_pairs(rows, config_.width);
    layer.active_pairs = row_pairs(rows, config_.hidden);
  }
}

template <typename T>
void Transformer<T>::Layout(Arena& arena) {
  const size_t rows = max_rows_, stream = rows * config_.width;
  values_ = arena.Take<T>(parameters_.array_size());
  gradients_ = arena.Take<T>(parameters_.array_size());
  for (Layer& layer : layers_) LayoutLayer(arena, layer);
  output_packed_ = LayoutPacked(arena, parameters_.output);
  x_last_ = arena.Take<T>(stream);
  final_in_ = arena.Take<T>(stream);
  final_norm_ = {arena.Take<T>(rows), arena.Take<T>(rows)};
  final_normed_ = arena.Take<T>(stream);
  logits_ = arena.Take<T>(rows * config_.outputs);
  target_logits_ = arena.Take<T>(rows * config_.outputs);
  loss_ = arena.Take<T>(rows);
  weight_ = arena.Take<T>(rows);
  correct_ = arena.Take<uint8_t>(rows);
  observed_ = arena.Take<T>(2 * config_.positions);
  for (T** stream_gradient :
       {&dx_, &dx_other_, &dn_, &dv_, &d_attended_, &dv_read_}) {
    *stream_gradient = arena.Take<T>(stream);
  }
  if (kind_.uses_scores) {
    dqk_ = d_mapped_ = arena.Take<T>(2 * stream);
    dq_read_ = arena.Take<T>(stream);
    dk_read_ = arena.Take<T>(stream);
  }
  if (kind_.shared_mlp) {
    const size_t head_rows = 2 * rows * config_.heads;
    d_mapped_ = arena.Take<T>(2 * stream);
    d_attn_hidden_ = arena.Take<T>(head_rows * config_.attention_hidden());
  }
  if (config_.attention_gate) {
    d_gate_ = arena.Take<T>(stream);
    d_gate_read_ = arena.Take<T>(stream);
  }
  if (config_.use_mlp) d_hidden_ = arena.Take<T>(rows * config_.hidden);
  scratch_ = arena.Take<T>(
      std::max({LayerNormScratch(rows, config_.width),
                RmsNormScratch(rows * config_.heads, config_.head_width()),
                AttentionScratch(config_.positions, config_.positions,
                                 config_.heads, config_.head_width())}));
  size_t factor_rows = rows;
  size_t factor_columns =
      std::max({config_.width, config_.hidden, config_.outputs});
  if (kind_.shared_mlp) {
    factor_rows = 2 * rows * config_.heads;
    factor_columns = std::max(factor_columns, config_.attention_hidden());
  }
  if (rounds()) LayoutRounded(arena, factor_rows, factor_columns);
  embedding_scratch_ =
      arena.Take<uint32_t>(EmbeddingScratch(ShapeOf(config_), rows));
}

template <typename T>
void Transformer<T>::LayoutRounded(Arena& arena, size_t rows, size_t columns) {
  rounded_ = arena.Take<BF16Pair>(RoundedSizeBF16(rows, columns));
  dy_pairs_ = arena.Take<BF16Pair>(RowPairsSizeBF16(rows, columns));
  final_pairs_ =
      arena.Take<BF16Pair>(RowPairsSizeBF16(max_rows_, config_.width));
}

// ------------------------------------------------------------- layers' parts

template <typename T>
void Transformer<T>::Linear(const LinearParameters& p, const Packed& packed,
                            const Factor& x, size_t rows, const T* residual,
                            T* y) {
  if constexpr (std::is_same_v<T, float>) {
    if (rounds()) {
      LinearForwardBF16(x.rounded ? nullptr : x.at, rows,
                        PairsIn(packed.forward), values_ + p.bias, residual,
                        p.inner, p.outer, y, rounded_,
                        backward_ ? x.pairs : nullptr, parallel_);
      return;
    }
  }
  LinearForward(x.at, rows, packed.forward, values_ + p.bias, residual, p.inner,
                p.outer, y, parallel_);
}

template <typename T>
void Transformer<T>::LinearGelu(const LinearParameters& p, const Packed& packed,
                                const Factor& x, size_t rows, T* y, T* slope) {
  if constexpr (std::is_same_v<T, float>) {
    if (rounds()) {
      LinearGeluForwardBF16(x.at, rows, PairsIn(packed.forward),
                            values_ + p.bias, p.inner, p.outer, y, slope,
                            rounded_, backward_ ? x.pairs : nullptr, parallel_);
      return;
    }
  }
  LinearGeluForward(x.at, rows, packed.forward, values_ + p.bias, p.inner,
                    p.outer, y, slope, parallel_);
}

template <typename T>
void Transformer<T>::LinearBackward(const LinearParameters& p,
                                    const Packed& packed, const Factor& x,
                                    const T* dy, size_t rows, const T* slope,
                                    const T* residual, T* dx) {
  T* const dweight = gradients_ + p.weight;
  T* const dbias = gradients_ + p.bias;
  if constexpr (std::is_same_v<T, float>) {
    if (rounds()) {
      LinearInputGradientBF16(dy, rows, PairsIn(packed.backward), slope,
                              residual, p.inner, p.outer, dx, rounded_,
                              dy_pairs_, parallel_);
      LinearWeightGradientBF16(x.pairs, dy_pairs_, dy, rows, p.inner, p.outer,
                               dweight, dbias, parallel_);
      return;
    }
  }
  LinearWeightGradient(x.at, dy, rows, p.inner, p.outer, dweight, dbias,
                       parallel_);
  if (slope != nullptr) {
    LinearScaledInputGradient(dy, rows, packed.backward, slope, p.inner,
                              p.outer, dx, parallel_);
  } else {
    LinearInputGradient(dy, rows, packed.backward, residual, p.inner, p.outer,
                        dx, parallel_);
  }
}

template <typename T>
void Transformer<T>::NormForward(const NormParameters& p, const Norm& norm,
                                 const T* x, size_t rows, T* y) {
  if (!config_.use_layernorm) return;
  LayerNormForward(x, values_ + p.weight, values_ + p.bias, rows, config_.width,
                   static_cast<T>(kLayerNormEpsilon), y, norm.mean, norm.rstd,
                   parallel_);
}

template <typename T>
void Transformer<T>::NormBackward(const NormParameters& p, const Norm& norm,
                                  const T* x, size_t rows, const T* dy, T* dx) {
  LayerNormBackward(x, values_ + p.weight, norm.mean, norm.rstd, dy, rows,
                    config_.width, dx, gradients_ + p.weight,
                    gradients_ + p.bias, scratch_, parallel_);
}

template <typename T>
const T* Transformer<T>::Read(const RowIndex& index, const T* from, T* to) {
  if (index.identity) return from;
  GatherRows(from, index.row.data(), index.row.size(), config_.width, to,
             parallel_);
  return to;
}

template <typename T>
void Transformer<T>::AddBack(const RowIndex& index, const T* from, size_t width,
                             T* to) {
  const Segments& readers = index.readers;
  AddSegments(from, readers.begin.data(), readers.member.data(),
              readers.begin.size() - 1, width, to, parallel_);
}

template <typename T>
void Transformer<T>::PutBack(const RowIndex& index, const T* from, size_t rows,
                             T* to) {
  if (index.identity) return;
  std::fill_n(to, rows * config_.width, T(0));
  AddBack(index, from, config_.width, to);
}

template <typename T>
AttentionPlan Transformer<T>::PlanOf(const LayerPlan& layer,
                                     size_t contexts) const {
  return {contexts,
          config_.positions,
          config_.heads,
          config_.head_width(),
          layer.query_begin.data(),
          layer.visible.data(),
          config_.attention_temperature};
}

// ------------------------------------------------------------------ packing

template <typename T>
void Transformer<T>::PackLinear(const LinearParameters& p, const Packed& packed,
                                bool backward) {
  if constexpr (std::is_same_v<T, float>) {
    if (rounds()) {
      PackForForwardBF16(values_ + p.weight, p.inner, p.outer,
                         PairsIn(packed.forward));
      if (!backward) return;
      PackForInputGradientBF16(values_ + p.weight, p.inner, p.outer,
                               PairsIn(packed.backward));
      return;
    }
  }
  PackForForward(values_ + p.weight, p.inner, p.outer, packed.forward);
  if (!backward) return;
  PackForInputGradient(values_ + p.weight, p.inner, p.outer, packed.backward);
}

template <typename T>
void Transformer<T>::Pack(bool backward) {
  backward_ = backward;
  parallel_.Run(layers_.size() + 1, [&](size_t l) {
    if (l == layers_.size()) {
      PackLinear(parameters_.output, output_packed_, backward);
      return;
    }
    const LayerParameters& p = parameters_.layers[l];
    const Layer& layer = layers_[l];
    if (kind_.uses_scores) {
      PackLinear(p.q, layer.q, backward);
      PackLinear(p.k, layer.k, backward);
    }
    PackLinear(p.v, layer.v, backward);
    PackLinear(p.o, layer.o, backward);
    if (config_.attention_gate) PackLinear(p.gate, layer.gate, backward);
    if (kind_.shared_mlp) {
      PackLinear(p.attn_mlp_in, layer.attn_mlp_in, backward);
      PackLinear(p.attn_mlp_out, layer.attn_mlp_out, backward);
    }
    if (config_.use_mlp) {
      PackLinear(p.mlp_in, layer.mlp_in, backward);
      PackLinear(p.mlp_out, layer.mlp_out, backward);
    }
  });
}

template <typename T>
void Transformer<T>::UseFixedAttention(
    absl::Span<const FixedAttention> instances) {
  fixed_ = nullptr;
  if constexpr (std::is_same_v<T, float>) {
    for (const FixedAttention& instance : instances) {
      if (instance.kind == config_.attention_kind &&
          instance.keys == config_.positions &&
          instance.head_width == config_.head_width()) {
        fixed_ = &instance;
      }
    }
  }
}

// ------------------------------------------------------------------ forward

template <typename T>
void Transformer<T>::CheckFits(const RowPlan& plan) const {
  const auto check = [](const char* what, size_t n, size_t most) {
    if (n > most) HWY_ABORT("row plan: %zu %s, room for %zu", n, what, most);
  };
  check("rows of the embedding", plan.token.size(), max_rows_);
  check("keys", plan.contexts * config_.positions, max_rows_);
  check("outputs", plan.output.row.size(), max_rows_);
  check("targets", plan.target.size(), max_rows_);
  for (const LayerPlan& layer : plan.layers) {
    check("rows of a layer", std::max(layer.rows_in, layer.rows_out),
          max_rows_);
    for (size_t c = 0; c < plan.contexts; ++c) {
      check("queries of a context",
            layer.query_begin[c + 1] - layer.query_begin[c], config_.positions);
    }
  }
}

template <typename T>
const T* Transformer<T>::Forward(const RowPlan& plan) {
  CheckFits(plan);
  Embed(plan);
  for (size_t l = 0; l < layers_.size(); ++l) ForwardLayer(l, plan);
  const size_t outputs = plan.output.row.size();
  const T* in = Read(plan.output, x_last_, final_in_);
  NormForward(parameters_.final_norm, final_norm_, in, outputs, final_normed_);
  Linear(parameters_.output, output_packed_,
         {config_.use_layernorm ? final_normed_ : in, final_pairs_}, outputs,
         nullptr, logits_);
  return logits_;
}

template <typename T>
void Transformer<T>::Embed(const RowPlan& plan) {
  T* x = layers_.empty() ? x_last_ : layers_[0].x_in;
  EmbeddingForward(ShapeOf(config_), plan.token.data(), plan.position.data(),
                   plan.token.size(), values_ + parameters_.token_table,
                   values_ + parameters_.position_table, x, parallel_);
  if (Intervenes(InterventionSite::kToken, 0)) ReplaceToken(plan, x);
}

template <typename T>
void Transformer<T>::ForwardLayer(size_t l, const RowPlan& plan) {
  const LayerPlan& layer_plan = plan.layers[l];
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  T* x_out = l + 1 < layers_.size() ? layers_[l + 1].x_in : x_last_;
  NormForward(p.norm1, layer.norm1, layer.x_in, layer_plan.rows_in, layer.n1);
  ForwardProjections(l, layer_plan);
  if (kind_.shared_mlp) ForwardSharedMlp(l, layer_plan);
  if (config_.qk_norm) ForwardQkNorm(l, layer_plan);
  ForwardAttention(l, plan);
  if (config_.attention_gate) ForwardGate(l, layer_plan);
  if (Intervenes(InterventionSite::kHead, l)) {
    ReplaceHead(layer_plan.rows_out, layer.gated);
  }
  if (observer_ != nullptr) Observe(l, plan);
  // dx_other_ is free until Backward.
  const T* residual = Read(layer_plan.query, layer.x_in, dx_other_);
  T* x_mid = config_.use_mlp ? layer.x_mid : x_out;
  Linear(p.o, layer.o, {layer.gated, layer.gated_pairs}, layer_plan.rows_out,
         residual, x_mid);
  if (config_.use_mlp) ForwardMlp(l, layer_plan, x_out);
}

// The gate, q, k and v of the layer's input rows, one after the other: where
// products round, the first that reads rows does it for all that follow.
template <typename T>
void Transformer<T>::ForwardProjections(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t rows = plan.rows_in;
  const size_t asked_rows = plan.QueryRows();
  Factor n1 = {layer.n1, layer.n1_pairs};
  if (asks()) {
    // d_attended_ and dn_ are free until Backward.
    Factor asked = n1;
    if (!plan.asked.identity) {
      asked = {Read(plan.asked, layer.n1, d_attended_), layer.asked_pairs};
    }
    if (config_.attention_gate) {
      Linear(p.gate, layer.gate, asked, asked_rows, nullptr, dn_);
      asked.rounded = true;
    }
    if (kind_.uses_scores) {
      Linear(p.q, layer.q, asked, asked_rows, nullptr, layer.qk);
    }
    n1.rounded = plan.asked.identity;
  }
  if (kind_.uses_scores) {
    Linear(p.k, layer.k, n1, rows, nullptr,
           layer.qk + asked_rows * config_.width);
    n1.rounded = true;
  }
  Linear(p.v, layer.v, n1, rows, nullptr, layer.v_rows);
}

template <typename T>
void Transformer<T>::ForwardSharedMlp(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  // A row of q or k is `heads` rows of the MLP's input.
  const size_t head_rows = (plan.QueryRows() + plan.rows_in) * config_.heads;
  LinearGelu(p.attn_mlp_in, layer.attn_mlp_in, {layer.qk, layer.qk_pairs},
             head_rows, layer.attn_active, layer.attn_slope);
  Linear(p.attn_mlp_out, layer.attn_mlp_out,
         {layer.attn_active, layer.attn_active_pairs}, head_rows, nullptr,
         layer.mapped);
}

template <typename T>
void Transformer<T>::ForwardQkNorm(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t heads = config_.heads, width = config_.head_width();
  const T epsilon = static_cast<T>(kQkNormEpsilon);
  const size_t q_rows = plan.QueryRows() * heads, k = q_rows * width;
  RmsNormForward(layer.mapped, values_ + p.q_norm, q_rows, width, epsilon,
                 layer.scored, layer.qk_rstd, parallel_);
  RmsNormForward(layer.mapped + k, values_ + p.k_norm, plan.rows_in * heads,
                 width, epsilon, layer.scored + k, layer.qk_rstd + q_rows,
                 parallel_);
}

template <typename T>
void Transformer<T>::ForwardAttention(size_t l, const RowPlan& plan) {
  Layer& layer = layers_[l];
  const LayerPlan& layer_plan = plan.layers[l];
  const T *q = nullptr, *k = nullptr;
  if (kind_.uses_scores) {
    q = Read(layer_plan.ProjectedQuery(), layer.scored, layer.q_read);
    k = Read(layer_plan.key,
             layer.scored + layer_plan.QueryRows() * config_.width,
             layer.k_read);
  }
  const T* v = Read(layer_plan.key, layer.v_rows, layer.v_read);
  if (Intervenes(InterventionSite::kFirstValue, l)) {
    ReplaceFirstValues(plan.contexts,
                       layer_plan.key.identity ? layer.v_rows : layer.v_read);
  }
  const AttentionForwardArgs<T> args = {
      PlanOf(layer_plan, plan.contexts),
      q,
      k,
      v,
      layer.attended,
      layer.raw,
      layer.sum,
      scratch_,
      values_ + parameters_.layers[l].sink_logit,
      layer.sink_term};
  if constexpr (std::is_same_v<T, float>) {
    if (fixed_ != nullptr) {
      fixed_->forward(args, parallel_);
      return;
    }
  }
  AttentionForward(config_.attention_kind, args, parallel_);
}

template <typename T>
void Transformer<T>::Observe(size_t l, const RowPlan& plan) {
  const size_t keys = config_.positions;
  const bool last = l + 1 == layers_.size();
  for (const Observation& seen : plan.observations) {
    for (size_t h = 0; h < config_.heads; ++h) {
      const size_t at = (last ? seen.last_row : seen.row) * config_.heads + h;
      AttentionWeights(config_.attention_kind,
                       layers_[l].raw + at * PaddedKeys(keys),
                       layers_[l].sum[at], keys, observed_);
      const T* weights = observed_;
      if (seen.order != kContextOrder) {
        const uint32_t* slot = plan.key_order.data() + seen.order * keys;
        for (size_t k = 0; k < keys; ++k) {
          observed_[keys + k] = observed_[slot[k]];
        }
        weights = observed_ + keys;
      }
      observer_->Row(l, h, seen, absl::MakeConstSpan(weights, keys));
    }
  }
}

// `attended` -> `gated`; dn_ has the gate of the rows that ask.
template <typename T>
void Transformer<T>::ForwardGate(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  // Free until Backward.
  const T* gate = Read(plan.ProjectedQuery(), dn_, dx_other_);
  SigmoidGateForward(layer.attended, gate, plan.rows_out * config_.width,
                     layer.gated, layer.open, parallel_);
}

template <typename T>
void Transformer<T>::ForwardMlp(size_t l, const LayerPlan& plan, T* x_out) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t rows = plan.rows_out;
  NormForward(p.norm2, layer.norm2, layer.x_mid, rows, layer.n2);
  LinearGelu(p.mlp_in, layer.mlp_in, {layer.n2, layer.n2_pairs}, rows,
             layer.active, layer.slope);
  Linear(p.mlp_out, layer.mlp_out, {layer.active, layer.active_pairs}, rows,
         layer.x_mid, x_out);
}

// ------------------------------------------------------------- interventions

template <typename T>
void Transformer<T>::SetIntervention(const Intervention<T>* intervention) {
  intervention_ = intervention;
  if (intervention == nullptr) return;
  const Intervention<T>& i = *intervention;
  const bool token = i.site == InterventionSite::kToken;
  const bool head = i.site == InterventionSite::kHead;
  if (token &&
      (i.token < 0 || static_cast<size_t>(i.token) >= config_.vocabulary)) {
    HWY_ABORT("intervention on token %d of %zu", i.token, config_.vocabulary);
  }
  if (!token && i.layer >= config_.layers) {
    HWY_ABORT("intervention in layer %zu of %zu", i.layer, config_.layers);
  }
  if (head && i.head >= config_.heads) {
    HWY_ABORT("intervention on head %zu of %zu", i.head, config_.heads);
  }
}

namespace {

// patch: null for zeros.
template <typename T>
void Replace(const T* patch, size_t columns, T* row) {
  if (patch == nullptr) {
    std::fill_n(row, columns, T(0));
  } else {
    std::copy_n(patch, columns, row);
  }
}

}  // namespace

template <typename T>
void Transformer<T>::ReplaceToken(const RowPlan& plan, T* x) const {
  const size_t width = config_.width, columns = config_.token_width();
  for (size_t r = 0; r < plan.token.size(); ++r) {
    if (plan.token[r] != intervention_->token) continue;
    T* const row = x + r * width;
    Replace(intervention_->patch, columns, row);
    if (config_.positional != Positional::kAdd) continue;
    const T* const place = values_ + parameters_.position_table +
                           static_cast<size_t>(plan.position[r]) * columns;
    for (size_t c = 0; c < columns; ++c) row[c] += place[c];
  }
}

// v: the keys' values, position after position of each context.
template <typename T>
void Transformer<T>::ReplaceFirstValues(size_t contexts, T* v) const {
  for (size_t c = 0; c < contexts; ++c) {
    Replace(intervention_->patch, config_.width,
            v + c * config_.positions * config_.width);
  }
}

template <typename T>
void Transformer<T>::ReplaceHead(size_t rows, T* attended) const {
  const size_t columns = config_.head_width();
  for (size_t r = 0; r < rows; ++r) {
    Replace(intervention_->patch, columns,
            attended + r * config_.width + intervention_->head * columns);
  }
}

template <typename T>
void Transformer<T>::Loss(const RowPlan& plan, bool backward) {
  const size_t targets = plan.target.size(), width = config_.outputs;
  const RowIndex& rows = plan.target_row;
  for (size_t i = 0; i < targets; ++i) {
    weight_[i] = static_cast<T>(plan.weight[i]);
  }
  T* logits = rows.identity ? logits_ : target_logits_;
  if (!rows.identity) {
    GatherRows(logits_, rows.row.data(), targets, width, logits, parallel_);
  }
  CrossEntropy(logits, plan.target.data(), weight_, targets, width, loss_,
               backward ? logits : nullptr, correct_, parallel_);
  if (!backward || rows.identity) return;
  std::fill_n(logits_, plan.output.row.size() * width, T(0));
  AddBack(rows, logits, width, logits_);
}

// ----------------------------------------------------------------- backward

template <typename T>
void Transformer<T>::Backward(const RowPlan& plan) {
  if (intervention_ != nullptr) {
    HWY_ABORT("no gradients of a pass that an intervention changed");
  }
  const size_t outputs = plan.output.row.size();
  const size_t rows =
      layers_.empty() ? plan.token.size() : plan.layers.back().rows_out;
  const T* in = plan.output.identity ? x_last_ : final_in_;
  const Factor normed = {config_.use_layernorm ? final_normed_ : in,
                         final_pairs_};
  T* d_in = plan.output.identity ? dx_ : dx_other_;
  if (config_.use_layernorm) {
    LinearBackward(parameters_.output, output_packed_, normed, logits_, outputs,
                   nullptr, nullptr, dn_);
    std::fill_n(d_in, outputs * config_.width, T(0));
    NormBackward(parameters_.final_norm, final_norm_, in, outputs, dn_, d_in);
  } else {
    LinearBackward(parameters_.output, output_packed_, normed, logits_, outputs,
                   nullptr, nullptr, d_in);
  }
  if (!plan.output.identity) {
    std::fill_n(dx_, rows * config_.width, T(0));
    AddBack(plan.output, d_in, config_.width, dx_);
  }
  for (size_t l = layers_.size(); l-- > 0;) BackwardLayer(l, plan);
  BackwardEmbedding(plan);
}

// dx_: gradient of the layer's output -> of its input.
template <typename T>
void Transformer<T>::BackwardLayer(size_t l, const RowPlan& plan) {
  if (config_.use_mlp) BackwardMlp(l, plan.layers[l]);
  BackwardAttention(l, plan);
  BackwardInput(l, plan.layers[l]);
}

template <typename T>
void Transformer<T>::BackwardMlp(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t rows = plan.rows_out;
  LinearBackward(p.mlp_out, layer.mlp_out, {layer.active, layer.active_pairs},
                 dx_, rows, layer.slope, nullptr, d_hidden_);
  const Factor n2 = {layer.n2, layer.n2_pairs};
  if (config_.use_layernorm) {
    LinearBackward(p.mlp_in, layer.mlp_in, n2, d_hidden_, rows, nullptr,
                   nullptr, dn_);
    NormBackward(p.norm2, layer.norm2, layer.x_mid, rows, dn_, dx_);
  } else {
    LinearBackward(p.mlp_in, layer.mlp_in, n2, d_hidden_, rows, nullptr, dx_,
                   dx_);
  }
}

// d_attended_: gradient of what passed the gate -> of what attention gave;
// d_gate_, of the rows that ask.
template <typename T>
void Transformer<T>::BackwardGate(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const RowIndex& query = plan.ProjectedQuery();
  SigmoidGateBackward(layer.attended, layer.open, d_attended_,
                      plan.rows_out * config_.width, d_attended_,
                      query.identity ? d_gate_ : d_gate_read_, parallel_);
  PutBack(query, d_gate_read_, plan.QueryRows(), d_gate_);
}

// dx_ -> gradients of what attention read, on the layer's input rows.
template <typename T>
void Transformer<T>::BackwardAttention(size_t l, const RowPlan& plan) {
  Layer& layer = layers_[l];
  const LayerPlan& layer_plan = plan.layers[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t rows_in = layer_plan.rows_in, width = config_.width;
  const size_t asked = layer_plan.QueryRows();
  const RowIndex &query = layer_plan.ProjectedQuery(), &key = layer_plan.key;
  LinearBackward(p.o, layer.o, {layer.gated, layer.gated_pairs}, dx_,
                 layer_plan.rows_out, nullptr, nullptr, d_attended_);
  if (config_.attention_gate) BackwardGate(l, layer_plan);

  T *dq = nullptr, *dk = nullptr;
  if (kind_.uses_scores) {
    dq = d_mapped_;
    dk = d_mapped_ + asked * width;
  }
  const AttentionBackwardArgs<T> args = {
      PlanOf(layer_plan, plan.contexts),
      query.identity ? layer.scored : layer.q_read,
      key.identity ? layer.scored + asked * width : layer.k_read,
      key.identity ? layer.v_rows : layer.v_read,
      layer.raw,
      layer.sum,
      d_attended_,
      query.identity ? dq : dq_read_,
      key.identity ? dk : dk_read_,
      key.identity ? dv_ : dv_read_,
      scratch_,
      layer.sink_term,
      gradients_ + p.sink_logit};
  if constexpr (std::is_same_v<T, float>) {
    if (fixed_ != nullptr) {
      fixed_->backward(args, parallel_);
    } else {
      AttentionBackward(config_.attention_kind, args, parallel_);
    }
  } else {
    AttentionBackward(config_.attention_kind, args, parallel_);
  }
  if (kind_.uses_scores) {
    PutBack(query, dq_read_, asked, dq);
    PutBack(key, dk_read_, rows_in, dk);
  }
  PutBack(key, dv_read_, rows_in, dv_);
  if (config_.qk_norm) BackwardQkNorm(l, layer_plan);
  if (kind_.shared_mlp) BackwardScores(l, layer_plan);
}

// d_mapped_: gradient of what was scored -> of what was normed for it.
template <typename T>
void Transformer<T>::BackwardQkNorm(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t heads = config_.heads, width = config_.head_width();
  const size_t q_rows = plan.QueryRows() * heads, k = q_rows * width;
  RmsNormBackward(layer.mapped, values_ + p.q_norm, layer.qk_rstd, d_mapped_,
                  q_rows, width, d_mapped_, gradients_ + p.q_norm, scratch_,
                  parallel_);
  RmsNormBackward(layer.mapped + k, values_ + p.k_norm, layer.qk_rstd + q_rows,
                  d_mapped_ + k, plan.rows_in * heads, width, d_mapped_ + k,
                  gradients_ + p.k_norm, scratch_, parallel_);
}

// d_mapped_ -> dqk_, through the shared MLP.
template <typename T>
void Transformer<T>::BackwardScores(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t head_rows = (plan.QueryRows() + plan.rows_in) * config_.heads;
  LinearBackward(p.attn_mlp_out, layer.attn_mlp_out,
                 {layer.attn_active, layer.attn_active_pairs}, d_mapped_,
                 head_rows, layer.attn_slope, nullptr, d_attn_hidden_);
  LinearBackward(p.attn_mlp_in, layer.attn_mlp_in, {layer.qk, layer.qk_pairs},
                 d_attn_hidden_, head_rows, nullptr, nullptr, dqk_);
}

// dqk_, dv_ and the residual in dx_ -> dx_ of the layer's input rows.
template <typename T>
void Transformer<T>::BackwardInput(size_t l, const LayerPlan& plan) {
  Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t rows = plan.rows_in, width = config_.width;
  if (!plan.query.identity) {
    std::fill_n(dx_other_, rows * width, T(0));
    AddBack(plan.query, dx_, width, dx_other_);
    std::swap(dx_, dx_other_);
  }
  // Without layer norm the sum goes to the residual stream itself.
  T* dn = config_.use_layernorm ? dn_ : dx_;
  const Factor n1 = {layer.n1, layer.n1_pairs};
  LinearBackward(p.v, layer.v, n1, dv_, rows, nullptr,
                 config_.use_layernorm ? nullptr : dx_, dn);
  if (asks()) BackwardQuery(l, plan, dn);
  if (kind_.uses_scores) {
    LinearBackward(p.k, layer.k, n1, dqk_ + plan.QueryRows() * width, rows,
                   nullptr, dn, dn);
  }
  if (config_.use_layernorm) {
    NormBackward(p.norm1, layer.norm1, layer.x_in, rows, dn_, dx_);
  }
}

// The weights of q and the gate; dn += the gradient that reaches the layer's
// input rows through them.
template <typename T>
void Transformer<T>::BackwardQuery(size_t l, const LayerPlan& plan, T* dn) {
  const Layer& layer = layers_[l];
  const LayerParameters& p = parameters_.layers[l];
  const size_t rows = plan.QueryRows();
  Factor asked = {layer.n1, layer.n1_pairs};
  T *dx = dn, *residual = dn;
  if (!plan.asked.identity) {
    // dx_other_ and d_attended_ have done their work: they take the input,
    // which products that round have kept, and its gradient.
    asked = {rounds() ? nullptr : Read(plan.asked, layer.n1, dx_other_),
             layer.asked_pairs};
    dx = d_attended_;
    residual = nullptr;
  }
  if (kind_.uses_scores) {
    LinearBackward(p.q, layer.q, asked, dqk_, rows, nullptr, residual, dx);
    residual = dx;
  }
  if (config_.attention_gate) {
    LinearBackward(p.gate, layer.gate, asked, d_gate_, rows, nullptr, residual,
                   dx);
  }
  if (!plan.asked.identity) AddBack(plan.asked, dx, config_.width, dn);
}

template <typename T>
void Transformer<T>::BackwardEmbedding(const RowPlan& plan) {
  EmbeddingBackward(
      ShapeOf(config_), plan.token.data(), plan.position.data(),
      plan.token.size(), dx_, gradients_ + parameters_.token_table,
      gradients_ + parameters_.position_table, embedding_scratch_, parallel_);
}

template class Transformer<float>;
template class Transformer<double>;

}  // namespace polarize
