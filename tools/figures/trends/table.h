// Cells of a CSV file as what they should be; errors name file, row and column.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_TABLE_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_TABLE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/run/csv.h"

namespace polarize {

class NamedTable {
 public:
  // NotFound if there is no such file.
  static absl::StatusOr<NamedTable> Read(const std::string& path);

  size_t rows() const { return table_.rows.size(); }
  const CsvTable& table() const { return table_; }

  // The index of a column that must be there.
  absl::StatusOr<size_t> Column(absl::string_view name) const;
  const std::string& Text(size_t row, size_t column) const {
    return table_.rows[row][column];
  }
  // NaN for an empty cell.
  absl::StatusOr<double> Number(size_t row, size_t column) const;
  // A whole number from 0 to a million.
  absl::StatusOr<size_t> Count(size_t row, size_t column) const;

 private:
  absl::Status Wrong(size_t row, size_t column, absl::string_view rule) const;

  std::string path_;
  CsvTable table_;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_TABLE_H_
