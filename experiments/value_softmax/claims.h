// The paper's claims about section 3, held against runs.
//
// Equation and theorem numbers are those of arXiv 2603.06248v1. Signs follow
// the corrected equations: v1 prints du/dt, da/dt and dV/dt of the two losses
// (its equations 6, 7, 9, 10, 15, 16) with -gamma, which must be +gamma, as its
// proofs and the reference's code have it (E1); the gaps of theorem 3.2(b) grow
// for i < j, not for any pair (E2); the proof in appendix B has u_i - <s, u>
// where v1 prints u_i - gamma <s, u> (E3); lemma D.2 lost the square of C(s)
// (E4).
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
    kNotApplicable,  // the run ended before the claim says anything
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
// gradient descent without a penalty, and starts that meet their assumptions.
std::vector<Claim> CheckClaims(absl::Span<const RunResult> runs);

// The table that is printed, a line per claim.
std::string ClaimsTable(absl::Span<const Claim> claims);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_CLAIMS_H_
