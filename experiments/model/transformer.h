// The pre-norm transformer of sections 4.1 and 4.2, forward and backward, over
// the rows of a plan.
//
//   x  = embedding(token, position)
//   x += o_proj(attention(norm1 x));  x += mlp(norm2 x)      in every layer
//   logits = output_proj(final_norm x)
//
// Source: the reference's TransformerLM. All memory is planned when a
// Transformer is made; Forward and Backward allocate nothing.
#ifndef POLARIZE_EXPERIMENTS_MODEL_TRANSFORMER_H_
#define POLARIZE_EXPERIMENTS_MODEL_TRANSFORMER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "absl/types/span.h"
#include "experiments/model/intervention.h"
#include "experiments/model/model_config.h"
#include "experiments/model/observer.h"
#include "experiments/model/parameters.h"
#include "experiments/model/row_plan.h"
#include "hwy/aligned_allocator.h"
#include "kernels/attention/attention.h"
#include "kernels/base/arena.h"
#include "kernels/base/parallel_for.h"
#include "kernels/linear_bf16/linear_bf16.h"

namespace polarize {

// T is float (training) or double (gradient checks).
template <typename T>
class Transformer {
 public:
  // max_sequences: the most sequences of one plan; a plan has at most as many
  // rows (of any layer), keys, outputs and targets as these have positions,
  // and at most `positions` queries per context (checked: Forward aborts).
  // parallel must outlive this.
  Transformer(const ModelConfig& config, size_t max_sequences,
              ParallelFor& parallel);
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;

  const ModelConfig& config() const { return config_; }
  const Parameters& parameters() const { return parameters_; }
  size_t arena_bytes() const { return arena_bytes_; }

  // The parameters and their gradients: parameters().array_size() elements
  // each. After a change of the values, call Pack before Forward.
  T* values() { return values_; }
  const T* values() const { return values_; }
  T* gradients() { return gradients_; }

  // Lays the weights out for the products of this step. With `backward`, also
  // for Backward.
  void Pack(bool backward);

  // Instances with fixed sizes to use where they fit (float only).
  void UseFixedAttention(absl::Span<const FixedAttention> instances);
  // Whether one of them fits this model.
  bool has_fixed_attention() const { return fixed_ != nullptr; }

  // Whoever wants the attention weights of each Forward from now on, or
  // nullptr.
  void SetObserver(AttentionObserver<T>* observer) { observer_ = observer; }

  // What is changed in each Forward from now on, or nullptr. Aborts if the
  // model has no such part. There is no Backward with one (checked).
  void SetIntervention(const Intervention<T>* intervention);

  // Of the last Forward, per layer: the values of its input rows (rows_in of
  // its plan) and what its heads added up, behind the gate if there is one, for
  // its output rows (rows_out), width columns each. To be read after a Forward
  // without an intervention.
  const T* value_rows(size_t layer) const { return layers_[layer].v_rows; }
  const T* attended_rows(size_t layer) const { return layers_[layer].gated; }

  // Logits of the plan's outputs: plan.output.row.size() rows of
  // config().outputs columns. Valid until the next Forward or Loss.
  const T* Forward(const RowPlan& plan);

  // Cross entropy of the last Forward, per target: loss() and correct() (1
  // where the largest logit is the target's). With `backward`, the logits make
  // way for their gradient under the plan's weights.
  void Loss(const RowPlan& plan, bool backward);
  const T* loss() const { return loss_; }
  const uint8_t* correct() const { return correct_; }

  // Gradients of sum_i weight_i loss_i, overwritten; those of parameters that
  // are not trained stay zero. After Forward and Loss(plan, true).
  void Backward(const RowPlan& plan);

 private:
  // A linear layer's packed weight, for each direction: pairs of bfloat16, in
  // the first half of the room, if these are wanted.
  struct Packed {
    T *forward, *backward;
  };
  struct Norm {
    T *mean, *rstd;
  };
  // The left factor of a product. Where products round, the first that reads it
  // leaves its pairs of rows for Backward and, until the next product, itself:
  // one of the same rows that follows right away may take it as `rounded`.
  struct Factor {
    const T* at;
    BF16Pair* pairs;
    bool rounded = false;
  };
  // What a layer keeps from Forward for Backward.
  struct Layer {
    Packed q, k, v, o, mlp_in, mlp_out, attn_mlp_in, attn_mlp_out, gate;
    Norm norm1, norm2;
    T *x_in, *n1;  // input of the layer, and normed
    T* qk;         // projected q rows, then k rows
    T* v_rows;
    T *attn_slope, *attn_active;  // of the shared MLP: GELU' and GELU
    T* mapped;                    // its result: q rows, then k rows
    T *scored, *qk_rstd;          // the same normed, and what by; or `mapped`
    T *q_read, *k_read, *v_read;  // as attention reads them, gathered
    T *raw, *sum, *attended;
    T* sink_term;     // what a learned sink adds to each sum
    T *open, *gated;  // sigmoid of the gate; times `attended`, or `attended`
    T *x_mid, *n2, *slope, *active;
    // Of what its name begins with, where products round.
    BF16Pair *n1_pairs, *asked_pairs, *qk_pairs, *attn_active_pairs;
    BF16Pair *gated_pairs, *n2_pairs, *active_pairs;
  };

