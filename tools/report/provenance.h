// Where a sweep's numbers come from: machines, commits, time.
#ifndef POLARIZE_TOOLS_REPORT_PROVENANCE_H_
#define POLARIZE_TOOLS_REPORT_PROVENANCE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tools/report/inputs.h"

namespace polarize {

// Runs of one machine and commit.
struct Origin {
  std::string cpu, simd_target, commit;
  size_t runs = 0;
  double seconds = 0;       // of one core
  std::string first, last;  // start times, RFC 3339
};

// From the times of a sweep; those with the most runs first.
std::vector<Origin> OriginsOf(const SweepData& sweep);

// "2h 03m", "4.0s".
std::string DurationText(double seconds);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_PROVENANCE_H_
