// The paper's picture of one run's attention at CLS, step by step.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_SAMPLE_TRACKING_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_SAMPLE_TRACKING_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/run/figures.h"
#include "tools/figures/trends/drawn.h"

namespace polarize {

// Draws classification_with_sample_tracking from tracking.csv and
// tracking_samples.csv of a classification run with track_samples: layer 0,
// head 0, the first two labels. Missing without these files.
absl::StatusOr<Drawn> DrawSampleTracking(const std::string& run_folder,
                                         Figures& figures);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_SAMPLE_TRACKING_H_
