#include "experiments/classification/run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "experiments/classification/fixed_attention.h"
#include "experiments/classification/flip.h"
#include "experiments/classification/recorder.h"
#include "experiments/classification/report.h"
#include "experiments/classification/setup.h"
#include "experiments/classification/statistics.h"
#include "experiments/classification/tracker.h"
#include "experiments/classification/trainer.h"
#include "experiments/model/attention_file.h"
#include "experiments/model/training_run.h"
#include "experiments/run/progress.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/run_record.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

// Samples whose logits a run leaves.
constexpr size_t kLogitSamples = 16;

class ClassificationRun : public Experiment {
 public:
  ClassificationRun(const ClassificationConfig& config, bool sharing,
                    ParallelFor& parallel)
      : config_(config),
        setup_(MakeClassificationSetup(config, sharing)),
        trainer_(setup_, parallel),
        distinct_(CountDistinct(setup_, trainer_.data())),
        maps_(std::min<size_t>(config.statistics().map_samples(),
                               setup_.task.num_eval)),
        observer_(setup_.model.layers, setup_.model.heads,
                  setup_.model.positions, maps_) {
    trainer_.model().UseFixedAttention(ClassificationFixedAttention());
  }

  Facts facts() const override;
  const google::protobuf::Message& config() const override { return config_; }
  Transformer<float>& model() override { return trainer_.model(); }
  size_t planned_bytes() const override { return trainer_.planned_bytes(); }
  void PassForward(size_t n) override;
  std::string PlanText(const PlanReport& plan) const override {
    return polarize::PlanText(setup_, distinct_, plan);
  }

  size_t steps_per_epoch() const override { return trainer_.steps_per_epoch(); }
  uint64_t step() const override { return trainer_.step(); }
  void StartEpoch() override { trainer_.StartEpoch(); }
  double Step() override { return loss_ = trainer_.Step(); }
  std::string Diagnose() const override { return trainer_.Diagnose(); }
  void FinishEpoch() override { trainer_.FinishEpoch(); }

  absl::Status OpenRecord(const RunFolder& folder, size_t steps) override;
  RunRecord& record() override { return recorder_->record(); }
  absl::Status RecordStep(size_t epoch) override;
  absl::Status RecordEpoch(size_t epoch, double train_loss) override {
    return recorder_->Epoch(Now(), static_cast<int64_t>(epoch), train_loss,
                            recorder_->last().evaluation);
  }
  absl::Status TakeStatistics(size_t epoch) override;
  int64_t statistics_step() const override { return recorder_->last().step; }
  double statistics_loss() const override {
    return recorder_->last().evaluation.loss;
  }
  std::string EpochText() const override;
  std::string LiveText(const LiveState& live) const override {
    return polarize::LiveText(
        recorder_->has_points() ? &recorder_->last() : nullptr, live);
  }

  absl::Status WriteAttention() override {
    return WriteAttentionMaps(
        folder_->File("attention.safetensors"), observer_.maps(),
        [this](size_t i) { return trainer_.data().eval.Tokens(i); });
  }
  absl::Status WriteLogits() override;
  absl::Status MeasureAtEnd(RunState state) override {
    return state == RunState::kFinished ? MeasureFlips() : absl::OkStatus();
  }
  absl::Status FinishRecord() override;
  absl::StatusOr<std::string> Draw() override {
    return recorder_->Draw(trainer_.data(), observer_, maps_,
                           tracker_ ? &*tracker_ : nullptr);
  }
  absl::Status Summarise(RunState state, const std::string& reason,
                         double seconds) override {
    return recorder_->Summarise(RunStateName(state), reason, Now(), seconds);
  }
  std::string EndText(RunState state, absl::Duration time) const override;

 private:
  int64_t Now() const { return static_cast<int64_t>(trainer_.step()); }
  int64_t Epoch() const {
    const auto steps = static_cast<int64_t>(trainer_.steps_per_epoch());
    return (Now() + steps - 1) / steps;
  }
  absl::Status MeasureFlips();

  const ClassificationConfig config_;
  const ClassificationSetup setup_;
  ClassificationTrainer<float> trainer_;
  const DistinctCounts distinct_;
  const size_t maps_;
  ClsObserver<float> observer_;
  double loss_ = 0;  // of the last step
  const RunFolder* folder_ = nullptr;
  std::optional<ClassificationRecorder> recorder_;
  std::optional<SampleTracker> tracker_;
  std::vector<MixingResult> mixing_;
  AnyTokenResult any_token_;
};

Experiment::Facts ClassificationRun::facts() const {
  Facts facts;
  facts.section = "classification";
  facts.name = config_.name();
  facts.seed = setup_.task.seed;
  facts.lr = config_.training().lr();
  facts.epochs = static_cast<size_t>(config_.training().num_epochs());
  facts.batch_size = setup_.batch_size;
  facts.num_eval = setup_.task.num_eval;
  facts.points_per_decade = config_.statistics().points_per_decade();
  // A pair is two samples to rank and two mixed ones.
  facts.passes_at_end =
      4 * static_cast<size_t>(config_.flip().num_pairs()) *
          setup_.model.layers * setup_.model.heads +
      std::min<size_t>(config_.flip().any_token_inputs(), distinct_.eval) *
          (setup_.task.seq_length - 1) * (setup_.task.vocab_size - 2);
  return facts;
}

