// The metrics that a run recorded, and where those of two runs part.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_METRICS_FILE_H_
#define POLARIZE_EXPERIMENTS_INSPECT_METRICS_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/run/json_file.h"

namespace polarize {

struct Metric {
  int64_t step = 0;
  size_t line = 0;  // from 1
  std::string name;
  JsonScalar value;  // null for NaN and infinities
};

// In the order in which they were written.
struct RecordedMetrics {
  std::string file;
  std::vector<Metric> metrics;
  std::vector<int64_t> steps;  // of each line
  // Whether the run broke off: its file still has the name of a growing one.
  bool partial = false;
};

// The lines of metrics.jsonl, or of what a broken run left of it
// (metrics.jsonl.partial, whose last line may be cut short: it is left out).
// Nothing if there is neither. Lines that are no flat JSON objects with a step
// are errors that name file and line.
absl::StatusOr<std::optional<RecordedMetrics>> ReadRecordedMetrics(
    const std::string& folder);

// The same of text that is already there.
absl::StatusOr<RecordedMetrics> ParseMetrics(absl::string_view text,
                                             const std::string& file,
                                             bool partial);

// Those of steps up to `last`.
RecordedMetrics UpToStep(const RecordedMetrics& metrics, int64_t last);

// The same number to the last bit, the same text, ...
bool SameValue(const JsonScalar& a, const JsonScalar& b);
std::string ScalarText(const JsonScalar& value);

// One of both where it differs.
struct MetricDifference {
  Metric a, b;
};

struct MetricsComparison {
  size_t shared = 0;                      // values that both have
  size_t different = 0;                   // of these
  std::optional<MetricDifference> first;  // in the order of a
  size_t only_a = 0, only_b = 0;
  std::optional<Metric> first_only_a, first_only_b;
  size_t equal_lines = 0;  // of a: those all of whose values b has too

  bool same_shared() const { return different == 0; }
  bool same() const { return different == 0 && only_a == 0 && only_b == 0; }
};

// Values belong together that have the same step and name; of several with the
// same, the first with the first, and so on.
MetricsComparison CompareMetrics(const RecordedMetrics& a,
                                 const RecordedMetrics& b);

// "step 3, train/step_loss: 0.5 (line 4) and 0.6 (line 4), difference 0.1".
std::string DifferenceText(const MetricDifference& difference);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_METRICS_FILE_H_
