#include "experiments/run/transformer_config.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace polarize {
namespace {

// Of all sequences: each token is kept as a 32-bit number.
constexpr double kMostDataBytes = 8.0 * (1 << 30);

// Pictures; more of them than anybody looks at.
constexpr int kMostMaps = 100;

// The reference draws a table of fewer numbers in another way, which is not
// reproduced (normal_ of fewer than 16 numbers).
constexpr int kSmallestTable = 16;

constexpr double kGiB = 1 << 30;
constexpr double kMostGiB = 16;

// Weights, gradients and the optimiser's two means, in float32.
constexpr double kBytesPerParameter = 4 * 4;

// Activations and their gradients, in float32.
constexpr double kBytesPerActivation = 2 * 4;

double Parameters(const TransformerSize& size) {
  const double width = size.model.embed_dim();
  const double inner =
      size.model.use_mlp() ? size.model.mlp_ratio() * width : 0;
  // q, k, v, o and the gate; two products of the MLP; four vectors of the
  // norms.
  const double products = size.model.attention_gate() ? 5 : 4;
  const double block = products * width * width + 2 * width * inner + 4 * width;
  return size.model.num_layers() * block +
         width * (size.tokens + size.outputs + kMostPositions);
}

double Activations(const TransformerSize& size) {
  const double width = size.model.embed_dim();
  const double inner =
      size.model.use_mlp() ? size.model.mlp_ratio() * width : 0;
  // A row: input, two norms, q, k, v, attention's output, the sum with the
  // input; q and k normed; the gate and its product; before and after GELU;
  // attention weights.
  const double rows = 8 + (size.model.qk_norm() ? 2 : 0) +
                      (size.model.attention_gate() ? 2 : 0);
  const double block = rows * width + 2 * inner +
                       double{1} * size.model.num_heads() * size.positions;
  const double row = size.model.num_layers() * block + size.outputs;
  return double{1} * size.batch_size * size.positions * row;
}

void CheckMost(double gib, const std::string& path, const std::string& what,
               ConfigChecker* checker) {
  if (gib <= kMostGiB) return;
  checker->Fail(path, absl::StrFormat("must be less: training would take about "
                                      "%.1f GiB for %s, and %.0f are allowed",
                                      gib, what, kMostGiB));
}

}  // namespace

void CheckTransformer(const TransformerConfig& model,
                      absl::Span<const std::string_view> attention_types,
                      ConfigChecker* checker) {
  checker->InRange("model.embed_dim", 1, 1 << 16);
  checker->InRange("model.num_layers", 1, 1000);
  checker->InRange("model.num_heads", 1, 1 << 16);
  checker->Above("model.mlp_ratio", 0);
  checker->OneOf("model.attention_type", attention_types);
  checker->Above("model.attention_temperature", 0);
  checker->OneOf("model.positional_type", {"concat", "add", "no"});
  checker->OneOf("model.precision", {"FP32", "BF16"});
  if (model.qk_norm() && model.attention_type() == "uniform") {
    checker->Fail("model.qk_norm",
                  "must be false: attention_type \"uniform\" looks at no "
                  "queries and keys");
  }
  if (!checker->Holds("model.embed_dim")) return;

  const int width = model.embed_dim();
  if (model.positional_type() == "concat" && width % 2 != 0) {
    checker->Fail("model.embed_dim",
                  "must be even: positional_type \"concat\" gives one half to "
                  "tokens, one to positions");
  }
  if (checker->Holds("model.num_heads") && width % model.num_heads() != 0) {
    checker->Fail("model.num_heads",
                  absl::StrCat("must divide model.embed_dim, ", width));
  }
  const double inner = model.mlp_ratio() * width;
  if (checker->Holds("model.mlp_ratio") &&
      (inner != std::floor(inner) || inner < 1 || inner > (1 << 20))) {
    checker->Fail("model.mlp_ratio",
                  absl::StrFormat("must make mlp_ratio * embed_dim a whole "
                                  "number from 1 to %d, and it is %g",
                                  1 << 20, inner));
  }
}

