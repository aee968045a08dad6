#include "experiments/value_softmax/descent.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_format.h"

namespace polarize {
namespace {

// Steps between two looks at whether to stop.
constexpr int64_t kStepsAtOnce = 1 << 18;

class Descent {
 public:
  Descent(const ValueSoftmaxConfig& config,
          absl::Span<const FixedDescent> compiled, Problem& problem,
          History& history, RunProgress& progress)
      : rates_(RatesOf(config.descent())),
        before_(config.history().weights() == "before"),
        descend_(DescentFor(problem.model().form, compiled).descend),
        model_(problem.model()),
        recorder_(problem),
        history_(history),
        progress_(progress),
        attention_(model_.form.latent) {}

  // Takes the steps up to `step`, which is the next one then.
  bool TakeUpTo(int64_t step);
  // Takes that step and records it.
  bool TakeAndRecord(int64_t step);
  RunEnd end(RunEnd::State state) const {
    return {state, reason_, static_cast<int64_t>(model_.step)};
  }
  bool diverged() const { return !reason_.empty(); }

 private:
  bool Take(int64_t steps);

  const ValueSoftmaxRates rates_;
  const bool before_;
  size_t (*const descend_)(ValueSoftmax&, const ValueSoftmaxRates&, size_t);
  ValueSoftmax& model_;
  Recorder recorder_;
  History& history_;
  RunProgress& progress_;
  std::vector<double> attention_;  // before the recorded step
  std::string reason_;
};

bool Descent::Take(int64_t steps) {
  const auto wanted = static_cast<size_t>(steps);
  const size_t taken = descend_(model_, rates_, wanted);
  progress_.done += static_cast<int64_t>(taken);
  if (taken == wanted) return true;
  reason_ = absl::StrFormat(
      "step %d: the gradient is not finite (the rate %g is too large?)",
      model_.step, rates_.lr);
  return false;
}

bool Descent::TakeUpTo(int64_t step) {
  while (static_cast<int64_t>(model_.step) < step) {
    const int64_t left = step - static_cast<int64_t>(model_.step);
    if (progress_.stop || !Take(std::min(left, kStepsAtOnce))) return false;
  }
  return true;
}

bool Descent::TakeAndRecord(int64_t step) {
  std::copy_n(model_.attention(), attention_.size(), attention_.begin());
  if (before_) recorder_.MeasureWeights();
  if (progress_.stop || !Take(1)) return false;
  recorder_.MeasureGradient(attention_);
  if (!before_) recorder_.MeasureWeights();
  const double time = rates_.lr * static_cast<double>(step + 1);
  if (recorder_.AddTo(history_, step, time)) return true;
  reason_ = absl::StrFormat(
      "step %d: a parameter or the loss is not finite (the rate %g is too "
      "large?)",
      step, rates_.lr);
  return false;
}

}  // namespace

int64_t StepsAtRate(const DescentConfig& descent, double lr) {
  if (lr == descent.lr()) return descent.steps();
  const double time = descent.lr() * static_cast<double>(descent.steps());
  return std::max<int64_t>(1, std::llround(time / lr));
}

const char* RunStateText(RunEnd::State state) {
  switch (state) {
    case RunEnd::kFinished:
      return "finished";
    case RunEnd::kInterrupted:
      return "interrupted";
    case RunEnd::kGaveUp:
      return "gave up";
    case RunEnd::kDiverged:
      break;
  }
  return "diverged";
}

RunEnd RunDescent(const ValueSoftmaxConfig& config,
                  absl::Span<const FixedDescent> compiled, Problem& problem,
                  History& history, RunProgress& progress) {
  Descent descent(config, compiled, problem, history, progress);
  for (const int64_t step :
       RecordedSteps(config.history(), config.descent().steps())) {
    if (descent.TakeUpTo(step) && descent.TakeAndRecord(step)) continue;
    return descent.end(descent.diverged() ? RunEnd::kDiverged
                                          : RunEnd::kInterrupted);
  }
  return descent.end(RunEnd::kFinished);
}

}  // namespace polarize
