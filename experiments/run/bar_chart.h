// Groups of bars over named places, as seaborn draws them
// (https://seaborn.pydata.org/generated/seaborn.barplot.html), and what a
// careful reader asks for beside them: intervals, a note per bar, lines to
// compare with.
#ifndef POLARIZE_EXPERIMENTS_RUN_BAR_CHART_H_
#define POLARIZE_EXPERIMENTS_RUN_BAR_CHART_H_

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "experiments/run/bar_hatch.h"
#include "experiments/run/figures.h"

namespace polarize {

// The y axis is from 0 to 1, in per cent; what a bar has beyond is cut off.
struct BarChart {
  enum class Legend {
    kNone,
    kUpperLeft,   // of each panel, inside
    kUpperRight,  // of each panel, inside
    kAbove,       // one, at the upper right of the picture, above all panels
  };

  // One of the bars of every group.
  struct Hue {
    std::string label;
    std::string color;  // "#rrggbb"
  };

  struct Bar {
    size_t group = 0;
    size_t hue = 0;
    double value = std::numeric_limits<double>::quiet_NaN();  // NaN: no bar
    // The ends of a whisker; NaN: none.
    double low = std::numeric_limits<double>::quiet_NaN();
    double high = std::numeric_limits<double>::quiet_NaN();
    std::string note;      // above the plot, over the bar
    double shift = 0;      // to the right, in widths of a bar
    bool missing = false;  // a red cross where the bar would be, unshifted
  };

  struct Panel {
    std::string title;
    std::string y_label;
    std::vector<std::string> groups;  // names, from the left
    std::vector<Bar> bars;
    std::vector<ReferenceLine> references;  // dashed; labels on the right
  };

  std::string name;
  std::string title;                  // of the picture, above all panels
  bool title_on_left = false;         // in place of in the middle
  double width = 3.25, height = 1.8;  // of the picture, in inches
  size_t columns = 1;                 // panels in a row
  TextStyle text;
  std::vector<Hue> hues;
  // Of the distance between two groups: what all bars of one take; of a bar's
  // place in its group: what it leaves free.
  double group_width = 0.7, gap = 0.1;
  Hatch hatch = Hatch::kNone;
  Legend legend = Legend::kNone;
  size_t legend_columns = 1;
  // No legend inside a panel of which a bar reaches into it.
  bool legend_yields = false;
  std::string caption;  // below the panels: paragraphs, broken into lines
  std::vector<Panel> panels;
};

// From left to right, in units of groups: group i is around i.
struct BarPlace {
  double left, right;
};
BarPlace PlaceOf(const BarChart& chart, const BarChart::Bar& bar);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_BAR_CHART_H_
