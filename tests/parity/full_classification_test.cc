// Whole runs of the classification experiment against the reference's: losses
// and accuracies of every epoch, the final attention statistics, label mixing.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/classification/flip.h"
#include "experiments/classification/statistics.h"
#include "experiments/classification/trainer.h"
#include "experiments/run/thread_team.h"
#include "gtest/gtest.h"
#include "tests/parity/recorded_classification.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

// Of the recorded loss, or what rounding leaves of a loss in float32.
constexpr double kLoss = 0.02, kLossRounding = 1e-7;
constexpr double kStatistic = 0.01;

void ExpectLoss(double loss, double recorded, const std::string& what) {
  EXPECT_LE(std::abs(loss - recorded),
            std::max(kLoss * recorded, kLossRounding))
      << what << ": " << loss << ", recorded " << recorded;
}

// "{layer}_{head}_{statistic}"
void ExpectStatistics(const Golden& recorded, const ClsObserver<float>& seen) {
  double worst = 0;
  for (const std::string& key : recorded.Keys()) {
    const std::vector<std::string> parts =
        absl::StrSplit(key, absl::MaxSplits('_', 2));
    const ClsStatistics head =
        seen.Get(std::stoul(parts[0]), std::stoul(parts[1]));
    for (const ClsStatistic& s : kClsStatistics) {
      if (parts[2] != s.name) continue;
      const double error = std::abs(head.*s.value - recorded[key].Number());
      EXPECT_LE(error, kStatistic) << key << ": " << head.*s.value;
      worst = std::max(worst, error);
    }
  }
  printf("statistics: largest difference %.2g\n", worst);
}

void ExpectMixing(const Golden& recorded, size_t heads,
                  const std::vector<MixingResult>& results) {
  ASSERT_EQ(recorded.Keys().size(), results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string key = absl::StrCat(i / heads, "_", i % heads);
    SCOPED_TRACE(key);
    const Golden head = recorded[key];
    EXPECT_EQ(results[i].mixed_a_predicts_top1_label,
              size_t(head["mixed_a_predicts_top1_label"].Int()));
    EXPECT_EQ(results[i].mixed_b_predicts_top1_label,
              size_t(head["mixed_b_predicts_top1_label"].Int()));
    EXPECT_EQ(results[i].total_pairs, size_t(head["total_pairs"].Int()));
    EXPECT_EQ(results[i].rate(), head["avg_top1_dominance_rate"].Number());
  }
}

class FullRun : public ::testing::TestWithParam<std::string> {};

TEST_P(FullRun, EndsWhereTheReferenceDoes) {
  const Golden file = Golden::Load(GetParam());
  const ClassificationSetup setup = RecordedClassification(file["config"]);
  const auto team =
      ThreadTeam::Create(std::max(1u, std::thread::hardware_concurrency()));
  ASSERT_TRUE(team.ok()) << team.status();
  ClassificationTrainer<float> trainer(setup, **team);
  const ModelConfig& model = setup.model;
  ClsObserver<float> observer(model.layers, model.heads, model.positions, 0);
  const Golden epochs = file["epochs"];
  for (int64_t e = 0; e < int64_t(epochs.size()); ++e) {
    trainer.StartEpoch();
    double sum = 0;
    for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) {
      sum += trainer.Step();
    }
    trainer.FinishEpoch();
    observer.Clear();
    const ClassificationEvaluation evaluation = trainer.Evaluate(&observer);
    const double train = sum / static_cast<double>(trainer.steps_per_epoch());
    const std::string epoch = absl::StrCat("epoch ", e + 1);
    ExpectLoss(train, epochs[e]["train/loss"].Number(), epoch + " training");
    ExpectLoss(evaluation.loss, epochs[e]["eval/loss"].Number(), epoch);
    EXPECT_EQ(evaluation.acc, epochs[e]["eval/acc"].Number()) << epoch;
    printf("%s: train %.6g (recorded %.6g), eval %.6g (recorded %.6g)\n",
           epoch.c_str(), train, epochs[e]["train/loss"].Number(),
           evaluation.loss, epochs[e]["eval/loss"].Number());
  }
  ExpectStatistics(file["metrics"], observer);
  ExpectMixing(file["mixing"], model.heads, RunLabelMixing(trainer, 500));
}

INSTANTIATE_TEST_SUITE_P(
    Recorded, FullRun,
    ::testing::ValuesIn(Golden::Names("full_classification_")),
    [](const auto& info) { return info.param; });

}  // namespace
}  // namespace polarize
