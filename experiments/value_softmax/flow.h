// The gradient flow of a value-softmax model: what descent becomes as its rate
// goes to 0, integrated with control of the error.
//
// Formula (paper, equations 2 to 4, with the signs of a descent; the paper
// prints some of the equations made of these with the opposite sign):
//   dV/dt = -dL/dV, da/dt = -dL/da, and the response dGamma/dt = gamma.
// The right-hand side is the kernel's gradient, the very one that descents use.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FLOW_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FLOW_H_

#include <vector>

#include "experiments/value_softmax/descent.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/integrator.h"
#include "experiments/value_softmax/problem.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// Recorded times: 0, first_time and on, points_per_decade per factor of ten,
// and end_time; and some of those that the descents of the config record, their
// ends included, to the last bit.
std::vector<double> FlowTimes(const ValueSoftmaxConfig& config);

struct FlowEnd {
  RunEnd end;
  IntegratorStatistics statistics;  // where it ended well
};

// Integrates from problem's point, which moves, and records. The history's
// steps are -1. A flow whose gradient is not
// finite has diverged; one that the integrator ends before its time (max_steps,
// steps too short) gave up.
FlowEnd RunFlow(const ValueSoftmaxConfig& config, Problem& problem,
                History& history, RunProgress& progress);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FLOW_H_
