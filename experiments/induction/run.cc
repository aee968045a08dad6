#include "experiments/induction/run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "experiments/induction/fixed_attention.h"
#include "experiments/induction/interventions.h"
#include "experiments/induction/levels.h"
#include "experiments/induction/recorder.h"
#include "experiments/induction/report.h"
#include "experiments/induction/setup.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/activation_means.h"
#include "experiments/model/attention_file.h"
#include "experiments/model/intervention.h"
#include "experiments/model/training_run.h"
#include "experiments/run/progress.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/run_record.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

// Sequences whose logits a run leaves, for tools/check_weights.py.
constexpr size_t kLogitSequences = 16;

class InductionRun : public Experiment {
 public:
  InductionRun(const InductionConfig& config, bool sharing,
               std::shared_ptr<const InductionData> data, ParallelFor& parallel)
      : config_(config),
        setup_(MakeInductionSetup(config, sharing)),
        levels_(
            LevelsOf(setup_.task, setup_.aux_loss_weight, setup_.model.causal)),
        data_(std::move(data)),
        trainer_(setup_, *data_, parallel),
        maps_(std::min<size_t>(config.statistics().map_samples(),
                               setup_.task.num_eval)),
        interventions_(*InterventionsNamed(config)),
        observer_(NewObserver(maps_)) {
    trainer_.model().UseFixedAttention(InductionFixedAttention());
  }

  Facts facts() const override;
  const google::protobuf::Message& config() const override { return config_; }
  Transformer<float>& model() override { return trainer_.model(); }
  size_t planned_bytes() const override { return trainer_.planned_bytes(); }
  void PassForward(size_t n) override { trainer_.EvaluationLogits(n); }
  std::string PlanText(const PlanReport& plan) const override {
    return polarize::PlanText(setup_, levels_, plan);
  }

  size_t steps_per_epoch() const override { return trainer_.steps_per_epoch(); }
  uint64_t step() const override { return trainer_.step(); }
  void StartEpoch() override { trainer_.StartEpoch(); }
  double Step() override { return (loss_ = trainer_.Step()).total; }
  std::string Diagnose() const override { return trainer_.Diagnose(); }
  void FinishEpoch() override { trainer_.FinishEpoch(); }

  absl::Status OpenRecord(const RunFolder& folder, size_t steps) override;
  RunRecord& record() override { return recorder_->record(); }
  absl::Status RecordStep(size_t epoch) override {
    return recorder_->Step(Now(), static_cast<int64_t>(epoch), loss_);
  }
  absl::Status RecordEpoch(size_t epoch, double train_loss) override {
    return recorder_->Epoch(Now(), static_cast<int64_t>(epoch), train_loss,
                            recorder_->last().evaluation);
  }
  absl::Status TakeStatistics(size_t epoch) override;
  int64_t statistics_step() const override { return recorder_->last().step; }
  double statistics_loss() const override {
    return recorder_->last().evaluation.loss.total;
  }
  std::string EpochText() const override;
  std::string LiveText(const LiveState& live) const override;

  absl::Status WriteAttention() override {
    return WriteAttentionMaps(
        folder_->File("attention.safetensors"), observer_.maps(),
        [this](size_t i) { return data_->eval.Input(i); });
  }
  absl::Status WriteLogits() override;
  absl::Status MeasureAtEnd(RunState state) override {
    return state == RunState::kFinished ? Intervene() : absl::OkStatus();
  }
  absl::Status FinishRecord() override { return recorder_->Finish(); }
  absl::StatusOr<std::string> Draw() override {
    return recorder_->Draw(*data_, levels_, observer_, maps_);
  }
  absl::Status Summarise(RunState state, const std::string& reason,
                         double seconds) override {
    return recorder_->Summarise(RunStateName(state), reason, Now(), seconds);
  }
  std::string EndText(RunState state, absl::Duration time) const override;

 private:
  StatisticsObserver<float> NewObserver(size_t maps) const {
    return StatisticsObserver<float>(
        setup_.model.layers, setup_.model.heads, setup_.model.positions, maps,
        setup_.task.kind == TaskKind::kTrigger ? data_->eval.answers_at()
                                               : std::vector<uint32_t>());
  }
  // An evaluation that the observer, cleared first, watches.
  InductionPoint Evaluate(StatisticsObserver<float>& observer,
                          const Intervention<float>* intervention);
  absl::Status Intervene();
  int64_t Now() const { return static_cast<int64_t>(trainer_.step()); }

  const InductionConfig config_;
  const InductionSetup setup_;
  const InductionLevels levels_;
  const std::shared_ptr<const InductionData> data_;
  InductionTrainer<float> trainer_;
  const size_t maps_;
  const std::vector<NamedIntervention> interventions_;
  StatisticsObserver<float> observer_;
  InductionLoss loss_;  // of the last step
  const RunFolder* folder_ = nullptr;
  std::optional<InductionRecorder> recorder_;
};

