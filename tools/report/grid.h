// The grid of a sweep: every run that there should be.
#ifndef POLARIZE_TOOLS_REPORT_GRID_H_
#define POLARIZE_TOOLS_REPORT_GRID_H_

#include <string>
#include <vector>

#include "tools/report/inputs.h"

namespace polarize {

enum class Section { kInduction, kClassification };

// The reference's sweep, without ids: 8640 runs of induction, 12960 of
// classification.
std::vector<PlannedRun> ReferenceGrid(Section section);

// The columns whose values differ within the grid, in the order of its runs'
// values.
std::vector<std::string> Axes(const std::vector<PlannedRun>& grid);

// A planned run's value of a column, or "".
std::string ValueOf(const PlannedRun& run, const std::string& column);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_GRID_H_
