#include "tools/figures/bar_pictures.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/sweeps/statistics.h"

namespace polarize {
namespace {

constexpr size_t kResamples = 2000;
constexpr uint64_t kSeed = 0;

// The reference moves the one softmax bar to about its group's middle.
constexpr double kSoftmaxShift = 1 / 1.7;

// As seaborn's barplot draws entries 3 and 5 of its palette "hls" of 8: with
// three quarters of their saturation.
constexpr const char* kNormColors[] = {"#67cb86", "#677acb"};

bool HasCell(size_t kind, size_t norm) { return kind != kSoftmax || norm == 0; }

bool Shows(const BarPicture& picture, const Cells& cells, size_t kind) {
  if (!picture.complete_kinds_only) return true;
  return cells.At(kind, 0).passed > 0 &&
         (kind == kSoftmax || cells.At(kind, 1).passed > 0);
}

// The kinds that have a group, in their order.
std::vector<size_t> ShownKinds(const BarPicture& picture, const Cells& cells) {
  std::vector<size_t> kinds;
  for (size_t kind = 0; kind < kPaperKinds.size(); ++kind) {
    if (Shows(picture, cells, kind)) kinds.push_back(kind);
  }
  return kinds;
}

struct Estimate {
  double mean, low, high;
};

Estimate Estimated(const Cell& cell) {
  const auto [low, high] = BootstrapInterval(cell.values, kResamples, kSeed);
  return {Mean(cell.values), low, high};
}

BarChart::Panel PanelOf(const BarPicture& picture,
                        const BarPicture::Panel& from, bool detail) {
  BarChart::Panel panel;
  panel.title = from.title;
  panel.y_label = picture.y_label;
  for (const size_t kind : ShownKinds(picture, from.cells)) {
    for (size_t norm = 0; norm < kNormNames.size(); ++norm) {
      if (!HasCell(kind, norm)) continue;
      const Cell& cell = from.cells.At(kind, norm);
      BarChart::Bar bar;
      bar.group = panel.groups.size();
      bar.hue = norm;
      bar.missing = cell.passed == 0;
      bar.shift = kind == kSoftmax ? kSoftmaxShift : 0;
      if (detail) {
        const Estimate estimate = Estimated(cell);
        bar.missing = cell.values.empty();
        bar.value = estimate.mean;
        bar.low = estimate.low;
        bar.high = estimate.high;
        bar.note = absl::StrCat(cell.values.size(), "/", cell.runs);
      } else {
        bar.value = Mean(cell.values);
      }
      panel.bars.push_back(std::move(bar));
    }
    panel.groups.push_back(kPaperKinds[kind].name);
  }
  return panel;
}

BarChart ChartOf(const BarPicture& picture, bool detail) {
  BarChart chart;
  chart.name = picture.name;
  chart.text.serif = true;
  for (size_t norm = 0; norm < kNormNames.size(); ++norm) {
    chart.hues.push_back({kNormNames[norm], kNormColors[norm]});
  }
  for (const BarPicture::Panel& panel : picture.panels) {
    chart.panels.push_back(PanelOf(picture, panel, detail));
  }
  return chart;
}

std::string Number(double value) {
  return std::isnan(value) ? "" : absl::StrFormat("%.6g", value);
}

}  // namespace

BarChart PaperChart(const BarPicture& picture) {
  BarChart chart = ChartOf(picture, false);
  chart.title = picture.title;
  chart.hatch = picture.hatch;
  chart.legend = picture.legend;
  chart.legend_columns = picture.legend_columns;
  chart.legend_yields = picture.legend_yields;
  chart.columns = chart.panels.size();
  if (chart.panels.size() > 1) {
    chart.width = 13;
    chart.height = 2;  // its title is above the reference's 1.8 inches
    // Only the first one names the axis.
    for (size_t p = 1; p < chart.panels.size(); ++p) {
      chart.panels[p].y_label.clear();
    }
  }
  if (picture.panels[0].cells.passed() == 0 && picture.panels.size() == 1) {
    chart.legend = BarChart::Legend::kNone;
  }
  return chart;
}

BarChart DetailChart(const BarPicture& picture) {
  BarChart chart = ChartOf(picture, true);
  chart.name += "_detail";
  chart.title = picture.detail_title;
  chart.title_on_left = true;
  chart.group_width = 0.8;
  chart.legend = BarChart::Legend::kAbove;
  const bool many = picture.panels.size() > 1;
  chart.columns = many ? 2 : 1;
  chart.width = many ? 11 : 6.75;
  chart.height = many ? 6.2 : 3.4;
  for (BarChart::Panel& panel : chart.panels) {
    if (picture.chance_line.has_value()) {
      panel.references = {*picture.chance_line};
    }
  }
  chart.caption = absl::StrCat(
      picture.meaning, "\nWhiskers: 95 % bootstrap interval of the mean (",
      kResamples, " resamples of the runs, seed ", kSeed,
      "; none of fewer than two runs). Above: runs ", picture.filter,
      " / all runs.\nRed cross: no run to average. ", picture.chance);
  return chart;
}

CsvTable BarTable(const BarPicture& picture) {
  CsvTable table;
  table.columns = {"panel", "bar",         "mean",      "low",
                   "high",  "runs_passed", "runs_total"};
  for (const BarPicture::Panel& panel : picture.panels) {
    for (const size_t kind : ShownKinds(picture, panel.cells)) {
      for (size_t norm = 0; norm < kNormNames.size(); ++norm) {
        if (!HasCell(kind, norm)) continue;
        const Cell& cell = panel.cells.At(kind, norm);
        const Estimate estimate = Estimated(cell);
        table.rows.push_back(
            {panel.title,
             absl::StrCat(kPaperKinds[kind].name, " ", kNormNames[norm]),
             Number(estimate.mean), Number(estimate.low), Number(estimate.high),
             absl::StrCat(cell.values.size()), absl::StrCat(cell.runs)});
      }
    }
  }
  return table;
}

}  // namespace polarize
