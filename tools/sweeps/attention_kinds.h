// The attention kinds as the paper's charts have them: order, names, which have
// a form with and without normaliser, and colours of lines.
#ifndef POLARIZE_TOOLS_SWEEPS_ATTENTION_KINDS_H_
#define POLARIZE_TOOLS_SWEEPS_ATTENTION_KINDS_H_

#include <array>
#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace polarize {

// One similarity with its normaliser and without.
struct PaperKind {
  const char* name;   // as the paper spells it
  const char* color;  // distinct for most colour-blind readers too
  const char* normalised;
  const char* unnormalised;  // attention_type; nullptr: there is none
  // Whether weights may be negative. A share of the row's sum may then be below
  // 0 or above 1 and says little.
  bool both_signs;
};

inline constexpr std::array<PaperKind, 6> kPaperKinds = {{
    {"softmax", "#000000", "softmax", nullptr, false},
    {"sigmoid", "#d55e00", "sigmoid_norm", "sigmoid_unnorm", false},
    {"elu", "#0072b2", "coupled_linear_norm", "coupled_linear_unnorm", false},
    {"elu·elu", "#56b4e9", "linear", "linear_unnorm", false},
    {"mlp", "#009e73", "mlp_norm", "mlp_unnorm", true},
    {"linear", "#cc79a7", "raw_dotproduct_norm", "raw_dotproduct_unnorm", true},
}};
inline constexpr size_t kSoftmax = 0;

// All but softmax, which is always normalised.
inline absl::Span<const PaperKind> PairedKinds() {
  return absl::MakeConstSpan(kPaperKinds).subspan(kSoftmax + 1);
}

inline constexpr std::array<const char*, 2> kNormNames = {"w. norm.",
                                                          "w/o norm."};

struct KindAndNorm {
  size_t kind;  // index into kPaperKinds
  size_t norm;  // index into kNormNames
};

// None for what the paper's charts leave out: uniform, and kinds that it does
// not know.
absl::optional<KindAndNorm> KindOf(absl::string_view attention_type);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_SWEEPS_ATTENTION_KINDS_H_
