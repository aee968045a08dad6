#include "experiments/run/bar_chart.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "experiments/run/gnuplot.h"
#include "experiments/run/plot_parts.h"

namespace polarize {
namespace {

using Bar = BarChart::Bar;
using Hue = BarChart::Hue;
using Legend = BarChart::Legend;
using Panel = BarChart::Panel;

constexpr double kPoint = 1.0 / 72;
constexpr double kRight = 0.06;         // of a panel, at least, in inches
constexpr double kGap = 0.04;           // between what is around the panels
constexpr double kCaptionSize = 0.85;   // of the font of tics
constexpr double kCaptionLetter = 0.9;  // in long texts, of TextWidth's guess

// matplotlib's: a marker "x" of size 7 with lines of width 2, at a tenth of the
// axis; lines around bars.
constexpr double kCrossSize = 7 * kPoint, kCrossAt = 0.1;
constexpr absl::string_view kEdge = "lw line_width(0.5) lc rgb 'black'";
constexpr double kWhiskerCap = 2.5 * kPoint;

// matplotlib's legend, in font sizes: the sample, between sample and label,
// between entries, inside and outside its border.
constexpr double kSampleWidth = 2, kSampleHeight = 0.7, kSampleGap = 0.8;
constexpr double kColumnGap = 2, kRowGap = 0.5, kPadding = 0.4, kOutside = 0.5;
constexpr double kLegendLetter = 0.5;  // a guess: a letter's width

constexpr double kSin45 = 0.7071067811865476;

// ---- What the figure needs ----

bool IsColor(const std::string& text) {
  return text.size() == 7 && text[0] == '#' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

absl::Status Check(const BarChart& chart) {
  std::string what;
  if (chart.panels.empty() || chart.columns == 0) {
    what = absl::StrCat(chart.panels.size(), " panels in ", chart.columns,
                        " columns");
  }
  if (chart.legend_columns == 0) what = "a legend of 0 columns";
  if (!(chart.group_width > 0 && chart.group_width <= 1) ||
      !(chart.gap >= 0 && chart.gap < 1)) {
    what = absl::StrCat("bars of width ", chart.group_width, " and gap ",
                        chart.gap);
  }
  for (const Hue& hue : chart.hues) {
    if (!IsColor(hue.color)) {
      what = absl::StrCat("colour '", hue.color, "' is not #rrggbb");
    }
  }
  for (const Panel& panel : chart.panels) {
    if (panel.groups.empty()) what = "a panel without groups";
    for (const Bar& bar : panel.bars) {
      if (bar.group >= panel.groups.size() || bar.hue >= chart.hues.size()) {
        what = absl::StrCat("a bar of hue ", bar.hue, " in group ", bar.group);
      }
    }
  }
  if (what.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("figure ", chart.name, ": ", what));
}

// ---- Layout ----

double Height(const Bar& bar) {
  return std::isnan(bar.value) ? 0 : std::clamp(bar.value, 0.0, 1.0);
}

double NoteSize(const BarChart& chart) { return chart.text.ticks * 0.75; }
double CaptionSize(const BarChart& chart) {
  return chart.text.ticks * kCaptionSize;
}

std::vector<std::string> CaptionLines(const BarChart& chart) {
  if (chart.caption.empty()) return {};
  const double room = (chart.width - 4 * kGap) / kCaptionLetter;
  std::vector<std::string> lines;
  for (const absl::string_view paragraph :
       absl::StrSplit(chart.caption, '\n')) {
    lines.emplace_back();
    for (const absl::string_view word : absl::StrSplit(paragraph, ' ')) {
      const std::string longer =
          absl::StrCat(lines.back(), lines.back().empty() ? "" : " ", word);
      if (TextWidth(longer, CaptionSize(chart)) > room) {
        lines.emplace_back(word);
      } else {
        lines.back() = longer;
      }
    }
  }
  return lines;
}

// A panel's axes, and where it is.
struct Plot {
  Axis x, y;
  Box box;
  double X(double place) const { return box.left + x.Part(place) * box.width; }
  double Y(double value) const { return box.bottom + value * box.height; }
};

// In inches, around every panel and around all of them.
struct Room {
  double left = 0, right = kRight, above = 0, below = 0;
  double top = 0, bottom = 0;
};

double TurnedHeight(absl::string_view text, double points) {
  return kSin45 * (TextWidth(text, points) + LineHeight(points));
}

std::vector<Tic> PercentTics() {
  return {{0, "0%"}, {0.25, "25%"}, {0.5, "50%"}, {0.75, "75%"}, {1, "100%"}};
}

// The notes' room depends on whether they have to stand upright.
double RoomForNotes(const BarChart& chart, bool upright) {
  double widest = 0;
  for (const Panel& panel : chart.panels) {
    for (const Bar& bar : panel.bars) {
      widest = std::max(widest, TextWidth(bar.note, NoteSize(chart)));
    }
  }
  if (widest == 0) return 0;
  return kGap + (upright ? widest : LineHeight(NoteSize(chart)));
}

Room Measure(const BarChart& chart) {
  const TextStyle& text = chart.text;
  Room room;
  bool titled = false, named = false;
  for (const Panel& panel : chart.panels) {
    titled |= !panel.title.empty();
    named |= !panel.y_label.empty();
    for (const std::string& group : panel.groups) {
      room.below = std::max(room.below, kTicLength + kTicGap + kGap / 2 +
                                            TurnedHeight(group, text.ticks));
    }
    for (const ReferenceLine& line : panel.references) {
      room.right =
          std::max(room.right, 2 * kGap + TextWidth(line.label, text.legend));
    }
  }
  room.left =
      RoomLeft(WidestLabel(PercentTics(), text.ticks) * 0.85, named, text);
  room.above = RoomAbove(titled, text);
  const bool has_row = !chart.title.empty() || chart.legend == Legend::kAbove;
  room.top = has_row ? LineHeight(text.titles) + kGap : 0;
  const double lines = static_cast<double>(CaptionLines(chart).size());
  room.bottom = lines == 0 ? 0 : kGap + lines * LineHeight(CaptionSize(chart));
  return room;
}

struct Layout {
  std::vector<Plot> plots;
  bool upright_notes = false;
  double left = 0;  // from a panel's axis to the end of its place
};

absl::StatusOr<Layout> LayOut(const BarChart& chart) {
  Room room = Measure(chart);
  const size_t rows = (chart.panels.size() + chart.columns - 1) / chart.columns;
  const double place = chart.width / static_cast<double>(chart.columns);
  const double width = place - room.left - room.right;
  Layout layout;
  layout.left = room.left;
  for (const Panel& panel : chart.panels) {
    const double slot = width * chart.group_width /
                        static_cast<double>(panel.groups.size()) /
                        static_cast<double>(chart.hues.size());
    for (const Bar& bar : panel.bars) {
      layout.upright_notes |= TextWidth(bar.note, NoteSize(chart)) * 0.9 > slot;
    }
  }
  const double notes = RoomForNotes(chart, layout.upright_notes);
  const double row =
      (chart.height - room.top - room.bottom) / static_cast<double>(rows);
  const double height = row - room.below - room.above - notes;
  if (!HasRoom({0, 0, width, height})) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "figure %s: no room for %d rows of %d panels on %g x %g inches",
        chart.name, rows, chart.columns, chart.width, chart.height));
  }
  for (size_t p = 0; p < chart.panels.size(); ++p) {
    Plot plot;
    plot.x.range = {-0.5,
                    static_cast<double>(chart.panels[p].groups.size()) - 0.5};
    plot.y.range = {0, 1};
    const auto column = static_cast<double>(p % chart.columns);
    const auto below = static_cast<double>(rows - 1 - p / chart.columns);
    plot.box = {column * place + room.left,
                room.bottom + below * row + room.below, width, height};
    layout.plots.push_back(plot);
  }
  return layout;
}

