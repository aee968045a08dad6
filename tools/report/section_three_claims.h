// Claims that the value-softmax runs have checked themselves.
#ifndef POLARIZE_TOOLS_REPORT_SECTION_THREE_CLAIMS_H_
#define POLARIZE_TOOLS_REPORT_SECTION_THREE_CLAIMS_H_

#include "tools/report/claim.h"

namespace polarize {

// Each looks at the lines of its families that speak of its claim. Reproduced:
// at least one holds and none fails. Differs: one fails. Otherwise (no line, or
// none that says anything) not run.
Finding CheckOrder(const ReportData& data);
Finding CheckOneHot(const ReportData& data);
Finding CheckRegression(const ReportData& data);
Finding CheckMaps(const ReportData& data);
Finding CheckTied(const ReportData& data);
Finding CheckConditions(const ReportData& data);
Finding CheckKl(const ReportData& data);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_SECTION_THREE_CLAIMS_H_