void ClassificationRun::PassForward(size_t n) {
  trainer_.Predict(
      n, [&](size_t i) { return trainer_.data().eval.Tokens(i); }, nullptr,
      [](size_t, absl::Span<const float>) {});
}

absl::Status ClassificationRun::OpenRecord(const RunFolder& folder,
                                           size_t steps) {
  folder_ = &folder;
  absl::StatusOr<ClassificationRecorder> recorder =
      ClassificationRecorder::Create(folder, setup_, distinct_);
  if (!recorder.ok()) return recorder.status();
  recorder_.emplace(*std::move(recorder));
  if (!config_.track_samples()) return absl::OkStatus();
  absl::StatusOr<SampleTracker> tracker =
      SampleTracker::Create(folder.path(), trainer_, steps);
  if (!tracker.ok()) return tracker.status();
  tracker_.emplace(*std::move(tracker));
  return absl::OkStatus();
}

absl::Status ClassificationRun::RecordStep(size_t epoch) {
  absl::optional<double> norm;
  if (tracker_) {
    const absl::Status taken = tracker_->Take();
    if (!taken.ok()) return taken;
    norm = tracker_->v_proj_norm();
  }
  return recorder_->Step(Now(), static_cast<int64_t>(epoch), loss_, norm);
}

absl::Status ClassificationRun::TakeStatistics(size_t epoch) {
  observer_.Clear();
  ClassificationPoint point;
  point.step = Now();
  point.evaluation = trainer_.Evaluate(&observer_);
  for (size_t l = 0; l < setup_.model.layers; ++l) {
    for (size_t h = 0; h < setup_.model.heads; ++h) {
      point.heads.push_back(observer_.Get(l, h));
    }
  }
  return recorder_->Statistics(static_cast<int64_t>(epoch), std::move(point));
}

std::string ClassificationRun::EpochText() const {
  const ClassificationEvaluation& evaluation = recorder_->last().evaluation;
  return absl::StrFormat("eval loss %.4g  accuracy %.4f", evaluation.loss,
                         evaluation.acc);
}

absl::Status ClassificationRun::MeasureFlips() {
  if (config_.flip().num_pairs() > 0) {
    mixing_ = RunLabelMixing(trainer_, config_.flip().num_pairs());
    const absl::Status written = recorder_->Mixing(Now(), Epoch(), mixing_);
    if (!written.ok()) return written;
  }
  if (config_.flip().any_token_inputs() > 0) {
    any_token_ = RunAnyToken(trainer_, config_.flip().any_token_inputs());
    return recorder_->AnyToken(Now(), Epoch(), any_token_);
  }
  return absl::OkStatus();
}

absl::Status ClassificationRun::WriteLogits() {
  const ClassificationSamples& eval = trainer_.data().eval;
  const size_t n = std::min(kLogitSamples, eval.num());
  std::vector<float> logits;
  trainer_.Predict(
      n, [&](size_t i) { return eval.Tokens(i); }, nullptr,
      [&](size_t, absl::Span<const float> row) {
        logits.insert(logits.end(), row.begin(), row.end());
      });
  const auto rows = static_cast<int64_t>(n);
  return WriteSafetensors(folder_->File("logits.safetensors"),
                          {{"input",
                            {rows, static_cast<int64_t>(eval.seq_length())},
                            eval.Tokens(0)},
                           {"logits",
                            {rows, static_cast<int64_t>(setup_.model.outputs)},
                            logits.data()}});
}

absl::Status ClassificationRun::FinishRecord() {
  if (tracker_) {
    const absl::Status finished = tracker_->Finish();
    if (!finished.ok()) return finished;
  }
  return recorder_->Finish();
}

std::string ClassificationRun::EndText(RunState state,
                                       absl::Duration time) const {
  const ClassificationPoint& last = recorder_->last();
  std::string text = absl::StrFormat(
      "\n%s after %d step%s in %s: eval loss %.4g, accuracy %.4f on %d "
      "different inputs\n\n%s\n",
      RunStateName(state), trainer_.step(), trainer_.step() == 1 ? "" : "s",
      FormatTime(time), last.evaluation.loss, last.evaluation.acc,
      distinct_.eval, StatisticsTable(setup_.model, last));
  const std::string flips = absl::StrCat(MixingTable(setup_.model, mixing_),
                                         AnyTokenLine(any_token_));
  if (!flips.empty()) absl::StrAppend(&text, flips, "\n");
  return text;
}

}  // namespace

std::unique_ptr<Experiment> MakeClassificationExperiment(
    const ClassificationConfig& config, bool sharing, ParallelFor& parallel) {
  return std::make_unique<ClassificationRun>(config, sharing, parallel);
}

absl::StatusOr<int> RunClassification(const ClassificationConfig& config,
                                      const RunFlags& flags, int argc,
                                      const char* const* argv) {
  return RunTraining(config, flags, argc, argv, [&](ParallelFor& parallel) {
    return MakeClassificationExperiment(config, flags.sharing, parallel);
  });
}

}  // namespace polarize
