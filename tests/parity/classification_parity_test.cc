// The classification experiment against numbers recorded from the reference:
// initial weights, data, batch order, first gradients, losses, parameters after
// five steps. Every recorded file of a kind is tried (see POLARIZE_GOLDENS in
// tests/support/golden.h).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "experiments/classification/data.h"
#include "experiments/classification/trainer.h"
#include "experiments/model/parameters.h"
#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "kernels/base/random/torch_random.h"
#include "tests/parity/recorded.h"
#include "tests/parity/recorded_classification.h"
#include "tests/support/golden.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

// Five-step losses: relative. Measured spread of the reference itself when its
// BLAS changes: 3.3e-7 for losses of order 1.
constexpr double kFiveSteps = 2e-6;
// A loss is log-sum-exp minus a logit in float32: where it is small, what
// rounding leaves of it, per sample, is an absolute error.
constexpr double kLossRounding = 1.2e-7;
// linear_unnorm without layer norm starts at losses above 2e5. From the second
// step on our own float32 and float64 runs agree to 2e-6, and the recording is
// 0.4 (no MLP) and 0.9 percent (MLP) away from both: the reference rounds
// elu(x) + 1 to 0 for x below -17, where Adam still takes a full step for the
// true value. Rounding so too takes 0.9 percent down to 0.08.
constexpr double kExploded = 1e-2;

// One combination is 2.1e-6 away from our own float64 run at the second step
// (1.8e-6 with rows apart; all others 1.8e-6 at most): AdamW's first step is lr
// g / (|g| + 1e-8), which makes parts of lr out of the rounding of gradients
// near 1e-8, and here logits without a normaliser feel it.
constexpr absl::string_view kSensitive = "raw_dotproduct_unnorm/mlp=0/ln=1";
constexpr double kSensitiveSteps = 4e-6;

std::vector<int64_t> Tokens(const ClassificationSamples& samples, size_t i) {
  return std::vector<int64_t>(samples.Tokens(i),
                              samples.Tokens(i) + samples.seq_length());
}

// Recorded samples are pairs: tokens and label.
void ExpectSample(const ClassificationSamples& samples, size_t i,
                  const Golden& recorded) {
  EXPECT_EQ(Tokens(samples, i), recorded[int64_t{0}].Ints());
  EXPECT_EQ(samples.label(i), recorded[int64_t{1}].Int());
}

struct Sums {
  int64_t ids = 0, labels = 0;
  int64_t weighted = 0;  // by position, from 1
};

Sums SumsOf(const ClassificationSamples& samples) {
  Sums sums;
  for (size_t i = 0; i < samples.num(); ++i) {
    const std::vector<int64_t> tokens = Tokens(samples, i);
    sums.labels += samples.label(i);
    for (size_t t = 0; t < tokens.size(); ++t) {
      sums.ids += tokens[t];
      sums.weighted += static_cast<int64_t>(t + 1) * tokens[t];
    }
  }
  return sums;
}

void ExpectData(const Golden& recorded, const ClassificationData& data) {
  for (int64_t i = 0; i < int64_t(recorded["train_first"].size()); ++i) {
    ExpectSample(data.train, i, recorded["train_first"][i]);
  }
  for (int64_t i = 0; i < int64_t(recorded["eval_first"].size()); ++i) {
    ExpectSample(data.eval, i, recorded["eval_first"][i]);
  }
  ExpectSample(data.train, data.train.num() - 1, recorded["train_last"]);
  const std::vector<int64_t> labels = recorded["train_labels_first32"].Ints();
  for (size_t i = 0; i < labels.size(); ++i) {
    EXPECT_EQ(data.train.label(i), labels[i]) << i;
  }
  const Sums train = SumsOf(data.train), eval = SumsOf(data.eval);
  EXPECT_EQ(train.ids, recorded["train_ids_sum"].Int());
  EXPECT_EQ(train.weighted, recorded["train_ids_wsum"].Int());
  EXPECT_EQ(train.labels, recorded["train_label_sum"].Int());
  EXPECT_EQ(eval.ids, recorded["eval_ids_sum"].Int());
  EXPECT_EQ(eval.labels, recorded["eval_label_sum"].Int());
}

