#include "tools/sweeps/run_table.h"

#include "absl/types/optional.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;

TEST(PlainValue, IsOneForEverySpelling) {
  EXPECT_EQ(PlainValue("0.200000003"), PlainValue("2e-1"));
  EXPECT_NE(PlainValue("0.2"), PlainValue("0.21"));
  EXPECT_EQ(PlainValue("0.0"), PlainValue("0"));
  EXPECT_EQ(PlainValue("true"), "True");
  EXPECT_EQ(PlainValue("False"), "False");
  EXPECT_EQ(PlainValue("softmax"), "softmax");
  EXPECT_EQ(PlainValue("nan"), "nan");
  EXPECT_EQ(PlainValue(""), "");
}

TEST(RunTable, ReadsCells) {
  const RunTable table(CsvTable{{"state", "heads", "x"},
                                {{"finished", "10", "1.5"},
                                 {"diverged", "3", ""},
                                 {"finished", "2", "inf"},
                                 {"finished", "10.0", "nan"}}});
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(table.Text(0, "x"), "1.5");
  EXPECT_EQ(table.Text(0, "y"), "");
  EXPECT_EQ(table.Number(0, "x"), absl::optional<double>(1.5));
  for (size_t row = 1; row < 4; ++row) {
    EXPECT_FALSE(table.Number(row, "x").has_value()) << row;
  }
  EXPECT_THAT(table.Where({}), ElementsAre(0, 2, 3));
  EXPECT_THAT(table.Where({{"heads", "10"}}), ElementsAre(0, 3));
  EXPECT_THAT(table.Where({{"heads", "10"}, {"x", "1.50"}}), ElementsAre(0));
  EXPECT_THAT(table.Where({{"no such column", "1"}}), ElementsAre());
  EXPECT_THAT(table.Values("heads"), ElementsAre("2", "10"));
}

TEST(FilterText, NamesEveryCondition) {
  EXPECT_EQ(FilterText({{"a", "1"}, {"b", "True"}}), "a = 1, b = True");
}

}  // namespace
}  // namespace polarize
