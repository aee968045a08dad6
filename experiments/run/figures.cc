#include "experiments/run/figures.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "experiments/run/file.h"
#include "experiments/run/gnuplot.h"
#include "experiments/run/plot_parts.h"

namespace polarize {
namespace {

// In inches, at the scripts' font size of 9 points.
constexpr double kCharWidth = 0.085;
constexpr double kLineHeight = 0.17;

constexpr double kBareMargin = 0.02;

// Distinct for most colour-blind readers too (Okabe and Ito's set, with grey in
// place of its yellow, which is hard to see on white).
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                   "#e69f00", "#56b4e9", "#000000", "#7f7f7f"};
constexpr size_t kColorCount = std::size(kColors);
constexpr size_t kDashCount = 4;

constexpr size_t kMarkedPoints = 40;

// White to dark blue, lightness falling evenly; blue over white to red.
constexpr absl::string_view kUnsignedPalette =
    "set palette defined (0 '#ffffff', 1 '#c6dbef', 2 '#6baed6', 3 '#2171b5', "
    "4 '#08306b')\n";
constexpr absl::string_view kSignedPalette =
    "set palette defined (-3 '#2166ac', -2 '#67a9cf', -1 '#d1e5f0', "
    "0 '#ffffff', 1 '#fddbc7', 2 '#ef8a62', 3 '#b2182b')\n";

constexpr absl::string_view kPinkGreen =
    "set palette maxcolors 256 defined (-1 '#de337d', 0 '#ede8e1', "
    "1 '#0bb806')\n";

// ---- Attention maps ----

size_t MapSize(const AttentionMaps& maps) {
  return maps.tokens.size() * maps.tokens.size();
}

absl::Status NoRoom(const AttentionMaps& maps) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "figure %s: no room for %d rows of %d maps on %g x %g inches", maps.name,
      maps.layers, maps.heads, maps.width, maps.height));
}

absl::Status Check(const AttentionMaps& maps) {
  if (maps.layers == 0 || maps.heads == 0 || maps.tokens.empty() ||
      maps.weights.size() != maps.layers * maps.heads * MapSize(maps)) {
    return absl::InvalidArgumentError(
        absl::StrCat("figure ", maps.name, ": ", maps.weights.size(),
                     " weights for ", maps.layers, " layers, ", maps.heads,
                     " heads and ", maps.tokens.size(), " tokens"));
  }
  const bool sized = maps.width != 0 || maps.height != 0;
  if (sized && !(IsRange(0, maps.width) && IsRange(0, maps.height))) {
    return NoRoom(maps);
  }
  return absl::OkStatus();
}

// Blocks of T lines of T numbers, two empty lines between them.
std::string DataOf(const AttentionMaps& maps) {
  const size_t t = maps.tokens.size();
  std::string data = "# A line per reading token, a column per token read.\n";
  const double* weight = maps.weights.data();
  for (size_t map = 0; map < maps.layers * maps.heads; ++map) {
    absl::StrAppendFormat(&data, "%s# layer %d, head %d\n",
                          map == 0 ? "" : "\n\n", map / maps.heads,
                          map % maps.heads);
    for (size_t row = 0; row < t; ++row) {
      for (size_t column = 0; column < t; ++column) {
        absl::StrAppend(&data, column == 0 ? "" : " ",
                        GnuplotNumber(*weight++));
      }
      data += '\n';
    }
  }
  return data;
}

// The ends of a map's colours.
Range ColorRange(const AttentionMaps& maps, size_t map) {
  if (maps.scale == WeightScale::kUnit) return {0, 1};
  if (maps.scale == WeightScale::kBothWays) return {-1, 1};
  Range range;
  for (size_t i = map * MapSize(maps); i < (map + 1) * MapSize(maps); ++i) {
    if (std::isfinite(maps.weights[i])) range.Include(maps.weights[i]);
  }
  if (maps.scale == WeightScale::kOwnRange) {
    return IsRange(range.low, range.high) ? range : WithRoom(range, 0);
  }
  double end = std::max(std::abs(range.low), std::abs(range.high));
  if (!(std::isfinite(end) && end > 0)) end = 1;
  return {maps.scale == WeightScale::kSigned ? -end : 0, end};
}

