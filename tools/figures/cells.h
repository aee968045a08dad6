// Runs gathered by attention kind: a cell for each bar of the paper's charts.
#ifndef POLARIZE_TOOLS_FIGURES_CELLS_H_
#define POLARIZE_TOOLS_FIGURES_CELLS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace polarize {

// In the paper's order, with its names; softmax is always normalised.
inline constexpr std::array<const char*, 6> kKindNames = {
    "softmax", "sigmoid", "elu", "elu·elu", "mlp", "linear"};
inline constexpr std::array<const char*, 2> kNormNames = {"w. norm.",
                                                          "w/o norm."};
inline constexpr size_t kSoftmax = 0;

struct KindAndNorm {
  size_t kind;  // index into kKindNames
  size_t norm;  // index into kNormNames
};

// None for what the paper's charts leave out: uniform, and kinds that it does
// not know.
absl::optional<KindAndNorm> KindOf(absl::string_view attention_type);

struct Cell {
  size_t runs = 0;             // all
  size_t passed = 0;           // that the filter lets through
  std::vector<double> values;  // of those, where there is one
};

class Cells {
 public:
  // Counts a run; `value` may be NaN.
  void Add(absl::string_view attention_type, bool passed, double value);

  const Cell& At(size_t kind, size_t norm) const { return cells_[kind][norm]; }
  size_t runs() const;    // in all cells
  size_t passed() const;  // likewise

 private:
  std::array<std::array<Cell, kNormNames.size()>, kKindNames.size()> cells_;
};

// NaN without values. The values' order does not change a bit.
double Mean(std::vector<double> values);

// The 95 % percentile interval of the mean's bootstrap: of the means of
// `resamples` draws with replacement. NaN of fewer than two values. Equal
// values and seeds give equal bits, on any machine.
std::pair<double, double> BootstrapInterval(std::vector<double> values,
                                            size_t resamples, uint64_t seed);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_CELLS_H_
