#include "kernels/base/isa.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace polarize {
namespace {

TEST(Isa, PinsEachUsableTargetAndUnpins) {
  ASSERT_NE(UsableTargets(), 0);
  const std::string best = ChosenTargetName();
  for (int64_t rest = UsableTargets(); rest != 0; rest &= rest - 1) {
    const int64_t target = rest & -rest;
    PinTarget(target);
    EXPECT_STREQ(ChosenTargetName(), hwy::TargetName(target));
  }
  PinTarget(0);
  EXPECT_EQ(ChosenTargetName(), best);
}

}  // namespace
}  // namespace polarize
