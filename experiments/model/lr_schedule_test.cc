#include "experiments/model/lr_schedule.h"

#include <cmath>

#include "gtest/gtest.h"

namespace polarize {
namespace {

LrSchedule Cosine(uint64_t warmup, uint64_t steps, double min_ratio) {
  return {LrDecay::kCosine, warmup, steps, min_ratio};
}

TEST(LrSchedule, TheDefaultIsConstantToTheBit) {
  const LrSchedule constant;
  EXPECT_TRUE(IsConstant(constant));
  for (const uint64_t step : {1, 2, 100, 1000000}) {
    EXPECT_EQ(LrShare(constant, step), 1);
  }
}

TEST(LrSchedule, WarmUpIsLinear) {
  const LrSchedule warm = {LrDecay::kNone, 4, 0, 0};
  EXPECT_FALSE(IsConstant(warm));
  const double expected[] = {0.25, 0.5, 0.75, 1, 1, 1};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(LrShare(warm, i + 1), expected[i]);
  // One step of it changes nothing.
  const LrSchedule one = {LrDecay::kNone, 1, 0, 0};
  EXPECT_TRUE(IsConstant(one));
  EXPECT_EQ(LrShare(one, 1), 1);
}

TEST(LrSchedule, CosineGoesFromOneToTheLeast) {
  const LrSchedule whole = Cosine(0, 100, 0);
  EXPECT_FALSE(IsConstant(whole));
  EXPECT_EQ(LrShare(whole, 1), 1);
  EXPECT_NEAR(LrShare(whole, 51), 0.5, 1e-15);
  // cos(pi / 3) = 1/2.
  EXPECT_NEAR(LrShare(Cosine(0, 99, 0), 34), 0.75, 1e-15);
  EXPECT_NEAR(LrShare(whole, 100), (1 + std::cos(M_PI * 0.99)) / 2, 1e-15);
  EXPECT_LT(LrShare(whole, 100), 3e-4);
  EXPECT_EQ(LrShare(whole, 101), 0);
  for (uint64_t step = 1; step < 100; ++step) {
    EXPECT_GT(LrShare(whole, step), LrShare(whole, step + 1)) << step;
  }
}

TEST(LrSchedule, CosineKeepsAboveItsLeast) {
  const LrSchedule kept = Cosine(0, 100, 0.2);
  EXPECT_EQ(LrShare(kept, 1), 1);
  EXPECT_NEAR(LrShare(kept, 51), 0.6, 1e-15);
  EXPECT_GT(LrShare(kept, 100), 0.2);
  EXPECT_NEAR(LrShare(kept, 100), 0.2, 3e-4);
  EXPECT_EQ(LrShare(kept, 1000), 0.2);
  for (const uint64_t step : {1, 50, 100}) {
    EXPECT_EQ(LrShare(Cosine(0, 100, 1), step), 1);
  }
}

TEST(LrSchedule, CosineStartsBehindTheWarmUp) {
  const LrSchedule both = Cosine(10, 30, 0);
  EXPECT_EQ(LrShare(both, 1), 0.1);
  EXPECT_EQ(LrShare(both, 10), 1);
  EXPECT_EQ(LrShare(both, 11), 1);
  EXPECT_NEAR(LrShare(both, 21), 0.5, 1e-15);
  EXPECT_EQ(LrShare(both, 31), 0);
  // Nothing is left for the cosine.
  EXPECT_EQ(LrShare(Cosine(10, 10, 0), 10), 1);
  EXPECT_EQ(LrShare(Cosine(10, 10, 0.5), 11), 0.5);
}

}  // namespace
}  // namespace polarize
