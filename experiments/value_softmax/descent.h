// Gradient descent on a value-softmax model, with its history.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_DESCENT_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_DESCENT_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/problem.h"
#include "kernels/value_softmax/value_softmax.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// Steps of this rate that take the time of the config's own: lr * steps.
int64_t StepsAtRate(const DescentConfig& descent, double lr);

// How far a run is, for whoever watches it from another thread.
struct RunProgress {
  std::atomic<int64_t> done{0};         // steps of descents
  std::atomic<int64_t> evaluations{0};  // of the gradient, by flows
  std::atomic<bool> stop{false};        // set from outside: end soon
};

// How a run ended.
struct RunEnd {
  // From the best to the worst.
  enum State {
    kFinished,
    kInterrupted,
    kGaveUp,  // a flow: max_steps, or steps too short to move the time
    kDiverged,
  };
  State state = kFinished;
  std::string reason;  // why it did not finish
  int64_t steps = 0;   // taken
};

// "finished", "interrupted", "gave up", "diverged".
const char* RunStateText(RunEnd::State state);

// Steps from problem's point, which moves, and records. A run diverges when a
// gradient, or a number that is to be recorded, is not finite: the history then
// ends before that step, which `reason` names.
RunEnd RunDescent(const ValueSoftmaxConfig& config,
                  absl::Span<const FixedDescent> compiled, Problem& problem,
                  History& history, RunProgress& progress);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_DESCENT_H_
