#include "experiments/model/training_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "experiments/model/weights.h"
#include "experiments/run/build_commit.h"
#include "experiments/run/config.h"
#include "experiments/run/interrupt.h"
#include "experiments/run/progress.h"
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

const char* RunStateName(RunState state) {
  switch (state) {
    case RunState::kFinished:
      return "finished";
    case RunState::kInterrupted:
      return "interrupted";
    case RunState::kDiverged:
      break;
  }
  return "diverged";
}

namespace {

// A step in forward passes: forward and backward together are three times the
// products of a forward pass, the update and the rest come on top.
constexpr double kForwardPassesPerStep = 3.2;

absl::Duration TimeOfStep(Experiment& experiment,
                          const Experiment::Facts& facts) {
  const size_t n = std::min(facts.batch_size, facts.num_eval);
  experiment.PassForward(n);
  const absl::Time start = absl::Now();
  experiment.PassForward(n);
  return (absl::Now() - start) * kForwardPassesPerStep *
         (double(facts.batch_size) / double(n));
}

absl::Duration ExpectedTime(Experiment& experiment, size_t epochs) {
  const Experiment::Facts facts = experiment.facts();
  const size_t steps = epochs * experiment.steps_per_epoch();
  const size_t evaluated =
      StatisticsSteps(static_cast<int64_t>(steps), facts.points_per_decade)
          .size() +
      epochs;
  // An evaluation costs a third of a step per sequence.
  const double passes =
      double(evaluated) * double(facts.num_eval) + double(facts.passes_at_end);
  const double evaluations = passes / double(facts.batch_size) / 3;
  return TimeOfStep(experiment, facts) * (double(steps) + evaluations);
}

TensorboardSessionEnd::Status SessionStatus(RunState state) {
  switch (state) {
    case RunState::kFinished:
      return TensorboardSessionEnd::SUCCESS;
    case RunState::kDiverged:
      return TensorboardSessionEnd::FAILURE;
    case RunState::kInterrupted:
      break;
  }
  return TensorboardSessionEnd::UNKNOWN;
}

// The parts of a run, in the order in which they come up.
class Run {
 public:
  Run(Experiment& experiment, const RunFlags& flags, size_t threads)
      : experiment_(experiment),
        facts_(experiment.facts()),
        flags_(flags),
        threads_(threads),
        epochs_(flags.eval_only ? 0 : facts_.epochs),
        steps_(epochs_ * experiment.steps_per_epoch()),
        progress_(Progress::StandardError()) {}

  // What --dry_run needs: weights read, plan printed.
  absl::Status Prepare();
  absl::StatusOr<int> Execute(int argc, const char* const* argv);

 private:
  absl::Status OpenFolder(int argc, const char* const* argv);
  absl::Status Train();
  absl::Status TrainEpoch(size_t epoch);
  absl::Status TakeStep(size_t epoch, double* loss_sum);
  absl::Status TakeStatistics(size_t epoch);
  // Not OK, and diverged_ set, unless `loss` is finite: the `what` ("evaluation
  // loss") of `step`.
  absl::Status CheckLoss(double loss, uint64_t step, const char* what);
  void ShowProgress(size_t epoch, double loss);
  absl::Status WriteTensors();
  // Whether no further step is wanted.
  bool Stopped() const {
    return Interrupted() ||
           (flags_.most_steps != 0 && experiment_.step() >= flags_.most_steps);
  }
  absl::Status Close(RunState state, const std::string& reason);
  void PrintEnd(RunState state, const std::string& notice);

