// What the reference's whole sweep would cost, from the runs measured so far.
#ifndef POLARIZE_TOOLS_REPORT_ESTIMATE_H_
#define POLARIZE_TOOLS_REPORT_ESTIMATE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tools/report/grid.h"
#include "tools/report/inputs.h"

namespace polarize {

struct CostEstimate {
  // Runs of the grid whose cost is known in the same way.
  struct Part {
    std::string basis;  // "measured", or what was measured in their place
    bool extrapolated = false;
    size_t runs = 0;
    double hours = 0;
  };

  size_t measured = 0;  // runs with a time
  double hours = 0;     // of one core, for the whole grid
  std::vector<Part> parts;
};

// Seconds of a run hang on the kind of attention, heads, layers and so on, not
// on seed, learning rate or shift. Every run of the reference's grid costs the
// mean of the measured runs that equal it in all these columns. Where there is
// none, columns are given up one after the other, those that matter least
// first, until there is one; and where a size itself was never measured, the
// ratio of one step's time in the README of the experiment stands for it (which
// knows three sizes). No measured run: no parts.
CostEstimate EstimateCost(const SweepData& sweep, Section section);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_ESTIMATE_H_
