#include "tools/report/group.h"

#include "absl/strings/str_format.h"

namespace polarize {

Spread SpreadOf(const RunTable& runs, const std::vector<size_t>& rows,
                QuantityOfRun quantity, Finding& finding) {
  Spread spread;
  for (const size_t row : rows) {
    const absl::optional<double> value = quantity(runs, row);
    if (!value.has_value()) continue;
    spread.Add(*value, runs.Text(row, "seed"));
    finding.run_ids.emplace_back(runs.Text(row, "run_id"));
  }
  return spread;
}

RunFilter With(RunFilter filter, const RunFilter& more) {
  filter.insert(filter.end(), more.begin(), more.end());
  return filter;
}

std::string MeanText(const Spread& spread) {
  return absl::StrFormat("%.3f (%d runs)", spread.mean(), spread.runs());
}

}  // namespace polarize
