#include "tools/demo/terminal_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "experiments/run/progress.h"

namespace polarize {
namespace {

constexpr size_t kLeastWidth = 20;
constexpr size_t kWidestLabel = 8;
constexpr size_t kLegendCells = 10;
constexpr absl::string_view kReset = "\x1b[0m";
constexpr absl::string_view kFromZeroUp = " .:-=+*#%@";
constexpr absl::string_view kFromZeroDown = " abcdefghi";

using Color = std::array<double, 3>;

// The knots of matplotlib's viridis, for weights from 0 up.
constexpr std::array<Color, 5> kViridis = {{{68, 1, 84},
                                            {59, 82, 139},
                                            {33, 145, 140},
                                            {94, 201, 98},
                                            {253, 231, 37}}};
// Much the same of 256 colours, of which the nearest ones would hardly differ
// where weights are small.
constexpr std::array<int, 12> kViridisOf256 = {53, 54, 55,  61,  67,  73,
                                               72, 78, 114, 149, 185, 226};
// From -1 over 0 to 1.
constexpr std::array<Color, 3> kBlueWhiteRed = {
    {{33, 102, 172}, {247, 247, 247}, {178, 24, 43}}};

template <size_t kKnots>
Color Between(const std::array<Color, kKnots>& knots, double t) {
  const double place = t * (kKnots - 1);
  const size_t knot = std::min<size_t>(kKnots - 2, size_t(place));
  const double share = place - double(knot);
  Color color;
  for (size_t i = 0; i < color.size(); ++i) {
    color[i] = knots[knot][i] + share * (knots[knot + 1][i] - knots[knot][i]);
  }
  return color;
}

// Of the 216 colours that terminals with 256 have beside shades of grey.
int NearestOf256(const Color& color) {
  constexpr std::array<double, 6> kLevels = {0, 95, 135, 175, 215, 255};
  int index = 0;
  for (const double x : color) {
    int nearest = 0;
    for (int i = 1; i < 6; ++i) {
      if (std::abs(kLevels[i] - x) < std::abs(kLevels[nearest] - x)) {
        nearest = i;
      }
    }
    index = 6 * index + nearest;
  }
  return 16 + index;
}

std::string BackgroundOf256(int color) {
  return absl::StrFormat("\x1b[48;5;%dm", color);
}

std::string Background24Bit(const Color& color) {
  return absl::StrFormat("\x1b[48;2;%d;%d;%dm", std::lround(color[0]),
                         std::lround(color[1]), std::lround(color[2]));
}

// How cells of one map look.
class CellStyle {
 public:
  CellStyle(const TerminalMap& map, TerminalColors colors)
      : colors_(colors), full_(map.full) {
    for (const std::vector<double>& row : map.cells) {
      for (const double cell : row) {
        signed_ = signed_ || cell < 0;
        if (map.full == 0 && std::isfinite(cell)) {
          full_ = std::max(full_, std::abs(cell));
        }
      }
    }
    if (!(full_ > 0)) full_ = 1;
  }

  double full() const { return full_; }
  bool is_signed() const { return signed_; }

  // Cells one after the other, without a colour left on.
  std::string Text(absl::Span<const double> cells) const {
    std::string text;
    std::string on;  // the colour in use
    for (const double cell : cells) {
      const std::string color = ColorOf(cell);
      if (color != on) absl::StrAppend(&text, color.empty() ? kReset : color);
      on = color;
      text += CharacterOf(cell);
    }
    if (!on.empty()) absl::StrAppend(&text, kReset);
    return text;
  }

  // "0 .:-=+*#%@ 1.00".
  TerminalLine Legend() const {
    std::vector<double> up, down;
    for (size_t i = 0; i < kLegendCells; ++i) {
      const double t = double(i) / (kLegendCells - 1);
      up.push_back(t * full_);
      down.push_back((t - 1) * full_);
    }
    const std::string end = absl::StrFormat("%.3g", full_);
    TerminalLine line;
    if (signed_) {
      down.pop_back();  // the 0
      line.text = absl::StrCat("-", end, " ", Text(down));
      line.columns = end.size() + 2 + down.size();
    } else {
      line.text = "0 ";
      line.columns = 2;
    }
    absl::StrAppend(&line.text, Text(up), " ", end);
    line.columns += up.size() + 1 + end.size();
    return line;
  }

 private:
  double Share(double cell) const {
    return std::min(1.0, std::max(-1.0, cell / full_));
  }
  std::string ColorOf(double cell) const {
    if (colors_ == TerminalColors::kNone || std::isnan(cell)) return "";
    const double share = Share(cell);
    if (!signed_ && colors_ == TerminalColors::k256) {
      return BackgroundOf256(kViridisOf256[static_cast<size_t>(
          std::lround(share * (kViridisOf256.size() - 1)))]);
    }
    const Color color = signed_ ? Between(kBlueWhiteRed, (share + 1) / 2)
                                : Between(kViridis, share);
    return colors_ == TerminalColors::k256
               ? BackgroundOf256(NearestOf256(color))
               : Background24Bit(color);
  }
  char CharacterOf(double cell) const {
    if (std::isnan(cell)) return '?';
    if (colors_ != TerminalColors::kNone) return ' ';
    const long level = std::lround(9 * Share(cell));
    return level < 0 ? kFromZeroDown[size_t(-level)]
                     : kFromZeroUp[size_t(level)];
  }

