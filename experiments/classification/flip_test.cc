#include "experiments/classification/flip.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

using Ranking = std::vector<uint32_t>;

Ranking RankingOf(const std::vector<float>& weights) {
  Ranking ranking;
  RankDescending(weights, &ranking);
  return ranking;
}

TEST(RankDescendingTest, LaterOfEqualWeightsComesFirst) {
  EXPECT_EQ(RankingOf({0.25f, 0.5f, 0.125f}), (Ranking{1, 0, 2}));
  EXPECT_EQ(RankingOf({1, 1, 1, 1}), (Ranking{3, 2, 1, 0}));
  EXPECT_EQ(RankingOf({2, 1, 2, 1}), (Ranking{2, 0, 3, 1}));
  EXPECT_EQ(RankingOf({}), Ranking());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(RankingOf({1, nan, 2, nan}), (Ranking{3, 1, 2, 0}));
}

ClassificationSetup TinySetup(uint32_t vocab_size, size_t width) {
  ClassificationSetup setup;
  setup.task = {/*num_train=*/60, /*num_eval=*/40,  vocab_size,
                /*seq_length=*/5, /*num_labels=*/2, /*seed=*/7};
  setup.model = TinyModel("softmax");
  setup.model.vocabulary = vocab_size;
  setup.model.outputs = setup.task.num_labels;
  setup.model.positions = setup.task.seq_length;
  setup.model.width = width;
  setup.model.hidden = 4 * width;
  setup.model.causal = false;
  setup.model.positional = Positional::kNone;
  setup.optimiser = {1e-2, 0.9, 0.999, 1e-8, 0.01};
  setup.batch_size = 16;
  return setup;
}

// The draws of CPython 3.11, from another program: random.seed(0), labels [0,
// 1], two samples each.
TEST(DrawPairsTest, DrawsAsTheReferenceDoes) {
  ClassificationSamples samples(4, 4);
  for (size_t i = 0; i < 4; ++i) samples.set_label(i, i % 2);
  PythonRandom random(0);
  const std::vector<MixingDraw> draws = DrawPairs(samples, 3, 3, random);
  ASSERT_EQ(draws.size(), 3u);
  EXPECT_EQ(draws[0].sample_a, 1u);
  EXPECT_EQ(draws[0].sample_b, 2u);
  EXPECT_EQ(draws[0].order_a, (Ranking{0, 1, 2}));
  EXPECT_EQ(draws[0].order_b, (Ranking{0, 2, 1}));
  EXPECT_EQ(draws[1].sample_a, 1u);
  EXPECT_EQ(draws[1].sample_b, 0u);
  EXPECT_EQ(draws[1].order_a, (Ranking{2, 0, 1}));
  EXPECT_EQ(draws[1].order_b, (Ranking{2, 1, 0}));
  EXPECT_EQ(draws[2].sample_a, 0u);
  EXPECT_EQ(draws[2].sample_b, 1u);
  EXPECT_EQ(draws[2].order_a, (Ranking{0, 1, 2}));
  EXPECT_EQ(draws[2].order_b, (Ranking{2, 0, 1}));
  EXPECT_EQ(random.GetRandBits(32), 1519522183u);
}

TEST(DrawPairsTest, NeedsTwoLabels) {
  ClassificationSamples samples(5, 4);
  for (size_t i = 0; i < 5; ++i) samples.set_label(i, 2);
  PythonRandom random(0);
  EXPECT_TRUE(DrawPairs(samples, 3, 10, random).empty());
  EXPECT_EQ(random.GetRandBits(32), PythonRandom(0).GetRandBits(32));
}

