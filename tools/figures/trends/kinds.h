// The attention kinds of the paper's charts: order, names, and colours of
// lines.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_KINDS_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_KINDS_H_

#include <array>
#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace polarize {

struct LineKind {
  const char* name;   // as the paper spells it
  const char* color;  // distinct for most colour-blind readers too
  const char* normalised;
  const char* unnormalised;  // attention_type; nullptr: there is none
  bool both_signs;           // has negative weights
};

inline constexpr std::array<LineKind, 6> kLineKinds = {{
    {"softmax", "#000000", "softmax", nullptr, false},
    {"sigmoid", "#d55e00", "sigmoid_norm", "sigmoid_unnorm", false},
    {"elu", "#0072b2", "coupled_linear_norm", "coupled_linear_unnorm", false},
    {"elu·elu", "#56b4e9", "linear", "linear_unnorm", false},
    {"mlp", "#009e73", "mlp_norm", "mlp_unnorm", true},
    {"linear", "#cc79a7", "raw_dotproduct_norm", "raw_dotproduct_unnorm", true},
}};

struct KindAndNormaliser {
  size_t kind;  // index into kLineKinds
  bool normalised;
};

// None for kinds that the paper's charts leave out: uniform and unknown ones.
absl::optional<KindAndNormaliser> LineKindOf(absl::string_view attention_type);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_KINDS_H_
