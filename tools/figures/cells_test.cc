#include "tools/figures/cells.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace polarize {
namespace {

std::string NameOf(absl::string_view type) {
  const absl::optional<KindAndNorm> place = KindOf(type);
  if (!place.has_value()) return "none";
  return std::string(kKindNames[place->kind]) + " " + kNormNames[place->norm];
}

TEST(CellsTest, KindsHaveThePapersNames) {
  EXPECT_EQ(NameOf("softmax"), "softmax w. norm.");
  EXPECT_EQ(NameOf("sigmoid_norm"), "sigmoid w. norm.");
  EXPECT_EQ(NameOf("sigmoid_unnorm"), "sigmoid w/o norm.");
  EXPECT_EQ(NameOf("linear"), "elu·elu w. norm.");
  EXPECT_EQ(NameOf("linear_unnorm"), "elu·elu w/o norm.");
  EXPECT_EQ(NameOf("coupled_linear_norm"), "elu w. norm.");
  EXPECT_EQ(NameOf("coupled_linear_unnorm"), "elu w/o norm.");
  EXPECT_EQ(NameOf("raw_dotproduct_norm"), "linear w. norm.");
  EXPECT_EQ(NameOf("raw_dotproduct_unnorm"), "linear w/o norm.");
  EXPECT_EQ(NameOf("mlp_norm"), "mlp w. norm.");
  EXPECT_EQ(NameOf("mlp_unnorm"), "mlp w/o norm.");
  for (const char* none :
       {"uniform", "softmax_1", "sigmoid", "relu_norm", ""}) {
    EXPECT_EQ(NameOf(none), "none") << none;
  }
}

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

TEST(CellsTest, MeanIsTheSameInAnyOrder) {
  EXPECT_TRUE(std::isnan(Mean({})));
  EXPECT_EQ(Mean({0.25, 0.75}), 0.5);
  EXPECT_EQ(Mean({0.1, 0.2, 0.3, 1e9}), Mean({1e9, 0.3, 0.1, 0.2}));
}

TEST(CellsTest, BootstrapIsAnIntervalOfTheMean) {
  std::vector<double> values;
  for (int i = 0; i < 60; ++i) values.push_back((i * 37 % 60) / 59.0);
  const auto [low, high] = BootstrapInterval(values, 2000, 0);
  // The mean is 1/2; its standard error sqrt(var / 60) = 0.0379.
  EXPECT_NEAR(low, 0.5 - 1.96 * 0.0379, 0.006);
  EXPECT_NEAR(high, 0.5 + 1.96 * 0.0379, 0.006);
  std::vector<double> turned(values.rbegin(), values.rend());
  EXPECT_EQ(BootstrapInterval(turned, 2000, 0), std::make_pair(low, high));
  EXPECT_NE(BootstrapInterval(values, 2000, 1), std::make_pair(low, high));
  EXPECT_NE(BootstrapInterval(values, 1000, 0), std::make_pair(low, high));
}

TEST(CellsTest, BootstrapOfFewValues) {
  EXPECT_TRUE(std::isnan(BootstrapInterval({}, 100, 0).first));
  EXPECT_TRUE(std::isnan(BootstrapInterval({1}, 100, 0).second));
  EXPECT_EQ(BootstrapInterval({0.5, 0.5}, 100, 0), std::make_pair(0.5, 0.5));
  const auto [low, high] = BootstrapInterval({0, 1}, 1000, 0);
  EXPECT_EQ(low, 0);
  EXPECT_EQ(high, 1);
}

}  // namespace
}  // namespace polarize