// The mixed inputs, once more from the definition: attention read from one
// sample at a time, and one input predicted at a time.
TEST(LabelMixingTest, EqualsTheDefinition) {
  SerialFor serial;
  const ClassificationSetup setup = TinySetup(21, 8);
  ClassificationTrainer<float> trainer(setup, serial);
  trainer.StartEpoch();
  for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) trainer.Step();
  constexpr size_t kPairs = 23;
  const std::vector<MixingResult> results = RunLabelMixing(trainer, kPairs);
  const ModelConfig& model = setup.model;
  ASSERT_EQ(results.size(), model.layers * model.heads);

  class OneRow : public AttentionObserver<float> {
   public:
    OneRow(size_t layer, size_t head) : layer_(layer), head_(head) {}
    void Row(size_t layer, size_t head, const Observation& row,
             absl::Span<const float> weights) override {
      if (layer == layer_ && head == head_ && row.position == 4) {
        weights_.assign(weights.begin(), weights.end());
      }
    }
    std::vector<float> weights_;

   private:
    size_t layer_, head_;
  };
  const auto predict = [&](const std::vector<int32_t>& input,
                           AttentionObserver<float>* observer) {
    int32_t label = -1;
    trainer.Predict(
        1, [&](size_t) { return input.data(); }, observer,
        [&](size_t, absl::Span<const float> logits) {
          label = static_cast<int32_t>(LargestLogit(logits));
        });
    return label;
  };
  const ClassificationSamples& eval = trainer.data().eval;
  const auto ranked = [&](size_t sample, size_t layer, size_t head) {
    OneRow row(layer, head);
    std::vector<int32_t> tokens(eval.Tokens(sample), eval.Tokens(sample) + 5);
    predict(tokens, &row);
    std::vector<int32_t> order(tokens.begin(), tokens.end() - 1);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      const auto weight = [&](int32_t token) {
        return row.weights_[std::find(tokens.begin(), tokens.end(), token) -
                            tokens.begin()];
      };
      return weight(a) > weight(b);
    });
    return order;
  };
  PythonRandom random(setup.task.seed);
  for (size_t i = 0; i < results.size(); ++i) {
    size_t a_counts = 0, b_counts = 0;
    for (const MixingDraw& draw : DrawPairs(eval, 2, kPairs, random)) {
      const size_t l = i / model.heads, h = i % model.heads;
      const std::vector<int32_t> a = ranked(draw.sample_a, l, h);
      const std::vector<int32_t> b = ranked(draw.sample_b, l, h);
      std::vector<int32_t> mixed_a = {a[0], b[1], b[2], b[3], 0};
      std::vector<int32_t> mixed_b = {b[0], a[1], a[2], a[3], 0};
      a_counts += predict(mixed_a, nullptr) == eval.label(draw.sample_a);
      b_counts += predict(mixed_b, nullptr) == eval.label(draw.sample_b);
    }
    EXPECT_EQ(results[i].total_pairs, kPairs);
    EXPECT_EQ(results[i].mixed_a_predicts_top1_label, a_counts) << i;
    EXPECT_EQ(results[i].mixed_b_predicts_top1_label, b_counts) << i;
    EXPECT_EQ(results[i].rate(),
              (a_counts / double(kPairs) + b_counts / double(kPairs)) / 2);
  }
}

// Two groups as large as a sample: two different inputs, two ordered pairs.
TEST(LabelMixingTest, CountsDifferentPairs) {
  SerialFor serial;
  ClassificationTrainer<float> trainer(TinySetup(9, 8), serial);
  for (const MixingResult& result : RunLabelMixing(trainer, 50)) {
    EXPECT_EQ(result.total_pairs, 50u);
    EXPECT_EQ(result.distinct_pairs, 2u);
  }
  ClassificationSetup ordered = TinySetup(9, 8);
  ordered.model.causal = true;
  ClassificationTrainer<float> sees(ordered, serial);
  for (const MixingResult& result : RunLabelMixing(sees, 50)) {
    EXPECT_GT(result.distinct_pairs, 20u);
  }
}

// Every change, one at a time.
TEST(AnyTokenTest, EqualsTheDefinition) {
  SerialFor serial;
  const ClassificationSetup setup = TinySetup(9, 8);
  ClassificationTrainer<float> trainer(setup, serial);
  trainer.StartEpoch();
  for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) trainer.Step();
  const auto predict = [&](const std::vector<int32_t>& input) {
    size_t label = 99;
    trainer.Predict(
        1, [&](size_t) { return input.data(); }, nullptr,
        [&](size_t, absl::Span<const float> logits) {
          label = LargestLogit(logits);
        });
    return label;
  };
  const ClassificationSamples& eval = trainer.data().eval;
  size_t inputs = 0, flipped = 0, changes = 0, flips = 0;
  for (const size_t sample : FirstOfEachInput(eval, /*ordered=*/false)) {
    const std::vector<int32_t> tokens(eval.Tokens(sample),
                                      eval.Tokens(sample) + 5);
    const size_t before = predict(tokens);
    bool any = false;
    for (size_t t = 0; t < 4; ++t) {
      for (int32_t token = 1; token < 9; ++token) {
        if (token == tokens[t]) continue;
        std::vector<int32_t> changed = tokens;
        changed[t] = token;
        const bool flip = predict(changed) != before;
        ++changes;
        flips += flip;
        any = any || flip;
      }
    }
    ++inputs;
    flipped += any;
  }
  const AnyTokenResult result = RunAnyToken(trainer, 100);
  EXPECT_EQ(result.inputs, inputs);
  EXPECT_EQ(result.inputs, 2u);
  EXPECT_EQ(result.flipped_inputs, flipped);
  EXPECT_EQ(result.changes, changes);
  EXPECT_EQ(result.changes, 2u * 4 * 7);
  EXPECT_EQ(result.flipped_changes, flips);
  EXPECT_EQ(result.flip_rate(), double(flipped) / double(inputs));
  EXPECT_EQ(result.change_flip_rate(), double(flips) / double(changes));
  EXPECT_EQ(RunAnyToken(trainer, 1).inputs, 1u);
  EXPECT_TRUE(std::isnan(RunAnyToken(trainer, 0).flip_rate()));
}

}  // namespace
}  // namespace polarize