TEST(ClassificationParity, InitialWeightsAndData) {
  for (const std::string& name : Golden::Names("init_classification_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    SerialFor serial;
    ClassificationTrainer<float> trainer(RecordedClassification(file["config"]),
                                         serial);
    ExpectInitialWeights(file, trainer.model().parameters(),
                         trainer.model().values());
    ExpectData(file["data"], trainer.data());
  }
}

// One stream: initial weights, data, order of the batches.
TEST(ClassificationParity, BatchOrder) {
  for (const std::string& name : Golden::Names("init_classification_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const ClassificationSetup setup = RecordedClassification(file["config"]);
    const Parameters parameters(setup.model);
    std::vector<float> weights(parameters.array_size());
    TorchRandom random(setup.task.seed);
    InitParameters(setup.model, parameters, random, weights.data());
    MakeClassificationData(setup.task, random);
    ExpectRecordedBatches(file, random);
  }
}

template <typename T>
void ExpectFirstGradients(const Golden& file, const char* loss,
                          const char* grads) {
  const ClassificationSetup setup = RecordedClassification(file["config"]);
  SerialFor serial;
  ClassificationTrainer<T> trainer(setup, serial);
  trainer.StartEpoch();
  const Golden batch = file["batch0_first2"];
  for (int64_t i = 0; i < int64_t(batch[int64_t{0}].size()); ++i) {
    const size_t sample = trainer.NextBatch()[i];
    EXPECT_EQ(Tokens(trainer.data().train, sample),
              batch[int64_t{0}][i].Ints());
    EXPECT_EQ(trainer.data().train.label(sample), batch[int64_t{1}][i].Int());
  }
  const double recorded = file[loss].Number();
  EXPECT_NEAR(trainer.LossAndGradients(), recorded, kFiveSteps * recorded);
  ExpectGradients(file[grads], file["config"]["attention_type"].String(),
                  trainer.model().parameters(), trainer.model().gradients());
}

TEST(ClassificationParity, FirstGradients) {
  for (const std::string& name : Golden::Names("grad0_classification_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    ExpectFirstGradients<float>(file, "loss32", "grads32");
    ExpectFirstGradients<double>(file, "loss64", "grads64");
  }
}

TEST(ClassificationParity, ParametersAfterFiveSteps) {
  for (const std::string& name : Golden::Names("after5_classification_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    const ClassificationSetup setup = RecordedClassification(file["config"]);
    SerialFor serial;
    ClassificationTrainer<float> trainer(setup, serial);
    trainer.StartEpoch();
    for (int64_t i = 0; i < file["steps"].Int(); ++i) trainer.Step();
    ExpectParametersAfterFiveSteps(
        file, file["config"]["attention_type"].String(), setup.optimiser.lr,
        trainer.model().parameters(), trainer.model().values());
  }
}

// "softmax/mlp=1/ln=0"
ClassificationSetup CombinationOf(const Golden& config,
                                  const std::string& key) {
  ClassificationSetup setup = RecordedClassification(config);
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  setup.model.attention_kind = AttentionKindNamed(parts[0]);
  setup.model.use_mlp = parts[1] == "mlp=1";
  setup.model.use_layernorm = parts[2] == "ln=1";
  return setup;
}

double RelativeTolerance(const std::string& key) {
  const bool explodes =
      absl::StartsWith(key, "linear_unnorm/") && absl::EndsWith(key, "/ln=0");
  if (key == kSensitive) return kSensitiveSteps;
  return explodes ? kExploded : kFiveSteps;
}

template <typename T>
std::vector<double> Losses(const ClassificationSetup& setup, size_t steps) {
  SerialFor serial;
  ClassificationTrainer<T> trainer(setup, serial);
  trainer.StartEpoch();
  std::vector<double> losses(steps);
  for (double& loss : losses) loss = trainer.Step();
  return losses;
}

// A recorded 0 is compared absolutely, like all that rounding leaves.
TEST(ClassificationParity, FiveStepsOfEveryCombination) {
  for (const std::string& name : Golden::Names("five_steps_classification_")) {
    SCOPED_TRACE(name);
    const Golden file = Golden::Load(name);
    EXPECT_EQ(file["losses"].Keys().size(), 48u);
    for (const std::string& key : file["losses"].Keys()) {
      SCOPED_TRACE(key);
      const std::vector<double> recorded = file["losses"][key].Numbers();
      const std::vector<double> losses =
          Losses<float>(CombinationOf(file["config"], key), recorded.size());
      double worst = 0;
      for (size_t i = 0; i < recorded.size(); ++i) {
        const double error = std::abs(losses[i] - recorded[i]);
        EXPECT_LE(error, RelativeTolerance(key) * recorded[i] + kLossRounding)
            << "step " << i + 1 << ": " << losses[i];
        if (recorded[i] > 0) worst = std::max(worst, error / recorded[i]);
      }
      printf("%-36s worst relative error %.2g\n", key.c_str(), worst);
    }
  }
}

// What kExploded says of our own runs.
TEST(ClassificationParity, ExplodedLossesAreTheSameInDouble) {
  const Golden file = Golden::Load("five_steps_classification_seed0");
  for (const char* key :
       {"linear_unnorm/mlp=0/ln=0", "linear_unnorm/mlp=1/ln=0"}) {
    ClassificationSetup setup = CombinationOf(file["config"], key);
    // Measured with MLP at the second step: 1.7e-6 this way, 2.1e-6 with shared
    // rows, whose sums round in another order.
    setup.sharing = false;
    const std::vector<double> single = Losses<float>(setup, 2);
    const std::vector<double> exact = Losses<double>(setup, 2);
    EXPECT_NEAR(single[0], exact[0], kFiveSteps * exact[0]) << key;
    EXPECT_NEAR(single[1], exact[1], kFiveSteps * exact[1]) << key;
  }
}

TEST(ClassificationParity, RecordingsAreThere) {
  for (const char* kind :
       {"init_classification_", "grad0_classification_",
        "after5_classification_", "five_steps_classification_"}) {
    EXPECT_FALSE(Golden::Names(kind).empty()) << kind;
  }
}

}  // namespace
}  // namespace polarize
