// Figure 7, from a row per head of the two 7B models.
#ifndef POLARIZE_TOOLS_REPORT_PRETRAINED_CLAIMS_H_
#define POLARIZE_TOOLS_REPORT_PRETRAINED_CLAIMS_H_

#include "tools/report/claim.h"

namespace polarize {

// Softmax's heads are sparser, by more than three standard errors of the
// difference of the two means.
Finding CheckPretrained(const ReportData& data);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_PRETRAINED_CLAIMS_H_
