#include "experiments/induction/run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/induction/fixed_attention.h"
#include "experiments/induction/levels.h"
#include "experiments/induction/recorder.h"
#include "experiments/induction/report.h"
#include "experiments/induction/setup.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/weights.h"
#include "experiments/run/build_commit.h"
#include "experiments/run/config.h"
#include "experiments/run/interrupt.h"
#include "experiments/run/progress.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/safetensors.h"
#include "experiments/run/thread_team.h"
#include "kernels/base/isa.h"

namespace polarize {

std::vector<int64_t> StatisticsSteps(int64_t last, int per_decade) {
  std::vector<int64_t> steps = {0};
  for (int k = 0; last > 0; ++k) {
    const double step = std::round(std::pow(10.0, double(k) / per_decade));
    if (step >= static_cast<double>(last)) break;
    if (static_cast<int64_t>(step) > steps.back()) {
      steps.push_back(static_cast<int64_t>(step));
    }
  }
  if (last > 0) steps.push_back(last);
  return steps;
}

namespace {

// Sequences whose logits a run leaves, for tools/check_weights.py.
constexpr size_t kLogitSequences = 16;

// The parts of a run, in the order in which they come up.
class Run {
 public:
  Run(const InductionConfig& config, const RunFlags& flags,
      std::unique_ptr<ThreadTeam> team)
      : config_(config),
        flags_(flags),
        setup_(MakeInductionSetup(config)),
        levels_(
            LevelsOf(setup_.task, setup_.aux_loss_weight, setup_.model.causal)),
        team_(std::move(team)),
        data_(MakeInductionData(setup_.task)),
        trainer_(setup_, data_, *team_),
        maps_(std::min<size_t>(config.statistics().map_samples(),
                               setup_.task.num_eval)),
        observer_(setup_.model.layers, setup_.model.heads,
                  setup_.model.positions, maps_),
        epochs_(flags.eval_only ? 0 : config.training().num_epochs()),
        steps_(epochs_ * trainer_.steps_per_epoch()),
        progress_(Progress::StandardError()) {
    trainer_.model().UseFixedAttention(InductionFixedAttention());
  }

  // What --dry_run needs: weights read, plan printed.
  absl::Status Prepare();
  absl::StatusOr<int> Execute(int argc, const char* const* argv);

 private:
  absl::Duration TimeOfStep();
  absl::Status OpenFolder(int argc, const char* const* argv);
  absl::Status Train();
  absl::Status TrainEpoch(size_t epoch);
  absl::Status TakeStep(size_t epoch, double* loss_sum);
  absl::Status TakeStatistics(size_t epoch);
  // Not OK, and diverged_ set, unless `loss` is finite: the `what` ("evaluation
  // loss") of `step`.
  absl::Status CheckLoss(double loss, uint64_t step, const char* what);
  void ShowProgress(size_t epoch, double loss);
  absl::Status Close(const std::string& state, const std::string& reason);
  absl::Status WriteLogits();
  void PrintEnd(const std::string& state, const std::string& notice);

