// Row sharing against the identity plan: the same losses, gradients,
// evaluations and attention statistics, but for the order of sums.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "experiments/classification/data.h"
#include "experiments/classification/statistics.h"
#include "experiments/classification/trainer.h"
#include "experiments/induction/data.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/parameters.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/classification_testing.h"
#include "tests/support/induction_testing.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

constexpr size_t kSteps = 50;
// Of float losses, relative or absolute.
constexpr double kRelative = 1e-6, kAbsolute = 1e-7;
constexpr double kDouble = 1e-10;
// Of gradients, norm-wise per parameter, or absolute where they cancel to 0.
constexpr double kGradient = 1e-5, kZeroGradient = 1e-7;

// What a run of one task and one plan shows.
struct Trace {
  std::vector<double> losses, first_gradients, evaluations, statistics;
  std::vector<float> maps;
};

template <typename T>
class InductionRun {
 public:
  explicit InductionRun(const InductionSetup& setup)
      : setup_(setup),
        data_(MakeInductionData(setup.task)),
        trainer_(setup, data_, serial_) {}
  InductionTrainer<T>& trainer() { return trainer_; }
  static double LossOf(const InductionLoss& loss) { return loss.total; }

  void Evaluate(Trace& trace) {
    const ModelConfig& model = setup_.model;
    StatisticsObserver<T> observer(model.layers, model.heads, model.positions,
                                   3);
    const InductionEvaluation e = trainer_.Evaluate(&observer);
    const InductionEvaluation alone = trainer_.Evaluate(nullptr);
    EXPECT_EQ(e.loss.total, alone.loss.total);
    for (double value : {e.loss.total, e.loss.start, e.loss.main, e.acc_all,
                         e.acc_induction}) {
      trace.evaluations.push_back(value);
    }
    for (size_t l = 0; l < model.layers; ++l) {
      for (size_t h = 0; h < model.heads; ++h) {
        for (const HeadStatistic& s : kHeadStatistics) {
          trace.statistics.push_back(observer.Get(l, h).*s.value);
        }
        for (size_t i = 0; i < 3; ++i) {
          for (float w : observer.maps().Map(i, l, h)) trace.maps.push_back(w);
        }
      }
    }
    const T* logits = trainer_.EvaluationLogits(5);
    for (size_t i = 0; i < 5 * model.positions * model.outputs; ++i) {
      trace.maps.push_back(static_cast<float>(logits[i]));
    }
  }

 private:
  const InductionSetup setup_;
  const InductionData data_;
  SerialFor serial_;
  InductionTrainer<T> trainer_;
};

template <typename T>
class ClassificationRun {
 public:
  explicit ClassificationRun(const ClassificationSetup& setup)
      : trainer_(setup, serial_) {}
  ClassificationTrainer<T>& trainer() { return trainer_; }
  static double LossOf(double loss) { return loss; }

  void Evaluate(Trace& trace) {
    const ModelConfig& model = trainer_.setup().model;
    ClsObserver<T> observer(model.layers, model.heads, model.positions, 3);
    const ClassificationEvaluation e = trainer_.Evaluate(&observer);
    const ClassificationEvaluation alone = trainer_.Evaluate(nullptr);
    EXPECT_EQ(e.loss, alone.loss);
    trace.evaluations.push_back(e.loss);
    trace.evaluations.push_back(e.acc);
    for (size_t l = 0; l < model.layers; ++l) {
      for (size_t h = 0; h < model.heads; ++h) {
        for (const ClsStatistic& s : kClsStatistics) {
          trace.statistics.push_back(observer.Get(l, h).*s.value);
        }
        for (size_t i = 0; i < 3; ++i) {
          for (float w : observer.maps().Map(i, l, h)) trace.maps.push_back(w);
        }
      }
    }
    const ClassificationSamples& eval = trainer_.data().eval;
    trainer_.Predict(
        eval.num(), [&](size_t i) { return eval.Tokens(i); }, nullptr,
        [&](size_t, absl::Span<const T> logits) {
          for (T x : logits) trace.maps.push_back(static_cast<float>(x));
        });
  }

 private:
  SerialFor serial_;
  ClassificationTrainer<T> trainer_;
};

template <class Run, class Setup>
Trace TraceOf(Setup setup, bool sharing) {
  setup.sharing = sharing;
  Run run(setup);
  Trace trace;
  run.Evaluate(trace);
  auto& trainer = run.trainer();
  trainer.StartEpoch();
  trainer.LossAndGradients();
  trace.first_gradients.assign(
      trainer.model().gradients(),
      trainer.model().gradients() + trainer.model().parameters().array_size());
  for (size_t i = 0; i < kSteps; ++i) {
    if (i % trainer.steps_per_epoch() == 0) trainer.StartEpoch();
    trace.losses.push_back(Run::LossOf(trainer.Step()));
  }
  run.Evaluate(trace);
  return trace;
}

