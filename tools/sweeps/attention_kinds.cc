#include "tools/sweeps/attention_kinds.h"

namespace polarize {

absl::optional<KindAndNorm> KindOf(absl::string_view attention_type) {
  for (size_t kind = 0; kind < kPaperKinds.size(); ++kind) {
    const PaperKind& names = kPaperKinds[kind];
    if (attention_type == names.normalised) return KindAndNorm{kind, 0};
    if (names.unnormalised != nullptr && attention_type == names.unnormalised) {
      return KindAndNorm{kind, 1};
    }
  }
  return absl::nullopt;
}

}  // namespace polarize
