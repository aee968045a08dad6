// Pictures of a run, drawn by gnuplot (http://www.gnuplot.info).
//
// Each picture NAME leaves in the run's folder figures/: its numbers, NAME.dat,
// and the script that draws them, NAME.gp, both written first, then NAME.svg
// and NAME.pdf. `gnuplot NAME.gp`, typed in that folder, draws them again after
// a change.
#ifndef POLARIZE_EXPERIMENTS_RUN_FIGURES_H_
#define POLARIZE_EXPERIMENTS_RUN_FIGURES_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace polarize {

// How the colours of attention weights are spread.
enum class WeightScale {
  kUnit,      // 0 to 1: weights of rows that sum to 1
  kPositive,  // 0 to each map's largest weight
  kSigned,    // around 0, to each map's largest absolute weight
  kOwnRange,  // from each map's least to its greatest weight
  kBothWays,  // -1 to 1
};

enum class WeightColors {
  kByScale,    // white to blue, or with negative weights blue to red
  kViridis,    // matplotlib's
  kPinkGreen,  // pink over pale grey to green, in 256 steps
};

// Rows of heat maps, one row per layer and one column per head. Map (l, h) has
// a row per reading token, from the top, and a column per token that is read.
struct AttentionMaps {
  std::string name;
  std::string title;
  size_t layers = 0;
  size_t heads = 0;
  std::vector<std::string> tokens;  // T labels of both axes
  // weights[((l * heads + h) * T + reader) * T + read]; NaN leaves a gap.
  std::vector<double> weights;
  WeightScale scale = WeightScale::kUnit;
  WeightColors colors = WeightColors::kByScale;
  // Of the picture, in inches; both 0: what the tokens need.
  double width = 0, height = 0;
  // Cells alone, with a white grid and a black frame: no label, title or bar.
  bool bare = false;
};

struct Series {
  std::string label;
  std::vector<double> x;
  std::vector<double> y;  // as many; NaN interrupts the line
};

// A horizontal line to compare with: a loss floor, a chance level.
struct ReferenceLine {
  std::string label;
  double y;
};

struct LineChart {
  std::string name;
  std::string title;
  std::string x_label;
  std::string y_label;
  // Points at x <= 0 have no place there: only the data file has them.
  bool log_x = false;
  // Both ends or none; none: what shows all series and reference lines.
  absl::optional<std::pair<double, double>> y_range;
  std::vector<Series> series;
  std::vector<ReferenceLine> references;
};

// Sizes in points.
struct TextStyle {
  bool serif = false;
  double base = 9, labels = 10, titles = 10, ticks = 8, legend = 8;
};

// A grid of small charts, as a page of print has room for. Each panel has axes
// of its own; the panels of a row, and those of a column, are in line.
struct PanelChart {
  // kBeside: right of the plot, which makes room for it.
  enum class Legend {
    kNone,
    kLowerLeft,
    kUpperLeft,
    kUpperRight,
    kLowerRight,
    kBeside
  };

  struct Curve : Series {
    std::string color;      // "#rrggbb"
    double line_width = 0;  // in points; 0: the chart's
    bool dashed = false;
    bool markers = false;  // points in place of a line
    // Empty, or as many as x: what is between low and high is filled, behind
    // all lines. NaN interrupts it. On a log axis it starts at the axis' end
    // if low has no place there.
    std::vector<double> low = {};
    std::vector<double> high = {};
    double band_opacity = 0.2;
  };

  struct Panel {
    std::string title;
    std::string x_label;
    std::string y_label;
    // A point at or below 0 has no place on a log axis: it interrupts the line.
    bool log_x = false;
    bool log_y = false;
    // Both ends or none; none: what shows all series and reference lines.
    absl::optional<std::pair<double, double>> y_range;
    std::string y_format;           // of its tics, like "%.3f"; may be empty
    Legend legend = Legend::kNone;  // of the curves that have a label
    size_t legend_columns = 1;
    // With more than 2000 points in all, data file and picture have fewer: the
    // least and the greatest y of each of many narrow strips of the x axis, at
    // least 80 per curve.
    std::vector<Curve> curves;
    std::vector<ReferenceLine> references;
  };

  std::string name;
  double width = 0, height = 0;  // of the picture, in inches
  size_t rows = 1, columns = 1;
  TextStyle text;
  double opacity = 0.8;       // of lines, 0 to 1
  double line_width = 1;      // in points
  std::vector<Panel> panels;  // row after row; the last ones may lack
};

// A matrix as coloured cells over two axes.
struct HeatMap {
  struct Axis {
    std::string label;
    bool log = false;
    std::vector<double> values;  // the cells' middles, increasing
  };

  std::string name;
  std::string title;
  double width = 3.25, height = 2.6;  // of the picture, in inches
  TextStyle text;
  Axis x;
  Axis y;
  std::vector<double> cells;  // cells[iy * |x| + ix]; NaN: left grey
  std::string cell_label;     // beside the colour bar
  // The ends of the colours; none: the least and the greatest cell.
  absl::optional<std::pair<double, double>> cell_range;
};

struct BarChart;  // bar_chart.h

class Figures {
 public:
  // Makes figures/ in the run's folder.
  static absl::StatusOr<Figures> Create(const std::string& run_folder);
  // Pictures in this folder itself, which it makes if need be.
  static absl::StatusOr<Figures> In(std::string folder);

  // Writes the files of one picture. Without gnuplot on the PATH, that is data
  // and script alone, and no error; what gnuplot complains about is one.
  absl::Status Draw(const AttentionMaps& maps);
  absl::Status Draw(const LineChart& chart);
  absl::Status Draw(const PanelChart& chart);
  absl::Status Draw(const HeatMap& map);
  absl::Status Draw(const BarChart& chart);

  // From now on, Draw writes data and script alone; DrawPostponed makes the
  // pictures of all of them at once, which is several times as fast.
  void Postpone() { postpones_ = true; }
  absl::Status DrawPostponed();

  // Empty if all pictures were drawn; otherwise one line to show to the user
  // that says how to get them.
  std::string Notice() const;

 private:
  // A figure's name becomes names of files.
  static absl::Status CheckName(absl::string_view name);
  explicit Figures(std::string folder) : folder_(std::move(folder)) {}
  absl::Status DrawFiles(const std::string& name, absl::string_view data,
                         absl::string_view script);

  std::string folder_;
  bool gnuplot_is_missing_ = false;
  bool postpones_ = false;
  std::vector<std::string> postponed_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FIGURES_H_
