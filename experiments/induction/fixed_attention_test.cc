#include "experiments/induction/fixed_attention.h"

#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "experiments/induction/data.h"
#include "experiments/induction/induction_shape.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel_for.h"

namespace polarize {
namespace {

constexpr size_t kHeads = 4;

// The shape that is compiled in, on little data.
InductionSetup CompiledSetup() {
  InductionSetup setup;
  setup.task = {/*num_train=*/40,
                /*num_eval=*/16,
                /*vocab_size=*/50,
                /*seq_length=*/induction_shape::kPositions + 1,
                /*shift_query_token=*/true,
                /*seed=*/0};
  ModelConfig& model = setup.model;
  model.vocabulary = model.outputs = setup.task.num_tokens();
  model.positions = induction_shape::kPositions;
  model.width = kHeads * induction_shape::kHeadWidth;
  model.layers = 2;
  model.heads = kHeads;
  model.hidden = 4 * model.width;
  model.use_mlp = model.use_layernorm = true;
  model.causal = induction_shape::kCausal;
  model.attention_kind = InductionFixedAttention()[0].kind;
  model.positional = Positional::kConcat;
  setup.optimiser = {1e-3, 0.9, 0.999, 1e-8, 0.01};
  setup.batch_size = 16;
  setup.aux_loss_weight = 0.2;
  return setup;
}

// Every float that three steps and an evaluation leave, the last batch a short
// one.
std::vector<float> Results(const InductionSetup& setup,
                           const InductionData& data, bool fixed) {
  SerialFor serial;
  InductionTrainer<float> trainer(setup, data, serial);
  if (fixed) trainer.model().UseFixedAttention(InductionFixedAttention());
  EXPECT_EQ(trainer.model().has_fixed_attention(), fixed);
  std::vector<float> results;
  trainer.StartEpoch();
  for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) {
    results.push_back(static_cast<float>(trainer.Step().total));
  }
  const size_t n = trainer.model().parameters().array_size();
  results.insert(results.end(), trainer.model().values(),
                 trainer.model().values() + n);
  results.insert(results.end(), trainer.model().gradients(),
                 trainer.model().gradients() + n);
  StatisticsObserver<float> observer(setup.model.layers, setup.model.heads,
                                     setup.model.positions, 1);
  results.push_back(static_cast<float>(trainer.Evaluate(&observer).loss.total));
  const absl::Span<const float> map = observer.maps().Map(0, 1, 2);
  results.insert(results.end(), map.begin(), map.end());
  return results;
}

TEST(FixedAttentionTest, GivesTheBitsOfTheKernelForAnySize) {
  const InductionSetup setup = CompiledSetup();
  const InductionData data = MakeInductionData(setup.task);
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    PinTarget(left & -left);
    const std::vector<float> fixed = Results(setup, data, true);
    const std::vector<float> any = Results(setup, data, false);
    ASSERT_EQ(fixed.size(), any.size());
    EXPECT_EQ(
        std::memcmp(fixed.data(), any.data(), fixed.size() * sizeof(float)), 0)
        << ChosenTargetName();
  }
  PinTarget(0);
}

TEST(FixedAttentionTest, IsNotUsedForOtherShapes) {
  for (int i = 0; i < 3; ++i) {
    InductionSetup setup = CompiledSetup();
    if (i == 0) setup.model.heads = 2;
    if (i == 1) setup.model.positions = --setup.task.seq_length - 1;
    if (i == 2) ++setup.model.attention_kind;
    const InductionData data = MakeInductionData(setup.task);
    SerialFor serial;
    InductionTrainer<float> trainer(setup, data, serial);
    trainer.model().UseFixedAttention(InductionFixedAttention());
    EXPECT_FALSE(trainer.model().has_fixed_attention()) << i;
  }
}

}  // namespace
}  // namespace polarize