absl::string_view PaletteOf(const AttentionMaps& maps) {
  switch (maps.colors) {
    case WeightColors::kViridis:
      return kViridis;
    case WeightColors::kPinkGreen:
      return kPinkGreen;
    case WeightColors::kByScale:
      break;
  }
  const bool both_signs = maps.scale == WeightScale::kSigned ||
                          maps.scale == WeightScale::kBothWays;
  return both_signs ? kSignedPalette : kUnsignedPalette;
}

// Where things are, in inches from the lower left.
struct MapLayout {
  double across, up;   // size of a map
  double left, right;  // beside it: labels; colour bar and its numbers
  double bottom, top;  // labels; title
  double outer_left, outer_bottom, outer_top;  // axis titles, figure title
  bool rotated;                                // labels of columns
  size_t label_step;  // every so many tokens have a label
  double width, height;
};

// A picture of its own size: what is left for each map.
void ShareSize(const AttentionMaps& maps, MapLayout& at) {
  if (maps.width == 0) return;
  at.across = (maps.width - at.outer_left) / static_cast<double>(maps.heads) -
              at.left - at.right;
  at.up = (maps.height - at.outer_bottom - at.outer_top) /
              static_cast<double>(maps.layers) -
          at.bottom - at.top;
}

MapLayout BareLayout(const AttentionMaps& maps) {
  MapLayout at = {};
  at.left = at.right = at.bottom = at.top = kBareMargin;
  at.across = at.up = 1 - 2 * kBareMargin;
  ShareSize(maps, at);
  return at;
}

MapLayout LabelledLayout(const AttentionMaps& maps) {
  const double t = static_cast<double>(maps.tokens.size());
  size_t longest = 0;
  for (const std::string& token : maps.tokens) {
    longest = std::max(longest, TextColumns(token));
  }
  const double label = kCharWidth * static_cast<double>(longest) + 0.12;
  MapLayout at;
  at.left = at.bottom = label;
  at.right = 0.82;
  at.top = 0.3;
  at.outer_left = 0.3;
  at.outer_bottom = 0.34;
  at.outer_top = maps.title.empty() ? 0.05 : 0.35;
  at.across = at.up = std::clamp(kLineHeight * 1.1 * t, 1.6, 5.0);
  ShareSize(maps, at);
  const double narrow = std::max(std::min(at.across, at.up), kLineHeight);
  at.label_step = static_cast<size_t>(std::ceil(kLineHeight * t / narrow));
  const double cell = at.across / t * static_cast<double>(at.label_step);
  at.rotated = label > cell + 0.08;
  if (!at.rotated) at.bottom = kLineHeight + 0.08;
  ShareSize(maps, at);
  return at;
}

absl::StatusOr<MapLayout> LayOut(const AttentionMaps& maps) {
  MapLayout at = maps.bare ? BareLayout(maps) : LabelledLayout(maps);
  if (!HasRoom({0, 0, at.across, at.up})) return NoRoom(maps);
  at.width = at.outer_left +
             static_cast<double>(maps.heads) * (at.left + at.across + at.right);
  at.height = at.outer_bottom + at.outer_top +
              static_cast<double>(maps.layers) * (at.bottom + at.up + at.top);
  return at;
}

// "('a' 0, 'b' 1)"
std::string Tics(const AttentionMaps& maps, size_t step) {
  std::vector<std::string> tics;
  for (size_t i = 0; i < maps.tokens.size(); i += step) {
    tics.push_back(absl::StrCat(GnuplotTicLabel(maps.tokens[i]), " ", i));
  }
  return absl::StrCat("(", absl::StrJoin(tics, ", "), ")");
}

