// What a run prints: the plan before its first step, the live line, the table
// at its end.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_REPORT_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_REPORT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "experiments/induction/data.h"
#include "experiments/induction/interventions.h"
#include "experiments/induction/levels.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/run_report.h"

namespace polarize {

// One evaluation with its attention statistics.
struct InductionPoint {
  int64_t step = 0;
  InductionEvaluation evaluation;
  std::vector<HeadStatistics> heads;  // layer * heads + head
};

// The same under an intervention.
struct InterventionPoint {
  NamedIntervention intervention;
  InductionPoint point;
};

// What an evaluation is written as: the reference's keys for its task.
struct EvaluationValue {
  const char* name;
  double (*value)(const InductionEvaluation&);
};
absl::Span<const EvaluationValue> EvaluationValues(TaskKind task);

// "1.0000 (all 0.0950)": where the answer is due, and what else there is to
// say.
std::string AccuracyText(TaskKind task, const InductionEvaluation& evaluation);

// The lines before the first step.
std::string PlanText(const InductionSetup& setup, const InductionLevels& levels,
                     const PlanReport& plan);

// "epoch 3/10  loss 0.7851  acc 0.999  8.1 steps/s  sink 0.91 0.88  left 5m".
struct LiveReport {
  size_t epoch, epochs;
  double loss;                 // of the last step
  const InductionPoint* last;  // last evaluation, nullptr before the first
  double steps_per_second;
  absl::Duration left;
};
std::string LiveText(const ModelConfig& model, const LiveReport& live);

// The layer whose heads the paper counts as sinks: the second, or the only one.
size_t SinkLayer(const ModelConfig& model);

// Four statistics, row sums and entropy of every layer and head; n/a where
// undefined.
std::string StatisticsTable(const ModelConfig& model,
                            const InductionPoint& point);

// A row for the model as it is and one for it under each intervention: loss,
// accuracies, the sink scores of SinkLayer's heads. "" without any.
std::string InterventionsTable(const InductionSetup& setup,
                               const InductionPoint& plain,
                               const std::vector<InterventionPoint>& points);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_REPORT_H_
