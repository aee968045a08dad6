#include "experiments/classification/tracking_chart.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/run/palette.h"

namespace polarize {
namespace {

constexpr size_t kTokenColors = 11;

PanelChart::Panel PanelOf(const TrackedSample& sample) {
  const std::vector<std::string> colors = HuslPalette(kTokenColors);
  PanelChart::Panel panel;
  panel.title = absl::StrCat("Label ", sample.label);
  panel.x_label = "step";
  panel.log_x = true;
  for (size_t t = 0; t < sample.tokens.size(); ++t) {
    PanelChart::Curve curve;
    curve.label = sample.tokens[t] == 0
                      ? "CLS"
                      : absl::StrCat("token ", sample.tokens[t]);
    curve.color = colors[t % colors.size()];
    curve.x = sample.steps;
    curve.y = sample.weights[t];
    panel.curves.push_back(std::move(curve));
  }
  return panel;
}

}  // namespace

PanelChart TrackingChart(const std::string& name,
                         const std::vector<TrackedSample>& samples) {
  PanelChart chart;
  chart.name = name;
  chart.width = 3.25;
  chart.height = 1.3;
  chart.columns = samples.size();
  chart.text.serif = true;
  chart.text.base = 6;
  chart.text.labels = chart.text.titles = 7;
  // All panels show the same range: 0 to 1, and what is beyond.
  std::pair<double, double> range = {0, 1};
  for (const TrackedSample& sample : samples) {
    chart.panels.push_back(PanelOf(sample));
    for (const PanelChart::Curve& curve : chart.panels.back().curves) {
      for (const double weight : curve.y) {
        if (!std::isfinite(weight)) continue;
        range.first = std::min(range.first, weight);
        range.second = std::max(range.second, weight);
      }
    }
  }
  for (PanelChart::Panel& panel : chart.panels) panel.y_range = range;
  if (!chart.panels.empty()) chart.panels[0].y_label = "σ(a)";
  return chart;
}

}  // namespace polarize
