#include "experiments/pretrained/model/head_statistics.h"

#include <algorithm>
#include <cmath>

#include "experiments/model/attention_statistics.h"
#include "kernels/alibi_attention/alibi_attention.h"

namespace polarize {
namespace {

constexpr double kSumEpsilon = 1e-9;  // the reference's

}  // namespace

HeadStatistics::HeadStatistics(const PretrainedSizes& sizes,
                               const Prompts& prompts)
    : layers_(sizes.layers),
      heads_(sizes.heads),
      prompts_(prompts),
      of_prompt_(prompts.size() * heads_),
      received_(prompts.rows()),
      total_(layers_ * heads_) {
  for (size_t p = 0; p < prompts.size(); ++p) {
    prompts_with_queries_ += prompts.length(p) > 0;
  }
}

std::array<double*, 8> HeadStatistics::Sums::All() {
  return {&largest, &first_share,    &largest_share, &entropy,
          &sum,     &sum_of_squares, &largest_key,   &largest_is_first};
}

void HeadStatistics::Sums::Add(const Sums& other) {
  Sums copy = other;
  const auto mine = All(), others = copy.All();
  for (size_t i = 0; i < mine.size(); ++i) *mine[i] += *others[i];
}

void HeadStatistics::Row(size_t /*layer*/, size_t head, const Observation& row,
                         absl::Span<const float> weights) {
  const size_t prompt = row.sequence;
  Sums& sums = of_prompt_[prompt * heads_ + head];
  if (prompts_.counts(prompt, row.position)) {
    const AttentionRow r = DescribeAttentionRow(weights.data(), weights.size());
    const double share = 1 / (r.sum + kSumEpsilon);
    sums.largest += r.largest;
    sums.first_share += r.first * share;
    sums.largest_share += r.largest * share;
    sums.entropy += r.entropy;
    sums.sum += r.sum;
    sums.sum_of_squares += r.sum * r.sum;
    double* const received = received_.data() + prompts_.first_row(prompt);
    for (size_t j = 0; j <= row.position; ++j)
      received[j] += weights[j] * share;
  }
  if (row.position + 1 == prompts_.length(prompt)) FinishPrompt(prompt, sums);
}

void HeadStatistics::FinishPrompt(size_t prompt, Sums& sums) {
  const auto begin = received_.begin() + prompts_.first_row(prompt);
  const auto end = begin + prompts_.length(prompt);
  const auto largest = std::max_element(begin, end);
  sums.largest_key += *largest;
  sums.largest_is_first += largest == begin;
  std::fill(begin, end, 0.0);
}

void HeadStatistics::FinishLayer(size_t layer) {
  for (size_t prompt = 0; prompt < prompts_.size(); ++prompt) {
    for (size_t head = 0; head < heads_; ++head) {
      Sums& sums = of_prompt_[prompt * heads_ + head];
      total_[layer * heads_ + head].Add(sums);
      sums = Sums();
    }
  }
}

size_t HeadStatistics::StateSize() const {
  return heads_ * Sums().All().size();
}

std::vector<double> HeadStatistics::State(size_t layer) const {
  std::vector<double> state;
  for (size_t head = 0; head < heads_; ++head) {
    Sums sums = total_[layer * heads_ + head];
    for (const double* value : sums.All()) state.push_back(*value);
  }
  return state;
}

void HeadStatistics::Restore(size_t layer, absl::Span<const double> state) {
  size_t at = 0;
  for (size_t head = 0; head < heads_; ++head) {
    for (double* value : total_[layer * heads_ + head].All()) {
      *value = state[at++];
    }
  }
}

HeadScores HeadStatistics::Scores(size_t layer, size_t head) const {
  const Sums& sums = total_[layer * heads_ + head];
  const double n = static_cast<double>(prompts_.counted());
  HeadScores scores;
  scores.max_proportion = sums.largest / n;
  scores.first_token_proportion = sums.first_share / n;
  scores.max_share = sums.largest_share / n;
  scores.largest_key_share = sums.largest_key / n;
  scores.largest_key_is_first =
      sums.largest_is_first / static_cast<double>(prompts_with_queries_);
  scores.entropy = sums.entropy / n;
  scores.row_sum = sums.sum / n;
  scores.row_sum_deviation = DeviationOfSums(sums.sum, sums.sum_of_squares, n);
  return scores;
}

}  // namespace polarize
