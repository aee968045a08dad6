#include "experiments/value_softmax/steps_progress.h"

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(StepsProgress, CountsMillionsOrSteps) {
  EXPECT_EQ(StepsProgress(12500000, 23100000, 0, absl::Seconds(2)),
            "12.5 of 23.1 million steps  6.2 million steps/s  left 2s");
  EXPECT_EQ(StepsProgress(250, 500, 0, absl::Seconds(5)),
            "250 of 500 steps  50 steps/s  left 5s");
}

TEST(StepsProgress, GuessesNothingFromTheFirstSteps) {
  EXPECT_EQ(StepsProgress(5000, 10000, 0, absl::Milliseconds(500)),
            "5000 of 10000 steps  10000 steps/s");
  EXPECT_EQ(StepsProgress(199, 10000, 0, absl::Seconds(10)),
            "199 of 10000 steps  20 steps/s");
  EXPECT_EQ(StepsProgress(200, 10000, 0, absl::Seconds(10)),
            "200 of 10000 steps  20 steps/s  left 8m 10s");
  EXPECT_EQ(StepsProgress(0, 10, 0, absl::ZeroDuration()), "0 of 10 steps");
  EXPECT_EQ(StepsProgress(10, 10, 0, absl::Seconds(2)),
            "10 of 10 steps  5 steps/s");
}

TEST(StepsProgress, CountsFlowsApart) {
  EXPECT_EQ(StepsProgress(10, 10, 4000, absl::Seconds(2)),
            "10 of 10 steps  5 steps/s  flows: 4000 evaluations");
  EXPECT_EQ(StepsProgress(0, 0, 4000, absl::Seconds(2)),
            "flows: 4000 evaluations");
}

}  // namespace
}  // namespace polarize
