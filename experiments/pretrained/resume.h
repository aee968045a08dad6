// Lets a run over a pretrained model go on where it was interrupted.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_RESUME_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_RESUME_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/model/forward.h"
#include "experiments/pretrained/model/head_statistics.h"
#include "experiments/pretrained/model/prompts.h"
#include "experiments/pretrained/model/residual_statistics.h"

namespace polarize {

// What a run consists of between two layers.
struct PretrainedState {
  PretrainedForward& forward;
  HeadStatistics& heads;
  ResidualStatistics& residual;
};

// Of all that the numbers of a run depend on: its config and its model, in
// words, and the prompts' ids. Two runs with the same value may share a state.
uint64_t PretrainedFingerprint(absl::string_view config,
                               absl::string_view model, const Prompts& prompts);

// Writes the state after `layers` layers into the file `path`, which appears
// whole.
absl::Status SaveState(const std::string& path, uint64_t fingerprint,
                       size_t layers, const PretrainedState& state);

// How many layers the state in `path` has behind it, with the state put back;
// 0 without a file. A file of another fingerprint, which may be hours of work,
// and a damaged one are errors that name it; after the latter the state is
// undefined.
absl::StatusOr<size_t> LoadState(const std::string& path, uint64_t fingerprint,
                                 const PretrainedState& state);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_RESUME_H_
