// Training steps of the induction experiment on demand, for step_vs_torch.py:
// prints "ready", then for every line "run N" on stdin takes N steps and prints
// the seconds that they took.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/induction/config.h"
#include "experiments/induction/fixed_attention.h"
#include "experiments/induction/setup.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/model_setup.h"
#include "experiments/run/thread_team.h"

ABSL_FLAG(std::string, attention_type, "softmax", "model.attention_type");
ABSL_FLAG(std::string, positional_type, "concat", "model.positional_type");
ABSL_FLAG(double, aux_loss_weight, 0.2, "aux_loss_weight");
ABSL_FLAG(int, batch_size, 256, "training.batch_size");
ABSL_FLAG(std::string, precision, "FP32", "model.precision");
ABSL_FLAG(int, threads, 1, "threads");
ABSL_FLAG(bool, fixed, true, "use attention compiled for its sizes");

namespace {

using polarize::InductionTrainer;

double Seconds(InductionTrainer<float>& trainer, int steps) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) {
    if (trainer.step() % trainer.steps_per_epoch() == 0) trainer.StartEpoch();
    trainer.Step();
  }
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  return taken.count();
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const std::string settings[] = {
      "model.attention_type=" + absl::GetFlag(FLAGS_attention_type),
      "model.positional_type=" + absl::GetFlag(FLAGS_positional_type),
      "model.precision=" + absl::GetFlag(FLAGS_precision),
      absl::StrCat("aux_loss_weight=", absl::GetFlag(FLAGS_aux_loss_weight)),
      absl::StrCat("training.batch_size=", absl::GetFlag(FLAGS_batch_size))};
  const absl::StatusOr<polarize::InductionConfig> config =
      polarize::LoadInductionConfig({"default", ""}, settings,
                                    polarize::AttentionTypes());
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 1;
  }
  const auto team = polarize::ThreadTeam::Create(absl::GetFlag(FLAGS_threads));
  if (!team.ok()) {
    std::cerr << team.status().message() << "\n";
    return 1;
  }
  const polarize::InductionSetup setup = polarize::MakeInductionSetup(*config);
  const polarize::InductionData data = MakeInductionData(setup.task);
  InductionTrainer<float> trainer(setup, data, **team);
  if (absl::GetFlag(FLAGS_fixed)) {
    trainer.model().UseFixedAttention(polarize::InductionFixedAttention());
  }
  std::cout << "ready" << std::endl;
  std::string word;
  int steps;
  while (std::cin >> word >> steps && word == "run") {
    std::cout << absl::StrFormat("%.9f", Seconds(trainer, steps)) << std::endl;
  }
  return 0;
}
