// Fig. 7: how the scores of all heads of two pretrained models spread.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_SINK_SCORES_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_SINK_SCORES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/figures.h"
#include "tools/figures/trends/drawn.h"

namespace polarize {

// Draws sink_scores, two histograms of 20 bins, each over its own range, from a
// CSV file with the columns model ("softmax" or "sigmoid"), layer, head and
// score. Missing without the file or without rows.
absl::StatusOr<Drawn> DrawSinkScores(const std::string& csv, Figures& figures);

// numpy.histogram: bins of equal width from the least to the greatest value,
// which belongs to the last one; half to both sides if all are equal.
struct Histogram {
  std::vector<double> edges;  // one more than bins
  std::vector<size_t> counts;
};
// values: one or more, finite.
Histogram HistogramOf(absl::Span<const double> values, size_t bins);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_SINK_SCORES_H_
