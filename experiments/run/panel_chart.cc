#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/run/figures.h"
#include "experiments/run/gnuplot.h"

namespace polarize {
namespace {

// In inches: left of the panels (number and name of the y axis), between two of
// them (numbers), right, below (number and name of the x axis), above (title).
constexpr double kLeft = 0.46, kBetween = 0.34, kRight = 0.06;
constexpr double kBottom = 0.37, kTop = 0.17;

// Of 1, and in the two digits of gnuplot's transparency.
constexpr const char* kTransparency = "33";  // 0.2

absl::Status Check(const PanelChart& chart) {
  const double room =
      kLeft + kRight + kBetween * static_cast<double>(chart.panels.size() - 1);
  if (chart.panels.empty() || chart.line_colors.empty() ||
      chart.width <= room || chart.height <= kBottom + kTop ||
      !(chart.y_range.first < chart.y_range.second)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "figure %s: %d panels, %d colours, %g x %g inches, y from %g to %g",
        chart.name, chart.panels.size(), chart.line_colors.size(), chart.width,
        chart.height, chart.y_range.first, chart.y_range.second));
  }
  for (const PanelChart::Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      if (series.x.size() == series.y.size()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "figure ", chart.name, ", series '", series.label,
          "': ", series.x.size(), " x for ", series.y.size(), " y"));
    }
  }
  return absl::OkStatus();
}

// A block per series, panel after panel.
std::string DataOf(const PanelChart& chart) {
  std::string data;
  for (const PanelChart::Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      absl::StrAppend(&data, data.empty() ? "" : "\n\n", "# ",
                      GnuplotString(panel.title), ", ",
                      GnuplotString(series.label), "\n");
      for (size_t i = 0; i < series.x.size(); ++i) {
        absl::StrAppend(&data, GnuplotNumber(series.x[i]), " ",
                        GnuplotNumber(series.y[i]), "\n");
      }
    }
  }
  return data;
}

// A font size in points on paper. An SVG's unit is a pixel of 1/96 inch;
// pdfcairo takes a point for 1/54 inch.
std::string Font(double points) {
  return absl::StrFormat("font ',' . (format eq 'svg' ? '%.1f' : '%.1f')",
                         points * 96 / 72, points * 54 / 72);
}

// gnuplot refuses a series of which it can draw no point.
bool HasAnyPlace(const PanelChart& chart, const Series& series) {
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (std::isfinite(series.x[i]) && std::isfinite(series.y[i]) &&
        (!chart.log_x || series.x[i] > 0)) {
      return true;
    }
  }
  return false;
}

std::string Curves(const PanelChart& chart, const PanelChart::Panel& panel,
                   size_t first_block) {
  std::vector<std::string> curves;
  for (size_t s = 0; s < panel.series.size(); ++s) {
    if (!HasAnyPlace(chart, panel.series[s])) continue;
    const std::string& color = chart.line_colors[s % chart.line_colors.size()];
    curves.push_back(absl::StrCat("'", chart.name, ".dat' index ",
                                  first_block + s,
                                  " using 1:2 with lines lw 1 lc rgb '#",
                                  kTransparency, color.substr(1), "' notitle"));
  }
  if (curves.empty()) curves.push_back("NaN notitle");
  return absl::StrJoin(curves, ", \\\n  ");
}

std::string PlotOf(const PanelChart& chart) {
  const double n = static_cast<double>(chart.panels.size());
  const double side = (chart.width - kLeft - kRight - kBetween * (n - 1)) / n;
  std::string script = absl::StrCat(
      "set multiplot\nset border 3 lw 0.6\nset tics nomirror scale 0.5 ",
      Font(8), "\nset xtics offset 0,0.5\nset ytics offset 0.7,0\n",
      "set autoscale xfix\nset xlabel ", GnuplotString(chart.x_label), " ",
      Font(7), " offset 0,1.4\nset yrange [",
      GnuplotNumber(chart.y_range.first), ":",
      GnuplotNumber(chart.y_range.second), "]\nset ytics ",
      GnuplotNumber((chart.y_range.second - chart.y_range.first) / 2), "\n",
      chart.log_x ? "set logscale x\nset format x '%g'\nunset mxtics\n" : "");
  absl::StrAppendFormat(&script,
                        "set bmargin at screen %.6f\n"
                        "set tmargin at screen %.6f\n",
                        kBottom / chart.height, 1 - kTop / chart.height);
  size_t block = 0;
  for (size_t p = 0; p < chart.panels.size(); ++p) {
    const PanelChart::Panel& panel = chart.panels[p];
    const double x = kLeft + static_cast<double>(p) * (side + kBetween);
    absl::StrAppendFormat(&script,
                          "set lmargin at screen %.6f\n"
                          "set rmargin at screen %.6f\n",
                          x / chart.width, (x + side) / chart.width);
    absl::StrAppend(
        &script, "set title ", GnuplotString(panel.title), " ", Font(7),
        " offset 0,-0.6\n",
        p == 0 ? absl::StrCat("set ylabel ", GnuplotString(chart.y_label), " ",
                              Font(7), " offset 3.2,0\n")
               : "unset ylabel\n",
        "plot ", Curves(chart, panel, block), "\n");
    block += panel.series.size();
  }
  script += "unset multiplot\n";
  return script;
}

}  // namespace

absl::Status Figures::Draw(const PanelChart& chart) {
  if (absl::Status status = CheckName(chart.name); !status.ok()) return status;
  if (absl::Status status = Check(chart); !status.ok()) return status;
  return DrawFiles(
      chart.name, DataOf(chart),
      GnuplotScript(chart.name, chart.width, chart.height, PlotOf(chart)));
}

}  // namespace polarize
