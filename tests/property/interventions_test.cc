// Evaluations under interventions with rows shared and not: the same losses,
// accuracies, means and statistics, but for the order of sums.
#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "experiments/induction/data.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/activation_means.h"
#include "experiments/model/intervention.h"
#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/induction_testing.h"

namespace polarize {
namespace {

// Relative, or absolute. Shares of weights that cancel are large.
constexpr double kTolerance = 1e-10;

std::vector<Intervention<double>> Parts(const ModelConfig& model) {
  std::vector<Intervention<double>> parts = {
      {InterventionSite::kToken, 0, 0, kBeginToken}};
  for (size_t l = 0; l < model.layers; ++l) {
    parts.push_back({InterventionSite::kFirstValue, l});
    for (size_t h = 0; h < model.heads; ++h) {
      parts.push_back({InterventionSite::kHead, l, h});
    }
  }
  return parts;
}

// All that an evaluation tells.
std::vector<double> Told(const InductionSetup& setup, const InductionData& data,
                         InductionTrainer<double>& trainer,
                         const Intervention<double>* intervention) {
  const ModelConfig& model = setup.model;
  const bool trigger = setup.task.kind == TaskKind::kTrigger;
  StatisticsObserver<double> observer(
      model.layers, model.heads, model.positions, 0,
      trigger ? data.eval.answers_at() : std::vector<uint32_t>());
  const InductionEvaluation e = trainer.Evaluate(&observer, intervention);
  std::vector<double> told = {e.loss.total, e.loss.start,    e.loss.main,
                              e.acc_all,    e.acc_induction, e.acc_start};
  for (size_t l = 0; l < model.layers; ++l) {
    for (size_t h = 0; h < model.heads; ++h) {
      told.push_back(observer.Get(l, h).rel_attn_bos_global);
      told.push_back(observer.Get(l, h).entropy);
    }
  }
  return told;
}

// Of a few steps, then of the plain model, of each part replaced by zeros and
// by the mean, of the plain model again.
std::vector<std::vector<double>> AllTold(InductionSetup setup, bool sharing) {
  setup.sharing = sharing;
  const InductionData data = MakeInductionData(setup.task);
  SerialFor serial;
  InductionTrainer<double> trainer(setup, data, serial);
  trainer.StartEpoch();
  for (int i = 0; i < 7; ++i) trainer.Step();
  std::vector<std::vector<double>> all = {Told(setup, data, trainer, nullptr)};
  const ActivationMeans<double> means = trainer.EvaluationMeans();
  for (Intervention<double>& part : Parts(setup.model)) {
    all.push_back(Told(setup, data, trainer, &part));
    part.patch = means.Of(part.site, part.layer, part.head);
    all.push_back(Told(setup, data, trainer, &part));
  }
  all.push_back(Told(setup, data, trainer, nullptr));
  EXPECT_EQ(all.front(), all.back()) << "an intervention left something behind";
  return all;
}

void ExpectSame(const InductionSetup& setup) {
  const auto on = AllTold(setup, true), off = AllTold(setup, false);
  for (size_t i = 0; i < on.size(); ++i) {
    for (size_t j = 0; j < on[i].size(); ++j) {
      const double tolerance = kTolerance * std::max(1.0, std::abs(off[i][j]));
      EXPECT_NEAR(on[i][j], off[i][j], tolerance) << i << " " << j;
    }
    const bool between = i > 0 && i + 1 < on.size();
    const bool absent = !setup.task.begin_token && i <= 2;  // no start token
    if (between && !absent) {
      EXPECT_NE(on[i], on[0]) << i;
    }
  }
}

TEST(Interventions, TellTheSameWithRowsSharedOrNot) {
  for (const std::string_view kind :
       {"softmax", "sigmoid_unnorm", "coupled_linear_norm", "mlp_norm"}) {
    for (const TaskKind task : {TaskKind::kInduction, TaskKind::kTrigger}) {
      for (const bool begin : {true, false}) {
        for (const bool causal : {true, false}) {
          for (const Positional positional :
               {Positional::kConcat, Positional::kNone}) {
            SCOPED_TRACE(testing::Message()
                         << kind << (begin ? "" : ", no start")
                         << (task == TaskKind::kTrigger ? ", trigger" : "")
                         << (causal ? "" : ", full") << ", positions "
                         << static_cast<int>(positional));
            InductionSetup setup = TinyInduction(kind, task, begin);
            setup.model.causal = causal;
            setup.model.positional = positional;
            ExpectSame(setup);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace polarize
