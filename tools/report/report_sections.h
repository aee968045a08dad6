// The page's sections about the runs themselves.
#ifndef POLARIZE_TOOLS_REPORT_REPORT_SECTIONS_H_
#define POLARIZE_TOOLS_REPORT_REPORT_SECTIONS_H_

#include "tools/report/inputs.h"
#include "tools/report/page.h"

namespace polarize {

// Machines, commits, numerics and durations.
void AppendOrigins(const ReportData& data, Page& page);
// What of each sweep was not run.
void AppendCoverage(const ReportData& data, Page& page);
// What both whole sweeps would cost.
void AppendCost(const ReportData& data, Page& page);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_REPORT_SECTIONS_H_
