// A matrix as coloured cells, or as characters, in a terminal.
#ifndef POLARIZE_TOOLS_DEMO_TERMINAL_MAP_H_
#define POLARIZE_TOOLS_DEMO_TERMINAL_MAP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tools/demo/terminal_colors.h"

namespace polarize {

// Rows over an axis, such as the weights of tokens over steps.
struct TerminalMap {
  std::string title;
  std::vector<std::string> labels;         // of the rows
  std::vector<std::vector<double>> cells;  // [row][column]; NaN: '?'
  // The weight that gets the strongest cell, as do those beyond it; 0: the
  // largest size of a finite one.
  double full = 0;
  std::string left, right;  // below the first and the last column
};

// A line and the columns that it takes on the screen.
struct TerminalLine {
  std::string text;
  size_t columns = 0;
};

// The title, a line per row (label, cells, the last cell's number), the ends of
// the axis, and what the cells mean: none wider than `width`, of at least 20
// columns. Of more cells than there is room for, evenly spaced ones are shown,
// the first and the last among them.
//
// Without colours a cell is one of " .:-=+*#%@", from 0 up, or of "abcdefghi",
// from 0 down.
std::vector<TerminalLine> MapLines(const TerminalMap& map, size_t width,
                                   TerminalColors colors);

// The lines one below the other; those of `right` begin in column `at`.
std::string LinesText(absl::Span<const TerminalLine> lines);
std::string SideBySide(absl::Span<const TerminalLine> left,
                       absl::Span<const TerminalLine> right, size_t at);

// The map of weights[time][row] at `times`, which ascend and are above 0 from
// some one on: as many columns as `width` has room for, on a logarithmic axis
// from the first time above 0 to the last one. A column shows the last time up
// to its own. No such time: no columns.
TerminalMap MapOverTime(std::vector<std::string> labels,
                        absl::Span<const double> times,
                        absl::Span<const std::vector<double>> weights,
                        size_t width);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_TERMINAL_MAP_H_
