// Attention statistics over training, by attention kind, from the runs of a
// sweep.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_TRAINING_TRENDS_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_TRAINING_TRENDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/figures.h"
#include "tools/figures/trends/drawn.h"

namespace polarize {

struct TrendRun {
  std::string folder;  // with metrics.jsonl
  std::string attention_type;
  std::string seed;
  size_t layers, heads;
};

// The finished runs that a sweep's CSV file lists, in its order; their folders
// are SWEEP/runs/ID. NotFound without the file.
absl::StatusOr<std::vector<TrendRun>> TrendRunsOf(const std::string& csv,
                                                  const std::string& sweep);

// Draws induction_over_training: sink score, row sum and entropy of layer 1
// over steps, a line per attention kind: the mean over runs of the mean over a
// run's heads. What is shaded is the spread of runs if a kind's runs have
// several seeds, of single heads of all runs if they have one: from the 10th to
// the 90th percentile of ten or more, from the least to the greatest of fewer.
// Kinds with negative weights show their score of |A|, which stays between 0
// and 1. A kind's line covers the steps that all of its runs recorded. Runs
// without metrics.jsonl or with fewer layers are left out and counted in the
// caption.
absl::StatusOr<Drawn> DrawInductionTrends(absl::Span<const TrendRun> runs,
                                          Figures& figures);

// Draws classification_over_training: sparsity score (each head's clipped to 0
// and 1), row sum at CLS and entropy, of all layers and heads, likewise.
absl::StatusOr<Drawn> DrawClassificationTrends(absl::Span<const TrendRun> runs,
                                               Figures& figures);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_TRAINING_TRENDS_H_
