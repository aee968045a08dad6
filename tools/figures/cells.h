// Runs gathered by attention kind: a cell for each bar of the paper's charts.
#ifndef POLARIZE_TOOLS_FIGURES_CELLS_H_
#define POLARIZE_TOOLS_FIGURES_CELLS_H_

#include <array>
#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "tools/sweeps/attention_kinds.h"

namespace polarize {

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
  std::array<std::array<Cell, kNormNames.size()>, kPaperKinds.size()> cells_;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_CELLS_H_
