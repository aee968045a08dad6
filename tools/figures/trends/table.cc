#include "tools/figures/trends/table.h"

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr int kMostCount = 1000000;

}  // namespace

absl::StatusOr<NamedTable> NamedTable::Read(const std::string& path) {
  absl::StatusOr<CsvTable> table = ReadCsv(path);
  if (!table.ok()) return table.status();
  NamedTable named;
  named.path_ = path;
  named.table_ = *std::move(table);
  return named;
}

absl::StatusOr<size_t> NamedTable::Column(absl::string_view name) const {
  const int column = ColumnOf(table_, name);
  if (column >= 0) return static_cast<size_t>(column);
  return absl::InvalidArgumentError(
      absl::StrCat(path_, ": no column '", name, "'"));
}

absl::Status NamedTable::Wrong(size_t row, size_t column,
                               absl::string_view rule) const {
  return absl::InvalidArgumentError(
      absl::StrCat(path_, ": row ", row + 1, ", ", table_.columns[column],
                   ": '", Text(row, column), "' is no ", rule));
}

absl::StatusOr<double> NamedTable::Number(size_t row, size_t column) const {
  const std::string& text = Text(row, column);
  double value = std::numeric_limits<double>::quiet_NaN();
  if (text.empty() || absl::SimpleAtod(text, &value)) return value;
  return Wrong(row, column, "number");
}

absl::StatusOr<size_t> NamedTable::Count(size_t row, size_t column) const {
  int value = 0;
  if (absl::SimpleAtoi(Text(row, column), &value) && value >= 0 &&
      value <= kMostCount) {
    return static_cast<size_t>(value);
  }
  return Wrong(row, column, "number of things");
}

}  // namespace polarize
