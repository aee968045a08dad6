// Training and evaluation take no memory: all of it is planned before.
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "experiments/classification/statistics.h"
#include "experiments/classification/trainer.h"
#include "experiments/induction/data.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/run/thread_team.h"
#include "gtest/gtest.h"
#include "hwy/aligned_allocator.h"
#include "kernels/attention/attention.h"
#include "tests/support/classification_testing.h"
#include "tests/support/heap_calls.h"
#include "tests/support/induction_testing.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

class StepAllocations : public testing::Test {
 protected:
  void SetUp() override {
    if (!CountsHeapCalls()) {
      GTEST_SKIP() << "this build's heap is not glibc's own (a sanitizer's, "
                      "perhaps): its calls cannot be counted";
    }
  }
};

// Where compilers cannot see that memory is not used.
void* volatile sink;

// The counter sees whatever way there is to ask for memory.
TEST_F(StepAllocations, AreSeenWhereThereAreAny) {
  const auto one_call = [](absl::FunctionRef<void()> body) {
    EXPECT_EQ(HeapCalls(body), 1u);
    std::free(sink);
  };
  EXPECT_EQ(HeapCalls([] {}), 0u);
  one_call([] { sink = std::malloc(10); });
  one_call([] { sink = std::calloc(10, 2); });
  one_call([] { sink = std::realloc(nullptr, 10); });
  one_call([] { sink = std::aligned_alloc(64, 128); });
  one_call([] {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, 128) == 0) sink = memory;
  });
  EXPECT_EQ(HeapCalls([] {
              int* volatile number = new int(3);
              delete number;
            }),
            1u);
  EXPECT_EQ(HeapCalls([] {
              struct alignas(128) Wide {
                char bytes[128];
              };
              Wide* volatile wide = new Wide;
              delete wide;
            }),
            1u);
  std::vector<int> grows;
  EXPECT_EQ(HeapCalls([&] { grows.resize(1000); }), 1u);
  EXPECT_GE(HeapCalls([] { hwy::AllocateAligned<float>(100); }), 1u);
  EXPECT_GE(
      HeapCalls([] { std::thread([] { sink = std::malloc(10); }).join(); }),
      1u);
  std::free(sink);
}

// The calls of an epoch's start, its steps and what stands between epochs.
struct EpochCalls {
  size_t start, steps, evaluation;
};
void UseModel(InductionTrainer<float>& trainer) { trainer.EvaluationLogits(2); }
void UseModel(ClassificationTrainer<float>& trainer) {
  const ClassificationSamples& eval = trainer.data().eval;
  trainer.Predict(
      eval.num(), [&](size_t i) { return eval.Tokens(i); }, nullptr,
      [](size_t, absl::Span<const float>) {});
}

template <class Trainer, class Observer>
EpochCalls CountEpoch(Trainer& trainer, Observer* observer) {
  EpochCalls calls;
  calls.start = HeapCalls([&] { trainer.StartEpoch(); });
  calls.steps = HeapCalls([&] {
    for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) trainer.Step();
  });
  calls.evaluation = HeapCalls([&] {
    trainer.Evaluate(nullptr);
    observer->Clear();
    trainer.Evaluate(observer);
    UseModel(trainer);
    trainer.FinishEpoch();
  });
  return calls;
}

// Not even the first epoch: the constructor takes all there is to take. Three
// epochs are 21 steps, three of them on the short last batch.
template <class Trainer, class Observer>
void ExpectNoCallsOf(Trainer& trainer, Observer& observer) {
  for (int epoch = 0; epoch < 3; ++epoch) {
    SCOPED_TRACE(testing::Message() << "epoch " << epoch);
    const EpochCalls calls = CountEpoch(trainer, &observer);
    EXPECT_EQ(calls.start, 0u);
    EXPECT_EQ(calls.steps, 0u);
    EXPECT_EQ(calls.evaluation, 0u);
  }
}

void ExpectNoCalls(const std::string& kind, size_t threads, bool sharing,
                   bool bf16 = false, bool norm_and_gate = false,
                   UpdateRule rule = UpdateRule::kAdamW) {
  SCOPED_TRACE(testing::Message()
               << kind << " on " << threads << " threads"
               << (sharing ? ", sharing" : "") << (bf16 ? ", bfloat16" : "")
               << (norm_and_gate ? ", QK norm and gate" : ""));
  absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(threads);
  ASSERT_TRUE(team.ok()) << team.status();
  InductionSetup setup = TinyInduction(kind);
  setup.sharing = sharing;
  setup.model.bf16 = bf16;
  if (norm_and_gate) setup.model = WithNormAndGate(setup.model);
  setup.optimiser.rule = rule;
  const InductionData data = MakeInductionData(setup.task);
  InductionTrainer<float> induction(setup, data, **team);
  StatisticsObserver<float> statistics(setup.model.layers, setup.model.heads,
                                       setup.model.positions, 2);
  ExpectNoCallsOf(induction, statistics);

  ClassificationSetup groups = TinyClassification(kind, 5);
  groups.sharing = sharing;
  groups.model.bf16 = bf16;
  if (norm_and_gate) groups.model = WithNormAndGate(groups.model);
  groups.optimiser.rule = rule;
  ClassificationTrainer<float> classification(groups, **team);
  ClsObserver<float> cls(groups.model.layers, groups.model.heads,
                         groups.model.positions, 2);
  ExpectNoCallsOf(classification, cls);
}

TEST_F(StepAllocations, DoNotHappen) {
  ForEachTarget([] {
    for (const AttentionKind& kind : AttentionKinds()) {
      for (size_t threads : {1, 2}) {
        for (bool sharing : {true, false}) {
          ExpectNoCalls(kind.name, threads, sharing);
        }
      }
    }
    for (const char* kind : {"softmax", "mlp_norm"}) {
      for (bool norm_and_gate : {true, false}) {
        ExpectNoCalls(kind, 2, /*sharing=*/true, /*bf16=*/true, norm_and_gate);
      }
      ExpectNoCalls(kind, 2, /*sharing=*/false, /*bf16=*/false,
                    /*norm_and_gate=*/true);
    }
    for (const UpdateRule rule :
         {UpdateRule::kSgd, UpdateRule::kMomentum, UpdateRule::kSign}) {
      ExpectNoCalls("softmax", 2, /*sharing=*/true, /*bf16=*/false,
                    /*norm_and_gate=*/false, rule);
    }
  });
}

}  // namespace
}  // namespace polarize
