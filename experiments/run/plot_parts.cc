#include "experiments/run/plot_parts.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/run/gnuplot.h"

namespace polarize {
namespace {

using NumberFormat =
    absl::ParsedFormat<absl::FormatConversionCharSet::kFloating>;

// Of the font size: a character's usual width, a line's height.
constexpr double kCharWidth = 0.62, kLineHeight = 1.2;
// Between the labels of tics, of a line's height.
constexpr double kGapAcross = 0.6, kGapUp = 0.4;
// Between a plot and its title, and between the labels of tics and names.
constexpr double kNameGap = 2.0 / 72;
constexpr double kEdge = 2.0 / 72;  // of the picture
constexpr double kSmallestPlot = 0.2;
constexpr double kMostTics = 1e4;

std::string PowerOfTen(int exponent) {
  static constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴",
                                            "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string label = exponent < 0 ? "10⁻" : "10";
  for (const char digit : std::to_string(std::abs(exponent))) {
    label += kDigits[digit - '0'];
  }
  return label;
}

// At every so many powers of ten.
std::vector<Tic> Decades(const Range& exponents, int step) {
  std::vector<Tic> tics;
  const int last = static_cast<int>(std::floor(exponents.high + 1e-9));
  for (int k = static_cast<int>(std::ceil(exponents.low - 1e-9)); k <= last;
       ++k) {
    if (k % step == 0) tics.push_back({std::pow(10, k), PowerOfTen(k)});
  }
  return tics;
}

// At the multiples of mantissa * 10^exponent.
std::vector<Tic> Multiples(double low, double high, int mantissa,
                           int exponent) {
  const double power = std::pow(10, std::abs(exponent));
  const double step = exponent < 0 ? mantissa / power : mantissa * power;
  const double largest = std::max(std::abs(low), std::abs(high));
  const bool plain = largest < 1e6 && exponent >= -4;
  const int digits = plain ? std::max(0, -exponent)
                           : 2 + static_cast<int>(std::log10(largest / step));
  std::vector<Tic> tics;
  const double start = std::ceil(low / step - 1e-9);
  const double count = std::floor(high / step + 1e-9) - start;
  if (!(count < kMostTics))
    return tics;  // lost in the rounding of low and high
  for (int i = 0; i <= count; ++i) {
    const double k = start + i;
    // + 0.0: no "-0". A division is exact to the last bit: 0.3, not 3 * 0.1.
    const double value =
        (exponent < 0 ? k * mantissa / power : k * mantissa * power) + 0.0;
    tics.push_back({value, plain ? absl::StrFormat("%.*f", digits, value)
                                 : absl::StrFormat("%.*g", digits, value)});
  }
  return tics;
}

// From many tics to few.
std::vector<std::vector<Tic>> Candidates(const Axis& axis) {
  std::vector<std::vector<Tic>> all;
  if (axis.log && Decades(axis.Positions(), 1).size() >= 2) {
    for (int step = 1; step < 100; ++step) {
      const bool odd = step > 6 && step % 5 != 0;
      if (!odd) all.push_back(Decades(axis.Positions(), step));
    }
    return all;
  }
  const double low = axis.range.low, high = axis.range.high;
  const int first = static_cast<int>(std::floor(std::log10(high - low))) - 2;
  for (int exponent = first; exponent < first + 4; ++exponent) {
    for (const int mantissa : {1, 2, 5}) {
      all.push_back(Multiples(low, high, mantissa, exponent));
    }
  }
  return all;
}

// Whether the format gives neighbours different labels.
bool SaysItApart(const NumberFormat& format, const std::vector<Tic>& tics) {
  for (size_t i = 1; i < tics.size(); ++i) {
    if (absl::StrFormat(format, tics[i].value) ==
        absl::StrFormat(format, tics[i - 1].value)) {
      return false;
    }
  }
  return true;
}

// The first candidate whose tics are at least `Needed(tics)` inches apart.
template <typename Needed>
std::vector<Tic> MostTics(const Axis& axis, double inches,
                          const std::string& format, Needed needed) {
  const std::unique_ptr<NumberFormat> number = NumberFormat::New(format);
  std::vector<Tic> best;
  for (std::vector<Tic>& tics : Candidates(axis)) {
    if (tics.size() < 2 && !best.empty()) break;
    double closest = 1;
    const bool formatted = number && SaysItApart(*number, tics);
    for (size_t i = 0; i < tics.size(); ++i) {
      if (formatted) {
        tics[i].label = absl::StrFormat(*number, tics[i].value);
      }
      if (i == 0) continue;
      closest = std::min(
          closest, axis.Part(tics[i].value) - axis.Part(tics[i - 1].value));
    }
    best = std::move(tics);
    if (closest * inches >= needed(best)) break;
  }
  return best;
}

// " font ','.font_size(8)"
std::string Font(double points) {
  return absl::StrFormat(" font ','.font_size(%g)", points);
}

}  // namespace

bool IsRange(double low, double high) {
  return low < high && std::isfinite(high - low);
}

Range WithRoom(Range range, double part) {
  if (range.IsEmpty()) range.Include(0);
  const double length = range.high - range.low;
  const double size = std::max(std::abs(range.low), std::abs(range.high));
  const double room = length > std::max(1e-12 * size, 1e-100)
                          ? part * length
                          : std::max(size / 2, 0.5);
  range.low -= room;
  range.high += room;
  return range;
}

Range Axis::Positions() const {
  if (range.IsEmpty()) return range;
  return {Position(range.low), Position(range.high)};
}

void Axis::AddRoom(double part) {
  const Range old = Positions(), wide = WithRoom(old, part);
  // An end that stays does so to the last bit.
  if (wide.low != old.low) range.low = Value(wide.low);
  if (wide.high != old.high) range.high = Value(wide.high);
}

double Axis::Part(double value) const {
  const Range at = Positions();
  return (Position(value) - at.low) / (at.high - at.low);
}

size_t TextColumns(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

double TextWidth(absl::string_view text, double points) {
  return kCharWidth * static_cast<double>(TextColumns(text)) * points / 72;
}

double LineHeight(double points) { return kLineHeight * points / 72; }

absl::Status CheckSeries(absl::string_view figure, const Series& series) {
  if (series.x.size() == series.y.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("figure ", figure, ", series '", series.label,
                   "': ", series.x.size(), " x for ", series.y.size(), " y"));
}

void AppendPoints(const Series& series, std::string* data) {
  for (size_t i = 0; i < series.x.size(); ++i) {
    absl::StrAppend(data, GnuplotNumber(series.x[i]), " ",
                    GnuplotNumber(series.y[i]), "\n");
  }
}

std::vector<Tic> TicsAcross(const Axis& axis, double inches, double points,
                            const std::string& format) {
  return MostTics(axis, inches, format, [&](const std::vector<Tic>& tics) {
    return WidestLabel(tics, points) + kGapAcross * LineHeight(points);
  });
}

std::vector<Tic> TicsUp(const Axis& axis, double inches, double points,
                        const std::string& format) {
  return MostTics(axis, inches, format, [&](const std::vector<Tic>&) {
    return (1 + kGapUp) * LineHeight(points);
  });
}

double WidestLabel(const std::vector<Tic>& tics, double points) {
  double widest = 0;
  for (const Tic& tic : tics) {
    widest = std::max(widest, TextWidth(tic.label, points));
  }
  return widest;
}

std::string AxisCommands(absl::string_view name, const Axis& axis,
                         const std::vector<Tic>& tics) {
  const auto quote = [](std::string* out, const Tic& tic) {
    absl::StrAppend(out, "'' ", GnuplotNumber(tic.value));
  };
  return absl::StrCat(axis.log ? "set" : "unset", " logscale ", name, "\nset ",
                      name, "range [", GnuplotNumber(axis.range.low), ":",
                      GnuplotNumber(axis.range.high), "]\nset ", name, "tics (",
                      absl::StrJoin(tics, ", ", quote), ")\n");
}

bool HasRoom(const Box& box) {
  return box.width >= kSmallestPlot && box.height >= kSmallestPlot;
}

bool IsNumberFormat(const std::string& format) {
  return NumberFormat::New(format) != nullptr;
}

PlotScript::PlotScript(double width, double height, const TextStyle& text)
    : width_(width), height_(height), text_(text) {
  // An SVG's unit is a pixel of 1/96 inch. pdfcairo takes a point of a font for
  // 1/54 inch and draws lines of width 1 half a point wide. Both measure tics
  // by the terminal's font.
  script_ = absl::StrFormat(
      "font_size(p) = sprintf('%%.2f', p * (format eq 'svg' ? 96 : 54) / 72)\n"
      "line_width(p) = p * (format eq 'svg' ? 96 / 72. : 2)\n"
      "tic_scale = %.4f / (format eq 'svg' ? 0.75 : 0.4655)\n"
      "set multiplot\n"
      "set border 3 lw line_width(0.6)\n"
      "set tics nomirror out scale tic_scale\n"
      "set clip two\nunset key\n",
      kTicLength * 72 / text.base);
}

std::string PlotScript::At(double x, double y) const {
  return absl::StrFormat("screen %.6f,%.6f", x / width_, y / height_);
}

void PlotScript::AddText(absl::string_view text, double x, double y,
                         double points, absl::string_view style) {
  if (text.empty()) return;
  absl::StrAppend(&script_, "set label ", GnuplotString(text), " at ", At(x, y),
                  " ", style, Font(points), "\n");
}

void PlotScript::StartPlot(const Box& box, const Axis& x,
                           const std::vector<Tic>& x_tics, const Axis& y,
                           const std::vector<Tic>& y_tics) {
  absl::StrAppendFormat(
      &script_,
      "unset label\nunset arrow\nunset object\n"
      "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
      "set bmargin at screen %.6f\nset tmargin at screen %.6f\n",
      box.left / width_, (box.left + box.width) / width_, box.bottom / height_,
      (box.bottom + box.height) / height_);
  Add(AxisCommands("x", x, x_tics));
  Add(AxisCommands("y", y, y_tics));
  const double away = kTicLength + kTicGap;
  for (const Tic& tic : x_tics) {
    AddText(tic.label, box.left + x.Part(tic.value) * box.width,
            box.bottom - away - LineHeight(text_.ticks) / 2, text_.ticks,
            "center");
  }
  for (const Tic& tic : y_tics) {
    AddText(tic.label, box.left - away,
            box.bottom + y.Part(tic.value) * box.height, text_.ticks, "right");
  }
}

void PlotScript::AddNames(const Box& box, absl::string_view title,
                          absl::string_view x_name, absl::string_view y_name,
                          double y_distance) {
  const double middle = box.left + box.width / 2;
  AddText(title, middle,
          box.bottom + box.height + kNameGap + LineHeight(text_.titles) / 2,
          text_.titles, "center");
  AddText(x_name, middle,
          box.bottom - RoomBelow(true, text_) + kEdge +
              LineHeight(text_.labels) / 2,
          text_.labels, "center");
  AddText(y_name, box.left - y_distance, box.bottom + box.height / 2,
          text_.labels, "center rotate by 90");
}

double RoomBelow(bool has_name, const TextStyle& text) {
  return kTicLength + kTicGap + LineHeight(text.ticks) + kEdge +
         (has_name ? LineHeight(text.labels) : 0);
}

double RoomAbove(bool has_title, const TextStyle& text) {
  // Without a title, the uppermost label of the y axis stands out.
  return kEdge + (has_title ? kNameGap + LineHeight(text.titles)
                            : LineHeight(text.ticks) / 2);
}

double RoomLeft(double widest_label, bool has_name, const TextStyle& text) {
  return kTicLength + kTicGap + widest_label + kEdge +
         (has_name ? kNameGap + LineHeight(text.labels) : 0);
}

}  // namespace polarize
