#include "experiments/run/metrics.h"

#include <utility>

namespace polarize {
namespace {

// What a killed run may lose, and what TensorBoard lags behind.
constexpr absl::Duration kFlushInterval = absl::Seconds(5);

}  // namespace

MetricsLog::MetricsLog(AppendFile lines, EventFile events,
                       std::function<absl::Time()> now)
    : lines_(std::move(lines)),
      events_(std::move(events)),
      now_(std::move(now)),
      flushed_(now_()) {}

absl::StatusOr<MetricsLog> MetricsLog::Create(const std::string& folder,
                                              std::function<absl::Time()> now) {
  absl::StatusOr<AppendFile> lines =
      AppendFile::Create(folder + "/metrics.jsonl");
  if (!lines.ok()) return lines.status();
  absl::StatusOr<EventFile> events = EventFile::Create(folder, now());
  if (!events.ok()) return events.status();
  return MetricsLog(*std::move(lines), *std::move(events), std::move(now));
}

absl::Status MetricsLog::Write(int64_t step, int64_t epoch,
                               absl::Span<const NamedValue> values) {
  line_.Clear();
  line_.Add("step", step).Add("epoch", epoch);
  for (const NamedValue& value : values) line_.Add(value.name, value.value);
  absl::Status status = lines_.Append(line_.TextWithNewline());
  const absl::Time now = now_();
  if (status.ok()) status = events_.Write(step, now, values);
  if (!status.ok() || now - flushed_ < kFlushInterval) return status;
  flushed_ = now;
  return Flush();
}

absl::Status MetricsLog::Flush() {
  const absl::Status lines = lines_.Flush();
  const absl::Status events = events_.Flush();
  return lines.ok() ? events : lines;
}

absl::Status MetricsLog::Finish() {
  // The view first: a file called metrics.jsonl says that all is there.
  const absl::Status events = events_.Finish();
  const absl::Status lines = lines_.Finish();
  return lines.ok() ? events : lines;
}

}  // namespace polarize
