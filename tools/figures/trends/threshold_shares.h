// How the share of sink heads depends on the threshold, where the paper shows
// one: the share of heads whose score is above every threshold from 0 to 1.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_THRESHOLD_SHARES_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_THRESHOLD_SHARES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/figures.h"
#include "tools/figures/trends/drawn.h"

namespace polarize {

// Draws sink_share_by_threshold from the CSV file of the induction sweep: sink
// scores (rel_attn_bos_global) of layer 1 of all runs with an accuracy
// (eval/acc_induction) above 0.95; the paper's threshold is marked.
absl::StatusOr<Drawn> DrawSinkShares(const std::string& induction_csv,
                                     Figures& figures);

// Draws sparsity_share_by_threshold from the CSV file of the classification
// sweep: sparsity scores (rel_attn_max, clipped to 0 and 1) of all heads of all
// runs.
absl::StatusOr<Drawn> DrawSparsityShares(const std::string& classification_csv,
                                         Figures& figures);

// The share of the scores that are greater than each threshold; 0 of none.
std::vector<double> SharesAbove(std::vector<double> scores,
                                absl::Span<const double> thresholds);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_THRESHOLD_SHARES_H_
