// The config of the induction experiment: loading, with every rule checked.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_CONFIG_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_CONFIG_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/config_text.h"
#include "protos/induction.pb.h"

namespace polarize {

// The names that task.kind may have.
inline constexpr std::string_view kInductionKind = "induction";
inline constexpr std::string_view kTriggerKind = "trigger";

// The config that `text` and `settings` describe (see LoadConfig), all defaults
// written out. A config that breaks a rule is an error that names every broken
// rule: fields out of range, sizes that do not fit together, names that do not
// exist (`attention_types` are those that do), more memory than any machine
// that this is meant for.
absl::StatusOr<InductionConfig> LoadInductionConfig(
    const ConfigText& text, absl::Span<const std::string> settings,
    absl::Span<const std::string_view> attention_types);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_CONFIG_H_