// ---- Data ----

std::string DataString(absl::string_view text) {
  std::string plain = absl::StrReplaceAll(text, {{"\"", "'"}, {"\\", "/"}});
  for (char& c : plain) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return absl::StrCat("\"", plain, "\"");
}

// Where the numbers of a panel are in the data: gnuplot counts only blocks that
// are not empty.
struct Blocks {
  size_t bars = 0, hatch = 0;
  bool has_hatch = false;
};

std::string BarLines(const BarChart& chart, const Panel& panel) {
  std::string data;
  for (const Bar& bar : panel.bars) {
    const BarPlace at = PlaceOf(chart, bar);
    const double numbers[] = {at.left, at.right, bar.value, bar.low, bar.high};
    for (const double number : numbers) {
      absl::StrAppend(&data, GnuplotNumber(number), " ");
    }
    absl::StrAppend(&data, bar.hue, " ", DataString(panel.groups[bar.group]),
                    " ", DataString(bar.note), "\n");
  }
  return data;
}

std::string HatchOf(const BarChart& chart, const Panel& panel,
                    const Plot& plot) {
  std::string data;
  const double across = (plot.x.range.high - plot.x.range.low) / plot.box.width;
  for (const Bar& bar : panel.bars) {
    const BarPlace at = PlaceOf(chart, bar);
    const double left = plot.X(at.left), height = Height(bar);
    for (const HatchLine& line : HatchLines(
             chart.hatch, plot.X(at.right) - left, height * plot.box.height)) {
      for (const HatchPoint& point : line) {
        absl::StrAppendFormat(&data, "%.5f %.5f\n",
                              std::min(at.right, at.left + point.x * across),
                              std::min(height, point.y / plot.box.height));
      }
      data += '\n';
    }
  }
  return data;
}

