#include "experiments/classification/fixed_attention.h"

#include <cstring>
#include <vector>

#include "experiments/classification/classification_shape.h"
#include "experiments/classification/statistics.h"
#include "experiments/classification/trainer.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel_for.h"

namespace polarize {
namespace {

constexpr size_t kHeads = 4;

// The shape that is compiled in, on little data.
ClassificationSetup CompiledSetup() {
  ClassificationSetup setup;
  setup.task = {/*num_train=*/40,
                /*num_eval=*/16,
                /*vocab_size=*/41,
                /*seq_length=*/classification_shape::kPositions,
                /*num_labels=*/4,
                /*seed=*/0};
  ModelConfig& model = setup.model;
  model.vocabulary = setup.task.vocab_size;
  model.outputs = setup.task.num_labels;
  model.positions = classification_shape::kPositions;
  model.width = kHeads * classification_shape::kHeadWidth;
  model.layers = 2;
  model.heads = kHeads;
  model.hidden = 4 * model.width;
  model.use_mlp = model.use_layernorm = true;
  model.causal = classification_shape::kCausal;
  model.attention_kind = ClassificationFixedAttention()[0].kind;
  model.positional = Positional::kNone;
  setup.optimiser = {1e-3, 0.9, 0.999, 1e-8, 0.01};
  setup.batch_size = 16;
  return setup;
}

// Every float that three steps and an evaluation leave, the last batch a short
// one.
std::vector<float> Results(const ClassificationSetup& setup, bool fixed) {
  SerialFor serial;
  ClassificationTrainer<float> trainer(setup, serial);
  if (fixed) trainer.model().UseFixedAttention(ClassificationFixedAttention());
  EXPECT_EQ(trainer.model().has_fixed_attention(), fixed);
  std::vector<float> results;
  trainer.StartEpoch();
  for (size_t i = 0; i < trainer.steps_per_epoch(); ++i) {
    results.push_back(static_cast<float>(trainer.Step()));
  }
  const size_t n = trainer.model().parameters().array_size();
  results.insert(results.end(), trainer.model().values(),
                 trainer.model().values() + n);
  results.insert(results.end(), trainer.model().gradients(),
                 trainer.model().gradients() + n);
  ClsObserver<float> observer(setup.model.layers, setup.model.heads,
                              setup.model.positions, 1);
  results.push_back(static_cast<float>(trainer.Evaluate(&observer).loss));
  const absl::Span<const float> map = observer.maps().Map(0, 1, 2);
  results.insert(results.end(), map.begin(), map.end());
  return results;
}

TEST(FixedAttentionTest, GivesTheBitsOfTheKernelForAnySize) {
  const ClassificationSetup setup = CompiledSetup();
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    PinTarget(left & -left);
    const std::vector<float> fixed = Results(setup, true);
    const std::vector<float> any = Results(setup, false);
    ASSERT_EQ(fixed.size(), any.size());
    EXPECT_EQ(
        std::memcmp(fixed.data(), any.data(), fixed.size() * sizeof(float)), 0)
        << ChosenTargetName();
  }
  PinTarget(0);
}

}  // namespace
}  // namespace polarize
