#include "experiments/value_softmax/flow.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "experiments/value_softmax/problem.h"
#include "experiments/value_softmax/run_result.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Strings = std::vector<std::string>;

RunResult FlowOf(const std::string& family, Strings settings) {
  return FinishedRun(RunResult::kFlow, ConfigOfFamily(family, settings));
}

// The largest difference of a column between rows of two runs.
double Difference(const char* column, const RunResult& x, size_t row,
                  const RunResult& y, size_t other) {
  const absl::Span<const double> a = x.history->At(column, row);
  const absl::Span<const double> b = y.history->At(column, other);
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(a[i] - b[i]));
  }
  return most;
}

TEST(FlowTimes, AreSpacedLogarithmicallyFromTheFirstToTheEnd) {
  const std::vector<double> times = FlowTimes(
      ConfigOfFamily("logistic", {"steps=0", "compare_lr=", "end_time=7",
                                  "first_time=0.5", "points_per_decade=4"}));
  std::vector<double> expected = {0};
  for (int k = 0; k < 5; ++k) expected.push_back(0.5 * std::pow(10, k / 4.0));
  expected.push_back(7);
  EXPECT_THAT(times, testing::Pointwise(testing::DoubleEq(), expected));
  EXPECT_EQ(times.back(), 7);
}

// To the last bit, so that rows of both can be found to belong together.
TEST(FlowTimes, HoldTheEndsOfAllDescents) {
  const ValueSoftmaxConfig config = ConfigOfFamily(
      "logistic", {"steps=77", "lr=0.3", "compare_lr=0.1,7", "end_time=1e3"});
  const std::vector<double> times = FlowTimes(config);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_EQ(std::adjacent_find(times.begin(), times.end()), times.end());
  EXPECT_THAT(times, Contains(0.3 * 77));
  EXPECT_THAT(times, Contains(0.1 * 231));
  EXPECT_THAT(times, Contains(7.0 * 3));
  EXPECT_EQ(times.front(), 0);
  EXPECT_EQ(times.back(), 1e3);
}

TEST(FlowTimes, StopAtTheEndThoughDescentsGoOn) {
  const std::vector<double> times = FlowTimes(
      ConfigOfFamily("logistic", {"steps=1000", "compare_lr=", "end_time=5"}));
  EXPECT_EQ(times.back(), 5);
}

TEST(RunFlow, RecordsTheStartAndEveryTime) {
  const RunResult flow = FlowOf("logistic", {"end_time=10", "steps=0"});
  EXPECT_EQ(flow.history->times(), FlowTimes(flow.config));
  EXPECT_THAT(flow.history->steps(), testing::Each(-1));
  const Problem start(flow.config);
  EXPECT_TRUE(std::equal(start.model().attention(),
                         start.model().attention() + 8,
                         flow.history->At("a", 0).begin()));
  EXPECT_EQ(flow.history->Number("response", 0), 0);
  EXPECT_EQ(flow.end.steps, flow.integration.accepted);
}

// Two formulas of the paper that hold at all times.
TEST(RunFlow, KeepsWhatTheEquationsKeep) {
  const RunResult flow = FlowOf(
      "logistic",
      {"end_time=1e6", "steps=0", "attention_scale=0.5", "target=normal"});
  const History& h = *flow.history;
  const std::vector<double> u0 = StartProjections(flow);
  const double sum_u0 = std::accumulate(u0.begin(), u0.end(), 0.0);
  const double square = flow.problem->model().target_square;
  EXPECT_GT(std::abs(square - 1), 0.1);
  const auto sum = [&](const char* column, size_t row) {
    const absl::Span<const double> x = h.At(column, row);
    return std::accumulate(x.begin(), x.end(), 0.0);
  };
  for (size_t row = 0; row < h.rows(); ++row) {
    EXPECT_NEAR(sum("a", row), sum("a", 0), 1e-12);
    EXPECT_NEAR(h.Number("response", row), (sum("u", row) - sum_u0) / square,
                1e-12 * h.Number("response", row) + 1e-14);
  }
  EXPECT_GT(h.Number("response", h.rows() - 1), 1);
}

