#include "experiments/pretrained/config.h"

#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"

namespace polarize {
namespace {

// As tokens of one prompt: attention of a longer one would take memory and time
// that nobody expects, and the models were trained on as many.
constexpr int kMostTokens = 4096;

}  // namespace

absl::StatusOr<PretrainedConfig> LoadPretrainedConfig(
    const ConfigText& text, absl::Span<const std::string> settings) {
  PretrainedConfig config;
  const absl::StatusOr<FieldPlaces> places =
      LoadConfig(text, settings, &config);
  if (!places.ok()) return places.status();
  ConfigChecker checker(config, *places);
  CheckName(config.name(), &checker);
  checker.AtLeast("seed", 0);
  checker.OneOf("model.attention_type", {"softmax", "sigmoid"});
  checker.OneOf("model.precision", {"FP32", "BF16"});
  checker.AtLeast("prompts.samples", 0);
  checker.InRange("prompts.max_tokens", 1, kMostTokens);
  if (!checker.status().ok()) return checker.status();
  return config;
}

}  // namespace polarize
