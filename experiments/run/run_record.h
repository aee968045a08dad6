// What a run measures, as it goes: metrics.jsonl and TensorBoard's files, and
// the last value of every metric for the summary.
#ifndef POLARIZE_EXPERIMENTS_RUN_RUN_RECORD_H_
#define POLARIZE_EXPERIMENTS_RUN_RUN_RECORD_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/event_file.h"
#include "experiments/run/flat_config.h"
#include "experiments/run/json.h"
#include "experiments/run/metrics.h"
#include "experiments/run/run_folder.h"
#include "google/protobuf/message.h"

namespace polarize {

class RunRecord {
 public:
  // folder must outlive this.
  static absl::StatusOr<RunRecord> Create(const RunFolder& folder);

  // For TensorBoard's HParams view: the config before the first step, and how
  // the run ended, before Finish.
  absl::Status StartSession(const google::protobuf::Message& config) {
    return metrics_.StartSession(FlatConfig(config));
  }
  absl::Status EndSession(TensorboardSessionEnd::Status status) {
    return metrics_.EndSession(status);
  }

  // A line of metrics, remembered for the summary.
  absl::Status Write(int64_t step, int64_t epoch,
                     absl::Span<const NamedValue> values);

  // Puts metrics.jsonl under its final name.
  absl::Status Finish() { return metrics_.Finish(); }

  // summary.json: the state ("finished", "interrupted", "diverged"), why, steps
  // and seconds, `runs` if there are several, the last value of every metric
  // under its name.
  absl::Status Summarise(const std::string& state, const std::string& reason,
                         int64_t steps, double seconds,
                         const JsonLine* runs = nullptr) const;

  const RunFolder& folder() const { return *folder_; }

 private:
  RunRecord(const RunFolder& folder, MetricsLog metrics)
      : folder_(&folder), metrics_(std::move(metrics)) {}

  const RunFolder* folder_;
  MetricsLog metrics_;
  std::vector<std::pair<std::string, double>> last_values_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_RUN_RECORD_H_
