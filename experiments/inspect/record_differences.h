// What two runs' configs, environments and summaries differ in, line by line.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_RECORD_DIFFERENCES_H_
#define POLARIZE_EXPERIMENTS_INSPECT_RECORD_DIFFERENCES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "experiments/inspect/recorded_run.h"
#include "experiments/run/json_file.h"
#include "protos/environment.pb.h"

namespace polarize {

// "training.lr: 0.001 and 0.01" for each field that differs; of runs of two
// experiments, one line that says so.
std::vector<std::string> ConfigDifferences(const RecordedRun& a,
                                           const RecordedRun& b);

// The same for what results depend on beside the config, and what was used to
// get them; time and command line are left out.
std::vector<std::string> EnvironmentDifferences(const Environment& a,
                                                const Environment& b);

struct SummaryComparison {
  size_t shared = 0;                     // members that both have
  std::vector<std::string> differences;  // "eval/acc: 1 and 0.5"
};

// Whether what b alone has is a difference: no for a run of today beside one of
// a version that measured less.
enum class SummaryMembers { kOfBoth, kOfA };

// All members but the run's length in seconds.
SummaryComparison CompareSummaries(const FlatJson& a, const FlatJson& b,
                                   SummaryMembers members);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_RECORD_DIFFERENCES_H_
