#include "experiments/classification/flip.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

namespace polarize {
namespace {

double Share(size_t part, size_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

// The rankings of the tokens at CLS by one head, for the inputs of one Predict.
class RankingObserver : public AttentionObserver<float> {
 public:
  RankingObserver(size_t layer, size_t head, size_t positions, size_t inputs)
      : layer_(layer), head_(head), positions_(positions), rankings_(inputs) {}

  Interest InterestIn(size_t, size_t position) const override {
    return position + 1 == positions_ ? Interest::kOwn : Interest::kNone;
  }
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const float> weights) override {
    if (layer != layer_ || head != head_) return;
    RankDescending(weights.subspan(0, positions_ - 1),
                   &rankings_[row.sequence]);
  }
  const std::vector<uint32_t>& ranking(size_t input) const {
    return rankings_[input];
  }

 private:
  size_t layer_, head_, positions_;
  std::vector<std::vector<uint32_t>> rankings_;
};

// The top token of one sample and the others of another one, shuffled, CLS.
std::vector<int32_t> Mix(const int32_t* one, const std::vector<uint32_t>& top,
                         const int32_t* other,
                         const std::vector<uint32_t>& rest,
                         const std::vector<uint32_t>& order) {
  const size_t content = order.size();
  std::vector<int32_t> mixed(content + 1);
  for (size_t j = 0; j < content; ++j) {
    mixed[j] = order[j] == 0 ? one[top[0]] : other[rest[order[j]]];
  }
  mixed[content] = one[content];
  return mixed;
}

// Both mixed inputs of every pair, A before B, by the rankings of one head.
std::vector<std::vector<int32_t>> MixedInputs(
    ClassificationTrainer<float>& trainer, size_t layer, size_t head,
    const std::vector<MixingDraw>& draws) {
  const ClassificationSamples& eval = trainer.data().eval;
  const auto sample = [&](size_t i) {
    const MixingDraw& draw = draws[i / 2];
    return eval.Tokens(i % 2 == 0 ? draw.sample_a : draw.sample_b);
  };
  RankingObserver rankings(layer, head, eval.seq_length(), 2 * draws.size());
  trainer.Predict(2 * draws.size(), sample, &rankings,
                  [](size_t, absl::Span<const float>) {});
  std::vector<std::vector<int32_t>> mixed;
  for (size_t p = 0; p < draws.size(); ++p) {
    const size_t a = 2 * p, b = 2 * p + 1;
    mixed.push_back(Mix(sample(a), rankings.ranking(a), sample(b),
                        rankings.ranking(b), draws[p].order_a));
    mixed.push_back(Mix(sample(b), rankings.ranking(b), sample(a),
                        rankings.ranking(a), draws[p].order_b));
  }
  return mixed;
}

}  // namespace

void RankDescending(absl::Span<const float> weights,
                    std::vector<uint32_t>* ranking) {
  ranking->resize(weights.size());
  std::iota(ranking->rbegin(), ranking->rend(), 0u);
  std::stable_sort(ranking->begin(), ranking->end(),
                   [&](uint32_t a, uint32_t b) {
                     if (std::isnan(weights[b])) return false;
                     return std::isnan(weights[a]) || weights[a] > weights[b];
                   });
}

std::vector<MixingDraw> DrawPairs(const ClassificationSamples& samples,
                                  size_t num_labels, size_t pairs,
                                  PythonRandom& random) {
  std::vector<std::vector<size_t>> of_label(num_labels);
  for (size_t i = 0; i < samples.num(); ++i) {
    of_label[samples.label(i)].push_back(i);
  }
  of_label.erase(
      std::remove_if(of_label.begin(), of_label.end(),
                     [](const std::vector<size_t>& s) { return s.empty(); }),
      of_label.end());
  if (of_label.size() < 2) return {};
  const auto choice = [&](const std::vector<size_t>& from) {
    return from[random.Below(static_cast<uint32_t>(from.size()))];
  };
  std::vector<MixingDraw> draws(pairs);
  std::vector<uint32_t> scratch(of_label.size());
  for (MixingDraw& draw : draws) {
    uint32_t labels[2];
    random.Sample(static_cast<uint32_t>(of_label.size()), 2, scratch.data(),
                  labels);
    draw.sample_a = choice(of_label[labels[0]]);
    draw.sample_b = choice(of_label[labels[1]]);
    for (std::vector<uint32_t>* order : {&draw.order_a, &draw.order_b}) {
      order->resize(samples.seq_length() - 1);
      std::iota(order->begin(), order->end(), 0u);
      random.Shuffle(order->data(), order->size());
    }
  }
  return draws;
}

double MixingResult::rate_a() const {
  return Share(mixed_a_predicts_top1_label, total_pairs);
}

double MixingResult::rate_b() const {
  return Share(mixed_b_predicts_top1_label, total_pairs);
}

std::vector<MixingResult> RunLabelMixing(ClassificationTrainer<float>& trainer,
                                         size_t pairs) {
  const ModelConfig& model = trainer.setup().model;
  const ClassificationSamples& eval = trainer.data().eval;
  const std::vector<uint32_t> numbers = InputNumbers(eval, SeesOrder(model));
  PythonRandom random(trainer.setup().task.seed);
  std::vector<MixingResult> results(model.layers * model.heads);
  for (size_t i = 0; i < results.size(); ++i) {
    const std::vector<MixingDraw> draws =
        DrawPairs(eval, trainer.setup().task.num_labels, pairs, random);
    const std::vector<std::vector<int32_t>> mixed =
        MixedInputs(trainer, i / model.heads, i % model.heads, draws);
    MixingResult& result = results[i];
    result.total_pairs = draws.size();
    std::set<std::pair<size_t, size_t>> distinct;
    for (const MixingDraw& draw : draws) {
      distinct.insert({numbers[draw.sample_a], numbers[draw.sample_b]});
    }
    result.distinct_pairs = distinct.size();
    trainer.Predict(
        mixed.size(), [&](size_t m) { return mixed[m].data(); }, nullptr,
        [&](size_t m, absl::Span<const float> logits) {
          const MixingDraw& draw = draws[m / 2];
          const bool is_a = m % 2 == 0;
          const int32_t label =
              eval.label(is_a ? draw.sample_a : draw.sample_b);
          (is_a ? result.mixed_a_predicts_top1_label
                : result.mixed_b_predicts_top1_label) +=
              LargestLogit(logits) == static_cast<size_t>(label);
        });
  }
  return results;
}

double AnyTokenResult::flip_rate() const {
  return Share(flipped_inputs, inputs);
}

double AnyTokenResult::change_flip_rate() const {
  return Share(flipped_changes, changes);
}

AnyTokenResult RunAnyToken(ClassificationTrainer<float>& trainer,
                           size_t inputs) {
  const ClassificationSamples& eval = trainer.data().eval;
  const size_t content = eval.seq_length() - 1;
  // Tokens that one may become: all but CLS and itself.
  const size_t choices = trainer.setup().task.vocab_size - 2;
  std::vector<size_t> tried =
      FirstOfEachInput(eval, SeesOrder(trainer.setup().model));
  tried.resize(std::min(tried.size(), inputs));
  std::vector<size_t> before(tried.size());
  trainer.Predict(
      tried.size(), [&](size_t i) { return eval.Tokens(tried[i]); }, nullptr,
      [&](size_t i, absl::Span<const float> logits) {
        before[i] = LargestLogit(logits);
      });
  AnyTokenResult result;
  result.inputs = tried.size();
  result.changes = tried.size() * content * choices;
  std::vector<int32_t> changed(eval.seq_length());
  std::vector<bool> flipped(tried.size());
  const size_t per_input = content * choices;
  trainer.Predict(
      result.changes,
      [&](size_t c) {
        const int32_t* tokens = eval.Tokens(tried[c / per_input]);
        std::copy_n(tokens, changed.size(), changed.begin());
        int32_t& token = changed[c % per_input / choices];
        const auto other = static_cast<int32_t>(1 + c % choices);
        token = other < token ? other : other + 1;
        return static_cast<const int32_t*>(changed.data());
      },
      nullptr,
      [&](size_t c, absl::Span<const float> logits) {
        if (LargestLogit(logits) == before[c / per_input]) return;
        ++result.flipped_changes;
        flipped[c / per_input] = true;
      });
  result.flipped_inputs =
      static_cast<size_t>(std::count(flipped.begin(), flipped.end(), true));
  return result;
}

}  // namespace polarize
