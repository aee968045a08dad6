#include "tools/figures/trends/sink_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/sweeps/typed_table.h"

namespace polarize {
namespace {

constexpr char kName[] = "sink_scores";
constexpr size_t kBins = 20;
constexpr double kHeadroom = 1.3;  // the legend lies above all bars

// In the order in which they are drawn, one over the other.
struct Model {
  const char* name;
  const char* label;
  const char* color;
};
constexpr std::array<Model, 2> kModels = {{
    {"softmax", "Softmax", "#8da0cb"},
    {"sigmoid", "Sigmoid (w/o norm.)", "#fc8d62"},
}};
using Scores = std::array<std::vector<double>, kModels.size()>;

absl::StatusOr<Scores> ScoresOf(const TypedTable& table) {
  const absl::StatusOr<size_t> model = table.Column("model");
  const absl::StatusOr<size_t> score = table.Column("score");
  for (const absl::Status& status : {model.status(), score.status()}) {
    if (!status.ok()) return status;
  }
  Scores scores;
  for (size_t row = 0; row < table.rows(); ++row) {
    const std::string& name = table.Text(row, *model);
    const auto known =
        std::find_if(kModels.begin(), kModels.end(),
                     [&](const Model& m) { return name == m.name; });
    if (known == kModels.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", row + 1, ": the model '", name,
                       "' is neither softmax nor sigmoid"));
    }
    const absl::StatusOr<double> value = table.Metric(row, *score);
    if (!value.ok()) return value.status();
    if (!std::isfinite(*value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", row + 1, ": a score that is not finite"));
    }
    scores[static_cast<size_t>(known - kModels.begin())].push_back(*value);
  }
  return scores;
}

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

absl::StatusOr<Drawn> DrawSinkScores(const std::string& csv, Figures& figures) {
  Drawn drawn;
  const absl::StatusOr<TypedTable> table = TypedTable::Read(csv);
  if (absl::IsNotFound(table.status()) || (table.ok() && table->rows() == 0)) {
    drawn.missing = {{kName, "not run: no scores of pretrained models"}};
    return drawn;
  }
  if (!table.ok()) return table.status();
  const absl::StatusOr<Scores> scores = ScoresOf(*table);
  if (!scores.ok()) {
    return absl::Status(scores.status().code(),
                        absl::StrCat(csv, ": ", scores.status().message()));
  }
  PanelChart chart;
  chart.name = kName;
  chart.width = 3.25;
  chart.height = 1.8;
  chart.text.serif = true;
  PanelChart::Panel panel;
  panel.x_label = "avg. sparsity score";
  panel.y_label = "# heads";
  panel.legend = PanelChart::Legend::kUpperRight;
  std::string counts;
  size_t highest = 1;
  for (size_t m = 0; m < kModels.size(); ++m) {
    absl::StrAppend(&counts, m == 0 ? "" : ", ", (*scores)[m].size(), " of ",
                    kModels[m].label);
    if ((*scores)[m].empty()) continue;
    const Histogram histogram = HistogramOf((*scores)[m], kBins);
    AddHistogram(histogram, kModels[m], panel);
    highest = std::max(highest, *std::max_element(histogram.counts.begin(),
                                                  histogram.counts.end()));
  }
  panel.y_range = {0, kHeadroom * static_cast<double>(highest)};
  chart.panels = {std::move(panel)};
  if (absl::Status status = figures.Draw(chart); !status.ok()) return status;
  drawn.pictures = {
      {kName, absl::StrCat("Heads by score (", counts,
                           "), 20 bins over each model's own range.")}};
  return drawn;
}

}  // namespace polarize
