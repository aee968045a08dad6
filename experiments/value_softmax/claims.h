// The paper's claims about section 3, held against runs.
//
// Equation and theorem numbers are those of arXiv 2603.06248v1, corrected by
// the errata (E1) to (E4) of README.md.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_CLAIMS_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_CLAIMS_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "experiments/value_softmax/run_result.h"

namespace polarize {

struct Claim {
  enum Verdict {
    kHolds,
    kFails,
    kNotApplicable,  // the claim says nothing (yet) about such a run
  };

  std::string run;
  std::string claim;
  std::string predicted;
  std::string measured;
  Verdict verdict;
};

// "holds", "fails", "n/a".
const char* VerdictName(Claim::Verdict verdict);

// All that the paper says about a family's finished runs. Whether a claim
// applies is a matter of each run's config: the theorems are about softmax,
// plain descent (IsPlainDescent), and starts that meet their assumptions. They
// are proven of the flow: a descent whose rate is large may break them.
std::vector<Claim> CheckClaims(absl::Span<const RunResult> runs);

// The table that is printed, a line per claim.
std::string ClaimsTable(absl::Span<const Claim> claims);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_CLAIMS_H_
