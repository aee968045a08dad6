// How easily one token flips the prediction (section 4.2, figure 6).
//
// Label mixing, the reference's experiment (run_label_mixing_experiment), for
// one head: a pair is a sample of label a and one of another label b. Mixed A
// is the token of sample a to which CLS attends most, with the tokens of sample
// b but for its own most attended one, in random order, then CLS; mixed B the
// same with a and b exchanged. A counts if the model says a, B if it says b:
//   top1_dominance_rate_a = share of pairs whose A counts, _b likewise
//   avg_top1_dominance_rate = (rate_a + rate_b) / 2          the flip rate
//
// Any token, what the paper's text describes: an adversary may change any one
// token of an input, CLS excepted, to any other but CLS; it wins if some change
// makes the model say something else than before.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_FLIP_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_FLIP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "experiments/classification/data.h"
#include "experiments/classification/trainer.h"
#include "kernels/base/random/python_random.h"

namespace polarize {

// Indices of n weights from the largest to the smallest; of equal ones the
// later comes first, and NaN before all. (numpy's argsort, reversed, for n <=
// 16; for more it is free to order equal weights in another way.)
void RankDescending(absl::Span<const float> weights,
                    std::vector<uint32_t>* ranking);

// One pair's draws. Order: entry j of the shuffled list was entry order[j].
struct MixingDraw {
  size_t sample_a, sample_b;
  std::vector<uint32_t> order_a, order_b;
};

// Draws pairs as the reference does: sample(labels, 2), choice, choice,
// shuffle, shuffle. Labels without samples do not take part; with fewer than
// two labels left there is nothing to draw from, and no pair.
std::vector<MixingDraw> DrawPairs(const ClassificationSamples& samples,
                                  size_t num_labels, size_t pairs,
                                  PythonRandom& random);

struct MixingResult {
  size_t total_pairs = 0;
  size_t mixed_a_predicts_top1_label = 0;
  size_t mixed_b_predicts_top1_label = 0;
  // Pairs that differ in more than the order of tokens that the model cannot
  // see: what the rates really rest on.
  size_t distinct_pairs = 0;

  // NaN without pairs.
  double rate_a() const;
  double rate_b() const;
  double rate() const { return (rate_a() + rate_b()) / 2; }
};

// The experiment for every head, at layer * heads + head, on the evaluation
// samples; draws go on from head to head in one stream.
std::vector<MixingResult> RunLabelMixing(ClassificationTrainer<float>& trainer,
                                         size_t pairs);

struct AnyTokenResult {
  size_t inputs = 0;           // tried, all different
  size_t flipped_inputs = 0;   // by at least one change
  size_t changes = 0;          // tried
  size_t flipped_changes = 0;  // that flipped

  // Shares of the inputs and of the changes; NaN without any.
  double flip_rate() const;
  double change_flip_rate() const;
};

// The adversary against the first `inputs` different evaluation inputs.
AnyTokenResult RunAnyToken(ClassificationTrainer<float>& trainer,
                           size_t inputs);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_FLIP_H_