// For each panel: a block of bars, then one of the lines of their hatches.
std::string DataOf(const BarChart& chart, const Layout& layout,
                   std::vector<Blocks>& blocks) {
  std::string data =
      "# Bars: left, right, value, low, high, hue, group, note. Then hatches: "
      "lines\n# of x, y.\n";
  size_t block = 0;
  for (size_t p = 0; p < chart.panels.size(); ++p) {
    const Panel& panel = chart.panels[p];
    blocks.emplace_back();
    const std::string bars = BarLines(chart, panel);
    if (bars.empty()) continue;
    absl::StrAppend(&data, "# ", GnuplotString(panel.title), "\n", bars,
                    "\n\n");
    blocks[p].bars = block++;
    const std::string hatch = HatchOf(chart, panel, layout.plots[p]);
    if (hatch.empty()) continue;
    absl::StrAppend(&data, hatch, "\n");
    blocks[p].hatch = block++;
    blocks[p].has_hatch = true;
  }
  return data;
}

// ---- Legend ----

struct LegendBox {
  Box box;  // with the border that is not drawn
  double column = 0, row = 0, font = 0;
  size_t rows = 0;
};

LegendBox MeasureLegend(const BarChart& chart, size_t columns) {
  LegendBox legend;
  const double font = chart.text.legend * kPoint;
  size_t longest = 0;
  for (const Hue& hue : chart.hues) {
    longest = std::max(longest, TextColumns(hue.label));
  }
  columns = std::min(columns, std::max<size_t>(1, chart.hues.size()));
  legend.font = font;
  legend.rows = (chart.hues.size() + columns - 1) / columns;
  legend.column = font * (kSampleWidth + kSampleGap + kColumnGap +
                          kLegendLetter * static_cast<double>(longest));
  legend.row = font * (1 + kRowGap);
  legend.box.width = legend.column * static_cast<double>(columns) +
                     font * (2 * kPadding - kColumnGap);
  legend.box.height = legend.row * static_cast<double>(legend.rows) +
                      font * (2 * kPadding - kRowGap);
  return legend;
}

