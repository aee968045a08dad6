// Training steps of an experiment, timed.
//
// On demand, for step_vs_torch.py: prints "ready", then for every line "run N"
// on stdin takes N steps and prints the seconds that they took.
//
// With --compare_sharing: the same steps with and without row sharing in turns,
// and what a plan costs:
//   bazel run -c opt //tools/bench:step -- --compare_sharing
//       --experiment=classification --settings=vocab_size=161,num_layers=1
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/classification/config.h"
#include "experiments/classification/fixed_attention.h"
#include "experiments/classification/setup.h"
#include "experiments/induction/config.h"
#include "experiments/induction/fixed_attention.h"
#include "experiments/induction/setup.h"
#include "experiments/model/model_setup.h"
#include "experiments/model/plan_cost.h"
#include "experiments/run/thread_team.h"

ABSL_FLAG(std::string, experiment, "induction", "or classification");
ABSL_FLAG(std::string, attention_type, "softmax", "model.attention_type");
ABSL_FLAG(std::string, positional_type, "", "model.positional_type");
ABSL_FLAG(double, aux_loss_weight, 0.2, "aux_loss_weight, of induction");
ABSL_FLAG(int, batch_size, 256, "training.batch_size");
ABSL_FLAG(std::vector<std::string>, settings, {}, "of --set: PATH=VALUE,...");
ABSL_FLAG(std::string, precision, "FP32", "model.precision");
ABSL_FLAG(int, threads, 1, "threads");
ABSL_FLAG(bool, fixed, true, "use attention compiled for its sizes");
ABSL_FLAG(bool, sharing, true, "equal rows once");
ABSL_FLAG(bool, compare_sharing, false, "time both in turns");
ABSL_FLAG(int, rounds, 30, "turns of --compare_sharing");
ABSL_FLAG(int, steps, 4, "steps of a turn");

namespace polarize {
namespace {

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// A trainer whose kind does not matter.
class Steps {
 public:
  virtual ~Steps() = default;
  virtual void Take() = 0;
  virtual const RowPlan& plan() const = 0;

  double Seconds(int steps) {
    const double start = Now();
    for (int i = 0; i < steps; ++i) Take();
    return Now() - start;
  }
};

template <class Trainer>
class StepsOf : public Steps {
 public:
  template <class... Args>
  explicit StepsOf(absl::Span<const FixedAttention> fixed, Args&&... args)
      : trainer_(args...) {
    if (absl::GetFlag(FLAGS_fixed)) trainer_.model().UseFixedAttention(fixed);
  }
  void Take() override {
    // The last batch of an epoch may be short: it is never taken.
    const size_t full = std::max<size_t>(1, trainer_.steps_per_epoch() - 1);
    if (trainer_.step() % full == 0) trainer_.StartEpoch();
    trainer_.Step();
  }
  const RowPlan& plan() const override { return trainer_.plan(); }

 private:
  Trainer trainer_;
};

// What every mode needs, made from the flags.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual std::unique_ptr<Steps> Make(bool sharing, ParallelFor& parallel) = 0;
  virtual ModelConfig model() const = 0;
};

class InductionBench : public Bench {
 public:
  explicit InductionBench(const InductionConfig& config)
      : setup_(MakeInductionSetup(config, true)),
        data_(MakeInductionData(setup_.task)) {}
  std::unique_ptr<Steps> Make(bool sharing, ParallelFor& parallel) override {
    setup_.sharing = sharing;
    return std::make_unique<StepsOf<InductionTrainer<float>>>(
        InductionFixedAttention(), setup_, data_, parallel);
  }
  ModelConfig model() const override { return setup_.model; }

 private:
  InductionSetup setup_;
  const InductionData data_;
};

class ClassificationBench : public Bench {
 public:
  explicit ClassificationBench(const ClassificationConfig& config)
      : setup_(MakeClassificationSetup(config, true)) {}
  std::unique_ptr<Steps> Make(bool sharing, ParallelFor& parallel) override {
    setup_.sharing = sharing;
    return std::make_unique<StepsOf<ClassificationTrainer<float>>>(
        ClassificationFixedAttention(), setup_, parallel);
  }
  ModelConfig model() const override { return setup_.model; }