std::string OneMap(const AttentionMaps& maps, const MapLayout& at, size_t layer,
                   size_t head) {
  const size_t map = layer * maps.heads + head;
  const double x = at.outer_left + at.left +
                   static_cast<double>(head) * (at.left + at.across + at.right);
  const double y = at.outer_bottom + at.bottom +
                   static_cast<double>(maps.layers - 1 - layer) *
                       (at.bottom + at.up + at.top);
  const Range colors = ColorRange(maps, map);
  std::string script = absl::StrFormat(
      "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
      "set bmargin at screen %.6f\nset tmargin at screen %.6f\n",
      x / at.width, (x + at.across) / at.width, y / at.height,
      (y + at.up) / at.height);
  absl::StrAppend(&script, "set cbrange [", GnuplotNumber(colors.low), ":",
                  GnuplotNumber(colors.high), "]\n");
  if (!maps.bare) {
    absl::StrAppendFormat(
        &script,
        "set colorbox user origin screen %.6f,%.6f size screen %.6f,%.6f\n",
        (x + at.across + 0.08) / at.width, y / at.height, 0.1 / at.width,
        at.up / at.height);
    const double largest = std::max(std::abs(colors.low), colors.high);
    // An own range has no round numbers to offer.
    absl::StrAppend(&script, "set cbtics ",
                    maps.scale == WeightScale::kOwnRange
                        ? "autofreq"
                        : GnuplotNumber(largest / 2),
                    "\n");
    absl::StrAppendFormat(&script, "set title 'layer %d, head %d'\n", layer,
                          head);
  }
  // Rectangles, which stay sharp at any size, and which one token has too.
  absl::StrAppend(&script, "plot '", maps.name, ".dat' index ", map,
                  " matrix using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 "
                  "with boxxyerror fillcolor palette fillstyle solid noborder "
                  "notitle\n");
  return script;
}

// White lines around every cell, and the frame.
std::string BareStyle(size_t t) {
  std::string script = absl::StrFormat(
      "line_width(p) = p * (format eq 'svg' ? 96 / 72. : 2)\n"
      "set multiplot\nunset tics\nunset colorbox\n"
      "set border 15 front lw line_width(0.3) lc rgb 'black'\n"
      "set xrange [-0.5:%d - 0.5]\nset yrange [%d - 0.5:-0.5]\n",
      t, t);
  for (size_t i = 1; i < t; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(t);
    for (const char* line :
         {"graph %.6f,0 to graph %.6f,1", "graph 0,%.6f to graph 1,%.6f"}) {
      absl::StrAppend(
          &script, "set arrow from ",
          absl::StrReplaceAll(line, {{"%.6f", absl::StrFormat("%.6f", part)}}),
          " nohead front lw line_width(0.3) lc rgb '#80ffffff'\n");
    }
  }
  return script;
}

// Text at a place in inches.
std::string LabelAt(const MapLayout& at, absl::string_view text, double x,
                    double y, absl::string_view style) {
  return absl::StrFormat("set label %s at screen %.6f,%.6f center %s\n",
                         GnuplotString(text), x / at.width, y / at.height,
                         style);
}

std::string LabelledStyle(const AttentionMaps& maps, const MapLayout& at) {
  const size_t t = maps.tokens.size();
  const std::string tics = Tics(maps, at.label_step);
  std::string script = absl::StrFormat(
      "set multiplot\n"
      "set border 15 lw 1 lc rgb 'black'\n"
      "set xrange [-0.5:%d - 0.5]\nset yrange [%d - 0.5:-0.5]\n"
      "set xtics nomirror scale 0 %s offset 0,%s %s\n"
      "set ytics nomirror scale 0 offset 0.6,0 %s\n"
      "set cbtics scale 0.4 offset -0.6,0\nset format cb '%%.3g'\n"
      "set title offset 0,-0.6\n",
      t, t, at.rotated ? "rotate by 90 right" : "norotate",
      at.rotated ? "0" : "0.4", tics, tics);
  // Labels of the whole belong to the first map alone, or they are drawn, one
  // over the other, with every map.
  const double middle_x = at.outer_left + (at.width - at.outer_left) / 2;
  const double middle_y =
      at.outer_bottom + (at.height - at.outer_bottom - at.outer_top) / 2;
  if (!maps.title.empty()) {
    script += LabelAt(at, maps.title, at.width / 2, at.height - 0.2,
                      "font ',' . (format eq 'svg' ? '15' : '8.4')");
  }
  script += LabelAt(at, "token read", middle_x, 0.15, "");
  script += LabelAt(at, "reading token", 0.15, middle_y, "rotate by 90");
  return script;
}