LegendBox LegendIn(const BarChart& chart, const Plot& plot) {
  LegendBox legend = MeasureLegend(chart, chart.legend_columns);
  const double away = kOutside * legend.font;
  Box& box = legend.box;
  box.left = chart.legend == Legend::kUpperLeft
                 ? plot.box.left + away
                 : plot.box.left + plot.box.width - away - box.width;
  box.bottom = plot.box.bottom + plot.box.height - away - box.height;
  return legend;
}

bool AnyBarReaches(const BarChart& chart, const Panel& panel, const Plot& plot,
                   const Box& box) {
  for (const Bar& bar : panel.bars) {
    if (std::isnan(bar.value)) continue;
    const BarPlace at = PlaceOf(chart, bar);
    if (plot.X(at.right) > box.left && plot.X(at.left) < box.left + box.width &&
        plot.Y(bar.value) > box.bottom) {
      return true;
    }
  }
  return false;
}

void AddSample(const BarChart& chart, const Hue& hue, double left,
               double bottom, double font, PlotScript& script) {
  const double width = kSampleWidth * font, height = kSampleHeight * font;
  script.Add(absl::StrCat("set object rectangle from ", script.At(left, bottom),
                          " to ", script.At(left + width, bottom + height),
                          " front fillcolor rgb '", hue.color,
                          "' fillstyle solid border rgb 'black' "
                          "lw line_width(0.5)\n"));
  const std::string style =
      absl::StrFormat(" nohead front lw line_width(%g) lc rgb '%s'\n",
                      HatchLineWidth(chart.hatch), HatchLineColor(chart.hatch));
  for (const HatchLine& line : HatchLines(chart.hatch, width, height)) {
    for (size_t i = 1; i < line.size(); ++i) {
      script.Add(absl::StrCat(
          "set arrow from ",
          script.At(left + line[i - 1].x, bottom + line[i - 1].y), " to ",
          script.At(left + line[i].x, bottom + line[i].y), style));
    }
  }
}

void AddLegend(const BarChart& chart, const LegendBox& legend,
               PlotScript& script) {
  const double font = legend.font;
  for (size_t i = 0; i < chart.hues.size(); ++i) {
    const double left = legend.box.left + kPadding * font +
                        legend.column * static_cast<double>(i / legend.rows);
    const double middle = legend.box.bottom + legend.box.height -
                          (kPadding + 0.5) * font -
                          legend.row * static_cast<double>(i % legend.rows);
    AddSample(chart, chart.hues[i], left, middle - kSampleHeight / 2 * font,
              font, script);
    script.AddText(chart.hues[i].label,
                   left + (kSampleWidth + kSampleGap) * font, middle,
                   chart.text.legend, "left front");
  }
}

// ---- Script ----

// What belongs to the whole picture.
void AddSurroundings(const BarChart& chart, PlotScript& script) {
  const double row = LineHeight(chart.text.titles);
  if (chart.legend == Legend::kAbove) {
    LegendBox legend = MeasureLegend(chart, chart.hues.size());
    legend.box.left = chart.width - legend.box.width - kRight;
    legend.box.bottom =
        chart.height - kGap / 2 - row / 2 - legend.box.height / 2;
    AddLegend(chart, legend, script);
  }
  const bool left = chart.title_on_left;
  script.AddText(chart.title, left ? kGap * 2 : chart.width / 2,
                 chart.height - kGap / 2 - row / 2, chart.text.titles,
                 left ? "left" : "center");
  const std::vector<std::string> lines = CaptionLines(chart);
  for (size_t i = 0; i < lines.size(); ++i) {
    script.AddText(lines[i], kGap * 2,
                   LineHeight(CaptionSize(chart)) *
                           (static_cast<double>(lines.size() - i) - 0.5) +
                       kGap / 2,
                   CaptionSize(chart), "left textcolor rgb '#404040'");
  }
}

