// The configuration of Fig. 7's runs.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CONFIG_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/config_text.h"
#include "protos/pretrained.pb.h"

namespace polarize {

// Loads `text` with `settings` (see LoadConfig) and checks it. Errors name
// file, line, field, value and rule.
absl::StatusOr<PretrainedConfig> LoadPretrainedConfig(
    const ConfigText& text, absl::Span<const std::string> settings);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CONFIG_H_
