#include "tools/sweeps/statistics.h"

#include <cmath>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;

TEST(StatisticsTest, SortedLeavesNanOut) {
  EXPECT_THAT(Sorted({2, std::nan(""), 1}), ElementsAre(1, 2));
  EXPECT_THAT(Sorted({std::nan("")}), ElementsAre());
}

TEST(StatisticsTest, QuantileIsBetweenNeighbours) {
  EXPECT_EQ(Quantile({1, 2, 4}, 0), 1);
  EXPECT_EQ(Quantile({1, 2, 4}, 0.25), 1.5);
  EXPECT_EQ(Quantile({1, 2, 4}, 0.75), 3);
  EXPECT_EQ(Quantile({1, 2, 4}, 1), 4);
  EXPECT_EQ(Quantile({7}, 0.3), 7);
}

TEST(StatisticsTest, MeanIsTheSameInAnyOrder) {
  EXPECT_TRUE(std::isnan(Mean({})));
  EXPECT_EQ(Mean({0.25, 0.75}), 0.5);
  EXPECT_EQ(Mean({std::nan(""), 0.25, std::nan(""), 0.75}), 0.5);
  EXPECT_EQ(Mean({0.1, 0.2, 0.3, 1e9}), Mean({1e9, 0.3, 0.1, 0.2}));
}

TEST(StatisticsTest, BootstrapIsAnIntervalOfTheMean) {
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

TEST(StatisticsTest, BootstrapOfFewValues) {
  EXPECT_TRUE(std::isnan(BootstrapInterval({}, 100, 0).first));
  EXPECT_TRUE(std::isnan(BootstrapInterval({1}, 100, 0).second));
  EXPECT_EQ(BootstrapInterval({0.5, 0.5}, 100, 0), std::make_pair(0.5, 0.5));
  const auto [low, high] = BootstrapInterval({0, 1}, 1000, 0);
  EXPECT_EQ(low, 0);
  EXPECT_EQ(high, 1);
}

}  // namespace
}  // namespace polarize
