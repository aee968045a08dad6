// The flow against descent in steps so small that it is one: 10^8 of them.
#include <algorithm>
#include <cmath>

#include "experiments/value_softmax/value_softmax_testing.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(RunFlow, IsWhatDescentBecomesAtSmallRates) {
  const ValueSoftmaxConfig config = ConfigOfFamily(
      "logistic", {"lr=1e-3", "steps=100000000", "compare_lr=", "end_time=1e5",
                   "history.points=20"});
  const RunResult descent = FinishedRun(RunResult::kDescent, config);
  const RunResult flow = FinishedRun(RunResult::kFlow, config);
  const size_t last = descent.history->rows() - 1;
  const size_t end = flow.history->rows() - 1;
  ASSERT_EQ(descent.history->times()[last], flow.history->times()[end]);
  for (const char* column : {"s", "u", "a", "loss", "response"}) {
    const auto one = descent.history->At(column, last);
    const auto other = flow.history->At(column, end);
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_NEAR(one[i], other[i], 1e-4 * std::max(1.0, std::abs(other[i])))
          << column << "[" << i << "]";
    }
  }
  // Not only the start, of which nothing would follow.
  EXPECT_GT(*std::max_element(flow.history->At("s", end).begin(),
                              flow.history->At("s", end).end()),
            0.5);
}

}  // namespace
}  // namespace polarize