Experiment::Facts InductionRun::facts() const {
  Facts facts;
  facts.section = "induction";
  facts.name = config_.name();
  facts.seed = setup_.task.seed;
  facts.lr = config_.training().lr();
  facts.epochs = static_cast<size_t>(config_.training().num_epochs());
  facts.batch_size = setup_.batch_size;
  facts.num_eval = data_->eval.num();
  facts.points_per_decade = config_.statistics().points_per_decade();
  // The means take one pass more.
  facts.passes_at_end =
      interventions_.empty() ? 0 : (interventions_.size() + 1) * facts.num_eval;
  return facts;
}

absl::Status InductionRun::OpenRecord(const RunFolder& folder, size_t steps) {
  folder_ = &folder;
  absl::StatusOr<InductionRecorder> recorder =
      InductionRecorder::Create(folder, setup_, steps);
  if (!recorder.ok()) return recorder.status();
  recorder_.emplace(*std::move(recorder));
  return absl::OkStatus();
}

InductionPoint InductionRun::Evaluate(StatisticsObserver<float>& observer,
                                      const Intervention<float>* intervention) {
  observer.Clear();
  InductionPoint point;
  point.step = Now();
  point.evaluation = trainer_.Evaluate(&observer, intervention);
  for (size_t l = 0; l < setup_.model.layers; ++l) {
    for (size_t h = 0; h < setup_.model.heads; ++h) {
      point.heads.push_back(observer.Get(l, h));
    }
  }
  return point;
}

absl::Status InductionRun::TakeStatistics(size_t epoch) {
  return recorder_->Statistics(static_cast<int64_t>(epoch),
                               Evaluate(observer_, nullptr));
}

absl::Status InductionRun::Intervene() {
  if (interventions_.empty()) return absl::OkStatus();
  const ActivationMeans<float> means = trainer_.EvaluationMeans();
  StatisticsObserver<float> observer = NewObserver(/*maps=*/0);
  std::vector<InterventionPoint> points;
  for (const NamedIntervention& named : interventions_) {
    Intervention<float> intervention = {named.site, named.layer, named.head,
                                        kBeginToken};
    if (named.mean) {
      intervention.patch = means.Of(named.site, named.layer, named.head);
    }
    points.push_back({named, Evaluate(observer, &intervention)});
  }
  return recorder_->Interventions(std::move(points));
}

std::string InductionRun::EpochText() const {
  const InductionEvaluation& evaluation = recorder_->last().evaluation;
  return absl::StrFormat("eval loss %.4f  accuracy %s", evaluation.loss.total,
                         AccuracyText(setup_.task.kind, evaluation));
}

std::string InductionRun::LiveText(const LiveState& live) const {
  return polarize::LiveText(
      setup_.model, {live.epoch, live.epochs, live.loss,
                     recorder_->has_points() ? &recorder_->last() : nullptr,
                     live.steps_per_second, live.left});
}

absl::Status InductionRun::WriteLogits() {
  const size_t n =
      std::min({kLogitSequences, setup_.batch_size, data_->eval.num()});
  const size_t positions = setup_.model.positions;
  const float* logits = trainer_.EvaluationLogits(n);
  std::vector<int32_t> input;
  for (size_t i = 0; i < n; ++i) {
    input.insert(input.end(), data_->eval.Input(i),
                 data_->eval.Input(i) + positions);
  }
  const auto rows = static_cast<int64_t>(n);
  const auto columns = static_cast<int64_t>(positions);
  return WriteSafetensors(
      folder_->File("logits.safetensors"),
      {{"input", {rows, columns}, input.data()},
       {"logits",
        {rows, columns, static_cast<int64_t>(setup_.model.outputs)},
        logits}});
}

std::string InductionRun::EndText(RunState state, absl::Duration time) const {
  const InductionPoint& last = recorder_->last();
  const std::string interventions =
      InterventionsTable(setup_, last, recorder_->interventions());
  return absl::StrFormat(
      "\n%s after %d step%s in %s: eval loss %s (floor %.4f), accuracy %.4f\n"
      "\n%s\n%s%s",
      RunStateName(state), trainer_.step(), trainer_.step() == 1 ? "" : "s",
      FormatTime(time), NumberOrNone(last.evaluation.loss.total, 4),
      levels_.loss_floor, last.evaluation.acc_induction,
      StatisticsTable(setup_.model, last), interventions,
      interventions.empty() ? "" : "\n");
}

}  // namespace

std::shared_ptr<const InductionData> MakeInductionData(
    const InductionConfig& config) {
  return std::make_shared<const InductionData>(
      MakeInductionData(MakeInductionSetup(config, /*sharing=*/true).task));
}

std::unique_ptr<Experiment> MakeInductionExperiment(
    const InductionConfig& config, bool sharing,
    std::shared_ptr<const InductionData> data, ParallelFor& parallel) {
  return std::make_unique<InductionRun>(config, sharing, std::move(data),
                                        parallel);
}

absl::StatusOr<int> RunInduction(const InductionConfig& config,
                                 const RunFlags& flags, int argc,
                                 const char* const* argv) {
  return RunTraining(config, flags, argc, argv, [&](ParallelFor& parallel) {
    return MakeInductionExperiment(config, flags.sharing,
                                   MakeInductionData(config), parallel);
  });
}

}  // namespace polarize
