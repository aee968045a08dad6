// How sparse the attention of every head is, over all prompts.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_HEAD_STATISTICS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_HEAD_STATISTICS_H_

#include <array>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "experiments/model/observer.h"
#include "experiments/pretrained/model/prompts.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

// Means over all queries that count, of all prompts together: a long prompt has
// more say than a short one. P: a row of weights.
struct HeadScores {
  double max_proportion = 0;  // max P, not normalised: the reference's score
  double first_token_proportion = 0;  // P[0] / (sum P + 1e-9)
  double max_share =
      0;  // max P / (sum P + 1e-9): the score the paper describes
  // The share of all attention that the most attended key of a prompt gets,
  // whichever it is; and the part of prompts, those without a query left out,
  // whose most attended key is the first.
  double largest_key_share = 0;
  double largest_key_is_first = 0;
  double entropy = 0;  // of P / sum P, in nats
  double row_sum = 0;
  double row_sum_deviation = 0;  // standard deviation over all queries
};

// Sees every row of PretrainedForward's. After a layer, FinishLayer() adds the
// prompts up in their order, so that the sums have the same bits for any number
// of threads.
class HeadStatistics : public AttentionObserver<float> {
 public:
  // prompts must outlive it.
  HeadStatistics(const PretrainedSizes& sizes, const Prompts& prompts);

  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const float> weights) override;
  void FinishLayer(size_t layer);

  // A finished layer's sums, for a run that goes on later, and back: the same
  // bits. StateSize() numbers.
  size_t StateSize() const;
  std::vector<double> State(size_t layer) const;
  void Restore(size_t layer, absl::Span<const double> state);

  // NaN without a query that counts.
  HeadScores Scores(size_t layer, size_t head) const;
  size_t layers() const { return layers_; }
  size_t heads() const { return heads_; }

 private:
  struct Sums {
    double largest = 0, first_share = 0, largest_share = 0;
    double entropy = 0, sum = 0, sum_of_squares = 0;
    double largest_key = 0, largest_is_first = 0;
    void Add(const Sums& other);
    // Every one of them, in a fixed order.
    std::array<double*, 8> All();
  };
  void FinishPrompt(size_t prompt, Sums& sums);

  size_t layers_, heads_;
  const Prompts& prompts_;
  size_t prompts_with_queries_ = 0;
  std::vector<Sums> of_prompt_;   // (prompt, head), of the layer at work
  std::vector<double> received_;  // per row of all prompts: what a key got
  std::vector<Sums> total_;       // (layer, head)
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_HEAD_STATISTICS_H_
