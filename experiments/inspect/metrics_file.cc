#include "experiments/inspect/metrics_file.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/inspect/values.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;
constexpr double kLargestStep = 9007199254740992;  // 2^53

struct Key {
  int64_t step;
  absl::string_view name;
  bool operator<(const Key& other) const {
    return step != other.step ? step < other.step : name < other.name;
  }
};

// The members of a line as written: a map has lost their order.
void SortAsWritten(absl::string_view line, std::vector<Metric>* metrics,
                   size_t begin) {
  const auto place = [&](const Metric& metric) {
    return line.find(absl::StrCat("\"", metric.name, "\":"));
  };
  std::stable_sort(
      metrics->begin() + static_cast<std::ptrdiff_t>(begin), metrics->end(),
      [&](const Metric& x, const Metric& y) { return place(x) < place(y); });
}

absl::Status AddLine(absl::string_view line, const std::string& file,
                     RecordedMetrics* recorded) {
  const size_t number = recorded->steps.size() + 1;
  const std::string where = absl::StrCat(file, ":", number);
  absl::StatusOr<FlatJson> json = ParseFlatJson(line, where);
  if (!json.ok()) return json.status();
  const double* const step = NumberIn(*json, "step");
  if (step == nullptr || !(*step >= 0) || *step > kLargestStep ||
      std::floor(*step) != *step) {
    return absl::DataLossError(
        absl::StrCat(where, ": step must be a whole number from 0 up"));
  }
  recorded->steps.push_back(static_cast<int64_t>(*step));
  const size_t begin = recorded->metrics.size();
  for (auto& [name, value] : *json) {
    if (name == "step") continue;
    recorded->metrics.push_back(
        {recorded->steps.back(), number, name, std::move(value)});
  }
  SortAsWritten(line, &recorded->metrics, begin);
  return absl::OkStatus();
}

using Places = std::map<Key, std::vector<size_t>>;

Places PlacesOf(const RecordedMetrics& recorded) {
  Places places;
  for (size_t i = 0; i < recorded.metrics.size(); ++i) {
    const Metric& metric = recorded.metrics[i];
    places[{metric.step, metric.name}].push_back(i);
  }
  return places;
}

}  // namespace

absl::StatusOr<RecordedMetrics> ParseMetrics(absl::string_view text,
                                             const std::string& file,
                                             bool partial) {
  RecordedMetrics recorded;
  recorded.file = file;
  recorded.partial = partial;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) {
      if (partial) break;
      return absl::DataLossError(absl::StrCat(
          file, ":", recorded.steps.size() + 1, ": the line is cut short"));
    }
    const absl::Status added = AddLine(text.substr(0, end), file, &recorded);
    if (!added.ok()) return added;
    text.remove_prefix(end + 1);
  }
  return recorded;
}

absl::StatusOr<std::optional<RecordedMetrics>> ReadRecordedMetrics(
    const std::string& folder) {
  for (const bool partial : {false, true}) {
    const std::string file =
        absl::StrCat(folder, "/metrics.jsonl", partial ? ".partial" : "");
    const absl::StatusOr<std::string> text = ReadFile(file, kMaxBytes);
    if (absl::IsNotFound(text.status())) continue;
    if (!text.ok()) return text.status();
    absl::StatusOr<RecordedMetrics> recorded =
        ParseMetrics(*text, file, partial);
    if (!recorded.ok()) return recorded.status();
    return std::optional<RecordedMetrics>(*std::move(recorded));
  }
  return std::optional<RecordedMetrics>();
}

RecordedMetrics UpToStep(const RecordedMetrics& metrics, int64_t last) {
  RecordedMetrics some;
  some.file = metrics.file;
  some.partial = metrics.partial;
  for (const Metric& metric : metrics.metrics) {
    if (metric.step <= last) some.metrics.push_back(metric);
  }
  for (const int64_t step : metrics.steps) {
    if (step <= last) some.steps.push_back(step);
  }
  return some;
}

bool SameValue(const JsonScalar& a, const JsonScalar& b) {
  const double* const x = std::get_if<double>(&a);
  const double* const y = std::get_if<double>(&b);
  if (x != nullptr && y != nullptr) return SameBits(*x, *y);
  return a == b;
}

std::string ScalarText(const JsonScalar& value) {
  if (const double* const number = std::get_if<double>(&value)) {
    return ExactText(*number);
  }
  if (const bool* const truth = std::get_if<bool>(&value)) {
    return *truth ? "true" : "false";
  }
  if (const std::string* const text = std::get_if<std::string>(&value)) {
    return absl::StrCat("\"", *text, "\"");
  }
  return "null";
}

MetricsComparison CompareMetrics(const RecordedMetrics& a,
                                 const RecordedMetrics& b) {
  MetricsComparison result;
  const Places in_b = PlacesOf(b);
  std::map<Key, size_t> used;  // of those in b
  std::vector<bool> line_equal(a.steps.size(), true);
  for (const Metric& metric : a.metrics) {
    const Key key = {metric.step, metric.name};
    const auto found = in_b.find(key);
    const size_t n = used[key]++;
    if (found == in_b.end() || n >= found->second.size()) {
      if (result.only_a++ == 0) result.first_only_a = metric;
      line_equal[metric.line - 1] = false;
      continue;
    }
    ++result.shared;
    const Metric& other = b.metrics[found->second[n]];
    if (SameValue(metric.value, other.value)) continue;
    if (result.different++ == 0) result.first = MetricDifference{metric, other};
    line_equal[metric.line - 1] = false;
  }
  for (const Metric& metric : b.metrics) {
    size_t& n = used[{metric.step, metric.name}];
    if (n > 0) {
      --n;
    } else if (result.only_b++ == 0) {
      result.first_only_b = metric;
    }
  }
  result.equal_lines = static_cast<size_t>(
      std::count(line_equal.begin(), line_equal.end(), true));
  return result;
}

std::string DifferenceText(const MetricDifference& difference) {
  const Metric& a = difference.a;
  const Metric& b = difference.b;
  std::string text = absl::StrCat(
      "step ", a.step, ", ", a.name, ": ", ScalarText(a.value), " (line ",
      a.line, ") and ", ScalarText(b.value), " (line ", b.line, ")");
  const double* const x = std::get_if<double>(&a.value);
  const double* const y = std::get_if<double>(&b.value);
  if (x != nullptr && y != nullptr) {
    absl::StrAppend(&text, ", difference ", ExactText(*y - *x));
  }
  return text;
}

}  // namespace polarize
