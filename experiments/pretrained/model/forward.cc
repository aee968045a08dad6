#include "experiments/pretrained/model/forward.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/swiglu/swiglu.h"

namespace polarize {
namespace {

// x <- norm of x, in place of it.
void Norm(const float* x, absl::Span<const float> scale, size_t rows,
          float factor, float* y) {
  RmsNorm<float>(x, scale.data(), nullptr, rows, scale.size(),
                 kPretrainedEpsilon, factor, y);
}

// x <- x + norm of what a sublayer made.
void AddNorm(const float* made, absl::Span<const float> scale, size_t rows,
             float* x) {
  RmsNorm<float>(made, scale.data(), x, rows, scale.size(), kPretrainedEpsilon,
                 1, x);
}

float Widen(uint16_t bits) {
  return hwy::BitCastScalar<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace

PretrainedForward::PretrainedForward(const PretrainedSizes& sizes,
                                     const ForwardOptions& options,
                                     const Prompts& prompts)
    : sizes_(sizes),
      options_(options),
      prompts_(prompts),
      slopes_(AlibiSlopes(sizes.heads)),
      products_(sizes, options.precision),
      lanes_(std::max<size_t>(1, std::min(options.threads, prompts.size()))) {}

void PretrainedForward::Layout(Arena& arena) {
  hidden_ = arena.Take<float>(prompts_.rows() * sizes_.embed_dim);
  products_.Layout(arena);
  const size_t length = prompts_.longest();
  const size_t attention = length * sizes_.attention_dim();
  const size_t ffn = length * sizes_.ffn_dim;
  for (Lane& lane : lanes_) {
    lane.rows = arena.Take<float>(length * sizes_.embed_dim);
    float* const both = arena.Take<float>(std::max(4 * attention, 2 * ffn));
    lane.attention_scratch =
        arena.Take<float>(AlibiScratch(length, sizes_.head_dim));
    lane.product_scratch = arena.Take<uint32_t>(LayerProducts::ScratchSize());
    if (both == nullptr) continue;  // measuring
    lane.q = both;
    lane.k = lane.q + attention;
    lane.v = lane.k + attention;
    lane.context = lane.v + attention;
    lane.gate = both;
    lane.up = both + ffn;
  }
}

size_t PretrainedForward::PlannedBytes(const PretrainedSizes& sizes,
                                       const ForwardOptions& options,
                                       const Prompts& prompts) {
  PretrainedForward forward(sizes, options, prompts);
  Arena measure(nullptr, 0);
  forward.Layout(measure);
  return measure.used();
}

absl::StatusOr<std::unique_ptr<PretrainedForward>> PretrainedForward::Create(
    const PretrainedSizes& sizes, const ForwardOptions& options,
    const Prompts& prompts) {
  absl::Status status = CheckSizes(sizes);
  if (!status.ok()) return status;
  std::unique_ptr<PretrainedForward> forward(
      new PretrainedForward(sizes, options, prompts));
  const size_t bytes = PlannedBytes(sizes, options, prompts);
  forward->block_ = hwy::AllocateAligned<uint8_t>(bytes);
  if (forward->block_ == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for the plan of ", bytes, " bytes"));
  }
  Arena arena(forward->block_.get(), bytes);
  forward->Layout(arena);
  return forward;
}

absl::Status PretrainedForward::Embed(const WeightMatrix& embedding,
                                      ParallelFor& parallel) {
  const absl::Status status =
      CheckMatrix(embedding, sizes_.vocab, sizes_.embed_dim);
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("embedding: ", status.message()));
  }
  const size_t d = sizes_.embed_dim;
  parallel.Run(prompts_.size(), [&](size_t prompt) {
    float* to = hidden_ + prompts_.first_row(prompt) * d;
    for (const int32_t id : prompts_.ids(prompt)) {
      const size_t from = static_cast<size_t>(id) * d;
      if (embedding.is_bf16()) {
        const uint16_t* const bits = embedding.bf16.data() + from;
        std::transform(bits, bits + d, to, Widen);
      } else {
        std::copy_n(embedding.f32.data() + from, d, to);
      }
      to += d;
    }
  });
  return absl::OkStatus();
}

absl::Status PretrainedForward::LoadLayer(size_t layer,
                                          const LayerWeights& weights,
                                          ParallelFor& parallel) {
  const bool last = layer + 1 == sizes_.layers;
  absl::Status status = CheckLayerWeights(weights, sizes_, last, layer);
  if (!status.ok()) return status;
  products_.Pack(weights, last, parallel);
  layer_ = {layer, weights, last};
  return absl::OkStatus();
}

void PretrainedForward::RunLoadedLayer(AttentionObserver<float>* observer,
                                       ParallelFor& parallel) {
  // A lane takes the next prompt that nobody has: which one it is changes
  // nothing about the prompt.
  std::atomic<size_t> next{0};
  parallel.Run(lanes_.size(), [&](size_t lane) {
    for (;;) {
      const size_t prompt = next.fetch_add(1, std::memory_order_relaxed);
      if (prompt >= prompts_.size()) return;
      RunPrompt(prompt, observer, lanes_[lane]);
    }
  });
}

absl::Status PretrainedForward::RunLayer(size_t layer,
                                         const LayerWeights& weights,
                                         AttentionObserver<float>* observer,
                                         ParallelFor& parallel) {
  absl::Status status = LoadLayer(layer, weights, parallel);
  if (status.ok()) RunLoadedLayer(observer, parallel);
  return status;
}

absl::Span<const float> PretrainedForward::Hidden(size_t prompt) const {
  return {hidden_ + prompts_.first_row(prompt) * sizes_.embed_dim,
          prompts_.length(prompt) * sizes_.embed_dim};
}

absl::Span<const float> PretrainedForward::HiddenOfAll() const {
  return {hidden_, prompts_.rows() * sizes_.embed_dim};
}

absl::Span<float> PretrainedForward::MutableHiddenOfAll() {
  return {hidden_, prompts_.rows() * sizes_.embed_dim};
}

void PretrainedForward::RunPrompt(size_t prompt,
                                  AttentionObserver<float>* observer,
                                  const Lane& lane) {
  const size_t length = prompts_.length(prompt);
  float* const x = hidden_ + prompts_.first_row(prompt) * sizes_.embed_dim;
  Project(x, length, lane);
  Attend(prompt, observer, lane);
  if (layer_.last) return;
  products_.Multiply(LayerProducts::kO, lane.context, length, lane.rows,
                     lane.product_scratch);
  AddNorm(lane.rows, layer_.weights.attention_postnorm, length, x);
  FeedForward(x, length, lane);
}

void PretrainedForward::Project(const float* x, size_t length,
                                const Lane& lane) {
  const LayerWeights& weights = layer_.weights;
  Norm(x, weights.attention_prenorm, length, 1, lane.rows);
  const auto multiply = [&](LayerProducts::Matrix matrix, float* y) {
    products_.Multiply(matrix, lane.rows, length, y, lane.product_scratch);
  };
  multiply(LayerProducts::kQ, lane.q);
  multiply(LayerProducts::kK, lane.k);
  if (!layer_.last) multiply(LayerProducts::kV, lane.v);
  // Each head by itself; a query is scaled after its norm.
  const double root = std::sqrt(static_cast<double>(sizes_.head_dim));
  const size_t rows = length * sizes_.heads;
  Norm(lane.q, weights.query_norm, rows, static_cast<float>(1 / root), lane.q);
  Norm(lane.k, weights.key_norm, rows, 1, lane.k);
}

void PretrainedForward::Attend(size_t prompt,
                               AttentionObserver<float>* observer,
                               const Lane& lane) {
  const size_t length = prompts_.length(prompt);
  AlibiHead<float> head;
  head.positions = length;
  head.width = sizes_.head_dim;
  head.stride = sizes_.attention_dim();
  head.activation = options_.activation;
  head.shift = options_.activation == AlibiActivation::kSigmoid
                   ? static_cast<float>(kSigmoidShift)
                   : 0;
  for (size_t n = 0; n < sizes_.heads; ++n) {
    head.slope = slopes_[n];
    const size_t at = n * sizes_.head_dim;
    AlibiAttention<float>(
        lane.q + at, lane.k + at, layer_.last ? nullptr : lane.v + at, head,
        layer_.last ? nullptr : lane.context + at, lane.attention_scratch,
        [&](size_t position, const float* weights) {
          if (observer == nullptr || observer->InterestIn(prompt, position) ==
                                         ObserverInterest::Interest::kNone) {
            return;
          }
          Observation row = {};
          row.sequence = static_cast<uint32_t>(prompt);
          row.position = static_cast<uint32_t>(position);
          row.count = 1;
          row.order = kContextOrder;
          observer->Row(layer_.index, n, row, {weights, length});
        });
  }
}

void PretrainedForward::FeedForward(float* x, size_t length, const Lane& lane) {
  const LayerWeights& weights = layer_.weights;
  Norm(x, weights.ffn_prenorm, length, 1, lane.rows);
  products_.Multiply(LayerProducts::kGate, lane.rows, length, lane.gate,
                     lane.product_scratch);
  products_.Multiply(LayerProducts::kUp, lane.rows, length, lane.up,
                     lane.product_scratch);
  SwiGlu(lane.gate, lane.up, length * sizes_.ffn_dim, lane.gate);
  products_.Multiply(LayerProducts::kDown, lane.gate, length, lane.rows,
                     lane.product_scratch);
  AddNorm(lane.rows, weights.ffn_postnorm, length, x);
}

}  // namespace polarize
