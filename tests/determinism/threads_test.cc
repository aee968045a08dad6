// Training gives the same bits on any number of threads, in any order of tasks,
// run after run.
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/classification/trainer.h"
#include "experiments/induction/data.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/lr_schedule.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/run/thread_team.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/classification_testing.h"
#include "tests/support/induction_testing.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

// Everything that a run leaves: losses, statistics, logits, parameters.
template <typename T>
struct Trace {
  std::vector<double> losses, statistics;
  std::vector<T> logits, values;
  bool operator==(const Trace& other) const {
    return losses == other.losses && statistics == other.statistics &&
           logits == other.logits && values == other.values;
  }
};

template <typename T>
void AddEvaluation(const InductionSetup& setup, InductionTrainer<T>& trainer,
                   Trace<T>& trace) {
  const ModelConfig& model = setup.model;
  StatisticsObserver<T> observer(model.layers, model.heads, model.positions, 1);
  trace.losses.push_back(trainer.Evaluate(&observer).loss.total);
  for (size_t l = 0; l < model.layers; ++l) {
    for (size_t h = 0; h < model.heads; ++h) {
      for (const HeadStatistic& s : kHeadStatistics) {
        trace.statistics.push_back(observer.Get(l, h).*s.value);
      }
    }
  }
}

template <typename T>
Trace<T> TraceOf(const InductionSetup& setup, const InductionData& data,
                 ParallelFor& parallel, size_t epochs) {
  InductionTrainer<T> trainer(setup, data, parallel);
  Trace<T> trace;
  for (size_t epoch = 0; epoch < epochs; ++epoch) {
    trainer.StartEpoch();
    for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) {
      trace.losses.push_back(trainer.Step().total);
    }
    AddEvaluation(setup, trainer, trace);
  }
  const T* logits = trainer.EvaluationLogits(2);
  trace.logits.assign(logits,
                      logits + 2 * setup.model.positions * setup.model.outputs);
  const T* values = trainer.model().values();
  trace.values.assign(values,
                      values + trainer.model().parameters().array_size());
  return trace;
}

template <typename T>
void ExpectSameBits(const InductionSetup& setup, size_t epochs) {
  const InductionData data = MakeInductionData(setup.task);
  SerialFor serial;
  const Trace<T> expected = TraceOf<T>(setup, data, serial, epochs);
  EXPECT_FALSE(expected.losses.empty());
  EXPECT_TRUE(TraceOf<T>(setup, data, serial, epochs) == expected);
  ReversedFor reversed;
  EXPECT_TRUE(TraceOf<T>(setup, data, reversed, epochs) == expected);
  ShuffledFor shuffled(9);
  EXPECT_TRUE(TraceOf<T>(setup, data, shuffled, epochs) == expected);
  for (size_t threads : {1, 2, 3}) {
    auto team = ThreadTeam::Create(threads);
    ASSERT_TRUE(team.ok()) << team.status();
    EXPECT_TRUE(TraceOf<T>(setup, data, **team, epochs) == expected)
        << threads << " threads";
  }
}

TEST(Threads, ChangeNoBitOfATinyModel) {
  for (const AttentionKind& kind : AttentionKinds()) {
    SCOPED_TRACE(kind.name);
    for (bool sharing : {true, false}) {
      InductionSetup setup = TinyInduction(kind.name);
      setup.sharing = sharing;
      ExpectSameBits<float>(setup, 2);
      ExpectSameBits<double>(setup, 1);
      setup.model.bf16 = true;
      ExpectSameBits<float>(setup, 1);
      setup.model = WithNormAndGate(setup.model);
      ExpectSameBits<float>(setup, 1);
      setup.model.bf16 = false;
      ExpectSameBits<float>(setup, 1);
    }
  }
}

// With full attention and few different inputs.
TEST(Threads, ChangeNoBitOfClassification) {
  for (const AttentionKind& kind : AttentionKinds()) {
    SCOPED_TRACE(kind.name);
    const ClassificationSetup setup = TinyClassification(kind.name, 5);
    const auto values_on = [&](ParallelFor& parallel) {
      ClassificationTrainer<float> trainer(setup, parallel);
      trainer.StartEpoch();
      for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) trainer.Step();
      const float* values = trainer.model().values();
      return std::vector<float>(
          values, values + trainer.model().parameters().array_size());
    };
    SerialFor serial;
    ShuffledFor shuffled(9);
    auto team = ThreadTeam::Create(3);
    ASSERT_TRUE(team.ok()) << team.status();
    const std::vector<float> expected = values_on(serial);
    EXPECT_EQ(values_on(shuffled), expected);
    EXPECT_EQ(values_on(**team), expected);
  }
}

// Rows and widths of several tasks in every kernel.
InductionSetup LargerInduction(const char* kind) {
  InductionSetup setup = TinyInduction(kind);
  setup.task.seq_length = 13;
  setup.task.vocab_size = 50;
  setup.task.num_train = 110;
  setup.model.vocabulary = setup.model.outputs = setup.task.num_tokens();
  setup.model.positions = 12;
  setup.model.width = 64;
  setup.model.heads = 4;
  setup.model.hidden = 256;
  setup.batch_size = 60;  // then 50
  return setup;
}

TEST(Threads, ChangeNoBitOfALargerModel) {
  for (const char* kind : {"softmax", "mlp_norm", "linear"}) {
    SCOPED_TRACE(kind);
    InductionSetup setup = LargerInduction(kind);
    ForEachTarget([&] { ExpectSameBits<float>(setup, 1); });
    setup.model = WithNormAndGate(setup.model);
    ForEachTarget([&] { ExpectSameBits<float>(setup, 1); });
  }
}

TEST(Threads, ChangeNoBitWithAnyOptimiser) {
  for (const UpdateRule rule :
       {UpdateRule::kSgd, UpdateRule::kMomentum, UpdateRule::kSign}) {
    InductionSetup setup = LargerInduction("softmax");
    setup.optimiser.rule = rule;
    setup.optimiser.schedule = {LrDecay::kCosine, 1, 4, 0.1};
    ExpectSameBits<float>(setup, 2);
  }
}

}  // namespace
}  // namespace polarize
