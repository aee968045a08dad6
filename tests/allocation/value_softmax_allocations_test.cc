// Descents and flows of the value-softmax model take no memory from step to
// step: all of it is planned before.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "experiments/value_softmax/fixed_descents.h"
#include "experiments/value_softmax/flow.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/problem.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gtest/gtest.h"
#include "hwy/aligned_allocator.h"
#include "kernels/value_softmax/value_softmax.h"
#include "tests/support/heap_calls.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

class ValueSoftmaxAllocations : public testing::Test {
 protected:
  void SetUp() override {
    if (!CountsHeapCalls()) {
      GTEST_SKIP() << "this build's heap is not glibc's own";
    }
  }
};

// Steps, gradients, losses, and rows of a history that has room for them.
void ExpectNoCalls(const ValueSoftmaxConfig& config,
                   absl::Span<const FixedDescent> compiled) {
  Problem problem(config);
  ValueSoftmax& model = problem.model();
  const FixedDescent descent = DescentFor(model.form, compiled);
  const ValueSoftmaxRates rates = RatesOf(config.descent());
  const auto gradient = hwy::AllocateAligned<double>(model.point_size());
  const std::vector<double> attention(model.form.latent);
  History history(problem, 3);
  Recorder recorder(problem);
  // Singular values are Eigen's: see Recorder.
  const bool records = model.form.loss != ValueSoftmaxLoss::kRegression;
  size_t taken = 0, added = 0;
  EXPECT_EQ(HeapCalls([&] {
              for (int i = 0; i < 3; ++i) {
                taken += descent.descend(model, rates, 10);
                recorder.MeasureGradient(attention);
                recorder.MeasureWeights();
                if (records) added += recorder.AddTo(history, i, i);
                Gradient(model, model.point, gradient.get());
                LossAt(model, model.point, model.weights);
              }
            }),
            0u);
  EXPECT_EQ(taken, 30u);
  EXPECT_EQ(added, records ? 3u : 0u);
}

TEST_F(ValueSoftmaxAllocations, DoNotHappenInDescents) {
  ForEachTarget([] {
    for (const char* family : {"logistic", "normalisations_square", "tied",
                               "condition_numbers", "kl"}) {
      for (const char* optimiser :
           {"gradient_descent", "momentum", "adam", "sign_descent"}) {
        SCOPED_TRACE(absl::StrCat(family, " ", optimiser));
        const ValueSoftmaxConfig config = ConfigOfFamily(
            family, {absl::StrCat("optimiser=", optimiser), "lr=1e-3"});
        ExpectNoCalls(config, {});
        ExpectNoCalls(config, FixedDescents());
      }
    }
  });
}

size_t CallsOfFlow(const char* tolerance, int64_t* evaluations) {
  const ValueSoftmaxConfig config = ConfigOfFamily(
      "logistic", {"steps=0", "end_time=1e4",
                   absl::StrCat("relative_tolerance=", tolerance)});
  Problem problem(config);
  History history(problem, FlowTimes(config).size());
  RunProgress progress;
  FlowEnd end;
  const size_t calls =
      HeapCalls([&] { end = RunFlow(config, problem, history, progress); });
  EXPECT_EQ(end.end.state, RunEnd::kFinished) << end.end.reason;
  *evaluations = end.statistics.evaluations;
  return calls;
}

// As many calls for a few steps as for many: none is a step's.
TEST_F(ValueSoftmaxAllocations, DoNotGrowWithTheStepsOfAFlow) {
  int64_t few = 0, many = 0;
  const size_t calls = CallsOfFlow("1e-4", &few);
  EXPECT_EQ(CallsOfFlow("1e-12", &many), calls);
  EXPECT_GT(many, 2 * few);
}

}  // namespace
}  // namespace polarize
