// The metrics of a run: metrics.jsonl, the truth, and TensorBoard's view of it.
#ifndef POLARIZE_EXPERIMENTS_RUN_METRICS_H_
#define POLARIZE_EXPERIMENTS_RUN_METRICS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "experiments/run/event_file.h"
#include "experiments/run/file.h"
#include "experiments/run/flat_config.h"
#include "experiments/run/json.h"

namespace polarize {

// metrics.jsonl has one object per call of Write(), in the order of the calls:
// {"step":3,"epoch":0,"train/loss":0.5}. Values keep their full precision;
// NaN and infinities are null. It is called metrics.jsonl.partial until
// Finish(), and is written out every few seconds, so that a killed run loses
// no more. Event files hold the same values as floats.
class MetricsLog {
 public:
  static absl::StatusOr<MetricsLog> Create(
      const std::string& folder, std::function<absl::Time()> now = absl::Now);

  // Into the event files alone: see EventFile.
  absl::Status StartSession(absl::Span<const FlatValue> hyper_parameters) {
    return events_.StartSession(now_(), hyper_parameters);
  }
  absl::Status EndSession(TensorboardSessionEnd::Status status) {
    return events_.EndSession(now_(), status);
  }

  // Allocates nothing once it has written as many and as long names.
  absl::Status Write(int64_t step, int64_t epoch,
                     absl::Span<const NamedValue> values);
  absl::Status Flush();
  absl::Status Finish();

 private:
  MetricsLog(AppendFile lines, EventFile events,
             std::function<absl::Time()> now);

  AppendFile lines_;
  EventFile events_;
  std::function<absl::Time()> now_;
  absl::Time flushed_;
  JsonLine line_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_METRICS_H_
