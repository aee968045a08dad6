// The induction experiment against numbers recorded from the reference: initial
// weights, batch order, first gradients, losses, parameters after five steps.
// Every recorded file of a kind is tried, so that a folder of other recordings
// named by POLARIZE_GOLDENS is tried the same way.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_split.h"
#include "experiments/induction/data.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/parameters.h"
#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "kernels/base/random/torch_random.h"
#include "tests/parity/induction_recording.h"
#include "tests/parity/recorded.h"
#include "tests/support/golden.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

// Five-step losses: relative. Measured spread of the reference itself when its
// BLAS changes: 3.3e-7.
constexpr double kFiveSteps = 2e-6;
// Losses of 200 steps, relative.
constexpr double kTwoHundredSteps = 1e-5;
// The same data serve every configuration of a file.
const InductionData& DataOf(const InductionTask& task) {
  using Key = std::tuple<size_t, size_t, uint32_t, size_t, bool, uint64_t>;
  static auto* const made =
      new std::vector<std::pair<Key, std::unique_ptr<InductionData>>>;
  const Key key = {task.num_train,  task.num_eval,          task.vocab_size,
                   task.seq_length, task.shift_query_token, task.seed};
  for (const auto& [k, data] : *made) {
    if (k == key) return *data;
  }
  made->emplace_back(key,
                     std::make_unique<InductionData>(MakeInductionData(task)));
  return *made->back().second;
}

TEST(InductionParity, InitialWeights) {
  for (const std::string& name : Golden::Names("init_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const InductionSetup setup = RecordedSetup(file["config"]);
    SerialFor serial;
    InductionTrainer<float> trainer(setup, DataOf(setup.task), serial);
    ExpectInitialWeights(file, trainer.model().parameters(),
                         trainer.model().values());
  }
}

// The order of the batches follows the initial weights in the same stream.
TEST(InductionParity, BatchOrder) {
  for (const std::string& name : Golden::Names("init_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const InductionSetup setup = RecordedSetup(file["config"]);
    const Parameters parameters(setup.model);
    std::vector<float> weights(parameters.array_size());
    TorchRandom random(setup.task.seed);
    InitParameters(setup.model, parameters, random, weights.data());
    ExpectRecordedBatches(file, random);
  }
}

template <typename T>
void ExpectFirstGradients(const Golden& file, const char* loss,
                          const char* grads, double loss_tolerance) {
  const InductionSetup setup = RecordedSetup(file["config"]);
  const std::string attention = file["config"]["attention_type"].String();
  SerialFor serial;
  InductionTrainer<T> trainer(setup, DataOf(setup.task), serial);
  trainer.StartEpoch();
  const double recorded = file[loss].Number();
  EXPECT_NEAR(trainer.LossAndGradients().total, recorded,
              loss_tolerance * recorded);
  ExpectGradients(file[grads], attention, trainer.model().parameters(),
                  trainer.model().gradients());
}

TEST(InductionParity, FirstGradients) {
  for (const std::string& name : Golden::Names("grad0_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    ExpectFirstGradients<float>(file, "loss32", "grads32", kFiveSteps);
    ExpectFirstGradients<double>(file, "loss64", "grads64", kFiveSteps);
  }
}

TEST(InductionParity, ParametersAfterFiveSteps) {
  for (const std::string& name : Golden::Names("after5_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const InductionSetup setup = RecordedSetup(file["config"]);
    const std::string attention = file["config"]["attention_type"].String();
    SerialFor serial;
    InductionTrainer<float> trainer(setup, DataOf(setup.task), serial);
    trainer.StartEpoch();
    for (int64_t i = 0; i < file["steps"].Int(); ++i) trainer.Step();
    ExpectParametersAfterFiveSteps(file, attention, setup.optimiser.lr,
                                   trainer.model().parameters(),
                                   trainer.model().values());
  }
}

template <typename T>
double WorstLoss(const InductionSetup& setup,
                 const std::vector<double>& losses) {
  SerialFor serial;
  InductionTrainer<T> trainer(setup, DataOf(setup.task), serial);
  double worst = 0;
  trainer.StartEpoch();
  for (double recorded : losses) {
    const double loss = trainer.Step().total;
    worst = std::max(worst, std::abs(loss - recorded) / std::abs(recorded));
  }
  return worst;
}

TEST(InductionParity, FiveStepsOfEveryCombination) {
  for (const std::string& name : Golden::Names("five_steps_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    double worst = 0;
    for (const std::string& key : file["losses"].Keys()) {
      SCOPED_TRACE(key);
      InductionSetup setup = RecordedSetup(file["config"]);
      const std::vector<std::string> parts = absl::StrSplit(key, '/');
      setup.model.attention_kind = AttentionKindNamed(parts[0]);
      setup.model.positional = RecordedPositional(parts[1]);
      const double error =
          WorstLoss<float>(setup, file["losses"][key].Numbers());
      EXPECT_LT(error, kFiveSteps);
      worst = std::max(worst, error);
    }
    RecordProperty("worst", std::to_string(worst * 1e9) + "e-9");
    printf("%s: worst relative error %.2g\n", name.c_str(), worst);
  }
}

TEST(InductionParity, TwoHundredSteps) {
  for (const std::string& name : Golden::Names("steps_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const InductionSetup setup = RecordedSetup(file["config"]);
    const double worst = WorstLoss<float>(setup, file["loss32"].Numbers());
    EXPECT_LT(worst, kTwoHundredSteps);
    printf("%s: worst relative error %.2g\n", name.c_str(), worst);
  }
}

// The reference's own double run keeps softmax in float32, hence the tolerance.
TEST(InductionParity, StepsInDouble) {
  for (const std::string& name : Golden::Names("steps_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const InductionSetup setup = RecordedSetup(file["config"]);
    std::vector<double> losses = file["loss64"].Numbers();
    losses.resize(std::min<size_t>(losses.size(), 20));
    const double worst = WorstLoss<double>(setup, losses);
    EXPECT_LT(worst, 1e-6);
    printf("%s: worst relative error in double %.2g\n", name.c_str(), worst);
  }
}

TEST(InductionParity, RecordingsAreThere) {
  for (const char* kind :
       {"init_induction_", "grad0_induction_", "after5_induction_",
        "five_steps_induction_", "steps_induction_"}) {
    EXPECT_FALSE(Golden::Names(kind).empty()) << kind;
  }
}

}  // namespace
}  // namespace polarize
