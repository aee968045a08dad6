#include "experiments/run/typed_table.h"

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TypedTable Cell(const std::string& text) {
  return TypedTable({{"x"}, {{"1"}, {text}}}, "a.csv");
}

template <typename StatusOr>
std::string ErrorOf(const StatusOr& result) {
  return std::string(result.status().message());
}

TEST(TypedTableTest, FindsColumns) {
  const TypedTable table({{"1_0_x", "b", "1_12_x", "b"}, {}}, "a.csv");
  EXPECT_EQ(table.rows(), 0u);
  EXPECT_EQ(*table.Column("b"), 1u) << "the first of two";
  EXPECT_EQ(table.FindColumn("1_12_x"), absl::optional<size_t>(2));
  EXPECT_FALSE(table.FindColumn("c").has_value());
  EXPECT_EQ(ErrorOf(table.Column("c")), "a.csv: no column 'c'");
  EXPECT_THAT(table.ColumnsLike("1_#_x"), ElementsAre(0, 2));
}

TEST(TypedTableTest, ReadsNumbers) {
  EXPECT_EQ(*Cell("-1.5e3").Number(1, 0), -1500);
  EXPECT_EQ(*Cell("-1.5e3").Metric(1, 0), -1500);
  EXPECT_EQ(ErrorOf(Cell("").Number(1, 0)), "a.csv: row 2, x: '' is empty");
  EXPECT_TRUE(std::isnan(*Cell("").Metric(1, 0)));
  EXPECT_EQ(ErrorOf(Cell("1.2.3").Metric(1, 0)),
            "a.csv: row 2, x: '1.2.3' is no number");
}

TEST(TypedTableTest, CountsAreWholeAndBounded) {
  EXPECT_EQ(*Cell("0").Count(1, 0), 0);
  EXPECT_EQ(*Cell("41.0").Count(1, 0), 41) << "as pandas writes some";
  EXPECT_EQ(*Cell("1000000").Count(1, 0), 1000000);
  for (const char* text : {"1000001", "-1", "0.5", "nan", "inf"}) {
    EXPECT_THAT(ErrorOf(Cell(text).Count(1, 0)),
                HasSubstr("is not a whole number"))
        << text;
  }
  EXPECT_THAT(ErrorOf(Cell("").Count(1, 0)), HasSubstr("is empty"));
}

TEST(TypedTableTest, BooleansAreTrueOrFalse) {
  EXPECT_TRUE(*Cell("True").Boolean(1, 0));
  EXPECT_TRUE(*Cell("true").Boolean(1, 0));
  EXPECT_FALSE(*Cell("FALSE").Boolean(1, 0));
  EXPECT_THAT(ErrorOf(Cell("1").Boolean(1, 0)),
              HasSubstr("'1' is not True or False"));
}

TEST(TypedTableTest, NamesTheFileThatIsNotThere) {
  const auto table = TypedTable::Read("/no/such/file.csv");
  EXPECT_TRUE(absl::IsNotFound(table.status()));
  EXPECT_THAT(ErrorOf(table), HasSubstr("/no/such/file.csv"));
}

TEST(MatchesColumnTest, TakesDigitsForEachSign) {
  EXPECT_TRUE(MatchesColumn("1_0_x", "1_#_x"));
  EXPECT_TRUE(MatchesColumn("1_107_x", "1_#_x"));
  EXPECT_FALSE(MatchesColumn("1__x", "1_#_x"));
  EXPECT_FALSE(MatchesColumn("0_0_x", "1_#_x"));
  EXPECT_FALSE(MatchesColumn("11_0_x", "1_#_x"));
  EXPECT_FALSE(MatchesColumn("1_0_x2", "1_#_x"));
  EXPECT_FALSE(MatchesColumn("1_0", "1_#_x"));
  EXPECT_TRUE(MatchesColumn("mixing/0_12/y", "mixing/#_#/y"));
}

}  // namespace
}  // namespace polarize
