#include "experiments/induction/config.h"

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"
#include "experiments/run/transformer_config.h"

namespace polarize {
namespace {

// Tokens of a sequence that are not drawn: the start, the repeated token and
// its successor.
constexpr int kTokensNotDrawn = 3;

// Of all sequences: each token is kept as a 32-bit number.
constexpr double kMostDataBytes = 8.0 * (1 << 30);

void CheckTask(const InductionTaskConfig& task, ConfigChecker* checker) {
  checker->InRange("task.num_train", 1, 1e8);
  checker->InRange("task.num_eval", 1, 1e8);
  checker->InRange("task.vocab_size", 2, 1e6);
  // The model reads all tokens but the last.
  checker->InRange("task.seq_length", kTokensNotDrawn + 1, kMostPositions + 1);
  if (!checker->Holds("task.seq_length") ||
      !checker->Holds("task.vocab_size")) {
    return;
  }
  const int drawn = task.seq_length() - kTokensNotDrawn;
  if (drawn > task.vocab_size() - 1) {
    checker->Fail(
        "task.vocab_size",
        absl::StrCat("must be at least ", drawn + 1, ": with ",
                     "task.seq_length ", task.seq_length(), " a sequence has ",
                     drawn, " distinct tokens, none of them token 0"));
  }
  const double bytes = sizeof(int32_t) * double{1} * task.seq_length() *
                       (double{1} * task.num_train() + task.num_eval());
  if (checker->Holds("task.num_train") && checker->Holds("task.num_eval") &&
      bytes > kMostDataBytes) {
    checker->Fail(
        "task.num_train",
        absl::StrFormat("must be less: the sequences would take "
                        "%.1f GiB, and %.0f are allowed",
                        bytes / (1 << 30), kMostDataBytes / (1 << 30)));
  }
}

void CheckName(const std::string& name, ConfigChecker* checker) {
  bool good = !name.empty() && name[0] != '.' && name.size() <= 100;
  for (const char c : name) {
    good = good && (absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.');
  }
  if (good) return;
  checker->Fail("name",
                "must be 1 to 100 letters, digits, \"_\", \"-\" and \".\", and "
                "not begin with \".\": it names a folder");
}

// Pictures; more of them than anybody looks at.
constexpr int kMostMaps = 100;

void CheckStatistics(const InductionConfig& config, ConfigChecker* checker) {
  checker->InRange("statistics.points_per_decade", 1, 1000);
  checker->InRange("statistics.map_samples", 0, kMostMaps);
  if (config.statistics().map_samples() > config.task().num_eval()) {
    checker->Fail("statistics.map_samples",
                  absl::StrCat("must be at most task.num_eval, ",
                               config.task().num_eval()));
  }
}

void CheckMemory(const InductionConfig& config, ConfigChecker* checker) {
  const double tokens = double{1} * config.task().vocab_size() *
                        (config.task().shift_query_token() ? 2 : 1);
  CheckTransformerMemory({config.model(), config.training().batch_size(),
                          config.task().seq_length() - 1, tokens, tokens},
                         checker);
}

// The reference draws a table of fewer numbers in another way, which is not
// reproduced (normal_ of fewer than 16 numbers).
constexpr int kSmallestTable = 16;

void CheckTable(const InductionConfig& config, ConfigChecker* checker) {
  const int tokens =
      config.task().vocab_size() * (config.task().shift_query_token() ? 2 : 1);
  const int width = config.model().positional_type() == "concat"
                        ? config.model().embed_dim() / 2
                        : config.model().embed_dim();
  if (double{1} * tokens * width >= kSmallestTable) return;
  checker->Fail(
      "model.embed_dim",
      absl::StrCat("must be greater: the token embedding has ", tokens, " x ",
                   width, " numbers and needs ", kSmallestTable));
}

}  // namespace

absl::StatusOr<InductionConfig> LoadInductionConfig(
    const ConfigText& text, absl::Span<const std::string> settings,
    absl::Span<const std::string_view> attention_types) {
  InductionConfig config;
  const absl::StatusOr<FieldPlaces> places =
      LoadConfig(text, settings, &config);
  if (!places.ok()) return places.status();
  ConfigChecker checker(config, *places);
  CheckName(config.name(), &checker);
  checker.InRange("seed", 0, 4294967295.0);
  CheckTask(config.task(), &checker);
  CheckTransformer(config.model(), attention_types, &checker);
  CheckTraining(&checker);
  checker.AtLeast("aux_loss_weight", 0);
  CheckStatistics(config, &checker);
  if (checker.status().ok()) CheckTable(config, &checker);
  if (checker.status().ok()) CheckMemory(config, &checker);
  if (!checker.status().ok()) return checker.status();
  return config;
}

}  // namespace polarize
