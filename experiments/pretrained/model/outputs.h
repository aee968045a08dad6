// What a run over a pretrained model leaves.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_OUTPUTS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_OUTPUTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/model/head_statistics.h"
#include "experiments/pretrained/model/residual_statistics.h"
#include "experiments/run/figures.h"

namespace polarize {

// Writes into `folder`, which must be there, for model = "softmax" or
// "sigmoid":
//
//   max_proportion_MODEL.npy, first_token_proportion_MODEL.npy
//                   the reference's two arrays, float64 [layers, heads]
//   pretrained.csv  a line per model, layer and head: score (max_proportion, as
//                   the reference draws it) and the other HeadScores. Lines of
//                   another model that the file already has stay, so that two
//                   runs share a file, which is what Fig. 7 is drawn from.
//   residual.csv    likewise, per layer (its input) and position: ResidualSize
//
// A cell without a value is empty. Every file appears whole.
absl::Status WriteOutputs(const std::string& folder, absl::string_view model,
                          const HeadStatistics& heads,
                          const ResidualStatistics& residual);

// Heat maps over layers and heads, MODEL_score, MODEL_first_token and
// MODEL_max_share, and MODEL_residual, the norm over layers and positions.
absl::Status DrawOutputs(absl::string_view model, const HeadStatistics& heads,
                         const ResidualStatistics& residual, Figures& figures);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_OUTPUTS_H_
