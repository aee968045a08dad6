// Cells of a CSV file as what they should be; errors name file, row and column.
#ifndef POLARIZE_EXPERIMENTS_RUN_TYPED_TABLE_H_
#define POLARIZE_EXPERIMENTS_RUN_TYPED_TABLE_H_

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "experiments/run/csv.h"

namespace polarize {

class TypedTable {
 public:
  // `file` is what errors name.
  TypedTable(CsvTable table, std::string file);
  // NotFound if there is no such file.
  static absl::StatusOr<TypedTable> Read(const std::string& path);

  size_t rows() const { return table_.rows.size(); }

  // The index of a column that must be there, or may.
  absl::StatusOr<size_t> Column(absl::string_view name) const;
  absl::optional<size_t> FindColumn(absl::string_view name) const;
  // Those whose name MatchesColumn(), in the table's order.
  std::vector<size_t> ColumnsLike(absl::string_view pattern) const;

  const std::string& Text(size_t row, size_t column) const {
    return table_.rows[row][column];
  }
  // A cell that must not be empty.
  absl::StatusOr<double> Number(size_t row, size_t column) const;
  // NaN for an empty cell: the run diverged or failed, or has no such head.
  absl::StatusOr<double> Metric(size_t row, size_t column) const;
  // A whole number from 0 to a million.
  absl::StatusOr<int> Count(size_t row, size_t column) const;
  // True or False, in letters of any case.
  absl::StatusOr<bool> Boolean(size_t row, size_t column) const;

 private:
  absl::Status Wrong(size_t row, size_t column, absl::string_view what) const;

  CsvTable table_;
  std::string file_;
  std::unordered_map<std::string, size_t> columns_;
};

// Whether `name` is `pattern` with one or more digits for each '#'.
bool MatchesColumn(absl::string_view name, absl::string_view pattern);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_TYPED_TABLE_H_
