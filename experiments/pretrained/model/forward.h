// The forward pass of the pretrained models, layer by layer over all prompts.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_FORWARD_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_FORWARD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/model/observer.h"
#include "experiments/pretrained/model/layer_products.h"
#include "experiments/pretrained/model/layer_weights.h"
#include "experiments/pretrained/model/prompts.h"
#include "experiments/pretrained/model/sizes.h"
#include "hwy/aligned_allocator.h"
#include "kernels/alibi_attention/alibi_attention.h"
#include "kernels/base/arena.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

struct ForwardOptions {
  AlibiActivation activation = AlibiActivation::kSoftmax;
  ProductPrecision precision = ProductPrecision::kF32;
  size_t threads = 1;  // as many prompts are worked on at once
};

// Every prompt's hidden states are held, and one layer's weights:
//
//   forward->Embed(embedding);
//   for each layer: forward->RunLayer(layer, weights, observer, team);
//
// so a layer is read once. The last layer stops at its attention weights. A
// prompt depends on nothing but itself: the same bits for any number of
// threads, alone or among others. Nothing is allocated after Create.
class PretrainedForward {
 public:
  // prompts must outlive it. An error if sizes do not fit or there is no memory
  // for the plan.
  static absl::StatusOr<std::unique_ptr<PretrainedForward>> Create(
      const PretrainedSizes& sizes, const ForwardOptions& options,
      const Prompts& prompts);

  // What Create asks of the system; a layer that is mapped from a file comes on
  // top.
  static size_t PlannedBytes(const PretrainedSizes& sizes,
                             const ForwardOptions& options,
                             const Prompts& prompts);

  // Hidden states <- rows of the embedding, [V, D].
  absl::Status Embed(const WeightMatrix& embedding, ParallelFor& parallel);

  // Layer `layer` of all prompts. The observer, which may be nullptr, sees
  // every row of attention weights, over the positions of its prompt: those of
  // one prompt in order, head by head, on one thread, but several prompts at a
  // time. Observation::sequence is the prompt; rows are counted once each.
  absl::Status RunLayer(size_t layer, const LayerWeights& weights,
                        AttentionObserver<float>* observer,
                        ParallelFor& parallel);
  // The same in two steps. What the matrices span may go after the first, what
  // the scales span after the second.
  absl::Status LoadLayer(size_t layer, const LayerWeights& weights,
                         ParallelFor& parallel);
  void RunLoadedLayer(AttentionObserver<float>* observer,
                      ParallelFor& parallel);

  // length x D: what layer `layer` read if called before RunLayer(layer, ...),
  // and what it made after, but for the last layer.
  absl::Span<const float> Hidden(size_t prompt) const;

  // All prompts' hidden states, one after the other. A run that goes on later
  // puts back what it had after a layer, and goes on with the next one.
  absl::Span<const float> HiddenOfAll() const;
  absl::Span<float> MutableHiddenOfAll();

  const PretrainedSizes& sizes() const { return sizes_; }

 private:
  // What a thread needs for a prompt. Arrays in one line are dead when the
  // other line is in use.
  struct Lane {
    float* rows;                 // length x D: what a product reads or makes
    float *q, *k, *v, *context;  // length x N*H
    float *gate, *up;            // length x F
    float* attention_scratch;
    uint32_t* product_scratch;
  };
  struct Layer {
    size_t index = 0;
    LayerWeights weights;
    bool last = false;
  };

  PretrainedForward(const PretrainedSizes& sizes, const ForwardOptions& options,
                    const Prompts& prompts);
  void Layout(Arena& arena);
  void RunPrompt(size_t prompt, AttentionObserver<float>* observer,
                 const Lane& lane);
  void Project(const float* x, size_t length, const Lane& lane);
  void Attend(size_t prompt, AttentionObserver<float>* observer,
              const Lane& lane);
  void FeedForward(float* x, size_t length, const Lane& lane);

  const PretrainedSizes sizes_;
  const ForwardOptions options_;
  const Prompts& prompts_;
  const std::vector<float> slopes_;
  LayerProducts products_;
  Layer layer_;
  hwy::AlignedFreeUniquePtr<uint8_t[]> block_;
  float* hidden_ = nullptr;
  std::vector<Lane> lanes_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_FORWARD_H_
