#include "experiments/run/csv.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using Cells = std::vector<std::string>;

CsvTable Parsed(const std::string& text) {
  absl::StatusOr<CsvTable> table = ParseCsv(text, "t.csv");
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *table : CsvTable();
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<CsvTable> table = ParseCsv(text, "t.csv");
  EXPECT_FALSE(table.ok());
  EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(table.status().message());
}

TEST(CsvTest, ReadsPlainCells) {
  const CsvTable table = Parsed("a,b,c\n1,,x y\n,,\n");
  EXPECT_EQ(table.columns, (Cells{"a", "b", "c"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0], (Cells{"1", "", "x y"}));
  EXPECT_EQ(table.rows[1], (Cells{"", "", ""}));
}

TEST(CsvTest, ReadsQuotedCells) {
  const CsvTable table =
      Parsed("\"a,b\",\"c\"\"d\"\n\"two\nlines\",\"\"\n\"\"\"\",\"x\r\ny\"\n");
  EXPECT_EQ(table.columns, (Cells{"a,b", "c\"d"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0], (Cells{"two\nlines", ""}));
  EXPECT_EQ(table.rows[1], (Cells{"\"", "x\r\ny"}));
}

TEST(CsvTest, AcceptsCrLfAndALastLineWithoutEnd) {
  const CsvTable table = Parsed("a,b\r\n1,\"2\"\r\n3,4");
  EXPECT_EQ(table.columns, (Cells{"a", "b"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0], (Cells{"1", "2"}));
  EXPECT_EQ(table.rows[1], (Cells{"3", "4"}));
  // A carriage return alone ends nothing.
  EXPECT_EQ(Parsed("a\n1\r2\n").rows, (std::vector<Cells>{{"1\r2"}}));
}

TEST(CsvTest, ColumnsAlone) {
  const CsvTable table = Parsed("a,b\n");
  EXPECT_EQ(table.columns.size(), 2u);
  EXPECT_TRUE(table.rows.empty());
}

TEST(CsvTest, ErrorsNameFileAndLine) {
  EXPECT_EQ(ErrorOf(""), "t.csv:1: no line that names the columns");
  EXPECT_EQ(ErrorOf("a,b\n1,2\n1,2,3\n"),
            "t.csv:3: 3 cells, but the first line has 2");
  EXPECT_EQ(ErrorOf("a,b\n1\n"), "t.csv:2: 1 cells, but the first line has 2");
  EXPECT_EQ(ErrorOf("a,b\n\n"), "t.csv:2: 1 cells, but the first line has 2");
  EXPECT_EQ(ErrorOf("a\n1\n\"2\n3\n"), "t.csv:3: a quote that is never closed");
  EXPECT_EQ(ErrorOf("a\n\""), "t.csv:2: a quote that is never closed");
  EXPECT_EQ(ErrorOf("a\n1\"\n"),
            "t.csv:2: a quote inside a cell that does not begin with one");
  EXPECT_EQ(ErrorOf("a\n\"1\n2\"3\n"),
            "t.csv:3: a closing quote must end its cell");
  // A line inside of a cell counts.
  EXPECT_EQ(ErrorOf("a,b\n\"x\ny\",2\n1\n"),
            "t.csv:4: 1 cells, but the first line has 2");
}

TEST(CsvTest, TextReadsBackAsTheSameTable) {
  CsvTable table;
  table.columns = {"", "plain", "with,comma", "with\"quote"};
  table.rows = {{"0", "", "\n", "\r"}, {"1", "\"", ",", " x "}};
  const std::string text = CsvText(table);
  EXPECT_EQ(text,
            ",plain,\"with,comma\",\"with\"\"quote\"\n"
            "0,,\"\n\",\"\r\"\n"
            "1,\"\"\"\",\",\", x \n");
  const CsvTable again = Parsed(text);
  EXPECT_EQ(again.columns, table.columns);
  EXPECT_EQ(again.rows, table.rows);

  CsvTable lonely;
  lonely.columns = {"a"};
  lonely.rows = {{""}};
  EXPECT_EQ(CsvText(lonely), "a\n\"\"\n");
  EXPECT_EQ(Parsed(CsvText(lonely)).rows, lonely.rows);
}

TEST(CsvTest, FindsColumns) {
  const CsvTable table = Parsed(",b,c,b\n");
  EXPECT_EQ(ColumnOf(table, ""), 0);
  EXPECT_EQ(ColumnOf(table, "b"), 1);
  EXPECT_EQ(ColumnOf(table, "c"), 2);
  EXPECT_EQ(ColumnOf(table, "d"), -1);
}

TEST(CsvTest, ReadsFiles) {
  const TestFolder folder;
  const auto file = [&](const std::string& name) {
    return folder.path() + "/" + name;
  };
  const std::string path = file("t.csv");
  ASSERT_TRUE(WriteFileWhole(path, "a\n1\n").ok());
  const absl::StatusOr<CsvTable> table = ReadCsv(path);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows, (std::vector<Cells>{{"1"}}));

  ASSERT_TRUE(WriteFileWhole(path, "a\n1,2\n").ok());
  EXPECT_EQ(ReadCsv(path).status().message(),
            path + ":2: 2 cells, but the first line has 1");
  EXPECT_EQ(ReadCsv(file("none.csv")).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace polarize
