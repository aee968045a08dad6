#include "tools/report/provenance.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/types/optional.h"

namespace polarize {

std::vector<Origin> OriginsOf(const SweepData& sweep) {
  std::vector<Origin> origins;
  if (!sweep.times.has_value()) return origins;
  const RunTable& times = *sweep.times;
  std::map<std::tuple<std::string, std::string, std::string>, Origin> found;
  for (size_t row = 0; row < times.size(); ++row) {
    const std::string cpu(times.Text(row, "cpu"));
    const std::string target(times.Text(row, "simd_target"));
    const std::string commit(times.Text(row, "commit"));
    Origin& origin = found[{cpu, target, commit}];
    origin.cpu = cpu;
    origin.simd_target = target;
    origin.commit = commit;
    ++origin.runs;
    const absl::optional<double> seconds = times.Number(row, "seconds");
    if (seconds.has_value()) origin.seconds += *seconds;
    const std::string start(times.Text(row, "start_time"));
    if (start.empty()) continue;
    if (origin.first.empty() || start < origin.first) origin.first = start;
    origin.last = std::max(origin.last, start);
  }
  for (auto& entry : found) origins.push_back(std::move(entry.second));
  std::stable_sort(
      origins.begin(), origins.end(),
      [](const Origin& a, const Origin& b) { return a.runs > b.runs; });
  return origins;
}

std::string DurationText(double seconds) {
  if (seconds < 60) return absl::StrFormat("%.1fs", seconds);
  const long minutes = std::lround(seconds / 60);
  if (minutes < 60) return absl::StrFormat("%dm", minutes);
  return absl::StrFormat("%dh %02dm", minutes / 60, minutes % 60);
}

}  // namespace polarize
