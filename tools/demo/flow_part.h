// The demo's first part: a logistic flow, figure 2 of the paper.
#ifndef POLARIZE_TOOLS_DEMO_FLOW_PART_H_
#define POLARIZE_TOOLS_DEMO_FLOW_PART_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/run_folder.h"
#include "experiments/value_softmax/claims.h"
#include "experiments/value_softmax/history.h"
#include "tools/demo/terminal_map.h"

namespace polarize {

struct FlowPart {
  // At one end of the flow.
  struct End {
    double time = 0, loss = 0, entropy = 0, largest = 0;
  };

  std::string folder;
  std::vector<Claim> claims;
  size_t weights = 0;
  End start, end;
  size_t winner = 0;   // the largest weight at the end
  TerminalMap map;     // weights over time
  std::string notice;  // about pictures, or ""

  bool claims_fail() const;
};

// Runs it, alone, on this thread, and writes its run folder. Ends in an error
// if the flow did.
absl::StatusOr<FlowPart> RunFlowPart(const RunFolderOptions& options, int argc,
                                     const char* const* argv);

// What was seen, in a paragraph.
std::string FlowSummary(const FlowPart& flow);

// Verdict, claim and what was measured, no wider than 80 columns.
std::string ShortClaims(absl::Span<const Claim> claims);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_FLOW_PART_H_
