#include "experiments/value_softmax/descent.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/value_softmax/fixed_descents.h"
#include "experiments/value_softmax/form.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Strings = std::vector<std::string>;

// Where a model is, with all of its numbers.
std::vector<double> PointOf(const Problem& problem) {
  const ValueSoftmax& model = problem.model();
  return {model.point, model.point + model.point_size()};
}

void ExpectFinite(const History& history) {
  for (const History::Column& column : history.columns()) {
    for (const double x : column.values) ASSERT_TRUE(std::isfinite(x));
  }
}

TEST(RunDescent, RecordsWeightsBeforeOrAfterTheStep) {
  const Strings three = {"steps=3", "spacing=every",
                         "compare_lr=", "end_time=0", "attention_scale=1"};
  Strings before = three, after = three;
  before.push_back("weights=before");
  after.push_back("weights=after");
  const RunResult b =
      FinishedRun(RunResult::kDescent, ConfigOfFamily("logistic", before));
  const RunResult a =
      FinishedRun(RunResult::kDescent, ConfigOfFamily("logistic", after));
  EXPECT_EQ(PointOf(*a.problem), PointOf(*b.problem));
  ASSERT_EQ(a.history->rows(), 3u);
  ASSERT_EQ(b.history->rows(), 3u);
  EXPECT_THAT(a.history->times(), ElementsAre(0.1, 0.2, 3 * 0.1));
  const auto same = [](const char* column, const RunResult& x, size_t row,
                       const RunResult& y, size_t other) {
    return x.history->At(column, row) == y.history->At(column, other);
  };
  // Loss, s and what is made of beta: one row apart.
  for (const char* column :
       {"loss", "s", "entropy", "output_norm", "alignment"}) {
    SCOPED_TRACE(column);
    for (const size_t row : {0, 1}) {
      EXPECT_TRUE(same(column, a, row, b, row + 1));
      EXPECT_FALSE(same(column, a, row, b, row));
    }
  }
  // What is always after the step, and gradients, always the step's.
  for (const char* column : {"a", "u", "response", "values_gradient_norm",
                             "attention_gradient_norm"}) {
    SCOPED_TRACE(column);
    for (const size_t row : {0, 1, 2})
      EXPECT_TRUE(same(column, a, row, b, row));
    EXPECT_FALSE(same(column, a, 0, a, 1));
  }
}

TEST(RunDescent, GivesTheSameBitsHoweverOftenItRecords) {
  for (const char* family : {"logistic", "normalisations_square", "tied", "kl",
                             "condition_numbers", "regression"}) {
    for (const char* optimiser :
         {"gradient_descent", "momentum", "adam", "sign_descent"}) {
      SCOPED_TRACE(absl::StrCat(family, " ", optimiser));
      std::vector<double> expected;
      for (const char* spacing : {"every", "log", "log_count"}) {
        for (const char* weights : {"before", "after"}) {
          const RunResult run = FinishedRun(
              RunResult::kDescent,
              ConfigOfFamily(family, {"steps=57", "history.points=5",
                                      absl::StrCat("spacing=", spacing),
                                      absl::StrCat("weights=", weights),
                                      absl::StrCat("optimiser=", optimiser)}));
          if (expected.empty()) expected = PointOf(*run.problem);
          EXPECT_TRUE(PointOf(*run.problem) == expected) << spacing << weights;
        }
      }
    }
  }
}

// A run to its end, however it ends.
struct Ended {
  explicit Ended(const ValueSoftmaxConfig& config, bool stopped = false)
      : run(NewRun(RunResult::kDescent, config)) {
    progress.stop = stopped;
    run.end = RunDescent(config, FixedDescents(), *run.problem, *run.history,
                         progress);
  }
  RunProgress progress;
  RunResult run;
};

TEST(RunDescent, ARateTooLargeDivergesWithItsStepAndNoNan) {
  const Ended ended(ConfigOfFamily(
      "regression", {"lr=10", "attention_scale=5", "steps=100000",
                     "spacing=log", "end_time=0"}));
  EXPECT_EQ(ended.run.end.state, RunEnd::kDiverged);
  EXPECT_THAT(ended.run.end.reason, HasSubstr("the rate 10 is too large?"));
  EXPECT_GT(ended.run.end.steps, 1);
  EXPECT_LT(ended.run.end.steps, 100000);
  EXPECT_TRUE(absl::StartsWith(ended.run.end.reason, "step "))
      << ended.run.end.reason;
  EXPECT_GT(ended.run.history->rows(), 1u);
  EXPECT_LT(ended.run.history->steps().back(), ended.run.end.steps);
  ExpectFinite(*ended.run.history);
}

