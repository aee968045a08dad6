// Accuracies under interventions, as bars.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_INTERVENTION_CHART_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_INTERVENTION_CHART_H_

#include <vector>

#include "experiments/induction/data.h"
#include "experiments/induction/report.h"
#include "experiments/run/bar_chart.h"

namespace polarize {

// A group for each part that is replaced, with a bar for zeros and one for the
// mean in its place; a line for the model as it is. A panel for the accuracy
// where the answer is due and, of the trigger task, one for that at the
// positions where there is nothing to do.
BarChart InterventionChart(TaskKind task, const InductionPoint& plain,
                           const std::vector<InterventionPoint>& points);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_INTERVENTION_CHART_H_
