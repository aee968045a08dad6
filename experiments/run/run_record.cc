#include "experiments/run/run_record.h"

#include <algorithm>

namespace polarize {

absl::StatusOr<RunRecord> RunRecord::Create(const RunFolder& folder) {
  absl::StatusOr<MetricsLog> metrics = MetricsLog::Create(folder.path());
  if (!metrics.ok()) return metrics.status();
  return RunRecord(folder, *std::move(metrics));
}

absl::Status RunRecord::Write(int64_t step, int64_t epoch,
                              absl::Span<const NamedValue> values) {
  for (const NamedValue& v : values) {
    const auto same =
        std::find_if(last_values_.begin(), last_values_.end(),
                     [&](const auto& last) { return last.first == v.name; });
    if (same != last_values_.end()) {
      same->second = v.value;
    } else {
      last_values_.emplace_back(std::string(v.name), v.value);
    }
  }
  return metrics_.Write(step, epoch, values);
}

absl::Status RunRecord::Summarise(const std::string& state,
                                  const std::string& reason, int64_t steps,
                                  double seconds, const JsonLine* runs) const {
  JsonLine summary;
  summary.Add("state", state);
  if (!reason.empty()) summary.Add("reason", reason);
  summary.Add("steps", steps).Add("seconds", seconds);
  if (runs != nullptr) summary.Add("runs", *runs);
  for (const auto& [name, value] : last_values_) summary.Add(name, value);
  return folder_->WriteSummary(summary);
}

}  // namespace polarize
