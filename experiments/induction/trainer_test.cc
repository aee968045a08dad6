#include "experiments/induction/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "experiments/induction/data.h"
#include "experiments/induction/statistics.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/model/parameters.h"
#include "experiments/model/row_plan.h"
#include "experiments/model/transformer.h"
#include "experiments/run/batch_order.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "kernels/base/random/torch_random.h"
#include "tests/support/induction_testing.h"
#include "tests/support/model_testing.h"
#include "tests/support/reference_model.h"

namespace polarize {
namespace {

// A trainer with what it refers to.
template <typename T>
struct TestRun {
  explicit TestRun(const InductionSetup& run_setup)
      : setup(run_setup),
        data(MakeInductionData(setup.task)),
        trainer(setup, data, serial) {}

  std::vector<T> Values() {
    return {
        trainer.model().values(),
        trainer.model().values() + trainer.model().parameters().array_size()};
  }
  std::vector<T> Gradients() {
    return {trainer.model().gradients(),
            trainer.model().gradients() +
                trainer.model().parameters().array_size()};
  }

  InductionSetup setup;
  InductionData data;
  SerialFor serial;
  InductionTrainer<T> trainer;
};

// Sequences of a data set as a batch with the induction loss's weights.
Batch BatchOf(const InductionSetup& setup, const InductionSequences& from,
              const std::vector<uint32_t>& sequences) {
  const size_t positions = from.num_positions();
  const double n = static_cast<double>(sequences.size());
  Batch batch = {sequences.size(), {}, {}, {}};
  for (uint32_t s : sequences) {
    for (size_t t = 0; t < positions; ++t) {
      batch.token.push_back(from.Input(s)[t]);
      batch.target.push_back(from.Target(s)[t]);
      batch.weight.push_back(t != from.AnswerAt(s)
                                 ? setup.aux_loss_weight /
                                       (n * static_cast<double>(positions - 1))
                                 : 1 / n);
    }
  }
  return batch;
}

ReferenceOutputs Reference(TestRun<double>& run, const Batch& batch) {
  Transformer<double>& model = run.trainer.model();
  return ReferenceForward(model.config(), model.parameters(), model.values(),
                          batch.token);
}

// Mean over the positions without an answer, mean over those of answers, which
// alone have a weight of 1 / n.
InductionLoss ReferenceLoss(TestRun<double>& run, const Batch& batch) {
  const double n = static_cast<double>(batch.sequences);
  const std::vector<double> losses = ReferenceLosses(
      Reference(run, batch).logits, batch.target, run.setup.model.outputs);
  std::vector<double> start, last;
  for (size_t r = 0; r < losses.size(); ++r) {
    (batch.weight[r] == 1 / n ? last : start).push_back(losses[r]);
  }
  const auto mean = [](const std::vector<double>& x) {
    double sum = 0;
    for (double v : x) sum += v;
    return sum / static_cast<double>(x.size());
  };
  return {run.setup.aux_loss_weight * mean(start) + mean(last), mean(start),
          mean(last)};
}

void ExpectLoss(const InductionLoss& actual, const InductionLoss& expected) {
  EXPECT_NEAR(actual.total, expected.total, 1e-13 * expected.total);
  EXPECT_NEAR(actual.start, expected.start, 1e-13 * expected.start);
  EXPECT_NEAR(actual.main, expected.main, 1e-13 * expected.main);
}

std::vector<uint32_t> NextBatchOf(const InductionTrainer<double>& trainer) {
  const absl::Span<const uint32_t> batch = trainer.NextBatch();
  return {batch.begin(), batch.end()};
}

// --------------------------------------------------------------- training

void ExpectLossesAndGradientsOf(const InductionSetup& setup) {
  TestRun<double> run(setup);
  ASSERT_EQ(run.trainer.steps_per_epoch(), 7u);
  Transformer<double> model(setup.model, setup.batch_size, run.serial);
  run.trainer.StartEpoch();
  for (size_t step = 0; step < 7; ++step) {
    const Batch batch =
        BatchOf(setup, run.data.train, NextBatchOf(run.trainer));
    EXPECT_EQ(batch.sequences, step < 6 ? 8u : 5u);
    const std::vector<double> before = run.Values();
    ExpectLoss(run.trainer.LossAndGradients(), ReferenceLoss(run, batch));
    EXPECT_EQ(run.Values(), before);

    std::copy(before.begin(), before.end(), model.values());
    const RowPlan plan = IdentityPlan(setup.model, batch);
    model.Pack(/*backward=*/true);
    model.Forward(plan);
    model.Loss(plan, /*backward=*/true);
    model.Backward(plan);
    EXPECT_EQ(run.Gradients(),
              std::vector<double>(model.gradients(),
                                  model.gradients() + before.size()));
  }
  EXPECT_EQ(run.trainer.step(), 0u);
}

TEST(InductionTrainer, LossesAndGradientsAreThoseOfTheBatch) {
  for (const TaskKind task : {TaskKind::kInduction, TaskKind::kTrigger}) {
    for (const bool begin : {true, false}) {
      for (const double aux : {0.2, 0.0}) {
        InductionSetup setup = TinyInduction("sigmoid_norm", task, begin);
        setup.aux_loss_weight = aux;
        setup.sharing = false;  // the very bits of the identity plan
        ExpectLossesAndGradientsOf(setup);
      }
    }
  }
}

// One element's way through AdamW, by its formula.
struct NaiveAdamW {
  double m = 0, v = 0;
  double Step(const OptimiserConfig& o, double t, double p, double g) {
    p *= 1 - o.lr * o.weight_decay;
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    const double root = std::sqrt(v) / std::sqrt(1 - std::pow(o.beta2, t));
    return p - o.lr / (1 - std::pow(o.beta1, t)) * m / (root + o.epsilon);
  }
};

// `uniform` has parameters without gradient between those that have one.
TEST(InductionTrainer, StepUpdatesWhatIsTrainedAndNothingElse) {
  for (const AttentionKind& kind : AttentionKinds()) {
    SCOPED_TRACE(kind.name);
    TestRun<double> run(TinyInduction(kind.name));
    const Parameters& parameters = run.trainer.model().parameters();
    std::vector<NaiveAdamW> optimiser(parameters.array_size());
    run.trainer.StartEpoch();
    for (int step = 1; step <= 3; ++step) {
      std::vector<double> expected = run.Values();
      run.trainer.Step();
      EXPECT_EQ(run.trainer.step(), static_cast<uint64_t>(step));
      const std::vector<double> gradients = run.Gradients();
      for (const Parameter& p : parameters.list()) {
        for (size_t i = p.offset; p.trained && i < p.offset + p.size; ++i) {
          expected[i] = optimiser[i].Step(run.setup.optimiser, step,
                                          expected[i], gradients[i]);
        }
      }
      const std::vector<double> actual = run.Values();
      for (size_t i = 0; i < actual.size(); ++i) {
        ASSERT_NEAR(actual[i], expected[i], 1e-13) << i;
      }
      for (const Parameter& p : parameters.list()) {
        if (p.trained) continue;
        EXPECT_TRUE(std::equal(actual.begin() + p.offset,
                               actual.begin() + p.offset + p.size,
                               expected.begin() + p.offset))
            << p.name;
      }
    }
  }
}

TEST(InductionTrainer, AnEpochTakesEverySequenceOnce) {
  TestRun<double> run(TinyInduction("softmax"));
  std::vector<std::vector<uint32_t>> epochs;
  for (int epoch = 0; epoch < 2; ++epoch) {
    run.trainer.StartEpoch();
    epochs.emplace_back();
    for (size_t step = 0; step < run.trainer.steps_per_epoch(); ++step) {
      const std::vector<uint32_t> batch = NextBatchOf(run.trainer);
      epochs.back().insert(epochs.back().end(), batch.begin(), batch.end());
      run.trainer.Step();
    }
    EXPECT_EQ(epochs.back().size(), run.data.train.num());
    EXPECT_EQ(
        std::set<uint32_t>(epochs.back().begin(), epochs.back().end()).size(),
        run.data.train.num());
  }
  EXPECT_NE(epochs[0], epochs[1]);
}

// Initial weights, then per epoch the order and the evaluation's draws.
TEST(InductionTrainer, DrawsInTheReferencesOrder) {
  TestRun<double> run(TinyInduction("mlp_norm"));
  const Parameters& parameters = run.trainer.model().parameters();
  TorchRandom random(run.setup.task.seed);
  std::vector<float> initial(parameters.array_size());
  InitParameters(run.setup.model, parameters, random, initial.data());
  EXPECT_EQ(run.Values(), std::vector<double>(initial.begin(), initial.end()));

  std::vector<uint32_t> memory(run.data.train.num());
  BatchOrder order(random, absl::MakeSpan(memory), run.setup.batch_size);
  for (int epoch = 0; epoch < 3; ++epoch) {
    order.StartTrainingEpoch(run.data.train.num());
    run.trainer.StartEpoch();
    for (size_t step = 0; step < run.trainer.steps_per_epoch(); ++step) {
      EXPECT_EQ(run.trainer.NextBatch(), order.Batch(step));
      run.trainer.Step();
    }
    run.trainer.Evaluate(nullptr);  // draws nothing
    run.trainer.FinishEpoch();
    order.StartEvaluation();
  }
}

TEST(InductionTrainer, FloatFollowsDouble) {
  for (const AttentionKind& kind : AttentionKinds()) {
    SCOPED_TRACE(kind.name);
    TestRun<float> run(TinyInduction(kind.name));
    TestRun<double> exact(TinyInduction(kind.name));
    run.trainer.StartEpoch();
    exact.trainer.StartEpoch();
    for (int step = 0; step < 7; ++step) {
      const double expected = exact.trainer.Step().total;
      EXPECT_NEAR(run.trainer.Step().total, expected, 1e-5 * expected);
    }
  }
}

TEST(InductionTrainer, Learns) {
  TestRun<float> run(TinyInduction("softmax"));
  std::vector<double> losses;
  for (int epoch = 0; epoch < 10; ++epoch) {
    run.trainer.StartEpoch();
    for (int step = 0; step < 7; ++step) {
      losses.push_back(run.trainer.Step().total);
    }
  }
  EXPECT_LT(losses.back(), 0.7 * losses.front());
}

// BOS, the only token there is, that token again, itself as its successor.
TEST(InductionTrainer, ShortestSequences) {
  InductionSetup setup = TinyInduction("softmax");
  setup.task.seq_length = 4;
  setup.task.vocab_size = 2;
  setup.model.vocabulary = setup.model.outputs = setup.task.num_tokens();
  setup.model.positions = 3;
  TestRun<double> run(setup);
  run.trainer.StartEpoch();
  const Batch batch = BatchOf(setup, run.data.train, NextBatchOf(run.trainer));
  const InductionLoss expected = ReferenceLoss(run, batch);
  ExpectLoss(run.trainer.Step(), expected);
}

// ------------------------------------------------------------- evaluation

Batch EvalBatch(const TestRun<double>& run, size_t first) {
  std::vector<uint32_t> sequences;
  const size_t end =
      std::min(first + run.setup.batch_size, run.data.eval.num());
  for (size_t s = first; s < end; ++s) sequences.push_back(s);
  return BatchOf(run.setup, run.data.eval, sequences);
}

// Losses are means over batches, whatever their size; accuracies over
// sequences.
TEST(InductionTrainer, EvaluateEqualsTheReference) {
  TestRun<double> run(TinyInduction("softmax"));
  const size_t positions = run.setup.model.positions;
  for (int epoch = 0; epoch < 8; ++epoch) {  // until something is right
    run.trainer.StartEpoch();
    for (int step = 0; step < 7; ++step) run.trainer.Step();
  }
  InductionLoss sum;
  double right = 0, right_last = 0;
  for (size_t first : {0, 8, 16}) {
    const Batch batch = EvalBatch(run, first);
    EXPECT_EQ(batch.sequences, first < 16 ? 8u : 3u);
    const InductionLoss loss = ReferenceLoss(run, batch);
    sum.total += loss.total / 3;
    sum.start += loss.start / 3;
    sum.main += loss.main / 3;
    const std::vector<double> logits = Reference(run, batch).logits;
    const size_t outputs = run.setup.model.outputs;
    for (size_t r = 0; r < batch.target.size(); ++r) {
      const auto row = logits.begin() + r * outputs;
      const bool hit =
          std::max_element(row, row + outputs) - row == batch.target[r];
      right += hit;
      if (r % positions == positions - 1) right_last += hit;
    }
  }
  const InductionEvaluation result = run.trainer.Evaluate(nullptr);
  ExpectLoss(result.loss, sum);
  EXPECT_GT(right_last, 0);
  EXPECT_DOUBLE_EQ(result.acc_all, right / (19.0 * positions));
  EXPECT_DOUBLE_EQ(result.acc_induction, right_last / 19.0);
}

TEST(InductionTrainer, ObserverSeesEveryEvaluationRow) {
  TestRun<double> run(TinyInduction("raw_dotproduct_norm"));
  const ModelConfig& model = run.setup.model;
  const size_t positions = model.positions, sequences = run.data.eval.num();
  StatisticsObserver<double> observer(model.layers, model.heads, positions,
                                      sequences);
  const InductionEvaluation seen = run.trainer.Evaluate(&observer);
  // And nothing after it.
  const double entropy = observer.Get(1, 1).entropy;
  run.trainer.EvaluationLogits(3);
  run.trainer.StartEpoch();
  run.trainer.LossAndGradients();
  EXPECT_EQ(seen.loss.total, run.trainer.Evaluate(nullptr).loss.total);
  EXPECT_EQ(observer.Get(1, 1).entropy, entropy);
  for (size_t first : {0, 8, 16}) {
    const Batch batch = EvalBatch(run, first);
    const std::vector<double> weights = Reference(run, batch).weights;
    const size_t rows = batch.token.size();
    for (size_t s = 0; s < batch.sequences; ++s) {
      for (size_t l = 0; l < model.layers; ++l) {
        for (size_t h = 0; h < model.heads; ++h) {
          const absl::Span<const float> map =
              observer.maps().Map(first + s, l, h);
          for (size_t i = 0; i < map.size(); ++i) {
            const size_t q = i / positions, k = i % positions;
            const size_t row = l * rows + s * positions + q;
            EXPECT_NEAR(map[i],
                        weights[(row * model.heads + h) * positions + k],
                        1e-7 * std::max(1.0f, std::abs(map[i])));
          }
        }
      }
    }
  }
}

TEST(InductionTrainer, EvaluationLeavesTrainingAlone) {
  TestRun<float> plain(TinyInduction("linear")),
      watched(TinyInduction("linear"));
  StatisticsObserver<float> observer(2, 2, 6, 1);
  plain.trainer.StartEpoch();
  watched.trainer.StartEpoch();
  for (int step = 0; step < 7; ++step) {
    watched.trainer.Evaluate(step % 2 == 0 ? &observer : nullptr);
    watched.trainer.EvaluationLogits(3);
    EXPECT_EQ(watched.trainer.Step().total, plain.trainer.Step().total);
  }
  EXPECT_EQ(watched.Values(), plain.Values());
}

TEST(InductionTrainer, EvaluationLogitsAreThoseOfTheFirstSequences) {
  TestRun<double> run(TinyInduction("coupled_linear_norm"));
  for (size_t n : {1, 5, 8}) {
    Batch batch = EvalBatch(run, 0);
    batch.token.resize(n * run.setup.model.positions);
    const double* logits = run.trainer.EvaluationLogits(n);
    const std::vector<double> expected = Reference(run, batch).logits;
    EXPECT_LT(NormWiseError({logits, logits + expected.size()}, expected),
              1e-13);
  }
}

TEST(InductionTrainerDeathTest, NoMoreLogitsThanABatchOrTheDataHave) {
  InductionSetup setup = TinyInduction("softmax");
  TestRun<float> run(setup);
  EXPECT_DEATH(run.trainer.EvaluationLogits(9),
               "logits of 9 sequences, room for 8");
  setup.batch_size = 30;
  TestRun<float> large(setup);
  EXPECT_DEATH(large.trainer.EvaluationLogits(20),
               "20 of 19 evaluation sequences");
}

// ------------------------------------------------------------- divergence

bool NamesAParameter(const TestRun<float>& run, const std::string& text) {
  auto& model = const_cast<TestRun<float>&>(run).trainer.model();
  for (const Parameter& p : model.parameters().list()) {
    if (absl::StrContains(text, p.name)) return true;
  }
  return false;
}

TEST(InductionTrainer, DivergenceStopsTheUpdatesAndIsExplained) {
  for (const AttentionKind& kind : AttentionKinds()) {
    SCOPED_TRACE(kind.name);
    InductionSetup setup = TinyInduction(kind.name);
    setup.optimiser.lr = 1e30;
    TestRun<float> run(setup);
    run.trainer.StartEpoch();
    std::vector<float> values = run.Values();
    uint64_t steps = 0;
    while (std::isfinite(run.trainer.Step().total)) {
      ASSERT_LT(++steps, 3u);
      EXPECT_NE(run.Values(), values);
      values = run.Values();
    }
    EXPECT_GE(steps, 1u);
    EXPECT_EQ(run.trainer.step(), steps);
    const auto same_bits = [](float a, float b) {
      return a == b || (std::isnan(a) && std::isnan(b));
    };
    for (int i = 0; i < 2; ++i) {
      const std::vector<float> now = run.Values();
      EXPECT_TRUE(
          std::equal(now.begin(), now.end(), values.begin(), same_bits));
      EXPECT_TRUE(NamesAParameter(run, run.trainer.Diagnose()))
          << run.trainer.Diagnose();
      EXPECT_FALSE(std::isfinite(run.trainer.Step().total));
    }
    EXPECT_EQ(run.trainer.step(), steps);
  }
}

TEST(InductionTrainer, DiagnoseNamesTheParameterThatIsNotFinite) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(),
                    -std::numeric_limits<float>::infinity()}) {
    TestRun<float> run(TinyInduction("softmax"));
    const Parameter& p = run.trainer.model().parameters().list()[7];
    run.trainer.model().values()[p.offset + p.size - 1] = bad;
    run.trainer.StartEpoch();
    EXPECT_FALSE(std::isfinite(run.trainer.Step().total));
    EXPECT_EQ(run.trainer.Diagnose(), "parameter " + p.name + " is not finite");
  }
}

TEST(InductionTrainer, DiagnoseNamesTheLargestParameter) {
  TestRun<float> run(TinyInduction("softmax"));
  const Parameter& p = run.trainer.model().parameters().list().back();
  run.trainer.model().values()[p.offset] = -3e38f;
  const std::string text = run.trainer.Diagnose();
  EXPECT_TRUE(absl::StrContains(text, "every parameter is finite")) << text;
  EXPECT_TRUE(absl::StrContains(text, p.name)) << text;
}

}  // namespace
}  // namespace polarize
