// How much of a sweep has been run.
#ifndef POLARIZE_TOOLS_REPORT_COVERAGE_H_
#define POLARIZE_TOOLS_REPORT_COVERAGE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tools/report/grid.h"
#include "tools/report/inputs.h"

namespace polarize {

struct Coverage {
  struct Value {
    std::string value;
    size_t planned = 0;
    size_t over = 0;  // runs that are over, however they ended
  };
  struct AxisCoverage {
    std::string column;
    std::vector<Value> values;
  };

  // Whether `planned` is the sweep's own list and not the reference's grid.
  bool has_list = false;
  size_t planned = 0;
  size_t finished = 0;
  size_t diverged = 0;
  size_t failed = 0;
  size_t not_run = 0;  // planned, and without a row that is over
  size_t foreign = 0;  // rows of runs that are not planned
  std::vector<AxisCoverage> axes;
};

// Compares the rows of the CSV file with the list of the sweep, by run id, or
// without a list with the reference's grid, by the values of its axes.
Coverage CoverageOf(const SweepData& sweep, Section section);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_COVERAGE_H_