void SetDefaultDecay(const FieldPlaces& places, TrainingConfig* training) {
  if (training->optimizer() == "adamw") return;  // as the schema has it
  if (!places.IsSet("training.weight_decay")) training->set_weight_decay(0);
}

int64_t TrainingSteps(const TrainingConfig& training, int64_t num_train) {
  const int64_t batch = training.batch_size();
  return training.num_epochs() * ((num_train + batch - 1) / batch);
}

namespace {

void CheckSchedule(const TrainingConfig& training, int num_train,
                   ConfigChecker* checker) {
  checker->OneOf("training.lr_schedule", {"constant", "cosine"});
  checker->AtLeast("training.warmup_steps", 0);
  checker->InRange("training.min_lr_ratio", 0, 1);
  if (!checker->Holds("training.batch_size") ||
      !checker->Holds("training.num_epochs") ||
      !checker->Holds("task.num_train")) {
    return;
  }
  // Without epochs nothing is trained, whatever the schedule.
  const int64_t steps = TrainingSteps(training, num_train);
  if (steps > 0 && training.warmup_steps() > steps) {
    checker->Fail("training.warmup_steps",
                  absl::StrCat("must be at most ", steps,
                               ", the steps of the run, or the rate would "
                               "never reach training.lr"));
  }
}

}  // namespace

void CheckTraining(const TrainingConfig& training, int num_train,
                   ConfigChecker* checker) {
  checker->InRange("training.batch_size", 1, 1 << 20);
  checker->Above("training.lr", 0);
  checker->InRange("training.num_epochs", 0, 1e6);
  checker->InRangeBelow("training.beta1", 0, 1);
  checker->InRangeBelow("training.beta2", 0, 1);
  checker->Above("training.epsilon", 0);
  checker->AtLeast("training.weight_decay", 0);
  checker->OneOf("training.optimizer",
                 {"adamw", "adam", "sgd", "momentum", "sign"});
  checker->InRangeBelow("training.momentum", 0, 1);
  if (training.optimizer() == "adam" && training.weight_decay() != 0) {
    checker->Fail("training.weight_decay",
                  "must be 0 with optimizer \"adam\", which has no decay: "
                  "\"adamw\" is Adam with decay");
  }
  CheckSchedule(training, num_train, checker);
}

void CheckNameAndSeed(const std::string& name, ConfigChecker* checker) {
  CheckName(name, checker);
  checker->InRange("seed", 0, 4294967295.0);
}

void CheckStatistics(const StatisticsConfig& statistics, int num_eval,
                     ConfigChecker* checker) {
  checker->InRange("statistics.points_per_decade", 1, 1000);
  checker->InRange("statistics.map_samples", 0, kMostMaps);
  if (statistics.map_samples() > num_eval) {
    checker->Fail("statistics.map_samples",
                  absl::StrCat("must be at most task.num_eval, ", num_eval));
  }
}

void CheckDataMemory(int num_train, int num_eval, int seq_length,
                     ConfigChecker* checker) {
  const double bytes = sizeof(int32_t) * double{1} * seq_length *
                       (double{1} * num_train + num_eval);
  if (bytes > kMostDataBytes) {
    checker->Fail(
        "task.num_train",
        absl::StrFormat("must be less: the sequences would take "
                        "%.1f GiB, and %.0f are allowed",
                        bytes / (1 << 30), kMostDataBytes / (1 << 30)));
  }
}

void CheckTokenTable(const TransformerConfig& model, double tokens,
                     ConfigChecker* checker) {
  const int width = model.positional_type() == "concat" ? model.embed_dim() / 2
                                                        : model.embed_dim();
  if (tokens * width >= kSmallestTable) return;
  checker->Fail(
      "model.embed_dim",
      absl::StrCat("must be greater: the token embedding has ", tokens, " x ",
                   width, " numbers and needs ", kSmallestTable));
}

void CheckTransformerMemory(const TransformerSize& size,
                            ConfigChecker* checker) {
  CheckMost(Parameters(size) * kBytesPerParameter / kGiB, "model.embed_dim",
            "parameters", checker);
  CheckMost(Activations(size) * kBytesPerActivation / kGiB,
            "training.batch_size", "a batch", checker);
}

}  // namespace polarize
