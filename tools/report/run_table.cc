#include "tools/report/run_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

std::string FilterText(const RunFilter& filter) {
  std::string text;
  for (const Condition& condition : filter) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", condition.column, " = ",
                    condition.value);
  }
  return text;
}

RunTable::RunTable(CsvTable table) : table_(std::move(table)) {
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    columns_.emplace(table_.columns[i], i);
  }
}

bool RunTable::Has(absl::string_view column) const {
  return columns_.count(std::string(column)) > 0;
}

absl::string_view RunTable::Text(size_t row, absl::string_view column) const {
  const auto found = columns_.find(std::string(column));
  if (found == columns_.end()) return "";
  return table_.rows[row][found->second];
}

absl::optional<double> RunTable::Number(size_t row,
                                        absl::string_view column) const {
  double number;
  if (!absl::SimpleAtod(Text(row, column), &number) || !std::isfinite(number)) {
    return absl::nullopt;
  }
  return number;
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
  std::stable_sort(values.begin(), values.end(),
                   [](const std::string& a, const std::string& b) {
                     double x, y;
                     return absl::SimpleAtod(a, &x) &&
                            absl::SimpleAtod(b, &y) && x < y;
                   });
  return values;
}

}  // namespace polarize
