// What a training step on a plan costs.
#ifndef POLARIZE_EXPERIMENTS_MODEL_PLAN_COST_H_
#define POLARIZE_EXPERIMENTS_MODEL_PLAN_COST_H_

#include <string>

#include "experiments/model/model_config.h"
#include "experiments/model/row_plan.h"

namespace polarize {

// Floating-point operations of the products of one step, forward and backward:
// two for each multiply-add; attention with the keys that are seen.
double StepFlops(const ModelConfig& model, const RowPlan& plan);

// Rows of every part: "256 contexts, 536 embedded; layer 0: 536 in, 536 asked,
// 2591 out; ...; 2591 logits, 2846 targets".
std::string PlanRows(const RowPlan& plan);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_PLAN_COST_H_
