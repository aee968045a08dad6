#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "experiments/run/figures.h"
#include "experiments/run/gnuplot.h"
#include "experiments/run/plot_parts.h"

namespace polarize {
namespace {

using Curve = PanelChart::Curve;
using Panel = PanelChart::Panel;

constexpr size_t kMaxPoints = 2000;  // of a panel, but each curve keeps
constexpr size_t kMinPoints = 160;   // so many, which still look like a curve
constexpr double kYRoom = 0.04;      // of the curves' height
constexpr double kRight = 0.06;      // at least, in inches, of a plot

// Of a legend, in inches: a line's sample, between it and its label, around.
constexpr double kSample = 0.2, kSampleGap = 0.05, kLegendGap = 0.06;
constexpr double kSampleHeight = 0.5;  // of a band, of a line's height
constexpr absl::string_view kMarker = " pt 7 ps 0.35";

// ---- What the figure needs ----

bool IsColor(const std::string& text) {
  return text.size() == 7 && text[0] == '#' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

bool HasBand(const Curve& curve) { return !curve.high.empty(); }

absl::Status Check(const PanelChart& chart, const Panel& panel) {
  std::string what;
  if (panel.y_range.has_value() &&
      !(IsRange(panel.y_range->first, panel.y_range->second) &&
        (!panel.log_y || panel.y_range->first > 0))) {
    what = absl::StrCat("y from ", panel.y_range->first, " to ",
                        panel.y_range->second);
  }
  if (!panel.y_format.empty() && !IsNumberFormat(panel.y_format)) {
    what = absl::StrCat("'", panel.y_format, "' formats no number");
  }
  if (panel.legend_columns < 1 || panel.legend_columns > 2) {
    what = absl::StrCat("a legend of ", panel.legend_columns, " columns");
  }
  for (const Curve& curve : panel.curves) {
    absl::Status status = CheckSeries(chart.name, curve);
    if (!status.ok()) return status;
    if (curve.low.size() != curve.high.size() ||
        (HasBand(curve) && curve.low.size() != curve.x.size()) ||
        !(curve.band_opacity >= 0 && curve.band_opacity <= 1)) {
      what = absl::StrCat("series '", curve.label, "': a band of ",
                          curve.low.size(), " low and ", curve.high.size(),
                          " high ends for ", curve.x.size(), " x, opacity ",
                          curve.band_opacity);
    }
    if (!IsColor(curve.color)) {
      what = absl::StrCat("series '", curve.label, "': colour '", curve.color,
                          "' is not #rrggbb");
    }
  }
  if (what.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "figure ", chart.name, ", panel '", panel.title, "': ", what));
}

absl::Status Check(const PanelChart& chart) {
  if (chart.panels.empty() ||
      chart.panels.size() > chart.rows * chart.columns ||
      !(chart.opacity >= 0 && chart.opacity <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "figure ", chart.name, ": ", chart.panels.size(), " panels in ",
        chart.rows, " rows of ", chart.columns, ", opacity ", chart.opacity));
  }
  for (const Panel& panel : chart.panels) {
    if (absl::Status status = Check(chart, panel); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// ---- Data ----

// The points that stay: those in the same strip that follow each other become
// the lowest and the highest of them, in the order in which they came. Both
// ends stay, and one point without a place for each gap.
std::vector<size_t> Thinned(const Series& series, const Axis& x, const Axis& y,
                            size_t strips) {
  const auto strip_of = [&](size_t i) -> ptrdiff_t {
    if (!x.HasPlace(series.x[i]) || !y.HasPlace(series.y[i])) return -1;
    return static_cast<ptrdiff_t>(x.Part(series.x[i]) *
                                  static_cast<double>(strips));
  };
  const size_t n = series.x.size();
  std::vector<size_t> kept;
  for (size_t i = 0; i < n;) {
    const ptrdiff_t strip = strip_of(i);
    size_t low = i, high = i, end = i + 1;
    for (; end < n && strip_of(end) == strip; ++end) {
      if (series.y[end] < series.y[low]) low = end;
      if (series.y[end] > series.y[high]) high = end;
    }
    kept.insert(kept.end(), {i == 0 ? 0 : std::min(low, high),
                             std::min(low, high), std::max(low, high)});
    i = end;
  }
  kept.push_back(n - 1);
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  return kept;
}

// A line "x y", or "x y low high", per point.
void AppendPoint(const Curve& curve, size_t i, std::string* data) {
  absl::StrAppend(data, GnuplotNumber(curve.x[i]), " ",
                  GnuplotNumber(curve.y[i]));
  if (HasBand(curve)) {
    absl::StrAppend(data, " ", GnuplotNumber(curve.low[i]), " ",
                    GnuplotNumber(curve.high[i]));
  }
  *data += '\n';
}

// A block per series.
std::string DataOf(const Panel& panel, const Axis& x, const Axis& y) {
  size_t points = 0;
  for (const Curve& curve : panel.curves) points += curve.x.size();
  std::string data;
  for (const Curve& curve : panel.curves) {
    absl::StrAppend(&data, "# ", GnuplotString(panel.title), ", ",
                    GnuplotString(curve.label), "\n");
    const size_t room = std::max(kMinPoints, kMaxPoints / panel.curves.size());
    if (points > kMaxPoints && curve.x.size() > room) {
      const std::vector<size_t> kept =
          Thinned(curve, x, y, std::max<size_t>(1, room / 2));
      absl::StrAppend(&data, "# ", kept.size(), " of ", curve.x.size(),
                      " points\n");
      for (const size_t i : kept) AppendPoint(curve, i, &data);
    } else {
      for (size_t i = 0; i < curve.x.size(); ++i) AppendPoint(curve, i, &data);
    }
    data += "\n\n";
  }
  return data;
}

// ---- Layout ----

// A panel's axes, and where it is.
struct Plot {
  Axis x, y;
  std::vector<Tic> x_tics, y_tics;
  double left = 0;  // what the column's y axes need, in inches
  Box box;
};

void FitAxes(const Panel& panel, Plot& plot) {
  plot.x.log = panel.log_x;
  plot.y.log = panel.log_y;
  for (const Curve& curve : panel.curves) {
    for (size_t i = 0; i < curve.x.size(); ++i) {
      if (!plot.x.HasPlace(curve.x[i]) || !plot.y.HasPlace(curve.y[i]))
        continue;
      plot.x.Include(curve.x[i]);
      plot.y.Include(curve.y[i]);
      if (!HasBand(curve)) continue;
      plot.y.Include(curve.low[i]);
      plot.y.Include(curve.high[i]);
    }
  }
  for (const ReferenceLine& line : panel.references) plot.y.Include(line.y);
  plot.x.AddRoom(0);
  if (panel.y_range.has_value()) {
    plot.y.range = {panel.y_range->first, panel.y_range->second};
  } else {
    plot.y.AddRoom(kYRoom);
  }
}

// The curves that the panel's legend lists.
std::vector<const Curve*> LegendEntries(const Panel& panel) {
  std::vector<const Curve*> entries;
  if (panel.legend == PanelChart::Legend::kNone) return entries;
  for (const Curve& curve : panel.curves) {
    if (!curve.label.empty()) entries.push_back(&curve);
  }
  return entries;
}

// The width of one of its columns.
double LegendColumn(const PanelChart& chart, const Panel& panel) {
  double widest = 0;
  for (const Curve* curve : LegendEntries(panel)) {
    widest = std::max(widest, TextWidth(curve->label, chart.text.legend));
  }
  return kSample + kSampleGap + widest + kLegendGap;
}

// In inches: the size of a plot, and what each row and column needs around it.
struct Grid {
  std::vector<double> below, above, left, right;
  double width, height;
};

void MeasureRows(const PanelChart& chart, Grid& grid) {
  grid.below.resize(chart.rows);
  grid.above.resize(chart.rows);
  for (size_t p = 0; p < chart.panels.size(); ++p) {
    const Panel& panel = chart.panels[p];
    double& below = grid.below[p / chart.columns];
    double& above = grid.above[p / chart.columns];
    below = std::max(below, RoomBelow(!panel.x_label.empty(), chart.text));
    above = std::max(above, RoomAbove(!panel.title.empty(), chart.text));
  }
  double height = chart.height;
  for (size_t row = 0; row < chart.rows; ++row) {
    height -= grid.below[row] + grid.above[row];
  }
  grid.height = height / static_cast<double>(chart.rows);
}

// The rows' height says how many tics the y axes have.
void MeasureColumns(const PanelChart& chart, std::vector<Plot>& plots,
                    Grid& grid) {
  const TextStyle& text = chart.text;
  const double columns = static_cast<double>(chart.columns);
  grid.left.resize(chart.columns);
  grid.right.resize(chart.columns, kRight);
  for (size_t p = 0; p < plots.size(); ++p) {
    const Panel& panel = chart.panels[p];
    Plot& plot = plots[p];
    plot.y_tics = TicsUp(plot.y, grid.height, text.ticks, panel.y_format);
    double& left = grid.left[p % chart.columns];
    double& right = grid.right[p % chart.columns];
    left = std::max(left, RoomLeft(WidestLabel(plot.y_tics, text.ticks),
                                   !panel.y_label.empty(), text));
    // Half a label, of which there may be one at the very end.
    const std::vector<Tic> x_tics =
        TicsAcross(plot.x, chart.width / columns, text.ticks);
    right = std::max(right, WidestLabel(x_tics, text.ticks) / 2);
    if (panel.legend == PanelChart::Legend::kBeside) {
      right = std::max(
          right, kLegendGap + LegendColumn(chart, panel) *
                                  static_cast<double>(panel.legend_columns));
    }
  }
  double width = chart.width;
  for (size_t c = 0; c < chart.columns; ++c) {
    width -= grid.left[c] + grid.right[c];
  }
  grid.width = width / columns;
}

absl::StatusOr<std::vector<Plot>> LayOut(const PanelChart& chart) {
  std::vector<Plot> plots(chart.panels.size());
  for (size_t p = 0; p < plots.size(); ++p) FitAxes(chart.panels[p], plots[p]);
  Grid grid;
  MeasureRows(chart, grid);
  MeasureColumns(chart, plots, grid);
  if (!HasRoom({0, 0, grid.width, grid.height})) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "figure %s: no room for %d rows of %d panels on %g x %g inches",
        chart.name, chart.rows, chart.columns, chart.width, chart.height));
  }
  double top = chart.height;
  for (size_t row = 0, p = 0; row < chart.rows; ++row) {
    const double bottom = top - grid.above[row] - grid.height;
    double x = 0;
    for (size_t c = 0; c < chart.columns && p < plots.size(); ++c, ++p) {
      Plot& plot = plots[p];
      plot.left = grid.left[c];
      plot.box = {x + plot.left, bottom, grid.width, grid.height};
      plot.x_tics = TicsAcross(plot.x, grid.width, chart.text.ticks);
      x += plot.left + grid.width + grid.right[c];
    }
    top = bottom - grid.below[row];
  }
  return plots;
}

// ---- Script ----

// "'#33112233'": alpha first, 00 for opaque.
std::string ColorText(const Curve& curve, double opacity) {
  return absl::StrFormat("'#%02x%s'",
                         static_cast<int>(std::lround(255 * (1 - opacity))),
                         curve.color.substr(1));
}

// Width, colour and dashes.
std::string LineStyle(const PanelChart& chart, const Curve& curve) {
  const double width =
      curve.line_width > 0 ? curve.line_width : chart.line_width;
  return absl::StrFormat(" lw line_width(%g) lc rgb %s%s", width,
                         ColorText(curve, chart.opacity),
                         curve.dashed ? " dt 2" : "");
}

std::string BandStyle(const Curve& curve) {
  return absl::StrCat(" fillcolor rgb ", ColorText(curve, curve.band_opacity),
                      " fillstyle solid noborder");
}

// gnuplot's own measures text by the terminal's font, and so leaves gaps that
// differ between its formats.
void AddLegend(const PanelChart& chart, const Panel& panel, const Box& box,
               PlotScript& script) {
  using Legend = PanelChart::Legend;
  const double points = chart.text.legend;
  const std::vector<const Curve*> entries = LegendEntries(panel);
  if (entries.empty()) return;
  const double column = LegendColumn(chart, panel);
  const size_t rows =
      (entries.size() + panel.legend_columns - 1) / panel.legend_columns;
  const size_t columns = (entries.size() + rows - 1) / rows;
  const bool right = panel.legend == Legend::kUpperRight ||
                     panel.legend == Legend::kLowerRight;
  const bool upper =
      panel.legend != Legend::kLowerLeft && panel.legend != Legend::kLowerRight;
  double left = box.left + kLegendGap;
  if (panel.legend == Legend::kBeside) left += box.width;
  if (right) {
    left = box.left + box.width - column * static_cast<double>(columns);
  }
  const double top = upper ? box.bottom + box.height
                           : box.bottom + kLegendGap +
                                 LineHeight(points) * static_cast<double>(rows);
  for (size_t i = 0; i < entries.size(); ++i) {
    const double x = left + column * static_cast<double>(i / rows);
    const double y =
        top - LineHeight(points) * (0.5 + static_cast<double>(i % rows));
    const std::string style = LineStyle(chart, *entries[i]);
    if (HasBand(*entries[i])) {
      const double half = LineHeight(points) * kSampleHeight / 2;
      script.Add(absl::StrCat("set object rectangle from ",
                              script.At(x, y - half), " to ",
                              script.At(x + kSample, y + half), " front",
                              BandStyle(*entries[i]), "\n"));
    }
    script.Add(
        entries[i]->markers
            ? absl::StrCat("set label '' at ", script.At(x + kSample / 2, y),
                           " point", kMarker, style)
            : absl::StrCat("set arrow from ", script.At(x, y), " to ",
                           script.At(x + kSample, y), " nohead front", style));
    script.Add("\n");
    script.AddText(entries[i]->label, x + kSample + kSampleGap, y, points,
                   "left front");
  }
}

// "($3<0?0:$3>1?1:$3)": gnuplot lets bands stand out of the plot.
std::string WithinAxis(int column, const Axis& axis) {
  const std::string low = GnuplotNumber(axis.range.low);
  const std::string high = GnuplotNumber(axis.range.high);
  return absl::Substitute("($$$0<$1?$1:$$$0>$2?$2:$$$0)", column, low, high);
}

// Draws where x has a place.
std::string BandOf(const Curve& curve, const Plot& plot,
                   const std::string& data) {
  const std::string x =
      absl::StrCat("($1<", GnuplotNumber(plot.x.range.low), "?NaN:$1)");
  return absl::StrCat(data, " using ", x, ":", WithinAxis(3, plot.y), ":",
                      WithinAxis(4, plot.y), " with filledcurves",
                      BandStyle(curve));
}

// gnuplot complains about a series of which it can draw no point.
bool HasAnyPlace(const Series& series, const Plot& plot) {
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (plot.x.HasPlace(series.x[i]) && plot.y.HasPlace(series.y[i])) {
      return true;
    }
  }
  return false;
}