void AddGroupNames(const BarChart& chart, const Panel& panel, const Plot& plot,
                   PlotScript& script) {
  // The end of a name is under its tic.
  const double down =
      kTicLength + kTicGap + kSin45 * LineHeight(chart.text.ticks) / 2;
  for (size_t i = 0; i < panel.groups.size(); ++i) {
    script.AddText(panel.groups[i], plot.X(static_cast<double>(i)) + kGap / 2,
                   plot.box.bottom - down, chart.text.ticks,
                   "right rotate by 45");
  }
}

void AddNotes(const BarChart& chart, const Panel& panel, const Plot& plot,
              bool upright, PlotScript& script) {
  for (const Bar& bar : panel.bars) {
    const BarPlace at = PlaceOf(chart, bar);
    const double x = plot.X((at.left + at.right) / 2);
    const double y = plot.box.bottom + plot.box.height + kGap;
    script.AddText(bar.note, x,
                   upright ? y : y + LineHeight(NoteSize(chart)) / 2,
                   NoteSize(chart),
                   upright ? "left rotate by 90 textcolor rgb '#404040'"
                           : "center textcolor rgb '#404040'");
  }
}

void AddReferences(const BarChart& chart, const Panel& panel, const Plot& plot,
                   PlotScript& script) {
  for (const ReferenceLine& line : panel.references) {
    if (!(line.y >= 0 && line.y <= 1)) continue;
    const double right = plot.box.left + plot.box.width;
    script.Add(absl::StrCat(
        "set arrow from ", script.At(plot.box.left, plot.Y(line.y)), " to ",
        script.At(right, plot.Y(line.y)),
        " nohead front lw line_width(0.8) dt 2 lc rgb '#d55e00'\n"));
    script.AddText(line.label, right + kGap, plot.Y(line.y), chart.text.legend,
                   "left textcolor rgb '#d55e00'");
  }
}

void AddCrosses(const BarChart& chart, const Panel& panel, const Plot& plot,
                PlotScript& script) {
  for (Bar bar : panel.bars) {
    if (!bar.missing) continue;
    bar.shift = 0;
    const BarPlace at = PlaceOf(chart, bar);
    const double x = plot.X((at.left + at.right) / 2), y = plot.Y(kCrossAt);
    for (const double up : {-kCrossSize / 2, kCrossSize / 2}) {
      script.Add(absl::StrCat("set arrow from ",
                              script.At(x - kCrossSize / 2, y - up), " to ",
                              script.At(x + kCrossSize / 2, y + up),
                              " nohead front lw line_width(2) lc rgb 'red'\n"));
    }
  }
}

template <typename Has>
bool AnyBar(const Panel& panel, Has has) {
  return std::any_of(panel.bars.begin(), panel.bars.end(), has);
}

// gnuplot complains about a plot without a point.
std::string Bars(const BarChart& chart, const Panel& panel, const Plot& plot,
                 const Blocks& blocks) {
  const std::string data =
      absl::StrCat("'", chart.name, ".dat' index ", blocks.bars);
  const std::string end = "min($3, 1)";
  std::vector<std::string> parts;
  bool any = false;
  for (size_t h = 0; h < chart.hues.size(); ++h) {
    if (!AnyBar(panel, [&](const Bar& bar) {
          return bar.hue == h && !std::isnan(bar.value);
        })) {
      continue;
    }
    any = true;
    parts.push_back(absl::StrCat(
        data, " using (($1+$2)/2):($6==", h, " ? ", end, "/2 : NaN):1:2:(0):(",
        end, ") with boxxyerror fillcolor rgb '", chart.hues[h].color,
        "' fillstyle solid border lc rgb 'black' lw line_width(0.5)"));
  }
  if (blocks.has_hatch) {
    parts.push_back(absl::StrFormat(
        "'%s.dat' index %d using 1:2 with lines lw line_width(%g) lc rgb '%s'",
        chart.name, blocks.hatch, HatchLineWidth(chart.hatch),
        HatchLineColor(chart.hatch)));
  }
  if (any) {  // again, over the hatches
    parts.push_back(
        absl::StrCat(data, " using (($1+$2)/2):(", end, "/2):1:2:(0):(", end,
                     ") with boxxyerror fillstyle empty border ", kEdge));
  }
  if (AnyBar(panel, [](const Bar& bar) { return bar.low <= bar.high; })) {
    const double cap = kWhiskerCap / 2 / plot.box.width *
                       (plot.x.range.high - plot.x.range.low);
    const absl::string_view style =
        "with vectors nohead lw line_width(0.8) lc rgb 'black'";
    parts.push_back(
        absl::StrCat(data, " using (($1+$2)/2):4:(0):($5-$4) ", style));
    for (const char* column : {"4", "5"}) {
      parts.push_back(
          absl::StrFormat("%s using (($1+$2)/2-%.6f):%s:(%.6f):(0) %s", data,
                          cap, column, 2 * cap, style));
    }
  }
  if (parts.empty()) parts.push_back("NaN");
  return absl::StrCat("plot ", absl::StrJoin(parts, ", \\\n  "), "\n");
}

