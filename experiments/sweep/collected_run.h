// One run of a sweep, read back from its folder.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_COLLECTED_RUN_H_
#define POLARIZE_EXPERIMENTS_SWEEP_COLLECTED_RUN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "experiments/run/flat_config.h"
#include "experiments/run/json_file.h"
#include "protos/environment.pb.h"

namespace polarize {

// A line of runs.tsv.
struct ListedRun {
  std::string id;                     // 16 hex digits
  std::vector<std::string> settings;  // "training.lr=0.001"
};

// The lines of a runs.tsv called `file`, in their order. An id of another form
// or one that comes twice is an error that names file and line.
absl::StatusOr<std::vector<ListedRun>> ParseRunList(const std::string& text,
                                                    const std::string& file);

// Whether `name` is an id: 16 of 0 to 9 and a to f.
bool IsRunId(const std::string& name);

// A run that is over.
struct CollectedRun {
  std::string folder;
  std::string state;       // "finished", "diverged" or "failed"
  std::string experiment;  // "induction" or "classification"
  // Of config.textproto. A run that failed before it wrote one has the values
  // that its settings mean, and no text.
  std::string config_text;
  std::vector<FlatValue> config;
  absl::optional<double> steps, seconds;
  // The last value of every metric.
  FlatJson metrics;
  Environment environment;  // empty where a failed run left none

  bool finished() const { return state == "finished"; }
  bool failed() const { return state == "failed"; }
};

// "induction" or "classification", as the config in a run's folder says; "" if
// there is none or it is another's.
std::string ExperimentOfRun(const std::string& folder);

// Reads the run `listed` from its folder: summary.json or failure.json, the
// config, the environment. Null if it is not over: not begun, going on,
// interrupted or killed. A failed run without a config is one of
// `experiment`. Files that are damaged or disagree with `listed` are errors
// that name them.
absl::StatusOr<absl::optional<CollectedRun>> ReadCollectedRun(
    const std::string& folder, const ListedRun& listed,
    const std::string& experiment);

// What differs between two folders of one run, in words ("eval/loss: 0.5 and
// 0.25"), or "". Seconds and environments may differ, and a run that broke off
// in one place may have come to its end in another.
std::string DifferenceOf(const CollectedRun& a, const CollectedRun& b);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_COLLECTED_RUN_H_