std::string PlotOf(const AttentionMaps& maps, const MapLayout& at) {
  std::string script =
      maps.bare ? BareStyle(maps.tokens.size()) : LabelledStyle(maps, at);
  absl::StrAppend(&script, PaletteOf(maps));
  for (size_t layer = 0; layer < maps.layers; ++layer) {
    for (size_t head = 0; head < maps.heads; ++head) {
      script += OneMap(maps, at, layer, head);
      if (layer + head == 0 && !maps.bare) script += "unset label\n";
    }
  }
  script += "unset multiplot\n";
  return script;
}

// ---- Line charts ----

bool HasPlace(const LineChart& chart, double x, double y) {
  return std::isfinite(x) && std::isfinite(y) && (!chart.log_x || x > 0);
}

absl::Status Check(const LineChart& chart) {
  for (const Series& series : chart.series) {
    absl::Status status = CheckSeries(chart.name, series);
    if (!status.ok()) return status;
  }
  if (chart.y_range.has_value() &&
      !IsRange(chart.y_range->first, chart.y_range->second)) {
    return absl::InvalidArgumentError(
        absl::StrCat("figure ", chart.name, ": an empty y range"));
  }
  return absl::OkStatus();
}

std::string DataOf(const LineChart& chart) {
  // Quoted, a label's line end cannot end the comment.
  std::string data = absl::StrCat("# x: ", GnuplotString(chart.x_label),
                                  ", y: ", GnuplotString(chart.y_label), "\n");
  for (size_t s = 0; s < chart.series.size(); ++s) {
    const Series& series = chart.series[s];
    absl::StrAppend(&data, s == 0 ? "" : "\n\n", "# ",
                    GnuplotString(series.label), "\n");
    AppendPoints(series, &data);
  }
  return data;
}

Range XRange(const LineChart& chart) {
  Range range;
  for (const Series& series : chart.series) {
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (HasPlace(chart, series.x[i], series.y[i])) range.Include(series.x[i]);
    }
  }
  if (range.IsEmpty()) range.Include(1);
  if (range.low == range.high) {  // a single point: some room around it
    const double room = std::max(std::abs(range.low) / 2, 0.5);
    if (!chart.log_x) range.low -= room;
    range.high += room;
  }
  return range;
}

Range YRange(const LineChart& chart) {
  Range range;
  if (chart.y_range.has_value()) {
    range.low = chart.y_range->first;
    range.high = chart.y_range->second;
    return range;
  }
  for (const Series& series : chart.series) {
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (HasPlace(chart, series.x[i], series.y[i])) range.Include(series.y[i]);
    }
  }
  for (const ReferenceLine& line : chart.references) {
    if (std::isfinite(line.y)) range.Include(line.y);
  }
  return WithRoom(range, 0.04);
}

// Where the labels of the reference lines stand, as parts of the plot's height:
// beside their lines as far as `distance` between two of them allows.
std::vector<double> SpreadLabels(std::vector<double> wanted, double distance) {
  std::vector<size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return wanted[a] < wanted[b]; });
  // Neighbours that are too close become one block around their middle.
  struct Block {
    double middle;
    size_t count;
    double Half(double distance) const {
      return static_cast<double>(count) * distance / 2;
    }
  };
  std::vector<Block> blocks;
  for (const size_t i : order) {
    blocks.push_back({wanted[i], 1});
    while (blocks.size() > 1) {
      Block& low = blocks[blocks.size() - 2];
      const Block high = blocks.back();
      if (high.middle - high.Half(distance) >=
          low.middle + low.Half(distance)) {
        break;
      }
      const double sum = low.middle * static_cast<double>(low.count) +
                         high.middle * static_cast<double>(high.count);
      low.count += high.count;
      low.middle = sum / static_cast<double>(low.count);
      blocks.pop_back();
    }
  }
  size_t next = 0;
  for (const Block& block : blocks) {
    for (size_t k = 0; k < block.count; ++k) {
      wanted[order[next++]] = block.middle - block.Half(distance) +
                              (static_cast<double>(k) + 0.5) * distance;
    }
  }
  return wanted;
}