 private:
  ClassificationSetup setup_;
};

std::vector<std::string> Settings(bool induction) {
  std::vector<std::string> settings = {
      "model.attention_type=" + absl::GetFlag(FLAGS_attention_type),
      "model.precision=" + absl::GetFlag(FLAGS_precision),
      absl::StrCat("training.batch_size=", absl::GetFlag(FLAGS_batch_size))};
  if (!absl::GetFlag(FLAGS_positional_type).empty()) {
    settings.push_back("model.positional_type=" +
                       absl::GetFlag(FLAGS_positional_type));
  }
  if (induction) {
    settings.push_back(
        absl::StrCat("aux_loss_weight=", absl::GetFlag(FLAGS_aux_loss_weight)));
  }
  for (const std::string& setting : absl::GetFlag(FLAGS_settings)) {
    settings.push_back(setting);
  }
  return settings;
}

template <class B, class Config>
absl::StatusOr<std::unique_ptr<Bench>> MakeFrom(
    const absl::StatusOr<Config>& config) {
  if (!config.ok()) return config.status();
  return std::make_unique<B>(*config);
}

absl::StatusOr<std::unique_ptr<Bench>> MakeBench() {
  const ConfigText defaults = {"default", ""};
  const bool induction = absl::GetFlag(FLAGS_experiment) == "induction";
  const std::vector<std::string> settings = Settings(induction);
  if (induction) {
    return MakeFrom<InductionBench>(
        LoadInductionConfig(defaults, settings, AttentionTypes()));
  }
  if (absl::GetFlag(FLAGS_experiment) != "classification") {
    return absl::InvalidArgumentError(
        "--experiment: must be induction or classification");
  }
  return MakeFrom<ClassificationBench>(
      LoadClassificationConfig(defaults, settings, AttentionTypes()));
}

void CompareSharing(Bench& bench, ParallelFor& parallel) {
  const std::unique_ptr<Steps> sides[] = {bench.Make(true, parallel),
                                          bench.Make(false, parallel)};
  double best[2] = {std::numeric_limits<double>::infinity(),
                    std::numeric_limits<double>::infinity()};
  const int steps = absl::GetFlag(FLAGS_steps);
  for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
    for (int side = 0; side < 2; ++side) {
      best[side] = std::min(best[side], sides[side]->Seconds(steps) / steps);
    }
  }
  for (int side = 0; side < 2; ++side) {
    const double flop = StepFlops(bench.model(), sides[side]->plan());
    std::cout << absl::StrFormat(
        "sharing %-3s %8.3f ms per step, %.3f GFLOP, %.0f GFLOP/s\n  %s\n",
        side == 0 ? "on" : "off", best[side] * 1e3, flop * 1e-9,
        flop * 1e-9 / best[side], PlanRows(sides[side]->plan()));
  }
}

void Answer(Steps& steps) {
  std::cout << "ready" << std::endl;
  std::string word;
  int count;
  while (std::cin >> word >> count && word == "run") {
    std::cout << absl::StrFormat("%.9f", steps.Seconds(count)) << std::endl;
  }
}

int Main() {
  const absl::StatusOr<std::unique_ptr<Bench>> bench = MakeBench();
  if (!bench.ok()) {
    std::cerr << bench.status().message() << "\n";
    return 1;
  }
  const auto team = ThreadTeam::Create(absl::GetFlag(FLAGS_threads));
  if (!team.ok()) {
    std::cerr << team.status().message() << "\n";
    return 1;
  }
  if (absl::GetFlag(FLAGS_compare_sharing)) {
    CompareSharing(**bench, **team);
  } else {
    Answer(*(*bench)->Make(absl::GetFlag(FLAGS_sharing), **team));
  }
  return 0;
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return polarize::Main();
}