// Step 0 is taken with a gradient that is finite: what it leaves is not.
TEST(RunDescent, AParameterThatOverflowsDiverges) {
  const Ended ended(
      ConfigOfFamily("regression", {"lr=1e308", "value_scale=1e6", "steps=10",
                                    "spacing=every", "end_time=0"}));
  EXPECT_EQ(ended.run.end.state, RunEnd::kDiverged);
  EXPECT_EQ(ended.run.end.reason,
            "step 0: a parameter or the loss is not finite (the rate 1e+308 is "
            "too large?)");
  EXPECT_EQ(ended.run.history->rows(), 0u);
}

// The last step has none after it to notice.
TEST(RunDescent, TheLastStepMayDivergeToo) {
  const Ended ended(ConfigOfFamily(
      "regression", {"lr=1e308", "value_scale=1e6", "steps=1", "end_time=0"}));
  EXPECT_EQ(ended.run.end.state, RunEnd::kDiverged);
  EXPECT_STREQ(RunStateText(ended.run.end.state), "diverged");
}

TEST(RunDescent, StopsWhenTold) {
  const Ended ended(ConfigOfFamily("logistic", {}), /*stopped=*/true);
  EXPECT_EQ(ended.run.end.state, RunEnd::kInterrupted);
  EXPECT_EQ(ended.run.end.reason, "");
  EXPECT_EQ(ended.run.end.steps, 0);
  EXPECT_EQ(ended.run.history->rows(), 0u);
}

TEST(RunDescent, CountsItsSteps) {
  const Ended ended(
      ConfigOfFamily("logistic", {"steps=1234", "history.points=3"}));
  EXPECT_EQ(ended.run.end.state, RunEnd::kFinished);
  EXPECT_EQ(ended.run.end.steps, 1234);
  EXPECT_EQ(ended.progress.done, 1234);
  EXPECT_EQ(ended.run.problem->model().step, 1234u);
}

TEST(StepsAtRate, TakeTheSameTime) {
  DescentConfig descent;
  descent.set_lr(0.1);
  descent.set_steps(1000);
  EXPECT_EQ(StepsAtRate(descent, 0.1), 1000);
  EXPECT_EQ(StepsAtRate(descent, 1), 100);
  EXPECT_EQ(StepsAtRate(descent, 0.01), 10000);
  EXPECT_EQ(StepsAtRate(descent, 1e6), 1);
}

// Every run of every family has code of its own, and it is the form's.
TEST(FixedDescents, AreThoseOfTheFamilies) {
  for (const char* family : {"logistic", "tied", "condition_numbers", "kl",
                             "regression", "phase_diagram"}) {
    const ValueSoftmaxForm form = FormOf(ConfigOfFamily(family, {}));
    EXPECT_NE(DescentFor(form, FixedDescents()).descend, &Descend) << family;
    EXPECT_EQ(DescentFor(form, {}).descend, &Descend);
  }
}

TEST(FixedDescents, GiveNearlyTheNumbersOfTheDynamicOnes) {
  for (const FixedDescent& fixed : FixedDescents()) {
    SCOPED_TRACE(absl::StrCat(static_cast<int>(fixed.form.map), " ",
                              static_cast<int>(fixed.form.loss), " ",
                              fixed.form.features));
    ValueSoftmaxConfig config = ConfigOfFamily(
        fixed.form.loss == ValueSoftmaxLoss::kCrossEntropy ? "kl"
        : fixed.form.tied                                  ? "tied"
        : fixed.form.loss == ValueSoftmaxLoss::kRegression ? "condition_numbers"
        : fixed.form.loss == ValueSoftmaxLoss::kSquare
            ? "normalisations_square"
            : "normalisations_logistic",
        {});
    config.mutable_model()->set_features(static_cast<int>(fixed.form.features));
    config.mutable_model()->set_latent(static_cast<int>(fixed.form.latent));
    for (const char* map : {"l1", "sum", "l2", "softmax", "relu", "sigmoid"}) {
      config.mutable_model()->set_map(map);
      if (FormOf(config).map == fixed.form.map) break;
    }
    ASSERT_TRUE(FormOf(config) == fixed.form);
    Problem one(config), other(config);
    const ValueSoftmaxRates rates = RatesOf(config.descent());
    ASSERT_EQ(fixed.descend(one.model(), rates, 100), 100u);
    ASSERT_EQ(Descend(other.model(), rates, 100), 100u);
    EXPECT_THAT(PointOf(one),
                testing::Pointwise(testing::DoubleNear(1e-13), PointOf(other)));
    EXPECT_THAT(PointOf(one), Not(testing::Each(0.0)));
  }
}

}  // namespace
}  // namespace polarize
