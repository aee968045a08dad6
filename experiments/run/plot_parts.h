// What several kinds of figures are made of: axes, tics, text at a place.
#ifndef POLARIZE_EXPERIMENTS_RUN_PLOT_PARTS_H_
#define POLARIZE_EXPERIMENTS_RUN_PLOT_PARTS_H_

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "experiments/run/figures.h"

namespace polarize {

// Between the outward tics, 2.5 points long, and their labels, in inches.
constexpr double kTicLength = 2.5 / 72, kTicGap = 1.5 / 72;

// Knots of matplotlib's viridis.
constexpr absl::string_view kViridis =
    "set palette defined (0 '#440154', 1 '#3b528b', 2 '#21918c', 3 '#5ec962', "
    "4 '#fde725')\n";

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void Include(double value) {
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  bool IsEmpty() const { return !(low <= high); }
};

// Whether it has two ends, finite and apart.
bool IsRange(double low, double high);

// With this part of its length more at both ends; around 0 if it is empty, and
// with room around a single value.
Range WithRoom(Range range, double part);

// Characters, as one column each.
size_t TextColumns(absl::string_view text);

// In inches, at a font size in points; the width is a guess.
double TextWidth(absl::string_view text, double points);
double LineHeight(double points);

// Whether it has an x for every y.
absl::Status CheckSeries(absl::string_view figure, const Series& series);

// A line "x y" per point.
void AppendPoints(const Series& series, std::string* data);

// A linear axis or one of powers of 10.
struct Axis {
  bool log = false;
  Range range;  // of values

  // Not what is beyond 1e+-100: gnuplot computes with squares and room around.
  bool HasPlace(double value) const {
    return std::abs(value) <= 1e100 && (!log || value >= 1e-100);
  }
  void Include(double value) {
    if (HasPlace(value)) range.Include(value);
  }
  // WithRoom of the axis as it is drawn.
  void AddRoom(double part);
  double Position(double value) const {
    return log ? std::log10(value) : value;
  }
  double Value(double position) const {
    return log ? std::pow(10, position) : position;
  }
  Range Positions() const;
  // Of the axis, from 0 to 1.
  double Part(double value) const;
};

struct Tic {
  double value;
  std::string label;
};

// As many as have room on so many inches: at multiples of 1, 2 or 5 times a
// power of 10; on a log axis at every 1st, 2nd, 3rd ... power of 10, if it has
// two or more. `format`: like "%.3f", or empty.
std::vector<Tic> TicsAcross(const Axis& axis, double inches, double points,
                            const std::string& format = "");
std::vector<Tic> TicsUp(const Axis& axis, double inches, double points,
                        const std::string& format = "");
double WidestLabel(const std::vector<Tic>& tics, double points);

// Whether it formats one number.
bool IsNumberFormat(const std::string& format);

// The commands that set the range and the tics of axis x, y or cb.
std::string AxisCommands(absl::string_view name, const Axis& axis,
                         const std::vector<Tic>& tics);

// In inches, from the lower left of the picture.
struct Box {
  double left = 0, bottom = 0, width = 0, height = 0;
};

// Whether a plot can be drawn there.
bool HasRoom(const Box& box);

// Commands, and where on a picture of this size they draw. Fonts are in points
// on paper; `font_size(p)` and `line_width(p)` are functions of the script that
// turn points into what the format at hand wants.
class PlotScript {
 public:
  PlotScript(double width, double height, const TextStyle& text);

  // "screen 0.1,0.2" of a place in inches.
  std::string At(double x, double y) const;
  void Add(absl::string_view commands) { script_.append(commands); }
  void AddText(absl::string_view text, double x, double y, double points,
               absl::string_view style);
  // Forgets what was said of the plot before. Ranges, tics and their labels.
  void StartPlot(const Box& box, const Axis& x, const std::vector<Tic>& x_tics,
                 const Axis& y, const std::vector<Tic>& y_tics);
  // Title above, names beside the axes; y_distance: from the axis to the middle
  // of its name.
  void AddNames(const Box& box, absl::string_view title,
                absl::string_view x_name, absl::string_view y_name,
                double y_distance);
  std::string Finish() && { return std::move(script_) + "unset multiplot\n"; }

 private:
  double width_, height_;
  TextStyle text_;
  std::string script_;
};

// Room for what StartPlot and AddNames put around a box.
double RoomBelow(bool has_name, const TextStyle& text);
double RoomAbove(bool has_title, const TextStyle& text);
double RoomLeft(double widest_label, bool has_name, const TextStyle& text);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_PLOT_PARTS_H_
