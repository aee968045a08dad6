// Two runs repeated side by side, to find the first tensor in which they part.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_REPLAY_H_
#define POLARIZE_EXPERIMENTS_INSPECT_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/inspect/recorded_run.h"
#include "experiments/inspect/weights_file.h"

namespace polarize {

struct ReplayOptions {
  uint64_t most_steps = 0;  // 0: as many as the shorter run has
  size_t threads = 1;       // of each run
  // After each step without a difference: its number and how many there will
  // be at most.
  std::function<void(uint64_t step, uint64_t steps)> progress;
};

// What a step has, in the order in which it comes about and is compared.
enum class ReplayStage { kInitial, kLoss, kGradient, kParameter };

struct ReplayDifference {
  ReplayStage stage = ReplayStage::kInitial;
  uint64_t step = 0;  // 0: the initial weights
  double loss_a = 0, loss_b = 0;
  // Unless the stage is kLoss: the first element of the first tensor, and how
  // many tensors of this stage differ.
  std::optional<ElementDifference> element;
  size_t different = 0, tensors = 0;
};

// A step whose repetition has another loss than the run recorded.
struct OwnDifference {
  uint64_t step = 0;
  double recorded = 0, repeated = 0;
};

struct ReplayResult {
  std::optional<ReplayDifference> difference;
  uint64_t steps = 0;     // compared
  bool diverged = false;  // in both, at the same step: that ended it
  // Against what each run recorded of train/step_loss.
  struct Own {
    uint64_t checked = 0;  // steps
    std::optional<OwnDifference> first;
  };
  Own own_a, own_b;
};

// Repeats both in processes of their own, each on its instruction set, in lock
// step up to the first difference; after every step the loss, then every
// gradient, then every parameter are compared bit by bit, tensors in the
// model's order. An error if the models' tensors have other names or shapes, or
// if a process breaks off. To be called in a process that has one thread.
absl::StatusOr<ReplayResult> Replay(const RecordedRun& a, const Repetition& as,
                                    const RecordedRun& b, const Repetition& bs,
                                    const ReplayOptions& options);

// "step 3: the gradient of x.weight ..." in a line or two.
std::string DifferenceText(const ReplayDifference& difference);

// train/step_loss of each step that has one.
std::map<uint64_t, double> StepLosses(const RecordedRun& run);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_REPLAY_H_
