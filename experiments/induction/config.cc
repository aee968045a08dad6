#include "experiments/induction/config.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/induction/interventions.h"
#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"
#include "experiments/run/transformer_config.h"

namespace polarize {
namespace {

// Tokens of a sequence that are not drawn: the start, the repeated token and
// its successor. Of the trigger task: the start, the trigger and, of what is
// written seq_length, the one that the model does not read.
int TokensNotDrawn(const InductionTaskConfig& task) {
  return task.begin_token() ? 3 : 2;
}

bool IsTrigger(const InductionTaskConfig& task) {
  return task.kind() == kTriggerKind;
}

void CheckTask(const InductionTaskConfig& task, ConfigChecker* checker) {
  checker->OneOf("task.kind", {kInductionKind, kTriggerKind});
  checker->InRange("task.num_train", 1, 1e8);
  checker->InRange("task.num_eval", 1, 1e8);
  checker->InRange("task.vocab_size", 2, 1e6);
  // The model reads all tokens but the last.
  checker->InRange("task.seq_length", TokensNotDrawn(task) + 1,
                   kMostPositions + 1);
  if (!checker->Holds("task.seq_length") ||
      !checker->Holds("task.vocab_size")) {
    return;
  }
  const int drawn = task.seq_length() - TokensNotDrawn(task);
  if (drawn > task.vocab_size() - 1) {
    checker->Fail(
        "task.vocab_size",
        absl::StrCat("must be at least ", drawn + 1, ": with ",
                     "task.seq_length ", task.seq_length(), " a sequence has ",
                     drawn, " distinct tokens, none of them token 0"));
  }
  if (checker->Holds("task.num_train") && checker->Holds("task.num_eval")) {
    // Targets of their own, where they are not the tokens themselves.
    const int kept =
        IsTrigger(task) ? 2 * (task.seq_length() - 1) : task.seq_length();
    CheckDataMemory(task.num_train(), task.num_eval(), kept, checker);
  }
}

// Rows of the token embedding.
double Tokens(const InductionTaskConfig& task) {
  if (IsTrigger(task)) return double{1} * task.vocab_size() + 1;
  return double{1} * task.vocab_size() * (task.shift_query_token() ? 2 : 1);
}

void CheckMemory(const InductionConfig& config, ConfigChecker* checker) {
  const double tokens = Tokens(config.task());
  CheckTransformerMemory({config.model(), config.training().batch_size(),
                          config.task().seq_length() - 1, tokens, tokens},
                         checker);
}

void CheckInterventions(const InductionConfig& config, ConfigChecker* checker) {
  const absl::StatusOr<std::vector<NamedIntervention>> named =
      InterventionsNamed(config);
  if (!named.ok()) {
    checker->Fail("interventions", named.status().message());
  }
}

}  // namespace

absl::StatusOr<InductionConfig> LoadInductionConfig(
    const ConfigText& text, absl::Span<const std::string> settings,
    absl::Span<const std::string_view> attention_types) {
  InductionConfig config;
  const absl::StatusOr<FieldPlaces> places =
      LoadConfig(text, settings, &config);
  if (!places.ok()) return places.status();
  SetDefaultDecay(*places, config.mutable_training());
  ConfigChecker checker(config, *places);
  CheckNameAndSeed(config.name(), &checker);
  CheckTask(config.task(), &checker);
  CheckTransformer(config.model(), attention_types, &checker);
  CheckTraining(config.training(), config.task().num_train(), &checker);
  checker.AtLeast("aux_loss_weight", 0);
  CheckStatistics(config.statistics(), config.task().num_eval(), &checker);
  if (checker.status().ok()) CheckInterventions(config, &checker);
  if (checker.status().ok()) {
    CheckTokenTable(config.model(), Tokens(config.task()), &checker);
  }
  if (checker.status().ok()) CheckMemory(config, &checker);
  if (!checker.status().ok()) return checker.status();
  return config;
}

}  // namespace polarize
