#include "experiments/classification/config.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"
#include "experiments/run/transformer_config.h"

namespace polarize {
namespace {

// Where this section's model differs from the schema's defaults.
ClassificationConfig Defaults() {
  ClassificationConfig config;
  config.mutable_model()->set_is_causal(false);
  config.mutable_model()->set_positional_type("no");
  return config;
}

void CheckGroups(const ClassificationTaskConfig& task, ConfigChecker* checker) {
  const int tokens = task.vocab_size() - 1, labels = task.num_labels();
  if (tokens % labels != 0) {
    checker->Fail(
        "task.vocab_size",
        absl::StrCat("must be 1 more than a multiple of task.num_labels, ",
                     labels, ": the ", tokens,
                     " tokens beside token 0 form groups of one size"));
  } else if (tokens / labels < task.seq_length() - 1) {
    checker->Fail(
        "task.seq_length",
        absl::StrCat("must be at most ", tokens / labels + 1,
                     ": a sample has distinct tokens of one group, which has ",
                     tokens / labels, ", and token 0"));
  }
}

void CheckTask(const ClassificationTaskConfig& task, ConfigChecker* checker) {
  checker->InRange("task.num_train", 1, 1e8);
  checker->InRange("task.num_eval", 1, 1e8);
  checker->InRange("task.vocab_size", 3, 1e6);
  checker->InRange("task.seq_length", 2, kMostPositions);
  checker->InRange("task.num_labels", 2, 1e6);
  if (!checker->Holds("task.seq_length")) return;
  if (checker->Holds("task.vocab_size") && checker->Holds("task.num_labels")) {
    CheckGroups(task, checker);
  }
  if (checker->Holds("task.num_train") && checker->Holds("task.num_eval")) {
    CheckDataMemory(task.num_train(), task.num_eval(), task.seq_length(),
                    checker);
  }
}

void CheckFlip(ConfigChecker* checker) {
  checker->InRange("flip.num_pairs", 0, 1e6);
  checker->InRange("flip.any_token_inputs", 0, 1e6);
}

void CheckMemory(const ClassificationConfig& config, ConfigChecker* checker) {
  const ClassificationTaskConfig& task = config.task();
  CheckTokenTable(config.model(), task.vocab_size(), checker);
  CheckTransformerMemory(
      {config.model(), config.training().batch_size(), task.seq_length(),
       double{1} * task.vocab_size(), double{1} * task.num_labels()},
      checker);
}

}  // namespace

absl::StatusOr<ClassificationConfig> LoadClassificationConfig(
    const ConfigText& text, absl::Span<const std::string> settings,
    absl::Span<const std::string_view> attention_types) {
  ClassificationConfig config;
  const absl::StatusOr<FieldPlaces> places =
      LoadConfig(text, settings, Defaults(), &config);
  if (!places.ok()) return places.status();
  SetDefaultDecay(*places, config.mutable_training());
  ConfigChecker checker(config, *places);
  CheckNameAndSeed(config.name(), &checker);
  CheckTask(config.task(), &checker);
  CheckTransformer(config.model(), attention_types, &checker);
  CheckTraining(config.training(), config.task().num_train(), &checker);
  CheckFlip(&checker);
  CheckStatistics(config.statistics(), config.task().num_eval(), &checker);
  if (checker.status().ok()) CheckMemory(config, &checker);
  if (!checker.status().ok()) return checker.status();
  return config;
}

}  // namespace polarize