// Few points are marked: a line alone hides where they are.
std::string SeriesStyle(size_t index, size_t points) {
  return absl::StrFormat(
      " with %s lw 2 dt %d lc rgb '%s'",
      points <= kMarkedPoints ? "linespoints pt 7 ps 0.4" : "lines",
      1 + (index / kColorCount) % kDashCount, kColors[index % kColorCount]);
}

struct ChartLayout {
  double width, height;             // of the picture
  double left, right, bottom, top;  // around the plot
};

constexpr double kPlotWidth = 5.6;
constexpr double kPlotHeight = 3.4;

ChartLayout LayOut(const LineChart& chart) {
  size_t longest_reference = 0;
  for (const ReferenceLine& line : chart.references) {
    longest_reference = std::max(longest_reference, TextColumns(line.label));
  }
  size_t longest_series = 0;
  for (const Series& series : chart.series) {
    longest_series = std::max(longest_series, TextColumns(series.label));
  }
  ChartLayout at;
  at.left = 0.85;
  at.right = 0.25 + kCharWidth * static_cast<double>(longest_reference);
  at.top = chart.title.empty() ? 0.15 : 0.5;
  // The key, below the axis title: as many columns as there is room for.
  const double column = 0.75 + kCharWidth * static_cast<double>(longest_series);
  const size_t columns =
      std::max<size_t>(1, static_cast<size_t>(kPlotWidth / column));
  const size_t lines = (chart.series.size() + columns - 1) / columns;
  at.bottom = 0.72 + 0.2 * static_cast<double>(lines);
  at.width = at.left + kPlotWidth + at.right;
  at.height = at.bottom + kPlotHeight + at.top;
  return at;
}

std::string ReferenceLabels(const LineChart& chart, const Range& y) {
  std::vector<const ReferenceLine*> shown;
  std::vector<double> wanted;
  for (const ReferenceLine& line : chart.references) {
    if (!(line.y >= y.low && line.y <= y.high)) continue;
    shown.push_back(&line);
    wanted.push_back((line.y - y.low) / (y.high - y.low));
  }
  const std::vector<double> at =
      SpreadLabels(wanted, 1.1 * kLineHeight / kPlotHeight);
  std::string script;
  for (size_t i = 0; i < shown.size(); ++i) {
    absl::StrAppendFormat(
        &script,
        "set label %s at graph 1.012,%.6f left textcolor rgb '#444444'\n",
        GnuplotString(shown[i]->label), at[i]);
  }
  return script;
}

