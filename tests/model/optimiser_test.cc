// The optimiser on a model's parameters: every rule by its formula, the rate of
// its schedule, what it leaves alone and what it takes.
#include "experiments/model/optimiser.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include "experiments/model/lr_schedule.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/model/parameters.h"
#include "experiments/model/transformer.h"
#include "gtest/gtest.h"
#include "kernels/adamw/adamw_ref.h"
#include "kernels/base/parallel_for.h"
#include "kernels/sgd/sgd_ref.h"
#include "kernels/sign_descent/sign_descent_ref.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

constexpr UpdateRule kRules[] = {UpdateRule::kAdamW, UpdateRule::kSgd,
                                 UpdateRule::kMomentum, UpdateRule::kSign};

OptimiserConfig Odd(UpdateRule rule) {
  OptimiserConfig config = {/*lr=*/0.02, /*beta1=*/0.8, /*beta2=*/0.95,
                            /*epsilon=*/1e-4, /*weight_decay=*/0.3};
  config.rule = rule;
  config.momentum = 0.7;
  return config;
}

// One parameter's way, by the rules' formulas.
struct Element {
  double p, first = 0, second = 0;

  void Step(const OptimiserConfig& c, double lr, uint64_t step, double g) {
    switch (c.rule) {
      case UpdateRule::kAdamW: {
        AdamWRefElement e = {p, first, second};
        AdamWStepRef(lr, c.beta1, c.beta2, c.epsilon, c.weight_decay, step, g,
                     e);
        *this = {e.p, e.m, e.v};
        return;
      }
      case UpdateRule::kSgd: {
        SgdRefElement e = {p, 0};
        SgdStepRef(lr, c.weight_decay, g, e);
        p = e.p;
        return;
      }
      case UpdateRule::kMomentum: {
        SgdRefElement e = {p, first};
        MomentumStepRef(lr, c.momentum, c.weight_decay, g, e);
        *this = {e.p, e.m};
        return;
      }
      case UpdateRule::kSign:
        p = SignDescentStepRef(lr, c.weight_decay, g, p);
    }
  }
};

// A model of a kind, with an optimiser and gradients at random.
template <typename T>
struct Trained {
  Trained(const OptimiserConfig& config, const char* kind,
          ParallelFor& parallel_for)
      : parallel(parallel_for),
        model(TinyModel(kind), 2, parallel),
        optimiser(config, model.parameters()) {
    std::vector<double> values(size());
    FillParameters(model.parameters(), 5, values.data());
    std::copy(values.begin(), values.end(), model.values());
  }
  size_t size() const { return model.parameters().array_size(); }
  std::vector<T> Values() const {
    return {model.values(), model.values() + size()};
  }
  // Those of parameters that are not trained too: nobody may look at them.
  void Step(uint64_t step) {
    for (const Parameter& p : model.parameters().list()) {
      for (size_t i = p.offset; i < p.offset + p.size; ++i) {
        model.gradients()[i] = static_cast<T>(RandomUnit(random));
      }
    }
    optimiser.Step(step, model, parallel);
  }

  ParallelFor& parallel;
  Transformer<T> model;
  Optimiser<T> optimiser;
  std::mt19937 random{7};
};

// `uniform` has parameters that are not trained between those that are.
TEST(Optimiser, StepsByTheFormulaAtTheSchedulesRate) {
  const LrSchedule schedules[] = {
      {}, {LrDecay::kNone, 3, 0, 0}, {LrDecay::kCosine, 2, 6, 0.25}};
  SerialFor serial;
  for (const UpdateRule rule : kRules) {
    for (const LrSchedule& schedule : schedules) {
      OptimiserConfig config = Odd(rule);
      config.schedule = schedule;
      Trained<double> run(config, "uniform", serial);
      std::vector<Element> expected;
      for (const double p : run.Values()) expected.push_back({p});
      for (uint64_t step = 1; step <= 6; ++step) {
        run.Step(step);
        const double lr = config.lr * LrShare(schedule, step);
        for (const Parameter& p : run.model.parameters().list()) {
          for (size_t i = p.offset; i < p.offset + p.size; ++i) {
            if (p.trained) {
              expected[i].Step(config, lr, step, run.model.gradients()[i]);
            }
            ASSERT_NEAR(run.model.values()[i], expected[i].p,
                        p.trained ? 1e-14 : 0)
                << p.name << " at step " << step;
          }
        }
      }
    }
  }
}

TEST(Optimiser, TakesMemoryForWhatTheRuleRemembers) {
  SerialFor serial;
  const Trained<float> adamw(Odd(UpdateRule::kAdamW), "softmax", serial);
  const size_t bytes = adamw.size() * sizeof(float);
  EXPECT_EQ(adamw.optimiser.bytes(), 2 * bytes);
  const auto bytes_of = [&](UpdateRule rule) {
    return Trained<float>(Odd(rule), "softmax", serial).optimiser.bytes();
  };
  EXPECT_EQ(bytes_of(UpdateRule::kMomentum), bytes);
  EXPECT_EQ(bytes_of(UpdateRule::kSgd), 0u);
  EXPECT_EQ(bytes_of(UpdateRule::kSign), 0u);
}

TEST(Optimiser, TheOrderOfTasksDoesNotChangeBits) {
  for (const UpdateRule rule : kRules) {
    SerialFor serial;
    ReversedFor reversed;
    ShuffledFor shuffled(3);
    std::vector<std::vector<float>> values;
    for (ParallelFor* parallel :
         std::initializer_list<ParallelFor*>{&serial, &reversed, &shuffled}) {
      Trained<float> run(Odd(rule), "mlp_norm", *parallel);
      for (uint64_t step = 1; step <= 4; ++step) run.Step(step);
      values.push_back(run.Values());
    }
    EXPECT_EQ(values[0], values[1]);
    EXPECT_EQ(values[0], values[2]);
  }
}

}  // namespace
}  // namespace polarize
