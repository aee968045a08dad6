// Where the paper draws lines through the runs of section 4.1.
#ifndef POLARIZE_TOOLS_SWEEPS_THRESHOLDS_H_
#define POLARIZE_TOOLS_SWEEPS_THRESHOLDS_H_

namespace polarize {

// A head is a sink if its score is above this.
inline constexpr double kSinkScore = 0.9;
// A run has solved the task if its accuracy is above this.
inline constexpr double kSolvedAccuracy = 0.95;

}  // namespace polarize

#endif  // POLARIZE_TOOLS_SWEEPS_THRESHOLDS_H_
