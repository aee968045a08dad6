// Runs that a claim looks at together.
#ifndef POLARIZE_TOOLS_REPORT_GROUP_H_
#define POLARIZE_TOOLS_REPORT_GROUP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/optional.h"
#include "tools/report/claim.h"
#include "tools/sweeps/run_table.h"

namespace polarize {

// A quantity of one run; none where the run has no such number.
using QuantityOfRun =
    absl::FunctionRef<absl::optional<double>(const RunTable&, size_t row)>;

// The quantity over `rows`; their ids are added to the finding's.
Spread SpreadOf(const RunTable& runs, const std::vector<size_t>& rows,
                QuantityOfRun quantity, Finding& finding);

// `filter` with more conditions.
RunFilter With(RunFilter filter, const RunFilter& more);

// "0.912 (11 runs)".
std::string MeanText(const Spread& spread);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_GROUP_H_
