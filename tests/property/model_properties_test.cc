// What must hold for the whole model, whatever its parameters.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "experiments/model/model_config.h"
#include "experiments/model/observer.h"
#include "experiments/model/parameters.h"
#include "experiments/model/transformer.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

constexpr size_t kSequences = 4;
constexpr double kRounding = 1e-12;  // norm-wise
constexpr double kSeen = 1e-3;       // a change that is more than rounding

// A model in double with attention weights recorded.
class Model : private AttentionObserver<double> {
 public:
  explicit Model(const ModelConfig& config)
      : transformer_(config, kSequences, serial_) {
    FillParameters(parameters(), 3, values());
    transformer_.SetObserver(this);
  }

  const ModelConfig& config() const { return transformer_.config(); }
  const Parameters& parameters() const { return transformer_.parameters(); }
  double* values() { return transformer_.values(); }
  // Of the last Logits().
  const std::vector<double>& weights() const { return weights_; }

  std::vector<double> Logits(const Batch& batch) {
    weights_.clear();
    transformer_.Pack(/*backward=*/false);
    const double* logits = transformer_.Forward(IdentityPlan(config(), batch));
    return {logits, logits + batch.token.size() * config().outputs};
  }

 private:
  void Row(size_t, size_t, const Observation&,
           absl::Span<const double> weights) override {
    weights_.insert(weights_.end(), weights.begin(), weights.end());
  }

  SerialFor serial_;
  Transformer<double> transformer_;
  std::vector<double> weights_;
};

template <class Body>
void ForEachKind(const Body& body) {
  for (const AttentionKind& kind : AttentionKinds()) {
    SCOPED_TRACE(kind.name);
    body(kind);
  }
}

// Logits of one row.
std::vector<double> RowOf(const std::vector<double>& logits, size_t row,
                          size_t outputs) {
  return {logits.begin() + row * outputs, logits.begin() + (row + 1) * outputs};
}

// softmax(s + constant) = softmax(s), and a bias on every key adds q.b to all
// scores of a row. No other kind that uses scores is blind to it.
TEST(ModelProperty, OnlySoftmaxIsBlindToTheBiasOfKeys) {
  ForEachKind([](const AttentionKind& kind) {
    if (!kind.uses_scores) return;
    ModelConfig config = TinyModel(kind.name);
    Model model(config);
    const Batch batch = RandomBatch(config, kSequences, 1);
    const std::vector<double> logits = model.Logits(batch);
    const std::vector<double> weights = model.weights();
    for (const LayerParameters& layer : model.parameters().layers) {
      for (size_t i = 0; i < config.width; ++i) {
        model.values()[layer.k.bias + i] += i % 3 == 0 ? 0.7 : -0.4;
      }
    }
    const double change = NormWiseError(model.Logits(batch), logits);
    const double weight_change = NormWiseError(model.weights(), weights);
    if (config.attention_kind == AttentionKindNamed("softmax")) {
      EXPECT_LT(change, kRounding);
      EXPECT_LT(weight_change, kRounding);
    } else {
      EXPECT_GT(change, kSeen);
      EXPECT_GT(weight_change, kSeen);
    }
  });
}

// Without positions and with full attention, the model does not know the order
// of its input.
TEST(ModelProperty, PermutedTokensGivePermutedLogits) {
  ForEachKind([](const AttentionKind& kind) {
    ModelConfig config = TinyModel(kind.name);
    config.positional = Positional::kNone;
    config.causal = false;
    Model model(config);
    const Batch batch = RandomBatch(config, kSequences, 1);
    const size_t positions = config.positions;
    const auto moved = [&](size_t row) {  // 2 is coprime to 5 positions
      return row - row % positions + (2 * row + 1) % positions;
    };
    Batch permuted = batch;
    std::vector<bool> hit(batch.token.size());
    for (size_t r = 0; r < batch.token.size(); ++r) {
      permuted.token[moved(r)] = batch.token[r];
      hit[moved(r)] = true;
    }
    ASSERT_EQ(std::count(hit.begin(), hit.end(), true),
              static_cast<std::ptrdiff_t>(hit.size()));
    const std::vector<double> logits = model.Logits(batch);
    const std::vector<double> other = model.Logits(permuted);
    for (size_t r = 0; r < batch.token.size(); ++r) {
      EXPECT_LT(NormWiseError(RowOf(other, moved(r), config.outputs),
                              RowOf(logits, r, config.outputs)),
                kRounding);
    }
  });
}