std::string PlotOf(const BarChart& chart, const Layout& layout,
                   const std::vector<Blocks>& blocks) {
  PlotScript script(chart.width, chart.height, chart.text);
  script.Add("min(a, b) = a < b ? a : b\nset datafile missing 'NaN'\n");
  for (size_t p = 0; p < chart.panels.size(); ++p) {
    const Panel& panel = chart.panels[p];
    const Plot& plot = layout.plots[p];
    std::vector<Tic> x_tics;
    for (size_t i = 0; i < panel.groups.size(); ++i) {
      x_tics.push_back({static_cast<double>(i), ""});
    }
    script.Add("unset object\n");
    script.StartPlot(plot.box, plot.x, x_tics, plot.y, PercentTics());
    if (p == 0) AddSurroundings(chart, script);
    // The notes are between the plot and its title.
    Box titled = plot.box;
    titled.height += RoomForNotes(chart, layout.upright_notes);
    script.AddNames(titled, panel.title, "", "", 0);
    script.AddNames(plot.box, "", "", panel.y_label,
                    layout.left - LineHeight(chart.text.labels) / 2);
    AddGroupNames(chart, panel, plot, script);
    AddNotes(chart, panel, plot, layout.upright_notes, script);
    AddReferences(chart, panel, plot, script);
    AddCrosses(chart, panel, plot, script);
    const bool inside = chart.legend == Legend::kUpperLeft ||
                        chart.legend == Legend::kUpperRight;
    if (inside) {
      const LegendBox legend = LegendIn(chart, plot);
      if (!chart.legend_yields ||
          !AnyBarReaches(chart, panel, plot, legend.box)) {
        AddLegend(chart, legend, script);
      }
    }
    script.Add(Bars(chart, panel, plot, blocks[p]));
  }
  return std::move(script).Finish();
}

}  // namespace

BarPlace PlaceOf(const BarChart& chart, const BarChart::Bar& bar) {
  const double hues =
      static_cast<double>(std::max<size_t>(1, chart.hues.size()));
  const double slot = chart.group_width / hues;
  const double width = slot * (1 - chart.gap);
  const double middle = static_cast<double>(bar.group) +
                        (static_cast<double>(bar.hue) - (hues - 1) / 2) * slot +
                        bar.shift * width;
  return {middle - width / 2, middle + width / 2};
}

absl::Status Figures::Draw(const BarChart& chart) {
  if (absl::Status status = CheckName(chart.name); !status.ok()) return status;
  if (absl::Status status = Check(chart); !status.ok()) return status;
  const absl::StatusOr<Layout> layout = LayOut(chart);
  if (!layout.ok()) return layout.status();
  std::vector<Blocks> blocks;
  const std::string data = DataOf(chart, *layout, blocks);
  return DrawFiles(chart.name, data,
                   GnuplotScript(chart.name, chart.width, chart.height,
                                 PlotOf(chart, *layout, blocks),
                                 {chart.text.serif, chart.text.base}));
}

}  // namespace polarize