std::string PlotOf(const LineChart& chart, const ChartLayout& at) {
  const Range x = XRange(chart);
  const Range y = YRange(chart);
  std::string script = absl::StrFormat(
      "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
      "set bmargin at screen %.6f\nset tmargin at screen %.6f\n"
      "set key at screen %.6f,%.6f center bottom horizontal Left reverse "
      "samplen 2 width 1 maxrows %d\n",
      at.left / at.width, 1 - at.right / at.width, at.bottom / at.height,
      1 - at.top / at.height, (at.left + kPlotWidth / 2) / at.width,
      0.06 / at.height, std::max<size_t>(1, chart.series.size()));
  absl::StrAppend(
      &script,
      "set border 3 lw 1 lc rgb 'black'\n"
      "set tics nomirror scale 0.6\n"
      "set grid lw 0.5 lc rgb '#dddddd' dt 1\n",
      chart.title.empty()
          ? ""
          : absl::StrCat("set title ", GnuplotString(chart.title),
                         " font ',' . (format eq 'svg' ? '15' : '8.4')\n"),
      "set xlabel ", GnuplotString(chart.x_label), "\nset ylabel ",
      GnuplotString(chart.y_label), "\n",
      chart.log_x ? "set logscale x\nset format x '%g'\nset mxtics 10\n" : "",
      "set xrange [", GnuplotNumber(x.low), ":", GnuplotNumber(x.high),
      "]\nset yrange [", GnuplotNumber(y.low), ":", GnuplotNumber(y.high),
      "]\n");
  script += ReferenceLabels(chart, y);
  std::vector<std::string> curves;
  for (const ReferenceLine& line : chart.references) {
    if (std::isfinite(line.y)) {
      curves.push_back(
          absl::StrCat(GnuplotNumber(line.y),
                       " with lines lw 1 dt 2 lc rgb '#777777' notitle"));
    }
  }
  for (size_t s = 0; s < chart.series.size(); ++s) {
    const Series& series = chart.series[s];
    bool any = false;
    for (size_t i = 0; i < series.x.size() && !any; ++i) {
      any = HasPlace(chart, series.x[i], series.y[i]);
    }
    // gnuplot complains about a series without points; its label stays.
    const std::string data =
        any ? absl::StrCat("'", chart.name, ".dat' index ", s, " using 1:2")
            : "NaN";
    curves.push_back(absl::StrCat(data, SeriesStyle(s, series.x.size()),
                                  " title ", GnuplotString(series.label)));
  }
  if (curves.empty()) curves.push_back("NaN notitle");
  absl::StrAppend(&script, "plot ", absl::StrJoin(curves, ", \\\n  "), "\n");
  return script;
}

}  // namespace

absl::Status Figures::CheckName(absl::string_view name) {
  const bool plain =
      !name.empty() && name[0] != '.' &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
               c == '_' || c == '.';
      });
  if (plain) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the figure name '", name, "' is not made of letters, digits, - _ ."));
}

absl::StatusOr<Figures> Figures::Create(const std::string& run_folder) {
  return In(absl::StrCat(run_folder, "/figures"));
}

absl::StatusOr<Figures> Figures::In(std::string folder) {
  if (absl::Status status = MakeFolders(folder); !status.ok()) return status;
  return Figures(std::move(folder));
}

absl::Status Figures::DrawFiles(const std::string& name, absl::string_view data,
                                absl::string_view script) {
  const std::string path = absl::StrCat(folder_, "/", name);
  absl::Status status = WriteFileWhole(path + ".dat", data);
  if (status.ok()) status = WriteFileWhole(path + ".gp", script);
  if (!status.ok()) return status;
  postponed_.push_back(name);
  return postpones_ ? status : DrawPostponed();
}

absl::Status Figures::DrawPostponed() {
  const std::vector<std::string> names = std::exchange(postponed_, {});
  const absl::Status status = RunGnuplot(folder_, names);
  if (!absl::IsNotFound(status)) return status;
  gnuplot_is_missing_ = true;
  return absl::OkStatus();
}

absl::Status Figures::Draw(const AttentionMaps& maps) {
  absl::Status status = CheckName(maps.name);
  if (status.ok()) status = Check(maps);
  if (!status.ok()) return status;
  const absl::StatusOr<MapLayout> at = LayOut(maps);
  if (!at.ok()) return at.status();
  return DrawFiles(
      maps.name, DataOf(maps),
      GnuplotScript(maps.name, at->width, at->height, PlotOf(maps, *at)));
}

absl::Status Figures::Draw(const LineChart& chart) {
  absl::Status status = CheckName(chart.name);
  if (status.ok()) status = Check(chart);
  if (!status.ok()) return status;
  const ChartLayout at = LayOut(chart);
  return DrawFiles(
      chart.name, DataOf(chart),
      GnuplotScript(chart.name, at.width, at.height, PlotOf(chart, at)));
}

std::string Figures::Notice() const {
  if (!gnuplot_is_missing_) return "";
  return absl::StrCat(
      "No pictures: gnuplot is not installed. Get it (Debian: apt-get install "
      "gnuplot-nox), then: cd ",
      folder_, " && for f in *.gp; do gnuplot $f; done");
}

}  // namespace polarize
