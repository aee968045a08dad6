#include "experiments/induction/levels.h"

#include <cmath>

#include "gtest/gtest.h"

namespace polarize {
namespace {

constexpr InductionTask kDefault = {100000, 1000, 50, 13, true, 0};

TEST(InductionLevels, OfTheDefaultTask) {
  const InductionLevels levels = LevelsOf(kDefault, 0.2, true);
  EXPECT_NEAR(levels.loss_floor, 0.7316, 5e-5);
  EXPECT_NEAR(levels.loss_floor_repeating, 0.7495, 5e-5);
  EXPECT_DOUBLE_EQ(levels.accuracy_guess, 0.1);
  EXPECT_NEAR(levels.sink_normalised, 0.2143, 5e-5);
  EXPECT_NEAR(levels.sink_unnormalised, 0.1667, 5e-5);
}

TEST(InductionLevels, WithoutAuxiliaryLossTheFloorIsZero) {
  EXPECT_EQ(LevelsOf(kDefault, 0, true).loss_floor, 0);
  EXPECT_EQ(LevelsOf(kDefault, 0, true).loss_floor_repeating, 0);
}

TEST(InductionLevels, WithoutMaskTheTargetsAreSeen) {
  const InductionLevels levels = LevelsOf(kDefault, 0.2, false);
  EXPECT_EQ(levels.loss_floor, 0);
  EXPECT_NEAR(levels.sink_normalised, 1.0 / 12, 1e-12);
  EXPECT_NEAR(levels.sink_unnormalised, 1.0 / 12, 1e-12);
}

// Three positions leave no row for the statistics.
TEST(InductionLevels, ShortestSequences) {
  const InductionLevels levels = LevelsOf({1, 1, 2, 4, false, 0}, 1.0, true);
  EXPECT_EQ(levels.loss_floor, 0);  // one token to choose from
  EXPECT_TRUE(std::isnan(levels.sink_normalised));
}

}  // namespace
}  // namespace polarize
