#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/run/figures.h"
#include "experiments/run/gnuplot.h"
#include "experiments/run/plot_parts.h"

namespace polarize {
namespace {

// In inches: between cells and colour bar, and the bar's width.
constexpr double kBarGap = 0.08, kBarWidth = 0.1;

bool Increases(const HeatMap::Axis& axis) {
  const std::vector<double>& v = axis.values;
  for (size_t i = 0; i < v.size(); ++i) {
    if (!std::isfinite(v[i]) || (axis.log && v[i] <= 0) ||
        (i > 0 && v[i] <= v[i - 1])) {
      return false;
    }
  }
  return !v.empty();
}

absl::Status Check(const HeatMap& map) {
  const size_t nx = map.x.values.size(), ny = map.y.values.size();
  std::string what;
  if (map.cells.size() != nx * ny) {
    what = absl::StrCat(map.cells.size(), " cells for ", nx, " x ", ny);
  } else if (!Increases(map.x) || !Increases(map.y)) {
    what = absl::StrCat("the values of ", Increases(map.x) ? "y" : "x",
                        " are none, do not increase, or have no place");
  } else if (map.cell_range.has_value() &&
             !IsRange(map.cell_range->first, map.cell_range->second)) {
    what = "an empty range of colours";
  }
  if (what.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("figure ", map.name, ": ", what));
}

// An axis and the borders of its cells: half way between the middles.
struct Cells {
  Axis axis;
  std::vector<double> borders;  // one more than cells
};

Cells CellsOf(const HeatMap::Axis& from) {
  Cells cells;
  cells.axis.log = from.log;
  std::vector<double> middles;
  for (const double v : from.values) middles.push_back(cells.axis.Position(v));
  const size_t n = middles.size();
  const double first = n > 1 ? (middles[1] - middles[0]) / 2 : 0.5;
  const double last = n > 1 ? (middles[n - 1] - middles[n - 2]) / 2 : 0.5;
  std::vector<double>& borders = cells.borders;
  borders.push_back(middles[0] - first);
  for (size_t i = 1; i < n; ++i) {
    borders.push_back((middles[i - 1] + middles[i]) / 2);
  }
  borders.push_back(middles[n - 1] + last);
  for (double& border : borders) border = cells.axis.Value(border);
  cells.axis.range = {borders.front(), borders.back()};
  return cells;
}

std::string DataOf(const HeatMap& map, const Cells& x, const Cells& y) {
  std::string data = absl::StrCat(
      "# ", GnuplotString(map.x.label), ", ", GnuplotString(map.y.label), ", ",
      GnuplotString(map.cell_label), ", a cell's left, right, bottom, top\n");
  const double* cell = map.cells.data();
  for (size_t iy = 0; iy < map.y.values.size(); ++iy) {
    for (size_t ix = 0; ix < map.x.values.size(); ++ix) {
      const double line[] = {map.x.values[ix], map.y.values[iy],  *cell++,
                             x.borders[ix],    x.borders[ix + 1], y.borders[iy],
                             y.borders[iy + 1]};
      absl::StrAppend(&data,
                      absl::StrJoin(line, " ",
                                    [](std::string* out, double number) {
                                      out->append(GnuplotNumber(number));
                                    }),
                      "\n");
    }
  }
  return data;
}

Axis ColorAxis(const HeatMap& map) {
  Axis axis;
  if (map.cell_range.has_value()) {
    axis.range = {map.cell_range->first, map.cell_range->second};
    return axis;
  }
  for (const double cell : map.cells) axis.Include(cell);
  axis.AddRoom(0);
  return axis;
}

// What is right of the cells.
double BarLabels(const Box& box) {
  return box.left + box.width + kBarGap + kBarWidth + kTicLength + kTicGap;
}

void AddColorBar(const HeatMap& map, const Axis& colors,
                 const std::vector<Tic>& tics, const Box& box,
                 PlotScript& script) {
  script.Add(AxisCommands("cb", colors, tics));
  script.Add(absl::StrCat("set colorbox user origin ",
                          script.At(box.left + box.width + kBarGap, box.bottom),
                          " size ", script.At(kBarWidth, box.height), "\n"));
  for (const Tic& tic : tics) {
    script.AddText(tic.label, BarLabels(box),
                   box.bottom + colors.Part(tic.value) * box.height,
                   map.text.ticks, "left");
  }
  script.AddText(map.cell_label, map.width - LineHeight(map.text.labels) / 2,
                 box.bottom + box.height / 2, map.text.labels,
                 "center rotate by 90");
}

absl::StatusOr<std::string> PlotOf(const HeatMap& map, const Axis& x,
                                   const Axis& y) {
  const TextStyle& text = map.text;
  Box box;
  box.bottom = RoomBelow(!map.x.label.empty(), text);
  box.height = map.height - box.bottom - RoomAbove(!map.title.empty(), text);
  const Axis colors = ColorAxis(map);
  const std::vector<Tic> y_tics = TicsUp(y, box.height, text.ticks);
  const std::vector<Tic> bar_tics = TicsUp(colors, box.height, text.ticks);
  box.left =
      RoomLeft(WidestLabel(y_tics, text.ticks), !map.y.label.empty(), text);
  box.width = 0;
  box.width = map.width - BarLabels(box) - WidestLabel(bar_tics, text.ticks) -
              (map.cell_label.empty() ? 0 : LineHeight(text.labels));
  if (!HasRoom(box)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("figure %s: no room on %g x %g inches", map.name,
                        map.width, map.height));
  }
  PlotScript script(map.width, map.height, text);
  script.StartPlot(box, x, TicsAcross(x, box.width, text.ticks), y, y_tics);
  script.AddNames(box, map.title, map.x.label, map.y.label,
                  box.left - LineHeight(text.labels) / 2);
  AddColorBar(map, colors, bar_tics, box, script);
  script.Add(kViridis);
  script.Add(
      "set datafile missing 'NaN'\n"
      "set object rectangle from graph 0,0 to graph 1,1 behind "
      "fillcolor rgb '#bbbbbb' fillstyle solid noborder\n");
  const bool any = std::any_of(map.cells.begin(), map.cells.end(),
                               [](double cell) { return std::isfinite(cell); });
  script.Add(any ? absl::StrCat("plot '", map.name,
                                ".dat' using 1:2:4:5:6:7:3 with boxxyerror "
                                "fillcolor palette fillstyle solid noborder\n")
                 : "plot NaN\n");
  return std::move(script).Finish();
}

}  // namespace

absl::Status Figures::Draw(const HeatMap& map) {
  if (absl::Status status = CheckName(map.name); !status.ok()) return status;
  if (absl::Status status = Check(map); !status.ok()) return status;
  const Cells x = CellsOf(map.x), y = CellsOf(map.y);
  const absl::StatusOr<std::string> plot = PlotOf(map, x.axis, y.axis);
  if (!plot.ok()) return plot.status();
  return DrawFiles(map.name, DataOf(map, x, y),
                   GnuplotScript(map.name, map.width, map.height, *plot,
                                 {map.text.serif, map.text.base}));
}

}  // namespace polarize
