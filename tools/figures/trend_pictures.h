// The pictures that are not bars, from the folders and CSV files of sweeps.
#ifndef POLARIZE_TOOLS_FIGURES_TREND_PICTURES_H_
#define POLARIZE_TOOLS_FIGURES_TREND_PICTURES_H_

#include "absl/status/status.h"
#include "tools/figures/inputs.h"
#include "tools/figures/picture_log.h"

namespace polarize {

// Attention maps, statistics over training, shares by threshold, the tracked
// samples of SWEEPS/tracking, and Fig. 7 of SWEEPS/pretrained.csv; NAME.txt
// beside each holds its caption. The maps are of the reference's three models
// (4 heads, shifted query, aux loss 0.2, lr 1e-3; softmax with added positions,
// sigmoid_unnorm and raw_dotproduct_unnorm with concatenated ones, or, where
// the sweep lacks those, with added ones).
absl::Status DrawTrendPictures(const FigureInputs& inputs, PictureLog& log);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TREND_PICTURES_H_