  const TerminalColors colors_;
  double full_;
  bool signed_ = false;
};

size_t ColumnsOf(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

TerminalLine Line(absl::string_view text, size_t width) {
  const absl::string_view shown = FirstColumns(text, width);
  return {std::string(shown), ColumnsOf(shown)};
}

std::string NumberText(double x) {
  if (!std::isfinite(x)) return absl::StrFormat("%g", x);
  return absl::StrFormat(std::abs(x) < 100 ? "%.2f" : "%.3g", x);
}

// The widths of a map's three columns; `cells` is the room for cells.
struct Widths {
  size_t label = 0, cells = 0, number = 0;
};

double LastOf(const std::vector<double>& row) {
  return row.empty() ? std::numeric_limits<double>::quiet_NaN() : row.back();
}

Widths WidthsOf(const TerminalMap& map, size_t width) {
  Widths widths;
  for (const std::string& label : map.labels) {
    widths.label = std::max(widths.label, ColumnsOf(label));
  }
  widths.label = std::min(widths.label, kWidestLabel);
  for (const std::vector<double>& row : map.cells) {
    widths.number = std::max(widths.number, NumberText(LastOf(row)).size());
  }
  const size_t others = widths.label + 2 + widths.number;
  width = std::max(width, kLeastWidth);
  widths.cells = width > others ? width - others : 1;
  return widths;
}

// Those of `row` that are shown.
std::vector<double> Shown(const std::vector<double>& row, size_t columns,
                          size_t shown) {
  std::vector<double> cells;
  for (size_t i = 0; i < shown; ++i) {
    const size_t column =
        shown == 1 ? columns - 1 : i * (columns - 1) / (shown - 1);
    cells.push_back(column < row.size()
                        ? row[column]
                        : std::numeric_limits<double>::quiet_NaN());
  }
  return cells;
}

// The ends of the axis, below `shown` cells that begin in column `at`.
TerminalLine Axis(const TerminalMap& map, size_t at, size_t shown,
                  size_t width) {
  const size_t used = ColumnsOf(map.left) + ColumnsOf(map.right);
  const size_t gap = shown > used ? shown - used : 1;
  return Line(absl::StrCat(std::string(at, ' '), map.left,
                           std::string(gap, ' '), map.right),
              width);
}

// Of `times`, the last one up to each of so many times on a logarithmic axis.
std::vector<size_t> LogarithmicColumns(absl::Span<const double> times,
                                       size_t columns) {
  const auto first = std::find_if(times.begin(), times.end(),
                                  [](double time) { return time > 0; });
  std::vector<size_t> chosen;
  const double ratio = times.back() / *first;
  for (size_t i = 0; i < columns; ++i) {
    const double share =
        columns == 1 ? 1.0 : double(i) / static_cast<double>(columns - 1);
    // A little more, lest rounding lose the time that is meant.
    const double time = *first * std::pow(ratio, share) * (1 + 1e-9);
    const auto after = std::upper_bound(first, times.end(), time);
    chosen.push_back(static_cast<size_t>(after - times.begin()) - 1);
  }
  return chosen;
}

}  // namespace

std::vector<TerminalLine> MapLines(const TerminalMap& map, size_t width,
                                   TerminalColors colors) {
  width = std::max(width, kLeastWidth);
  std::vector<TerminalLine> lines = {Line(map.title, width)};
  size_t columns = 0;
  for (const auto& row : map.cells) columns = std::max(columns, row.size());
  if (columns == 0) return lines;
  const CellStyle style(map, colors);
  const Widths widths = WidthsOf(map, width);
  const size_t shown = std::min(columns, widths.cells);
  for (size_t i = 0; i < map.cells.size(); ++i) {
    const TerminalLine label =
        Line(i < map.labels.size() ? map.labels[i] : "", widths.label);
    const std::string number = NumberText(LastOf(map.cells[i]));
    lines.push_back(
        {absl::StrCat(std::string(widths.label - label.columns, ' '),
                      label.text, " ",
                      style.Text(Shown(map.cells[i], columns, shown)), " ",
                      std::string(widths.number - number.size(), ' '), number),
         widths.label + 2 + shown + widths.number});
  }
  const size_t at = widths.label + 1;
  lines.push_back(Axis(map, at, shown, width));
  TerminalLine legend = style.Legend();
  if (at + legend.columns <= width) {
    legend.text.insert(0, std::string(at, ' '));
    legend.columns += at;
  }
  if (legend.columns <= width) lines.push_back(std::move(legend));
  return lines;
}

std::string LinesText(absl::Span<const TerminalLine> lines) {
  return SideBySide(lines, {}, 0);
}

std::string SideBySide(absl::Span<const TerminalLine> left,
                       absl::Span<const TerminalLine> right, size_t at) {
  std::string text;
  for (size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    std::string line = i < left.size() ? left[i].text : "";
    if (i < right.size()) {
      const size_t columns = i < left.size() ? left[i].columns : 0;
      line.append(at > columns ? at - columns : 0, ' ');
      line += right[i].text;
    }
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

TerminalMap MapOverTime(std::vector<std::string> labels,
                        absl::Span<const double> times,
                        absl::Span<const std::vector<double>> weights,
                        size_t width) {
  TerminalMap map;
  map.labels = std::move(labels);
  if (times.empty() || !(times.back() > 0)) return map;
  // The last column's numbers decide how much room there is for the others.
  for (const double weight : weights.back()) map.cells.push_back({weight});
  const std::vector<size_t> columns =
      LogarithmicColumns(times, WidthsOf(map, width).cells);
  for (size_t row = 0; row < map.cells.size(); ++row) {
    map.cells[row].clear();
    for (const size_t column : columns) {
      map.cells[row].push_back(weights[column][row]);
    }
  }
  return map;
}

}  // namespace polarize
