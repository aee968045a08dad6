#include "tools/figures/trends/metric_history.h"

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;

// Of one line of flat JSON. Keys that come in the line's order are found
// without going back.
class LineReader {
 public:
  explicit LineReader(absl::string_view line) : line_(line) {}

  // name: with quotes and colon. False if it is not there, or no number.
  bool Read(const std::string& name, double* value) {
    size_t at = line_.find(name, from_);
    if (at == absl::string_view::npos) at = line_.substr(0, from_).find(name);
    if (at == absl::string_view::npos) return false;
    at += name.size();
    const size_t end = line_.find_first_of(",}", at);
    if (end == absl::string_view::npos) return false;
    from_ = end;
    const absl::string_view text = line_.substr(at, end - at);
    *value = std::numeric_limits<double>::quiet_NaN();
    return text == "null" || absl::SimpleAtod(text, value);
  }

 private:
  absl::string_view line_;
  size_t from_ = 0;
};

std::string Member(const std::string& key) {
  return absl::StrCat("\"", key, "\":");
}

absl::Status Wrong(absl::string_view text, size_t at, const std::string& path,
                   const std::string& rule) {
  const auto line =
      1 + std::count(text.begin(),
                     text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  return absl::InvalidArgumentError(absl::StrCat(path, ":", line, ": ", rule));
}

void AddStep(double step, const std::vector<double>& values,
             MetricHistory& history) {
  if (!history.steps.empty() && history.steps.back() == step) {
    history.steps.pop_back();
    for (std::vector<double>& of_key : history.values) of_key.pop_back();
  }
  history.steps.push_back(step);
  for (size_t k = 0; k < values.size(); ++k) {
    history.values[k].push_back(values[k]);
  }
}

}  // namespace

absl::StatusOr<MetricHistory> ParseMetricHistory(
    absl::string_view text, const std::string& path,
    absl::Span<const std::string> keys) {
  if (keys.empty()) return absl::InvalidArgumentError("no keys to read");
  std::vector<std::string> members;
  for (const std::string& key : keys) members.push_back(Member(key));
  const std::string step_member = Member("step");
  MetricHistory history;
  history.values.resize(keys.size());
  std::vector<double> values(keys.size());
  // The search runs over lines without the key as fast as over any text.
  for (size_t at = text.find(members[0]); at != absl::string_view::npos;
       at = text.find(members[0], at)) {
    const size_t begin = text.rfind('\n', at) + 1;  // npos + 1 is 0
    const size_t end = std::min(text.find('\n', at), text.size());
    LineReader line(text.substr(begin, end - begin));
    double step = 0;
    if (!line.Read(step_member, &step) ||
        !(history.steps.empty() || step >= history.steps.back())) {
      return Wrong(text, begin, path, "no step, or one below that before it");
    }
    for (size_t k = 0; k < keys.size(); ++k) {
      if (line.Read(members[k], &values[k])) continue;
      return Wrong(text, begin, path,
                   absl::StrCat("no number '", keys[k], "'"));
    }
    AddStep(step, values, history);
    at = end;
  }
  return history;
}

absl::StatusOr<MetricHistory> ReadMetricHistory(
    const std::string& path, absl::Span<const std::string> keys) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxBytes);
  if (!text.ok()) return text.status();
  return ParseMetricHistory(*text, path, keys);
}

}  // namespace polarize