template <class V>
void ExpectNear(const V& actual, const V& expected, double relative,
                double absolute, const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    const double size = std::abs(static_cast<double>(expected[i]));
    EXPECT_NEAR(actual[i], expected[i], std::max(relative * size, absolute))
        << what << " " << i;
  }
}

void ExpectSameGradients(const Parameters& parameters, const Trace& on,
                         const Trace& off, double tolerance) {
  for (const Parameter& p : parameters.list()) {
    const auto part = [&](const Trace& trace) {
      const auto begin = trace.first_gradients.begin() + p.offset;
      return std::vector<double>(begin, begin + p.size);
    };
    const std::vector<double> a = part(on), b = part(off);
    double largest = 0;
    for (double x : b) largest = std::max(largest, std::abs(x));
    if (largest < kZeroGradient) {
      for (double x : a) EXPECT_NEAR(x, 0, kZeroGradient) << p.name;
    } else {
      EXPECT_LT(NormWiseError(a, b), tolerance) << p.name;
    }
  }
}

template <class Run, class Setup>
void ExpectSame(const Setup& setup, bool is_double) {
  const Trace on = TraceOf<Run>(setup, true), off = TraceOf<Run>(setup, false);
  const double relative = is_double ? kDouble : kRelative;
  const double absolute = is_double ? kDouble : kAbsolute;
  ExpectSameGradients(Parameters(setup.model), on, off,
                      is_double ? kDouble : kGradient);
  // What float rounds takes small scores across 0, and a row's whole weight
  // with them: 50 steps make that seen.
  if (!is_double &&
      setup.model.attention_kind == AttentionKindNamed("relu_norm")) {
    return;
  }
  ExpectNear(on.losses, off.losses, relative, absolute, "loss");
  ExpectNear(on.evaluations, off.evaluations, relative, absolute, "evaluation");
  ExpectNear(on.maps, off.maps, is_double ? kDouble : 1e-5,
             is_double ? kDouble : 1e-5, "weight or logit");
  // Shares of weights that cancel magnify what float rounds.
  if (!is_double && AttentionKinds()[setup.model.attention_kind].signed_weights)
    return;
  // row_sum_sd of rows that sum to 1 is the root of what rounding leaves.
  ExpectNear(on.statistics, off.statistics, is_double ? kDouble : 1e-5,
             is_double ? 1e-7 : 1e-5, "statistic");
}

struct Variant {
  const char* name;
  ModelConfig (*make)(ModelConfig config);
};

constexpr Variant kVariants[] = {
    {"default", [](ModelConfig c) { return c; }},
    {"one layer, no mlp",
     [](ModelConfig c) {
       c.layers = 1;
       c.use_mlp = false;
       return c;
     }},
    {"three layers, add",
     [](ModelConfig c) {
       c.layers = 3;
       c.positional = Positional::kAdd;
       return c;
     }},
    {"no positions, the other mask",
     [](ModelConfig c) {
       c.positional = Positional::kNone;
       c.causal = !c.causal;
       return c;
     }},
    {"qk norm and gate", WithNormAndGate},
    {"no layer norm, qk norm and gate",
     [](ModelConfig c) {
       c.use_layernorm = false;
       return WithNormAndGate(c);
     }},
};

// Over 50 steps float's roundings stay as small as the bounds want. With the
// options beyond the reference's they grow where sums may pass a kink or 0, and
// without layer norm: those are compared in double.
bool StaysTogetherInFloat(const ModelConfig& c) {
  return !c.attention_gate ||
         (c.use_layernorm &&
          !AttentionKinds()[c.attention_kind].signed_weights);
}

class Sharing : public testing::TestWithParam<size_t> {
 protected:
  static const char* kind() { return AttentionKinds()[GetParam()].name; }
};

TEST_P(Sharing, OfInductionChangesNothing) {
  for (const Variant& variant : kVariants) {
    for (double aux : {0.2, 0.0}) {
      SCOPED_TRACE(testing::Message() << variant.name << ", aux " << aux);
      InductionSetup setup = TinyInduction(kind());
      setup.model = variant.make(setup.model);
      setup.optimiser.lr = 1e-3;
      setup.aux_loss_weight = aux;
      if (StaysTogetherInFloat(setup.model)) {
        ExpectSame<InductionRun<float>>(setup, false);
      }
      ExpectSame<InductionRun<double>>(setup, true);
    }
  }
}

TEST_P(Sharing, OfClassificationChangesNothing) {
  for (const Variant& variant : kVariants) {
    for (uint32_t group : {4, 5, 12}) {
      SCOPED_TRACE(testing::Message()
                   << variant.name << ", groups of " << group);
      ClassificationSetup setup = TinyClassification(kind(), group);
      setup.model = variant.make(setup.model);
      if (StaysTogetherInFloat(setup.model)) {
        ExpectSame<ClassificationRun<float>>(setup, false);
      }
      ExpectSame<ClassificationRun<double>>(setup, true);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Sharing,
                         testing::Range<size_t>(0, AttentionKinds().size()),
                         [](const auto& info) {
                           return AttentionKinds()[info.param].name;
                         });

}  // namespace
}  // namespace polarize
