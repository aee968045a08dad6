// The pictures of a family's runs.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PICTURES_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PICTURES_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "experiments/run/figures.h"
#include "experiments/value_softmax/run_result.h"

namespace polarize {

// The reference's pictures of the family (see `figure` of the config), with
// their layout and colours: none, one or two.
std::vector<PanelChart> ReferencePictures(const std::string& figure,
                                          absl::Span<const RunResult> runs);

// Those that every family gets: the entropy of s over time; flow and descent in
// one picture where there are both; what depends on the rate where there are
// several.
std::vector<PanelChart> StandardPictures(absl::Span<const RunResult> runs);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PICTURES_H_
