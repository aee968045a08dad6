// Every optimizer under every rate schedule, 50 steps of a small induction run
// from its configuration on, against PyTorch's optimizers and schedulers.
// tools/peer/write_optimisers.py says what the file holds.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/induction/config.h"
#include "experiments/induction/data.h"
#include "experiments/induction/setup.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/model_setup.h"
#include "experiments/model/parameters.h"
#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

constexpr char kFile[] = "tests/fixtures/optimisers.json";

// Losses, relative: what float32 may do over 50 steps. PyTorch's own float32
// differs from its double by up to 1.4e-6, which the file records per case.
constexpr double kFloatLoss = 1e-5;
// In double only the order of sums differs; 7e-16 and 2e-15 were seen.
constexpr double kDoubleLoss = 1e-13;
constexpr double kDoubleParameter = 1e-13;  // after the last step, absolute

Golden LoadFixture() {
  std::ifstream file(kFile);
  std::stringstream text;
  text << file.rdbuf();
  absl::StatusOr<Golden> fixture = Golden::Parse(text.str(), kFile);
  EXPECT_TRUE(fixture.ok()) << fixture.status();
  return *std::move(fixture);
}

InductionSetup SetupOf(const Golden& fixture, const Golden& recorded) {
  const absl::StatusOr<InductionConfig> config =
      LoadInductionConfig({kFile, fixture["config"].String()},
                          recorded["settings"].Strings(), AttentionTypes());
  EXPECT_TRUE(config.ok()) << config.status();
  return MakeInductionSetup(*config, /*sharing=*/true);
}

// The largest relative difference of a loss.
template <typename T>
double TrainAndCompare(const std::vector<double>& losses,
                       InductionTrainer<T>& trainer) {
  double worst = 0;
  for (size_t i = 0; i < losses.size(); ++i) {
    if (i % trainer.steps_per_epoch() == 0) {
      if (i > 0) trainer.FinishEpoch();
      trainer.StartEpoch();
    }
    const double loss = trainer.Step().total;
    worst = std::max(worst, std::abs(loss - losses[i]) / losses[i]);
  }
  return worst;
}

// The largest difference of a recorded parameter; of a sum, per number.
double ParameterDifference(const Golden& after, const Parameters& parameters,
                           const double* values) {
  double worst = 0;
  for (const Parameter& p : parameters.list()) {
    const std::vector<double> expected = after[p.name].Numbers();
    const double* const first = values + p.offset;
    double sum = 0;
    for (size_t i = 0; i < p.size; ++i) sum += first[i];
    worst = std::max({worst,
                      std::abs(sum - expected[0]) / static_cast<double>(p.size),
                      std::abs(first[0] - expected[1]),
                      std::abs(first[p.size - 1] - expected[2])});
  }
  return worst;
}

TEST(OptimiserParity, Double) {
  const Golden fixture = LoadFixture(), cases = fixture["cases"];
  SerialFor serial;
  for (const std::string& name : cases.Keys()) {
    SCOPED_TRACE(name);
    const InductionSetup setup = SetupOf(fixture, cases[name]);
    const InductionData data = MakeInductionData(setup.task);
    InductionTrainer<double> trainer(setup, data, serial);
    const double loss =
        TrainAndCompare(cases[name]["losses"].Numbers(), trainer);
    EXPECT_EQ(trainer.step(), 50u);
    const double parameter =
        ParameterDifference(cases[name]["after"], trainer.model().parameters(),
                            trainer.model().values());
    EXPECT_LT(loss, kDoubleLoss);
    EXPECT_LT(parameter, kDoubleParameter);
    printf("%-22s double: losses %.1e, parameters %.1e\n", name.c_str(), loss,
           parameter);
  }
}

TEST(OptimiserParity, Float) {
  const Golden fixture = LoadFixture(), cases = fixture["cases"];
  SerialFor serial;
  for (const std::string& name : cases.Keys()) {
    SCOPED_TRACE(name);
    const InductionSetup setup = SetupOf(fixture, cases[name]);
    const InductionData data = MakeInductionData(setup.task);
    InductionTrainer<float> trainer(setup, data, serial);
    const double loss =
        TrainAndCompare(cases[name]["losses"].Numbers(), trainer);
    EXPECT_LT(loss, kFloatLoss);
    printf("%-22s float: losses %.1e, PyTorch's %.1e\n", name.c_str(), loss,
           cases[name]["float32"].Number());
  }
}

TEST(OptimiserParity, EveryOptimizerIsThereWithEverySchedule) {
  std::set<std::string> present, expected;
  for (const std::string& name : LoadFixture()["cases"].Keys()) {
    present.insert(name);
  }
  for (const char* rule : {"adamw", "adam", "sgd", "momentum", "sign"}) {
    for (const char* schedule :
         {"constant", "warmup", "cosine", "warmup_cosine"}) {
      expected.insert(absl::StrCat(rule, "/", schedule));
    }
  }
  EXPECT_EQ(present, expected);
}

// One kernel serves both.
TEST(OptimiserParity, AdamIsAdamWWithoutDecayToTheBit) {
  const Golden fixture = LoadFixture();
  const auto values = [&](const std::vector<std::string>& settings) {
    const absl::StatusOr<InductionConfig> config = LoadInductionConfig(
        {kFile, fixture["config"].String()}, settings, AttentionTypes());
    EXPECT_TRUE(config.ok()) << config.status();
    const InductionSetup setup = MakeInductionSetup(*config, true);
    const InductionData data = MakeInductionData(setup.task);
    SerialFor serial;
    InductionTrainer<float> trainer(setup, data, serial);
    trainer.StartEpoch();
    for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) trainer.Step();
    return std::vector<float>(
        trainer.model().values(),
        trainer.model().values() + trainer.model().parameters().array_size());
  };
  const std::vector<float> adam = values({"optimizer=adam"});
  EXPECT_EQ(adam, values({"optimizer=adamw", "weight_decay=0"}));
  EXPECT_NE(adam, values({"optimizer=adamw"}));
}

}  // namespace
}  // namespace polarize
