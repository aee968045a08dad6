// Whole induction runs beside the recorded ones: losses, accuracy, sink scores
// and row sums of the sink layer after every epoch. After some hundred steps
// rounding has made two runs two different ones, so that bounds are on what a
// reader concludes. Minutes per recording: run it by name,
//   bazel run -c opt //tests/parity:full_induction_test
#include <cstdio>
#include <string>

#include "experiments/induction/data.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "tests/parity/induction_recording.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

constexpr size_t kSinkLayer = 1;

void PrintHeads(const InductionSetup& setup, size_t epoch,
                const StatisticsObserver<float>& observer,
                const Golden& recorded) {
  for (size_t h = 0; h < setup.model.heads; ++h) {
    const HeadStatistics head = observer.Get(kSinkLayer, h);
    std::printf("| %zu | %zu | %.3f | %.3f |", epoch, h,
                head.rel_attn_bos_global, head.abs_attn_all);
    if (recorded.Has("metrics")) {
      const Golden metrics = recorded["metrics"];
      const auto of = [&](const char* name) {
        return metrics[StatisticKey(kSinkLayer, h, name)].Number();
      };
      std::printf(" %.3f | %.3f |", of("rel_attn_bos_global"),
                  of("abs_attn_all"));
    }
    std::printf("\n");
  }
}

double MeanSinkScore(const InductionSetup& setup,
                     const StatisticsObserver<float>& observer) {
  double sum = 0;
  for (size_t h = 0; h < setup.model.heads; ++h) {
    sum += observer.Get(kSinkLayer, h).rel_attn_bos_global;
  }
  return sum / static_cast<double>(setup.model.heads);
}

void RunBeside(const Golden& file) {
  const InductionSetup setup = RecordedSetup(file["config"]);
  const InductionData data = MakeInductionData(setup.task);
  SerialFor serial;
  InductionTrainer<float> trainer(setup, data, serial);
  StatisticsObserver<float> observer(setup.model.layers, setup.model.heads,
                                     setup.model.positions, 0);
  InductionEvaluation last;
  std::printf(
      "| epoch | head | sink score | row sum | recorded | recorded |\n");
  for (size_t epoch = 1; epoch <= file["epochs"].size(); ++epoch) {
    trainer.StartEpoch();
    double loss = 0;
    for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) {
      loss += trainer.Step().total;
    }
    trainer.FinishEpoch();
    observer.Clear();
    last = trainer.Evaluate(&observer);
    const Golden recorded = file["epochs"][static_cast<int64_t>(epoch - 1)];
    std::printf(
        "epoch %zu: train loss %.4f (recorded %.4f), eval loss %.4f (%.4f), "
        "accuracy %.4f (%.4f)\n",
        epoch, loss / static_cast<double>(trainer.steps_per_epoch()),
        recorded["train/loss"].Number(), last.loss.total,
        recorded["eval/loss"].Number(), last.acc_induction,
        recorded["eval/acc_induction"].Number());
    PrintHeads(setup, epoch, observer, recorded);
    std::fflush(stdout);
  }
  EXPECT_GE(last.acc_induction, 0.995);
  // Without a normaliser a head may become a sink and stop being one: no bound.
  if (file["config"]["attention_type"].String() == "softmax" &&
      file["config"]["positional_type"].String() == "add") {
    EXPECT_GT(MeanSinkScore(setup, observer), 0.9);
  }
}

TEST(FullInduction, BesideTheRecordedRuns) {
  for (const std::string& name : Golden::Names("full_induction_")) {
    SCOPED_TRACE(name);
    std::printf("%s\n", name.c_str());
    RunBeside(Golden::Load(name));
  }
}

}  // namespace
}  // namespace polarize