  const InductionConfig& config_;
  const RunFlags& flags_;
  const InductionSetup setup_;
  const InductionLevels levels_;
  std::unique_ptr<ThreadTeam> team_;
  const InductionData data_;
  InductionTrainer<float> trainer_;
  const size_t maps_;
  StatisticsObserver<float> observer_;
  const size_t epochs_, steps_;
  Progress progress_;
  std::optional<RunFolder> folder_;
  std::optional<InductionRecorder> recorder_;
  std::vector<int64_t> statistics_steps_;
  size_t next_statistics_ = 0;
  absl::Time start_;
  absl::Duration in_steps_;  // time of training steps alone
  bool diverged_ = false;
};

// A forward pass, run before any step, tells how long steps will take: forward
// and backward together are three times its products.
absl::Duration Run::TimeOfStep() {
  const size_t n = std::min(setup_.batch_size, data_.eval.num());
  trainer_.EvaluationLogits(n);
  const absl::Time start = absl::Now();
  trainer_.EvaluationLogits(n);
  return (absl::Now() - start) * 3.2 * (double(setup_.batch_size) / double(n));
}

absl::Status Run::Prepare() {
  if (!flags_.init_from.empty()) {
    const absl::Status read =
        ReadWeights(flags_.init_from, trainer_.model().parameters(),
                    trainer_.model().values());
    if (!read.ok()) return read;
  }
  statistics_steps_ = StatisticsSteps(static_cast<int64_t>(steps_),
                                      config_.statistics().points_per_decade());
  // An evaluation costs a third of a step per sequence.
  const double evaluations = double(statistics_steps_.size() + epochs_) *
                             double(data_.eval.num()) /
                             double(setup_.batch_size) / 3;
  const absl::Duration expected = TimeOfStep() * (double(steps_) + evaluations);
  const PlanReport plan = {trainer_.model().parameters().count(),
                           trainer_.planned_bytes(),
                           ChosenTargetName(),
                           team_->threads(),
                           trainer_.model().has_fixed_attention(),
                           steps_,
                           expected};
  std::fputs(PlanText(setup_, levels_, plan).c_str(), stdout);
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Run::OpenFolder(int argc, const char* const* argv) {
  RunFolderOptions options;
  options.path = flags_.out;
  options.experiment = config_.name();
  options.overwrite = flags_.overwrite;
  options.start = start_;
  absl::StatusOr<RunFolder> folder = RunFolder::Create(options);
  if (!folder.ok()) return folder.status();
  folder_.emplace(*std::move(folder));
  Environment environment = DescribeEnvironment(start_, argc, argv);
  environment.set_commit(BuildCommit());
  environment.set_threads(static_cast<int64_t>(team_->threads()));
  environment.set_seed(setup_.task.seed);
  absl::Status status = folder_->WriteConfig(ResolvedText(config_));
  if (status.ok()) status = folder_->WriteEnvironment(environment);
  if (!status.ok()) return status;
  absl::StatusOr<InductionRecorder> recorder =
      InductionRecorder::Create(*folder_, setup_, steps_);
  if (!recorder.ok()) return recorder.status();
  recorder_.emplace(*std::move(recorder));
  return absl::OkStatus();
}

absl::Status Run::TakeStatistics(size_t epoch) {
  observer_.Clear();
  InductionPoint point;
  point.step = static_cast<int64_t>(trainer_.step());
  point.evaluation = trainer_.Evaluate(&observer_);
  for (size_t l = 0; l < setup_.model.layers; ++l) {
    for (size_t h = 0; h < setup_.model.heads; ++h) {
      point.heads.push_back(observer_.Get(l, h));
    }
  }
  const double loss = point.evaluation.loss.total;
  const absl::Status status =
      recorder_->Statistics(static_cast<int64_t>(epoch), std::move(point));
  if (!status.ok()) return status;
  return CheckLoss(loss, trainer_.step(), "evaluation loss");
}

absl::Status Run::CheckLoss(double loss, uint64_t step, const char* what) {
  if (std::isfinite(loss)) return absl::OkStatus();
  diverged_ = true;
  const std::string found =
      absl::StrFormat("the %s is %g and %s", what, loss, trainer_.Diagnose());
  if (step == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the initial weights are of no use: ", found));
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "training diverged at step %d: %s; the learning rate training.lr is %g: "
      "try a smaller one",
      step, found, config_.training().lr()));
}

void Run::ShowProgress(size_t epoch, double loss) {
  if (!progress_.Due()) return;
  const double done = static_cast<double>(trainer_.step());
  const LiveReport live = {
      epoch,
      epochs_,
      loss,
      recorder_->has_points() ? &recorder_->last() : nullptr,
      done / absl::ToDoubleSeconds(in_steps_),
      TimeLeft(static_cast<int64_t>(done), static_cast<int64_t>(steps_),
               absl::Now() - start_)};
  progress_.Show(LiveText(setup_.model, live));
}

absl::Status Run::TakeStep(size_t epoch, double* loss_sum) {
  const absl::Time start = absl::Now();
  const InductionLoss loss = trainer_.Step();
  in_steps_ += absl::Now() - start;
  if (!std::isfinite(loss.total)) {  // and no step was taken
    return CheckLoss(loss.total, trainer_.step() + 1, "loss");
  }
  *loss_sum += loss.total;
  const auto step = static_cast<int64_t>(trainer_.step());
  absl::Status status =
      recorder_->Step(step, static_cast<int64_t>(epoch), loss);
  if (status.ok() && next_statistics_ < statistics_steps_.size() &&
      step == statistics_steps_[next_statistics_]) {
    ++next_statistics_;
    status = TakeStatistics(epoch);
  }
  ShowProgress(epoch, loss.total);
  return status;
}

absl::Status Run::TrainEpoch(size_t epoch) {
  double loss_sum = 0;
  const size_t steps = trainer_.steps_per_epoch();
  trainer_.StartEpoch();
  for (size_t i = 0; i < steps; ++i) {
    const absl::Status status = TakeStep(epoch, &loss_sum);
    if (!status.ok() || Interrupted()) return status;
  }
  trainer_.FinishEpoch();
  if (recorder_->last().step != static_cast<int64_t>(trainer_.step())) {
    const absl::Status taken = TakeStatistics(epoch);
    if (!taken.ok()) return taken;
  }
  const InductionEvaluation& evaluation = recorder_->last().evaluation;
  const double train_loss = loss_sum / static_cast<double>(steps);
  const absl::Status status =
      recorder_->Epoch(static_cast<int64_t>(trainer_.step()),
                       static_cast<int64_t>(epoch), train_loss, evaluation);
  progress_.Print(absl::StrFormat(
      "epoch %d/%d  train loss %.4f  eval loss %.4f  accuracy %.4f (all %.4f)",
      epoch, epochs_, train_loss, evaluation.loss.total,
      evaluation.acc_induction, evaluation.acc_all));
  return status;
}

absl::Status Run::Train() {
  absl::Status status = TakeStatistics(0);
  next_statistics_ = 1;
  for (size_t epoch = 1; status.ok() && epoch <= epochs_; ++epoch) {
    status = TrainEpoch(epoch);
    if (Interrupted()) break;
  }
  progress_.Finish();
  // After Ctrl-C the last statistics are of an earlier step.
  if (status.ok() &&
      recorder_->last().step != static_cast<int64_t>(trainer_.step())) {
    const size_t epoch = (trainer_.step() + trainer_.steps_per_epoch() - 1) /
                         trainer_.steps_per_epoch();
    status = TakeStatistics(epoch);
  }
  return status;
}

absl::Status Run::WriteLogits() {
  const size_t n =
      std::min({kLogitSequences, setup_.batch_size, data_.eval.num()});
  const size_t positions = setup_.model.positions;
  const float* logits = trainer_.EvaluationLogits(n);
  std::vector<int32_t> input;
  for (size_t i = 0; i < n; ++i) {
    input.insert(input.end(), data_.eval.Input(i),
                 data_.eval.Input(i) + positions);
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

absl::Status Run::Close(const std::string& state, const std::string& reason) {
  std::string notice;
  if (!diverged_) {
    absl::Status written =
        WriteWeights(folder_->File("weights.safetensors"),
                     trainer_.model().parameters(), trainer_.model().values());
    if (written.ok()) written = WriteLogits();
    if (!written.ok()) return written;
  }
  absl::Status status = recorder_->Finish();
  if (!status.ok()) return status;
  absl::StatusOr<std::string> drawn =
      recorder_->Draw(data_, levels_, observer_, maps_);
  // A picture that gnuplot refuses is no reason to lose the run.
  notice = drawn.ok() ? *drawn : std::string(drawn.status().message());
  status =
      recorder_->Summarise(state, reason, static_cast<int64_t>(trainer_.step()),
                           absl::ToDoubleSeconds(absl::Now() - start_));
  if (status.ok()) PrintEnd(state, notice);
  return status;
}

void Run::PrintEnd(const std::string& state, const std::string& notice) {
  const InductionPoint& last = recorder_->last();
  const std::string path = folder_->path();
  std::string text = absl::StrFormat(
      "\n%s after %d step%s in %s: eval loss %s (floor %.4f), accuracy %.4f\n"
      "\n%s\n",
      state, trainer_.step(), trainer_.step() == 1 ? "" : "s",
      FormatTime(absl::Now() - start_),
      NumberOrNone(last.evaluation.loss.total, 4), levels_.loss_floor,
      last.evaluation.acc_induction, StatisticsTable(setup_.model, last));
  absl::StrAppend(&text, "run folder  ", path, "\n");
  if (!notice.empty()) absl::StrAppend(&text, "pictures    ", notice, "\n");
  if (!diverged_) {
    absl::StrAppend(&text, "to go on\n",
                    "  bazel run //experiments:induction -- --config=", path,
                    "/config.textproto --init_from=", path,
                    "/weights.safetensors --eval_only\n",
                    "  bazel run //experiments:induction -- --config=", path,
                    "/config.textproto --set attention_type=sigmoid_unnorm\n",
                    "  tensorboard --logdir ", path, "\n");
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

absl::StatusOr<int> Run::Execute(int argc, const char* const* argv) {
  start_ = absl::Now();
  const InterruptHandler interrupt;
  absl::Status status = OpenFolder(argc, argv);
  if (!status.ok()) return status;
  status = Train();
  if (diverged_) {
    const absl::Status closed =
        Close("diverged", std::string(status.message()));
    return closed.ok() ? status : closed;
  }
  if (!status.ok()) return status;
  const bool interrupted = Interrupted();
  status = Close(interrupted ? "interrupted" : "finished", "");
  if (!status.ok()) return status;
  return interrupted ? 128 + InterruptSignal() : 0;
}

}  // namespace

absl::StatusOr<int> RunInduction(const InductionConfig& config,
                                 const RunFlags& flags, int argc,
                                 const char* const* argv) {
  PinTarget(flags.target);
  const size_t threads =
      flags.threads > 0 ? flags.threads
                        : std::max(1u, std::thread::hardware_concurrency());
  absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(threads);
  if (!team.ok()) return team.status();
  if (flags.dry_run) std::fputs(ResolvedText(config).c_str(), stdout);
  // On the heap: a run holds its whole plan.
  const auto run = std::make_unique<Run>(config, flags, *std::move(team));
  const absl::Status prepared = run->Prepare();
  if (!prepared.ok()) return prepared;
  if (flags.dry_run) return 0;
  return run->Execute(argc, argv);
}

}  // namespace polarize
