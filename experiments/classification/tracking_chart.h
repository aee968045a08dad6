// The paper's figure of attention at CLS over training: one panel per sample,
// one line per token.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_TRACKING_CHART_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_TRACKING_CHART_H_

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/run/figures.h"

namespace polarize {

// One sample and the weights of one head at CLS.
struct TrackedSample {
  int32_t label;
  std::vector<int32_t> tokens;
  std::vector<double> steps;
  std::vector<std::vector<double>> weights;  // of each token, as many as steps
};

// How many samples the paper's figure has room for: those of the first labels.
inline constexpr size_t kDrawnLabels = 2;

// 3.25 x 1.3 inches, log x, the colours of husl(11); of all `samples`.
PanelChart TrackingChart(const std::string& name,
                         const std::vector<TrackedSample>& samples);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_TRACKING_CHART_H_
