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

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "experiments/induction/data.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/parameters.h"
#include "experiments/run/batch_order.h"
#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "kernels/base/random/torch_random.h"
#include "tests/parity/induction_recording.h"
#include "tests/support/golden.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

// Five-step losses: relative. Measured spread of the reference itself when its
// BLAS changes: 3.3e-7.
constexpr double kFiveSteps = 2e-6;
// Losses of 200 steps, relative.
constexpr double kTwoHundredSteps = 1e-5;
// Entries of a gradient, in mean absolute gradients of their tensor.
constexpr double kGradient = 1e-4;

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

// Softmax does not change when all scores of a row move together, which is all
// that k_proj.bias does.
bool GradientIsZero(absl::string_view attention_type, absl::string_view name) {
  return attention_type == "softmax" && absl::EndsWith(name, "k_proj.bias");
}

template <typename T>
void ExpectRecordedEntries(const Golden& recorded, const T* values, size_t size,
                           double tolerance) {
  const std::vector<double> first = recorded["first8"].Numbers();
  double sum = 0, abs_sum = 0;
  for (size_t i = 0; i < size; ++i) {
    sum += values[i];
    abs_sum += std::abs(static_cast<double>(values[i]));
  }
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_NEAR(values[i], first[i], tolerance) << "entry " << i;
  }
  // The recording's sums were taken in another order.
  const double order = 1e-13 * abs_sum;
  EXPECT_NEAR(sum, recorded["sum"].Number(), tolerance * size + order);
  EXPECT_NEAR(abs_sum, recorded["abs_sum"].Number(), tolerance * size + order);
}

TEST(InductionParity, InitialWeights) {
  for (const std::string& name : Golden::Names("init_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const InductionSetup setup = RecordedSetup(file["config"]);
    SerialFor serial;
    InductionTrainer<float> trainer(setup, DataOf(setup.task), serial);
    const Parameters& parameters = trainer.model().parameters();
    EXPECT_EQ(parameters.count(), size_t(file["n_params"].Int()));
    std::vector<std::string> names;
    for (const Parameter& p : parameters.list()) {
      names.push_back(p.name);
      SCOPED_TRACE(p.name);
      const Golden recorded = file["params"][p.name];
      EXPECT_EQ(std::vector<int64_t>(p.shape.begin(), p.shape.end()),
                recorded["shape"].Ints());
      const float* values = trainer.model().values() + p.offset;
      ExpectRecordedEntries(recorded, values, p.size, 0);
      const std::vector<double> last = recorded["last2"].Numbers();
      EXPECT_EQ(values[p.size - 2], last[0]);
      EXPECT_EQ(values[p.size - 1], last[1]);
    }
    EXPECT_EQ(names, file["param_order"].Strings());
  }
}

// The first elements of batch b, as many as `recorded` has.
void ExpectBatchStarts(const BatchOrder& order, size_t b,
                       const Golden& recorded) {
  const absl::Span<const uint32_t> batch =
      order.Batch(b).subspan(0, recorded.size());
  EXPECT_EQ(std::vector<int64_t>(batch.begin(), batch.end()), recorded.Ints());
}

void ExpectRecordedBatches(const Golden& file, TorchRandom& random) {
  const Golden config = file["config"], recorded = file["batches"];
  const size_t num_train = config["num_train"].Int();
  std::vector<uint32_t> memory(num_train);
  BatchOrder order(random, absl::MakeSpan(memory), config["batch_size"].Int());
  EXPECT_EQ(order.StartTrainingEpoch(num_train),
            recorded["epoch0_base_seed"].Int());
  ASSERT_EQ(static_cast<int64_t>(order.num_batches()),
            recorded["n_batches"].Int());
  ExpectBatchStarts(order, 0, recorded["epoch0_batch0"]);
  ExpectBatchStarts(order, 1, recorded["epoch0_batch1_first16"]);
  const size_t last = order.num_batches() - 1;
  EXPECT_EQ(static_cast<int64_t>(order.Batch(last).size()),
            recorded["epoch0_lastbatch_len"].Int());
  ExpectBatchStarts(order, last, recorded["epoch0_lastbatch_first16"]);
  EXPECT_EQ(order.StartEvaluation(), recorded["eval0_base_seed"].Int());
  EXPECT_EQ(order.StartTrainingEpoch(num_train),
            recorded["epoch1_base_seed"].Int());
  ExpectBatchStarts(order, 0, recorded["epoch1_batch0_first32"]);
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
  for (const Parameter& p : trainer.model().parameters().list()) {
    if (!p.trained || GradientIsZero(attention, p.name)) continue;
    SCOPED_TRACE(p.name);
    const double mean = file[grads][p.name]["abs_sum"].Number() / p.size;
    ExpectRecordedEntries(file[grads][p.name],
                          trainer.model().gradients() + p.offset, p.size,
                          kGradient * mean);
  }
}

TEST(InductionParity, FirstGradients) {
  for (const std::string& name : Golden::Names("grad0_induction_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    ExpectFirstGradients<float>(file, "loss32", "grads32", kFiveSteps);
    ExpectFirstGradients<double>(file, "loss64", "grads64", kFiveSteps);
  }
}

// Adam divides by the root of the mean square: a gradient entry near zero may
// move by a visible part of the rate for a rounding error. Entries are compared
// to 1 percent of the way that five steps can go; sums much more closely.
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
    const std::vector<std::string> untouched = file["grad_none"].Strings();
    for (const Parameter& p : trainer.model().parameters().list()) {
      SCOPED_TRACE(p.name);
      EXPECT_EQ(p.trained, std::find(untouched.begin(), untouched.end(),
                                     p.name) == untouched.end());
      if (GradientIsZero(attention, p.name)) continue;
      ExpectRecordedEntries(file["params_after"][p.name],
                            trainer.model().values() + p.offset, p.size,
                            0.01 * 5 * setup.optimiser.lr);
    }
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