  void Layout(Arena& arena);
  void LayoutLayer(Arena& arena, Layer& layer);
  Packed LayoutPacked(Arena& arena, const LinearParameters& p);
  void PackLinear(const LinearParameters& p, const Packed& packed,
                  bool backward);

  // Aborts if the plan outgrows the planned memory.
  void CheckFits(const RowPlan& plan) const;
  void Embed(const RowPlan& plan);
  void ForwardLayer(size_t l, const RowPlan& plan);
  void ForwardProjections(size_t l, const LayerPlan& plan);
  void ForwardSharedMlp(size_t l, const LayerPlan& plan);
  void ForwardQkNorm(size_t l, const LayerPlan& plan);
  void ForwardAttention(size_t l, const RowPlan& plan);
  void ForwardGate(size_t l, const LayerPlan& plan);
  void ForwardMlp(size_t l, const LayerPlan& plan, T* x_out);
  void Observe(size_t l, const RowPlan& plan);
  // The intervention, if it is there: on the embedded rows; on the values that
  // layer l is about to read; on what its heads added up.
  bool Intervenes(InterventionSite site, size_t l) const {
    return intervention_ != nullptr && intervention_->site == site &&
           (site == InterventionSite::kToken || intervention_->layer == l);
  }
  void ReplaceToken(const RowPlan& plan, T* x) const;
  void ReplaceFirstValues(size_t contexts, T* v) const;
  void ReplaceHead(size_t rows, T* attended) const;
  void BackwardLayer(size_t l, const RowPlan& plan);
  void BackwardMlp(size_t l, const LayerPlan& plan);
  void BackwardGate(size_t l, const LayerPlan& plan);
  void BackwardAttention(size_t l, const RowPlan& plan);
  void BackwardQkNorm(size_t l, const LayerPlan& plan);
  void BackwardScores(size_t l, const LayerPlan& plan);
  void BackwardInput(size_t l, const LayerPlan& plan);
  void BackwardQuery(size_t l, const LayerPlan& plan, T* dn);
  void BackwardEmbedding(const RowPlan& plan);

  // Whether anything is projected for the rows that ask (LayerPlan::asked).
  bool asks() const { return kind_.uses_scores || config_.attention_gate; }
  // Whether products round their factors; double is for checks, and exact.
  bool rounds() const { return std::is_same_v<T, float> && config_.bf16; }
  // Lays out what products that round keep for a while: factors of at most
  // `rows` rows.
  void LayoutRounded(Arena& arena, size_t rows, size_t columns);

  // y = residual + linear(x).
  void Linear(const LinearParameters& p, const Packed& packed, const Factor& x,
              size_t rows, const T* residual, T* y);
  // y = gelu(linear(x)) and its slope there.
  void LinearGelu(const LinearParameters& p, const Packed& packed,
                  const Factor& x, size_t rows, T* y, T* slope);
  // dW and db; dx = residual + the input gradient, or slope times that. slope,
  // residual or both are nullptr. dx is not dy.
  void LinearBackward(const LinearParameters& p, const Packed& packed,
                      const Factor& x, const T* dy, size_t rows, const T* slope,
                      const T* residual, T* dx);
  // y = norm(x); without layer norm y is x and this does nothing.
  void NormForward(const NormParameters& p, const Norm& norm, const T* x,
                   size_t rows, T* y);
  // dx += gradient of norm at dy.
  void NormBackward(const NormParameters& p, const Norm& norm, const T* x,
                    size_t rows, const T* dy, T* dx);
  // to[i] = from[index(i)], or nothing where the index is the identity (`to` is
  // then `from`, as Read returns it).
  const T* Read(const RowIndex& index, const T* from, T* to);
  // The gradient of Read: to[index(i)] += from[i], for an index that is not the
  // identity.
  void AddBack(const RowIndex& index, const T* from, size_t width, T* to);
  // The same with to[0 .. rows) = 0 before.
  void PutBack(const RowIndex& index, const T* from, size_t rows, T* to);
  AttentionPlan PlanOf(const LayerPlan& layer, size_t contexts) const;

  const ModelConfig config_;
  const Parameters parameters_;
  const AttentionKind kind_;
  const size_t max_rows_;
  ParallelFor& parallel_;
  size_t arena_bytes_ = 0;
  hwy::AlignedFreeUniquePtr<uint8_t[]> block_;
  const FixedAttention* fixed_ = nullptr;
  AttentionObserver<T>* observer_ = nullptr;
  const Intervention<T>* intervention_ = nullptr;

  T *values_, *gradients_;
  std::vector<Layer> layers_;
  Packed output_packed_;
  Norm final_norm_;
  T *final_in_, *final_normed_, *logits_, *target_logits_;
  T* x_last_;  // rows of the last layer
  T *loss_, *weight_;
  uint8_t* correct_;
  T* observed_;  // one row of weights, and again in another order
  // Backward: gradients of the residual stream and of what hangs on it.
  T *dx_, *dx_other_, *dn_, *dqk_, *dv_, *d_attended_, *d_hidden_;
  T *dq_read_, *dk_read_, *dv_read_, *d_mapped_, *d_attn_hidden_;
  T *d_gate_, *d_gate_read_;
  T* scratch_;
  BF16Pair *rounded_, *dy_pairs_;
  BF16Pair* final_pairs_ = nullptr;  // as a layer's
  bool backward_ = true;             // what was packed for
  uint32_t* embedding_scratch_;
};

extern template class Transformer<float>;
extern template class Transformer<double>;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_TRANSFORMER_H_
