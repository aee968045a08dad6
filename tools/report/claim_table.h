// The paper's claims, all of them in one table.
#ifndef POLARIZE_TOOLS_REPORT_CLAIM_TABLE_H_
#define POLARIZE_TOOLS_REPORT_CLAIM_TABLE_H_

#include <vector>

#include "tools/report/claim.h"

namespace polarize {

// In the order of the paper. A new claim is a row here and its check.
const std::vector<ClaimSpec>& PaperClaims();

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_CLAIM_TABLE_H_