std::string Curves(const PanelChart& chart, const Panel& panel,
                   const Plot& plot, size_t first_block) {
  std::vector<std::string> curves;
  const auto data_of = [&](size_t c) {
    return absl::StrCat("'", chart.name, ".dat' index ", first_block + c);
  };
  for (size_t c = 0; c < panel.curves.size(); ++c) {
    const Curve& curve = panel.curves[c];
    if (!HasBand(curve) || !HasAnyPlace(curve, plot)) continue;
    curves.push_back(BandOf(curve, plot, data_of(c)));
  }
  for (const ReferenceLine& line : panel.references) {
    if (!plot.y.HasPlace(line.y)) continue;
    curves.push_back(
        absl::StrCat(GnuplotNumber(line.y),
                     " with lines lw line_width(0.8) dt 3 lc rgb '#808080'"));
  }
  for (size_t c = 0; c < panel.curves.size(); ++c) {
    const Curve& curve = panel.curves[c];
    if (!HasAnyPlace(curve, plot)) continue;
    curves.push_back(
        absl::StrCat(data_of(c), " using 1:2 with ",
                     curve.markers ? absl::StrCat("points", kMarker) : "lines",
                     LineStyle(chart, curve)));
  }
  if (curves.empty()) curves.push_back("NaN");
  return absl::StrCat("plot ", absl::StrJoin(curves, ", \\\n  "), "\n");
}

