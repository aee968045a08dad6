#include "experiments/pretrained/model/score_histogram.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr size_t kBins = 20;
constexpr double kHeadroom = 1.3;  // the legend lies above all bars

// In the order in which they are drawn, one over the other.
struct Model {
  absl::string_view name;
  const char* label;
  const char* color;
};
constexpr std::array<Model, kPretrainedModels> kModels = {{
    {"softmax", "Softmax", "#8da0cb"},
    {"sigmoid", "Sigmoid (w/o norm.)", "#fc8d62"},
}};

// Two curves: what is filled, and the thin outline of every bin.
void AddHistogram(const Histogram& histogram, const Model& model,
                  PanelChart::Panel& panel) {
  PanelChart::Curve fill, outline;
  fill.label = model.label;
  fill.color = model.color;
  fill.band_opacity = 0.8;
  fill.line_width = 0.01;
  outline.color = "#000000";
  outline.line_width = 0.4;
  for (size_t bin = 0; bin < histogram.counts.size(); ++bin) {
    const double left = histogram.edges[bin], right = histogram.edges[bin + 1];
    const auto count = static_cast<double>(histogram.counts[bin]);
    for (const double x : {left, right}) {
      fill.x.push_back(x);
      fill.y.push_back(count);
      fill.low.push_back(0);
      fill.high.push_back(count);
    }
    for (const auto& [x, y] : {std::pair<double, double>{left, 0},
                               {left, count},
                               {right, count},
                               {right, 0}}) {
      outline.x.push_back(x);
      outline.y.push_back(y);
    }
  }
  panel.curves.push_back(std::move(fill));
  panel.curves.push_back(std::move(outline));
}

}  // namespace

Histogram HistogramOf(absl::Span<const double> values, size_t bins) {
  const auto ends = std::minmax_element(values.begin(), values.end());
  double low = *ends.first, high = *ends.second;
  if (low == high) {
    low -= 0.5;
    high += 0.5;
  }
  Histogram histogram;
  histogram.counts.resize(bins);
  const double n = static_cast<double>(bins);
  for (size_t i = 0; i <= bins; ++i) {
    histogram.edges.push_back(low + (high - low) * static_cast<double>(i) / n);
  }
  histogram.edges.back() = high;
  for (const double value : values) {
    const auto above =
        std::upper_bound(histogram.edges.begin(), histogram.edges.end(), value);
    const auto bin = static_cast<size_t>(above - histogram.edges.begin());
    ++histogram.counts[std::min(bin, bins) - 1];
  }
  return histogram;
}

size_t PretrainedModelIndex(absl::string_view name) {
  size_t index = 0;
  while (index < kModels.size() && name != kModels[index].name) ++index;
  return index;
}

PanelChart ScoreHistogram(const std::string& name,
                          const PretrainedScores& scores) {
  PanelChart chart;
  chart.name = name;
  chart.width = 3.25;
  chart.height = 1.8;
  chart.text.serif = true;
  PanelChart::Panel panel;
  panel.x_label = "avg. sparsity score";
  panel.y_label = "# heads";
  panel.legend = PanelChart::Legend::kUpperRight;
  size_t highest = 1;
  for (size_t m = 0; m < kModels.size(); ++m) {
    if (scores[m].empty()) continue;
    const Histogram histogram = HistogramOf(scores[m], kBins);
    AddHistogram(histogram, kModels[m], panel);
    highest = std::max(highest, *std::max_element(histogram.counts.begin(),
                                                  histogram.counts.end()));
  }
  panel.y_range = {0, kHeadroom * static_cast<double>(highest)};
  chart.panels = {std::move(panel)};
  return chart;
}

std::string CountsOfScores(const PretrainedScores& scores) {
  std::string counts;
  for (size_t m = 0; m < kModels.size(); ++m) {
    absl::StrAppend(&counts, m == 0 ? "" : ", ", scores[m].size(), " of ",
                    kModels[m].label);
  }
  return counts;
}

}  // namespace polarize
