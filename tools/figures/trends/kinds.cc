#include "tools/figures/trends/kinds.h"

namespace polarize {

absl::optional<KindAndNormaliser> LineKindOf(absl::string_view attention_type) {
  for (size_t kind = 0; kind < kLineKinds.size(); ++kind) {
    const LineKind& names = kLineKinds[kind];
    if (attention_type == names.normalised) {
      return KindAndNormaliser{kind, true};
    }
    if (names.unnormalised != nullptr && attention_type == names.unnormalised) {
      return KindAndNormaliser{kind, false};
    }
  }
  return absl::nullopt;
}

}  // namespace polarize
