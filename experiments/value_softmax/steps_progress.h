// How far runs are, in words.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_STEPS_PROGRESS_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_STEPS_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace polarize {

// "12.5 of 23.1 million steps  8.3 million steps/s  left 1s": steps of descents
// taken, of all there are; below a million by their number. What is left is
// said from 1 s and 2 % of the steps on. Flows, whose steps nobody knows
// beforehand, are told by their evaluations of the gradient.
std::string StepsProgress(int64_t done, int64_t total, int64_t evaluations,
                          absl::Duration elapsed);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_STEPS_PROGRESS_H_
