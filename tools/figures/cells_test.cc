#include "tools/figures/cells.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(CellsTest, CountsRunsPassedAndValues) {
  Cells cells;
  cells.Add("mlp_norm", true, 0.5);
  cells.Add("mlp_norm", true, std::nan(""));
  cells.Add("mlp_norm", false, 1);
  cells.Add("mlp_unnorm", false, 1);
  cells.Add("uniform", true, 1);
  EXPECT_EQ(cells.runs(), 4u);
  EXPECT_EQ(cells.passed(), 2u);
  const Cell& cell = cells.At(4, 0);
  EXPECT_EQ(cell.runs, 3u);
  EXPECT_EQ(cell.passed, 2u);
  EXPECT_EQ(cell.values, std::vector<double>({0.5}));
  EXPECT_EQ(cells.At(4, 1).runs, 1u);
  EXPECT_EQ(cells.At(4, 1).passed, 0u);
}

}  // namespace
}  // namespace polarize
