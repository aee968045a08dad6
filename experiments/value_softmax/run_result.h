// One descent or flow of a family, before and after it ran.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_RESULT_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_RESULT_H_

#include <memory>
#include <string>
#include <vector>

#include "experiments/value_softmax/descent.h"
#include "experiments/value_softmax/flow.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/problem.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

struct RunResult {
  enum Kind {
    kDescent,
    kComparison,  // a descent at another rate (compare_lr)
    kFlow,
  };

  Kind kind = kDescent;
  size_t variant = 0;  // its place among the family's
  std::string label;   // "softmax", "softmax_flow", "lr1": names files too
  ValueSoftmaxConfig config;
  std::unique_ptr<Problem> problem;  // at its last point
  std::vector<double> start;         // the point where it began
  std::unique_ptr<History> history;
  RunEnd end;
  IntegratorStatistics integration;  // of a flow
  double seconds = 0;
};

// What the theorems are about: a flow or plain steps along the gradient, of the
// loss itself, of s = map(a).
bool IsPlainDescent(const RunResult& run);

// u = V'b at the start of a run.
std::vector<double> StartProjections(const RunResult& run);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_RESULT_H_
