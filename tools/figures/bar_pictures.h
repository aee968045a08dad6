// Cells of runs as pictures of bars: as the paper draws them, and in detail.
#ifndef POLARIZE_TOOLS_FIGURES_BAR_PICTURES_H_
#define POLARIZE_TOOLS_FIGURES_BAR_PICTURES_H_

#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "experiments/run/bar_chart.h"
#include "experiments/run/csv.h"
#include "tools/figures/cells.h"

namespace polarize {

struct BarPicture {
  struct Panel {
    std::string title;
    Cells cells;
  };

  std::string name;   // of its files
  std::string title;  // of the paper's picture; mostly none
  std::string y_label;
  Hatch hatch = Hatch::kNone;
  BarChart::Legend legend = BarChart::Legend::kUpperRight;
  size_t legend_columns = 1;
  bool legend_yields = false;
  // Only kinds with runs in both of their cells, and softmax.
  bool complete_kinds_only = false;
  std::vector<Panel> panels;  // side by side

  // Of the detailed picture.
  std::string detail_title;
  std::string meaning;  // what a bar is the mean of: a line
  std::string filter;   // that runs passed: "with accuracy above 0.95"
  std::string chance;   // what chance is: a line
  absl::optional<ReferenceLine> chance_line;
};

// In the paper's style.
BarChart PaperChart(const BarPicture& picture);

// NAME_detail: larger, with the intervals of bootstraps, numbers of runs, what
// chance is, and lines of explanation.
BarChart DetailChart(const BarPicture& picture);

// What the bars show: panel, bar, mean, low, high, runs_passed, runs_total; a
// row for every cell that has a place. runs_passed: those of the mean.
CsvTable BarTable(const BarPicture& picture);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_BAR_PICTURES_H_
