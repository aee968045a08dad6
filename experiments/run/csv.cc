#include "experiments/run/csv.h"

#include <cstddef>
#include <utility>

#include "absl/log/check.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

// A full sweep's table has a few million bytes.
constexpr size_t kMaxBytes = size_t{1} << 30;

// Takes records off the front of a text.
class Reader {
 public:
  Reader(absl::string_view text, const std::string& file)
      : text_(text), file_(file) {}

  bool done() const { return at_ == text_.size(); }
  // Of the next record, later of where reading it stopped.
  size_t line() const { return line_; }

  // There must be one.
  absl::StatusOr<std::vector<std::string>> Record() {
    std::vector<std::string> cells;
    for (;;) {
      std::string cell;
      const absl::Status read = Next() == '"' ? Quoted(&cell) : Unquoted(&cell);
      if (!read.ok()) return read;
      cells.push_back(std::move(cell));
      if (Next() != ',') break;
      ++at_;
    }
    at_ += LineEnd();
    ++line_;
    return cells;
  }

  absl::Status Error(size_t line, absl::string_view rule) const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ":", line, ": ", rule));
  }

 private:
  // The next character, or '\0' at the end (a '\0' in a cell does no harm:
  // only quotes and commas are looked for).
  char Next() const { return done() ? '\0' : text_[at_]; }

  // The length of the line end that comes next, or 0.
  size_t LineEnd() const {
    const absl::string_view rest = text_.substr(at_);
    if (rest.substr(0, 1) == "\n") return 1;
    return rest.substr(0, 2) == "\r\n" ? 2 : 0;
  }

  absl::Status Unquoted(std::string* cell) {
    const size_t start = at_;
    while (!done() && Next() != ',' && LineEnd() == 0) {
      if (Next() == '"') {
        return Error(line_,
                     "a quote inside a cell that does not begin with one");
      }
      ++at_;
    }
    *cell = std::string(text_.substr(start, at_ - start));
    return absl::OkStatus();
  }

  absl::Status Quoted(std::string* cell) {
    const size_t first_line = line_;
    for (++at_; !done(); ++at_) {
      if (Next() == '\n') ++line_;
      if (Next() == '"') {
        if (text_.substr(at_, 2) != "\"\"") break;
        ++at_;
      }
      cell->push_back(text_[at_]);
    }
    if (done()) return Error(first_line, "a quote that is never closed");
    ++at_;
    if (!done() && Next() != ',' && LineEnd() == 0) {
      return Error(line_, "a closing quote must end its cell");
    }
    return absl::OkStatus();
  }

  const absl::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
  size_t line_ = 1;
};

void AppendCell(absl::string_view cell, std::string* text) {
  if (cell.find_first_of(",\"\r\n") == absl::string_view::npos) {
    text->append(cell.data(), cell.size());
    return;
  }
  text->push_back('"');
  for (const char c : cell) {
    if (c == '"') text->push_back('"');
    text->push_back(c);
  }
  text->push_back('"');
}

void AppendRecord(const std::vector<std::string>& cells, std::string* text) {
  // An empty line would read as no record at all to others.
  if (cells.size() == 1 && cells[0].empty()) text->append("\"\"");
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) text->push_back(',');
    AppendCell(cells[i], text);
  }
  text->push_back('\n');
}

}  // namespace

absl::StatusOr<CsvTable> ParseCsv(absl::string_view text,
                                  const std::string& file) {
  Reader reader(text, file);
  if (reader.done()) return reader.Error(1, "no line that names the columns");
  absl::StatusOr<std::vector<std::string>> columns = reader.Record();
  if (!columns.ok()) return columns.status();
  CsvTable table;
  table.columns = *std::move(columns);
  while (!reader.done()) {
    const size_t line = reader.line();
    absl::StatusOr<std::vector<std::string>> row = reader.Record();
    if (!row.ok()) return row.status();
    if (row->size() != table.columns.size()) {
      return reader.Error(
          line, absl::StrCat(row->size(), " cells, but the first line has ",
                             table.columns.size()));
    }
    table.rows.push_back(*std::move(row));
  }
  return table;
}

absl::StatusOr<CsvTable> ReadCsv(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxBytes);
  if (!text.ok()) return text.status();
  return ParseCsv(*text, path);
}

std::string CsvText(const CsvTable& table) {
  std::string text;
  AppendRecord(table.columns, &text);
  for (const std::vector<std::string>& row : table.rows) {
    CHECK_EQ(row.size(), table.columns.size());
    AppendRecord(row, &text);
  }
  return text;
}

int ColumnOf(const CsvTable& table, absl::string_view name) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i] == name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace polarize