// Descents of the rates h and h / 2 to one time, extrapolated to the rate 0:
// the error left is of the order of h^2.
TEST(RunFlow, IsTheLimitOfDescents) {
  for (const char* family : {"logistic", "tied", "kl"}) {
    SCOPED_TRACE(family);
    const auto descent = [&](const char* lr, const char* steps) {
      return FinishedRun(
          RunResult::kDescent,
          ConfigOfFamily(family, {std::string("lr=") + lr,
                                  std::string("descent.steps=") + steps,
                                  "weights=after", "history.points=2"}));
    };
    const RunResult whole = descent("0.004", "10000");
    const RunResult half = descent("0.002", "20000");
    const RunResult flow =
        FlowOf(family, {"end_time=40", "descent.steps=0", "compare_lr="});
    const size_t end = flow.history->rows() - 1;
    for (const char* column : {"s", "a", "loss"}) {
      const absl::Span<const double> f = flow.history->At(column, end);
      const absl::Span<const double> w =
          whole.history->At(column, whole.history->rows() - 1);
      const absl::Span<const double> h =
          half.history->At(column, half.history->rows() - 1);
      for (size_t i = 0; i < f.size(); ++i) {
        EXPECT_NEAR(f[i], 2 * h[i] - w[i], 2e-7) << column << "[" << i << "]";
      }
    }
  }
}

TEST(RunFlow, KeepsItsTolerance) {
  // Ten times the tolerance, and more where s settles on a column of U: there
  // neighbouring solutions separate.
  for (const auto& [family, bound] :
       {std::pair{"logistic", 1e-7}, std::pair{"tied", 3e-7}}) {
    const Strings common = {"end_time=1e5", "steps=0"};
    const auto with = [&](const char* relative, const char* absolute) {
      Strings settings = common;
      settings.push_back(std::string("relative_tolerance=") + relative);
      settings.push_back(std::string("absolute_tolerance=") + absolute);
      return FlowOf(family, settings);
    };
    const RunResult loose = with("1e-8", "1e-8"),
                    tight = with("1e-10", "1e-10");
    ASSERT_EQ(loose.history->rows(), tight.history->rows());
    EXPECT_GT(tight.integration.evaluations, loose.integration.evaluations);
    double worst = 0;
    for (size_t row = 0; row < loose.history->rows(); ++row) {
      for (const char* column : {"s", "loss"}) {
        worst = std::max(worst, Difference(column, loose, row, tight, row));
      }
    }
    EXPECT_LT(worst, bound) << family;
    EXPECT_GT(worst, 0) << family;
  }
}

// Descent would need 1e13 steps.
TEST(RunFlow, ReachesTheFarthestTimeInFewSteps) {
  const RunResult flow = FlowOf("logistic", {"end_time=1e12", "steps=0"});
  const size_t last = flow.history->rows() - 1;
  EXPECT_LT(flow.integration.evaluations, 5000);
  EXPECT_EQ(flow.integration.t, 1e12);
  // L'(t) = -|b|^2 |s|^2 L^2 in the end, s one-hot: L = 1 / t.
  EXPECT_NEAR(flow.history->Number("loss", last), 1e-12, 1e-13);
  EXPECT_GT(flow.history->At("s", last)[6], 0.97);
}

TEST(RunFlow, OfARegressionComesToRestAndSaysSo) {
  const RunResult flow = FlowOf("regression", {"end_time=1e9"});
  EXPECT_LT(flow.integration.stationary_from, 1e5);
  const History& h = *flow.history;
  const size_t last = h.rows() - 1;
  EXPECT_EQ(h.times()[last], 1e9);
  EXPECT_LT(h.Number("loss", last), 1e-20);
  EXPECT_EQ(Difference("s", flow, last, flow, last - 1), 0);
}

TEST(RunFlow, StopsWhenToldAndKeepsWhatItHas) {
  RunResult flow =
      NewRun(RunResult::kFlow, ConfigOfFamily("logistic", {"steps=0"}));
  RunProgress progress;
  progress.stop = true;
  const FlowEnd end =
      RunFlow(flow.config, *flow.problem, *flow.history, progress);
  EXPECT_EQ(end.end.state, RunEnd::kInterrupted);
  EXPECT_EQ(flow.history->rows(), 1u);
}

TEST(RunFlow, GivesUpAfterSoManySteps) {
  RunResult flow = NewRun(RunResult::kFlow,
                          ConfigOfFamily("logistic", {"flow.max_steps=10"}));
  RunProgress progress;
  const FlowEnd end =
      RunFlow(flow.config, *flow.problem, *flow.history, progress);
  EXPECT_EQ(end.end.state, RunEnd::kGaveUp);
  EXPECT_THAT(end.end.reason,
              testing::MatchesRegex("max_steps = 10 reached at t = "
                                    "[0-9.e+-]{1,12}, before 1e\\+12"));
  EXPECT_EQ(progress.done, 0);
  EXPECT_GT(progress.evaluations, 10);
  EXPECT_THAT(end.end.reason, HasSubstr("t = "));
}

}  // namespace
}  // namespace polarize
