#include "experiments/value_softmax/flow.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "hwy/aligned_allocator.h"
#include "kernels/base/arena.h"

namespace polarize {
namespace {

// The components of a gradient that is 0 are as large as this by rounding,
// where it is a difference of numbers of the size of 1; a logistic loss's
// gradient is a product, and as small as its factors.
double RoundingOfGradient(const ValueSoftmax& model) {
  const bool product = model.form.loss == ValueSoftmaxLoss::kLogistic &&
                       model.entropy_penalty == 0;
  return product ? 0 : 1e-15;
}

// Between times of a descent at which the flow is recorded too.
constexpr double kDescentRatio = 1.1;

IntegratorOptions OptionsOf(const FlowConfig& flow, const ValueSoftmax& model) {
  IntegratorOptions options;
  options.relative_tolerance = flow.relative_tolerance();
  options.absolute_tolerance = flow.absolute_tolerance();
  options.log_time = true;
  options.max_steps = flow.max_steps();
  options.rhs_rounding = RoundingOfGradient(model);
  return options;
}

// Some of the times that a descent of this rate records, its last one included.
void AppendDescentTimes(const ValueSoftmaxConfig& config, double lr,
                        std::vector<double>* times) {
  double last = 0;
  const std::vector<int64_t> steps =
      RecordedSteps(config.history(), StepsAtRate(config.descent(), lr));
  for (const int64_t step : steps) {
    const double t = lr * static_cast<double>(step + 1);
    if (t > config.flow().end_time()) break;
    if (t < kDescentRatio * last && step != steps.back()) continue;
    times->push_back(last = t);
  }
}

}  // namespace

std::vector<double> FlowTimes(const ValueSoftmaxConfig& config) {
  const FlowConfig& flow = config.flow();
  std::vector<double> times = {0, flow.end_time()};
  const double per_decade = flow.points_per_decade();
  for (int k = 0;; ++k) {
    const double t = flow.first_time() * std::pow(10, k / per_decade);
    if (!(t < flow.end_time())) break;
    times.push_back(t);
  }
  AppendDescentTimes(config, config.descent().lr(), &times);
  for (const double lr : config.descent().compare_lr()) {
    AppendDescentTimes(config, lr, &times);
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

FlowEnd RunFlow(const ValueSoftmaxConfig& config, Problem& problem,
                History& history, RunProgress& progress) {
  ValueSoftmax& model = problem.model();
  const size_t n = model.point_size();
  const auto layout = [&](Arena& arena) {
    double* const y = arena.Take<double>(n);
    return std::make_pair(y, IntegratorScratch(n, arena));
  };
  Arena measure(nullptr, 0);
  layout(measure);
  const auto memory = hwy::AllocateAligned<uint8_t>(measure.used());
  Arena arena(memory.get(), measure.used());
  auto [y, scratch] = layout(arena);
  std::copy_n(model.point, n, y);

  const auto descend = [&](const double* point, double* slope) {
    Gradient(model, point, slope);
    for (size_t i = 0; i < n; ++i) slope[i] = -slope[i];
    ++progress.evaluations;
  };
  Recorder recorder(problem);
  FlowEnd flow;
  const auto record = [&](double t, const double* point) {
    std::copy_n(point, n, model.point);
    recorder.MeasureWeights();
    recorder.MeasureGradient({model.attention(), model.form.latent});
    if (!recorder.AddTo(history, -1, t)) {
      flow.end.state = RunEnd::kDiverged;
      flow.end.reason = absl::StrFormat("t = %g: the loss is not finite", t);
    }
    return flow.end.state == RunEnd::kFinished && !progress.stop;
  };
  const absl::StatusOr<IntegratorStatistics> statistics =
      Integrate(descend, 0, config.flow().end_time(), FlowTimes(config),
                OptionsOf(config.flow(), model), scratch, y, record);
  if (!statistics.ok()) {
    flow.end.state = statistics.status().code() == absl::StatusCode::kOutOfRange
                         ? RunEnd::kDiverged
                         : RunEnd::kGaveUp;
    flow.end.reason = std::string(statistics.status().message());
  } else {
    flow.statistics = *statistics;
    flow.end.steps = statistics->accepted;
    if (statistics->stopped && flow.end.state == RunEnd::kFinished) {
      flow.end.state = RunEnd::kInterrupted;
    }
  }
  return flow;
}

}  // namespace polarize