// Above their lines, at the right end.
void AddReferenceLabels(const PanelChart& chart, const Panel& panel,
                        const Plot& plot, PlotScript& script) {
  for (const ReferenceLine& line : panel.references) {
    const double part = plot.y.Part(line.y);
    if (!(part >= 0 && part <= 1)) continue;
    script.AddText(line.label, plot.box.left + plot.box.width,
                   plot.box.bottom + part * plot.box.height +
                       LineHeight(chart.text.legend) / 2,
                   chart.text.legend, "right textcolor rgb '#606060'");
  }
}

std::string PlotOf(const PanelChart& chart, const std::vector<Plot>& plots) {
  PlotScript script(chart.width, chart.height, chart.text);
  size_t block = 0;
  for (size_t p = 0; p < plots.size(); ++p) {
    const Panel& panel = chart.panels[p];
    const Plot& plot = plots[p];
    script.StartPlot(plot.box, plot.x, plot.x_tics, plot.y, plot.y_tics);
    script.AddNames(plot.box, panel.title, panel.x_label, panel.y_label,
                    plot.left - LineHeight(chart.text.labels) / 2);
    AddReferenceLabels(chart, panel, plot, script);
    AddLegend(chart, panel, plot.box, script);
    script.Add(Curves(chart, panel, plot, block));
    block += panel.curves.size();
  }
  return std::move(script).Finish();
}

}  // namespace

absl::Status Figures::Draw(const PanelChart& chart) {
  if (absl::Status status = CheckName(chart.name); !status.ok()) return status;
  if (absl::Status status = Check(chart); !status.ok()) return status;
  const absl::StatusOr<std::vector<Plot>> plots = LayOut(chart);
  if (!plots.ok()) return plots.status();
  std::string data;
  for (size_t p = 0; p < plots->size(); ++p) {
    data += DataOf(chart.panels[p], (*plots)[p].x, (*plots)[p].y);
  }
  return DrawFiles(chart.name, data,
                   GnuplotScript(chart.name, chart.width, chart.height,
                                 PlotOf(chart, *plots),
                                 {chart.text.serif, chart.text.base}));
}

}  // namespace polarize
