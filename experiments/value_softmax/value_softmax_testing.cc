#include "experiments/value_softmax/value_softmax_testing.h"

#include <memory>

#include "absl/log/check.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/families.h"
#include "experiments/value_softmax/fixed_descents.h"

namespace polarize {

ValueSoftmaxConfig ConfigOfFamily(const std::string& family,
                                  const std::vector<std::string>& settings) {
  std::string text = FindFamily(family)->text.text;
  for (size_t at; (at = text.find("\nvary {")) != std::string::npos;) {
    text.erase(at, text.find("\n}", at) + 2 - at);
  }
  const absl::StatusOr<ValueSoftmaxConfig> config =
      LoadValueSoftmaxConfig({"test", text}, settings);
  CHECK(config.ok()) << config.status();
  return *config;
}

RunResult NewRun(RunResult::Kind kind, const ValueSoftmaxConfig& config) {
  RunResult run;
  run.kind = kind;
  run.label = kind == RunResult::kFlow ? "flow" : "descent";
  run.config = config;
  run.problem = std::make_unique<Problem>(config);
  const ValueSoftmax& model = run.problem->model();
  run.start.assign(model.point, model.point + model.point_size());
  run.history = std::make_unique<History>(*run.problem, 0);
  return run;
}

RunResult FinishedRun(RunResult::Kind kind, const ValueSoftmaxConfig& config) {
  RunResult run = NewRun(kind, config);
  RunProgress progress;
  if (kind == RunResult::kFlow) {
    FlowEnd flow = RunFlow(config, *run.problem, *run.history, progress);
    run.end = flow.end;
    run.integration = flow.statistics;
  } else {
    run.end = RunDescent(config, FixedDescents(), *run.problem, *run.history,
                         progress);
  }
  CHECK(run.end.state == RunEnd::kFinished) << run.end.reason;
  return run;
}

}  // namespace polarize
