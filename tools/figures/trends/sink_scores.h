// Fig. 7: how the scores of all heads of two pretrained models spread.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_SINK_SCORES_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_SINK_SCORES_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/run/figures.h"
#include "tools/figures/trends/drawn.h"

namespace polarize {

// Draws sink_scores, two histograms of 20 bins, each over its own range, from a
// CSV file with the columns model ("softmax" or "sigmoid"), layer, head and
// score. Missing without the file or without rows.
absl::StatusOr<Drawn> DrawSinkScores(const std::string& csv, Figures& figures);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_SINK_SCORES_H_
