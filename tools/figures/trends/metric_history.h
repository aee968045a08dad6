// Some metrics of a run over its steps, out of metrics.jsonl.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_METRIC_HISTORY_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_METRIC_HISTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace polarize {

struct MetricHistory {
  std::vector<double> steps;                // each once, ascending
  std::vector<std::vector<double>> values;  // of each key; null is NaN
};

// The lines that have the first key; they must have all keys. Of lines with the
// same step the last one counts. Lines without the key are not parsed: of a
// run's lines nearly all hold a step's loss and nothing else. `path` must be as
// MetricsLog writes it; errors name path and line.
absl::StatusOr<MetricHistory> ReadMetricHistory(
    const std::string& path, absl::Span<const std::string> keys);

// The same of a file's text.
absl::StatusOr<MetricHistory> ParseMetricHistory(
    absl::string_view text, const std::string& path,
    absl::Span<const std::string> keys);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_METRIC_HISTORY_H_
