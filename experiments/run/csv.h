// Tables in text: comma-separated values as RFC 4180 has them.
#ifndef POLARIZE_EXPERIMENTS_RUN_CSV_H_
#define POLARIZE_EXPERIMENTS_RUN_CSV_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

struct CsvTable {
  std::vector<std::string> columns;
  // Each as long as `columns`.
  std::vector<std::vector<std::string>> rows;
};

// The table in `text`, its first line naming the columns. A cell may be quoted:
// then it may hold commas, line ends and, doubled, quotes. Lines end with LF or
// CRLF; the last one need not. An empty cell is an empty string.
// A text without any line, a row of another length than the first, a quote
// inside an unquoted cell, something behind a closing quote and a quote never
// closed are errors: "FILE:LINE: RULE", lines from 1.
absl::StatusOr<CsvTable> ParseCsv(absl::string_view text,
                                  const std::string& file);

// The table of the file `path`.
absl::StatusOr<CsvTable> ReadCsv(const std::string& path);

// The text of `table`, whose rows must be as long as its columns: ParseCsv
// makes the same table of it. Lines end with LF; cells are quoted only where
// they must be.
std::string CsvText(const CsvTable& table);

// Index of the column `name` (the first, if several), or -1.
int ColumnOf(const CsvTable& table, absl::string_view name);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_CSV_H_