// A causal model's row depends on no later token, bit for bit; with full
// attention it does.
TEST(ModelProperty, CausalRowsDoNotSeeTheFuture) {
  ForEachKind([](const AttentionKind& kind) {
    for (bool causal : {true, false}) {
      ModelConfig config = TinyModel(kind.name);
      config.causal = causal;
      Model model(config);
      const Batch batch = RandomBatch(config, kSequences, 1);
      const size_t positions = config.positions, outputs = config.outputs;
      const std::vector<double> logits = model.Logits(batch);
      for (size_t changed = 1; changed < positions; ++changed) {
        Batch other = batch;
        for (size_t r = changed; r < other.token.size(); r += positions) {
          other.token[r] =
              (other.token[r] + 1) % static_cast<int32_t>(config.vocabulary);
        }
        const std::vector<double> after = model.Logits(other);
        for (size_t r = 0; r < batch.token.size(); ++r) {
          const bool sees = !causal || r % positions >= changed;
          EXPECT_EQ(RowOf(after, r, outputs) != RowOf(logits, r, outputs),
                    sees);
        }
      }
    }
  });
}

// Sequences of a batch do not mix.
TEST(ModelProperty, SequencesDoNotSeeEachOther) {
  ForEachKind([](const AttentionKind& kind) {
    const ModelConfig config = TinyModel(kind.name);
    Model model(config);
    const Batch batch = RandomBatch(config, kSequences, 1);
    const size_t positions = config.positions;
    const std::vector<double> together = model.Logits(batch);
    for (size_t s = 0; s < kSequences; ++s) {
      const auto first = batch.token.begin() + s * positions;
      const Batch alone = {1,
                           {first, first + positions},
                           std::vector<int32_t>(positions),
                           std::vector<double>(positions)};
      const auto rows = together.begin() + s * positions * config.outputs;
      EXPECT_LT(NormWiseError(model.Logits(alone),
                              {rows, rows + positions * config.outputs}),
                kRounding);
    }
  });
}

// `uniform` looks at neither q nor k.
TEST(ModelProperty, UniformIgnoresQueriesAndKeys) {
  const ModelConfig config = TinyModel("uniform");
  Model model(config);
  const Batch batch = RandomBatch(config, kSequences, 1);
  const std::vector<double> logits = model.Logits(batch);
  for (const Parameter& p : model.parameters().list()) {
    if (!p.trained) std::fill_n(model.values() + p.offset, p.size, 1e3);
  }
  EXPECT_EQ(model.Logits(batch), logits);
}

// Layer norm takes the mean away wherever the stream is read, the last time
// before the logits.
TEST(ModelProperty, LayerNormIsBlindToAShiftOfTheEmbedding) {
  ForEachKind([](const AttentionKind& kind) {
    for (bool use_layernorm : {true, false}) {
      ModelConfig config = TinyModel(kind.name);
      config.use_layernorm = use_layernorm;
      config.positional = Positional::kAdd;
      Model model(config);
      const Batch batch = RandomBatch(config, kSequences, 1);
      const std::vector<double> logits = model.Logits(batch);
      double* table = model.values() + model.parameters().token_table;
      for (size_t i = 0; i < config.vocabulary * config.width; ++i) {
        table[i] += 0.8;
      }
      const double change = NormWiseError(model.Logits(batch), logits);
      if (use_layernorm) {
        EXPECT_LT(change, kRounding);
      } else {
        EXPECT_GT(change, kSeen);
      }
    }
  });
}

// Heads have no order: exchanging two of them in q, k, v and in o's input gives
// the same output.
TEST(ModelProperty, HeadsMayChangePlaces) {
  ForEachKind([](const AttentionKind& kind) {
    ModelConfig config = TinyModel(kind.name);
    config.heads = 4;
    Model model(config);
    const Batch batch = RandomBatch(config, kSequences, 1);
    const std::vector<double> logits = model.Logits(batch);
    const std::vector<double> weights = model.weights();
    const size_t head = config.head_width(), width = config.width;
    double* values = model.values();
    for (const LayerParameters& layer : model.parameters().layers) {
      for (const LinearParameters& p : {layer.q, layer.k, layer.v}) {
        // Head 1 and head 3 are rows [head, 2 head) and [3 head, 4 head).
        double* weight = values + p.weight;
        std::swap_ranges(weight + head * width, weight + 2 * head * width,
                         weight + 3 * head * width);
        double* bias = values + p.bias;
        std::swap_ranges(bias + head, bias + 2 * head, bias + 3 * head);
      }
      if (kind.learned_sink) {
        std::swap(values[layer.sink_logit + 1], values[layer.sink_logit + 3]);
      }
      for (size_t row = 0; row < width; ++row) {
        double* weight = values + layer.o.weight + row * width;
        std::swap_ranges(weight + head, weight + 2 * head, weight + 3 * head);
      }
    }
    EXPECT_LT(NormWiseError(model.Logits(batch), logits), kRounding);
    if (kind.uses_scores) {
      EXPECT_NE(model.weights(), weights);
    }
  });
}

}  // namespace
}  // namespace polarize
