#include "experiments/run/typed_table.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr double kMostCount = 1000000;

}  // namespace

TypedTable::TypedTable(CsvTable table, std::string file)
    : table_(std::move(table)), file_(std::move(file)) {
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    columns_.emplace(table_.columns[i], i);
  }
}

absl::StatusOr<TypedTable> TypedTable::Read(const std::string& path) {
  absl::StatusOr<CsvTable> table = ReadCsv(path);
  if (!table.ok()) return table.status();
  return TypedTable(*std::move(table), path);
}

absl::optional<size_t> TypedTable::FindColumn(absl::string_view name) const {
  const auto found = columns_.find(std::string(name));
  if (found == columns_.end()) return absl::nullopt;
  return found->second;
}

absl::StatusOr<size_t> TypedTable::Column(absl::string_view name) const {
  const absl::optional<size_t> column = FindColumn(name);
  if (column.has_value()) return *column;
  return absl::InvalidArgumentError(
      absl::StrCat(file_, ": no column '", name, "'"));
}

std::vector<size_t> TypedTable::ColumnsLike(absl::string_view pattern) const {
  std::vector<size_t> columns;
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    if (MatchesColumn(table_.columns[i], pattern)) columns.push_back(i);
  }
  return columns;
}

absl::Status TypedTable::Wrong(size_t row, size_t column,
                               absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(file_, ": row ", row + 1, ", ", table_.columns[column],
                   ": '", Text(row, column), "' ", what));
}

absl::StatusOr<double> TypedTable::Number(size_t row, size_t column) const {
  if (Text(row, column).empty()) return Wrong(row, column, "is empty");
  return Metric(row, column);
}

absl::StatusOr<double> TypedTable::Metric(size_t row, size_t column) const {
  const std::string& text = Text(row, column);
  double value = std::numeric_limits<double>::quiet_NaN();
  if (text.empty() || absl::SimpleAtod(text, &value)) return value;
  return Wrong(row, column, "is no number");
}

absl::StatusOr<int> TypedTable::Count(size_t row, size_t column) const {
  const absl::StatusOr<double> number = Number(row, column);
  if (!number.ok()) return number.status();
  if (*number >= 0 && *number <= kMostCount && *number == std::floor(*number)) {
    return static_cast<int>(*number);
  }
  return Wrong(row, column, "is not a whole number from 0 to a million");
}

absl::StatusOr<bool> TypedTable::Boolean(size_t row, size_t column) const {
  const std::string& text = Text(row, column);
  if (absl::EqualsIgnoreCase(text, "true")) return true;
  if (absl::EqualsIgnoreCase(text, "false")) return false;
  return Wrong(row, column, "is not True or False");
}

bool MatchesColumn(absl::string_view name, absl::string_view pattern) {
  const auto is_digit = [](absl::string_view text) {
    return !text.empty() &&
           absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
  };
  while (!pattern.empty()) {
    if (pattern[0] == '#') {
      if (!is_digit(name)) return false;
      while (is_digit(name)) name.remove_prefix(1);
    } else {
      if (name.empty() || name[0] != pattern[0]) return false;
      name.remove_prefix(1);
    }
    pattern.remove_prefix(1);
  }
  return name.empty();
}

}  // namespace polarize
