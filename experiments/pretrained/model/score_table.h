// The scores in a pretrained.csv, which Fig. 7 is drawn from.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SCORE_TABLE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SCORE_TABLE_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/pretrained/model/score_histogram.h"

namespace polarize {

// Of the columns model ("softmax" or "sigmoid") and score of the file `csv`, in
// the order of its rows. NotFound without the file; other errors name it, the
// row and what is wrong.
absl::StatusOr<PretrainedScores> ReadScores(const std::string& csv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_SCORE_TABLE_H_
