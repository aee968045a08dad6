// The claims about one run by itself; see claims.h.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_CLAIMS_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_CLAIMS_H_

#include <vector>

#include "absl/types/span.h"
#include "experiments/value_softmax/claims.h"
#include "experiments/value_softmax/run_result.h"

namespace polarize {

// The largest of some numbers.
double Largest(absl::Span<const double> x);

// Appends what the theorems say about the run, if it finished.
void AppendRunClaims(const RunResult& run, std::vector<Claim>* claims);

// How much of a flow's numbers is its integrator's error, relative to numbers
// above 1: 100 times the tolerances, as neighbouring solutions may separate. 0
// for a descent, which has none.
double FlowError(const RunResult& run);

// Whether the map divides by a norm, and the norm is 0 somewhere along the run
// (relu of no positive entry): s is 0 there, and sums to no 1.
bool LosesNorm(const RunResult& run);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_CLAIMS_H_
