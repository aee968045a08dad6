#include "tools/sweeps/run_table.h"

#include <algorithm>
#include <cmath>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace polarize {

std::string PlainValue(absl::string_view cell) {
  double number;
  if (absl::SimpleAtod(cell, &number) && std::isfinite(number)) {
    return absl::StrFormat("%.7g", number);
  }
  if (absl::EqualsIgnoreCase(cell, "true")) return "True";
  if (absl::EqualsIgnoreCase(cell, "false")) return "False";
  return std::string(cell);
}

bool IsSmallerNumber(absl::string_view a, absl::string_view b) {
  double x, y;
  return absl::SimpleAtod(a, &x) && absl::SimpleAtod(b, &y) && x < y;
}

std::string FilterText(const RunFilter& filter) {
  std::string text;
  for (const Condition& condition : filter) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", condition.column, " = ",
                    condition.value);
  }
  return text;
}

bool RunTable::Has(absl::string_view column) const {
  return table_.FindColumn(column).has_value();
}

absl::string_view RunTable::Text(size_t row, absl::string_view column) const {
  const absl::optional<size_t> found = table_.FindColumn(column);
  return found.has_value() ? table_.Text(row, *found) : absl::string_view();
}

absl::optional<double> RunTable::Number(size_t row,
                                        absl::string_view column) const {
  const absl::optional<size_t> found = table_.FindColumn(column);
  if (!found.has_value()) return absl::nullopt;
  const absl::StatusOr<double> number = table_.Metric(row, *found);
  if (!number.ok() || !std::isfinite(*number)) return absl::nullopt;
  return *number;
}

bool RunTable::IsFinished(size_t row) const {
  return Text(row, "state") == "finished";
}

bool RunTable::Matches(size_t row, const RunFilter& filter) const {
  return std::all_of(filter.begin(), filter.end(),
                     [&](const Condition& condition) {
                       return PlainValue(Text(row, condition.column)) ==
                              PlainValue(condition.value);
                     });
}

std::vector<size_t> RunTable::Where(const RunFilter& filter) const {
  std::vector<size_t> rows;
  for (size_t row = 0; row < size(); ++row) {
    if (IsFinished(row) && Matches(row, filter)) rows.push_back(row);
  }
  return rows;
}

std::vector<std::string> RunTable::Values(absl::string_view column) const {
  std::vector<std::string> values;
  for (size_t row = 0; row < size(); ++row) {
    if (!IsFinished(row)) continue;
    const std::string value = PlainValue(Text(row, column));
    if (std::find(values.begin(), values.end(), value) == values.end()) {
      values.push_back(value);
    }
  }
  std::stable_sort(values.begin(), values.end(), IsSmallerNumber);
  return values;
}

}  // namespace polarize
