// The rows of a sweep's CSV file: one per run.
#ifndef POLARIZE_TOOLS_SWEEPS_RUN_TABLE_H_
#define POLARIZE_TOOLS_SWEEPS_RUN_TABLE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "experiments/run/csv.h"
#include "experiments/run/typed_table.h"

namespace polarize {

// A cell's value, so that spellings of the same value are equal: numbers
// by their value to seven digits (0.2, 0.200000003), "true" and "True".
std::string PlainValue(absl::string_view cell);

// Whether both are numbers, the first one smaller: the order of a column's
// values, for a stable sort that leaves other values where they are.
bool IsSmallerNumber(absl::string_view a, absl::string_view b);

struct Condition {
  std::string column;
  std::string value;  // equal to the cell up to PlainValue()
};
// All of them.
using RunFilter = std::vector<Condition>;

// "num_heads = 1, use_mlp = False".
std::string FilterText(const RunFilter& filter);

class RunTable {
 public:
  explicit RunTable(TypedTable table) : table_(std::move(table)) {}
  // Without a file's name: nothing here is an error.
  explicit RunTable(CsvTable table)
      : RunTable(TypedTable(std::move(table), "")) {}

  size_t size() const { return table_.rows(); }
  bool Has(absl::string_view column) const;
  // The cell, or "" where there is no such column.
  absl::string_view Text(size_t row, absl::string_view column) const;
  // The cell's number if it is a finite one.
  absl::optional<double> Number(size_t row, absl::string_view column) const;
  // Whether the run came to its end.
  bool IsFinished(size_t row) const;
  bool Matches(size_t row, const RunFilter& filter) const;
  // The finished rows that match.
  std::vector<size_t> Where(const RunFilter& filter) const;
  // The values of a column over finished rows, each once: numbers by size,
  // other values in order of their first row.
  std::vector<std::string> Values(absl::string_view column) const;

 private:
  TypedTable table_;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_SWEEPS_RUN_TABLE_H_
