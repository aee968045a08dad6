// Fig. 7's histogram: how the scores of all heads of the two models spread.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SCORE_HISTOGRAM_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SCORE_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "experiments/run/figures.h"

namespace polarize {

// numpy.histogram: bins of equal width from the least to the greatest value,
// which belongs to the last one; half to both sides if all are equal.
struct Histogram {
  std::vector<double> edges;  // one more than bins
  std::vector<size_t> counts;
};
// values: one or more, finite.
Histogram HistogramOf(absl::Span<const double> values, size_t bins);

// A score per head of the softmax and of the sigmoid model; either may be
// empty. All finite.
inline constexpr size_t kPretrainedModels = 2;
using PretrainedScores = std::array<std::vector<double>, kPretrainedModels>;

// Where the scores of "softmax" or "sigmoid" are; kPretrainedModels for other
// names.
size_t PretrainedModelIndex(absl::string_view name);

// The picture NAME: two histograms of 20 bins, each over its own range.
PanelChart ScoreHistogram(const std::string& name,
                          const PretrainedScores& scores);

// "1024 of Softmax, 0 of Sigmoid (w/o norm.)"
std::string CountsOfScores(const PretrainedScores& scores);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SCORE_HISTOGRAM_H_