  Experiment& experiment_;
  const Experiment::Facts facts_;
  const RunFlags& flags_;
  const size_t threads_, epochs_, steps_;
  Progress progress_;
  std::optional<RunFolder> folder_;
  std::vector<int64_t> statistics_steps_;
  size_t next_statistics_ = 0;
  absl::Time start_;
  absl::Duration in_steps_;  // time of training steps alone
  bool diverged_ = false;
};

absl::Status Run::Prepare() {
  Transformer<float>& model = experiment_.model();
  if (!flags_.init_from.empty()) {
    const absl::Status read =
        ReadWeights(flags_.init_from, model.parameters(), model.values());
    if (!read.ok()) return read;
  }
  statistics_steps_ =
      StatisticsSteps(static_cast<int64_t>(steps_), facts_.points_per_decade);
  const PlanReport plan = {model.parameters().count(),
                           experiment_.planned_bytes(),
                           ChosenTargetName(),
                           threads_,
                           model.has_fixed_attention(),
                           steps_,
                           ExpectedTime(experiment_, epochs_)};
  std::fputs(experiment_.PlanText(plan).c_str(), stdout);
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Run::OpenFolder(int argc, const char* const* argv) {
  RunFolderOptions options;
  options.path = flags_.out;
  options.experiment = facts_.name;
  options.overwrite = flags_.overwrite;
  options.start = start_;
  absl::StatusOr<RunFolder> folder = RunFolder::Create(options);
  if (!folder.ok()) return folder.status();
  folder_.emplace(*std::move(folder));
  Environment environment = DescribeEnvironment(start_, argc, argv);
  environment.set_commit(BuildCommit());
  environment.set_threads(static_cast<int64_t>(threads_));
  environment.set_seed(facts_.seed);
  environment.set_sharing(flags_.sharing ? "on" : "off");
  if (!flags_.numerics.empty()) environment.set_numerics(flags_.numerics);
  absl::Status status =
      folder_->WriteConfig(ResolvedText(experiment_.config()));
  if (status.ok()) status = folder_->WriteEnvironment(environment);
  if (status.ok()) status = experiment_.OpenRecord(*folder_, steps_);
  if (!status.ok()) return status;
  return experiment_.record().StartSession(experiment_.config());
}

void Run::ShowProgress(size_t epoch, double loss) {
  if (!progress_.Due()) return;
  const double done = static_cast<double>(experiment_.step());
  progress_.Show(experiment_.LiveText(
      {epoch, epochs_, loss, done / absl::ToDoubleSeconds(in_steps_),
       TimeLeft(static_cast<int64_t>(done), static_cast<int64_t>(steps_),
                absl::Now() - start_)}));
}

absl::Status Run::TakeStatistics(size_t epoch) {
  const absl::Status status = experiment_.TakeStatistics(epoch);
  if (!status.ok()) return status;
  return CheckLoss(experiment_.statistics_loss(), experiment_.step(),
                   "evaluation loss");
}

absl::Status Run::CheckLoss(double loss, uint64_t step, const char* what) {
  if (std::isfinite(loss)) return absl::OkStatus();
  diverged_ = true;
  const std::string found = absl::StrFormat("the %s is %g and %s", what, loss,
                                            experiment_.Diagnose());
  if (step == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the initial weights are of no use: ", found));
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "training diverged at step %d: %s; the learning rate training.lr is %g: "
      "try a smaller one",
      step, found, facts_.lr));
}

absl::Status Run::TakeStep(size_t epoch, double* loss_sum) {
  const absl::Time start = absl::Now();
  const double loss = experiment_.Step();
  in_steps_ += absl::Now() - start;
  if (!std::isfinite(loss)) {  // and no step was taken
    return CheckLoss(loss, experiment_.step() + 1, "loss");
  }
  *loss_sum += loss;
  absl::Status status = experiment_.RecordStep(epoch);
  if (status.ok() && next_statistics_ < statistics_steps_.size() &&
      static_cast<int64_t>(experiment_.step()) ==
          statistics_steps_[next_statistics_]) {
    ++next_statistics_;
    status = TakeStatistics(epoch);
  }
  ShowProgress(epoch, loss);
  return status;
}

absl::Status Run::TrainEpoch(size_t epoch) {
  double loss_sum = 0;
  const size_t steps = experiment_.steps_per_epoch();
  experiment_.StartEpoch();
  for (size_t i = 0; i < steps; ++i) {
    const absl::Status status = TakeStep(epoch, &loss_sum);
    if (!status.ok()) return status;
    // After an epoch's last step, the epoch is complete all the same.
    if (Stopped() && i + 1 < steps) return status;
  }
  experiment_.FinishEpoch();
  if (experiment_.statistics_step() !=
      static_cast<int64_t>(experiment_.step())) {
    const absl::Status taken = TakeStatistics(epoch);
    if (!taken.ok()) return taken;
  }
  const double train_loss = loss_sum / static_cast<double>(steps);
  const absl::Status status = experiment_.RecordEpoch(epoch, train_loss);
  progress_.Print(absl::StrFormat("epoch %d/%d  train loss %.4f  %s", epoch,
                                  epochs_, train_loss,
                                  experiment_.EpochText()));
  return status;
}

absl::Status Run::Train() {
  absl::Status status = TakeStatistics(0);
  next_statistics_ = 1;
  for (size_t epoch = 1; status.ok() && epoch <= epochs_; ++epoch) {
    status = TrainEpoch(epoch);
    if (Stopped()) break;
  }
  progress_.Finish();
  // If it was stopped, the last statistics are of an earlier step.
  const size_t step = experiment_.step(), steps = experiment_.steps_per_epoch();
  if (status.ok() &&
      experiment_.statistics_step() != static_cast<int64_t>(step)) {
    status = TakeStatistics((step + steps - 1) / steps);
  }
  return status;
}

absl::Status Run::WriteTensors() {
  absl::Status status = experiment_.WriteAttention();
  if (!status.ok() || !flags_.weights) return status;
  status = WriteWeights(folder_->File("weights.safetensors"),
                        experiment_.model().parameters(),
                        experiment_.model().values());
  return status.ok() ? experiment_.WriteLogits() : status;
}

absl::Status Run::Close(RunState state, const std::string& reason) {
  if (!diverged_) {
    absl::Status written = WriteTensors();
    if (written.ok()) written = experiment_.MeasureAtEnd(state);
    if (!written.ok()) return written;
  }
  absl::Status status = experiment_.record().EndSession(SessionStatus(state));
  if (status.ok()) status = experiment_.FinishRecord();
  if (!status.ok()) return status;
  const absl::StatusOr<std::string> drawn =
      flags_.pictures ? experiment_.Draw() : std::string();
  // A picture that gnuplot refuses is no reason to lose the run.
  const std::string notice =
      drawn.ok() ? *drawn : std::string(drawn.status().message());
  status = experiment_.Summarise(state, reason,
                                 absl::ToDoubleSeconds(absl::Now() - start_));
  if (status.ok()) PrintEnd(state, notice);
  return status;
}

void Run::PrintEnd(RunState state, const std::string& notice) {
  const std::string path = folder_->path();
  std::string text = experiment_.EndText(state, absl::Now() - start_);
  absl::StrAppend(&text, "run folder  ", path, "\n");
  if (!notice.empty()) absl::StrAppend(&text, "pictures    ", notice, "\n");
  if (!diverged_ && flags_.weights) {
    const std::string again =
        absl::StrCat("  bazel run //experiments:", facts_.section,
                     " -- --config=", path, "/config.textproto ");
    absl::StrAppend(&text, "to go on\n", again, "--init_from=", path,
                    "/weights.safetensors --eval_only\n", again,
                    "--set attention_type=sigmoid_unnorm\n",
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
        Close(RunState::kDiverged, std::string(status.message()));
    return closed.ok() ? status : closed;
  }
  if (!status.ok()) return status;
  const bool interrupted = Stopped() && experiment_.step() < steps_;
  status =
      Close(interrupted ? RunState::kInterrupted : RunState::kFinished, "");
  if (!status.ok()) return status;
  return interrupted && Interrupted() ? 128 + InterruptSignal() : 0;
}

}  // namespace

absl::Duration ExpectedTime(Experiment& experiment) {
  return ExpectedTime(experiment, experiment.facts().epochs);
}

absl::StatusOr<int> RunTraining(
    const google::protobuf::Message& config, const RunFlags& flags, int argc,
    const char* const* argv,
    absl::FunctionRef<std::unique_ptr<Experiment>(ParallelFor&)> make) {
  PinTarget(flags.target);
  const size_t threads =
      flags.threads > 0 ? flags.threads
                        : std::max(1u, std::thread::hardware_concurrency());
  const absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(threads);
  if (!team.ok()) return team.status();
  if (flags.dry_run) std::fputs(ResolvedText(config).c_str(), stdout);
  const std::unique_ptr<Experiment> experiment = make(**team);
  Run run(*experiment, flags, (*team)->threads());
  const absl::Status prepared = run.Prepare();
  if (!prepared.ok()) return prepared;
  if (flags.dry_run) return 0;
  return run.Execute(argc, argv);
}

}  // namespace polarize
