#include "tools/figures/trends/training_trends.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/typed_table.h"
#include "tools/figures/trends/metric_history.h"
#include "tools/sweeps/attention_kinds.h"
#include "tools/sweeps/statistics.h"

namespace polarize {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kManyValues = 10;

constexpr size_t kStatistics = 3;
struct Task {
  const char* name;
  std::array<const char*, kStatistics> keys;  // score, row sum, entropy
  const char* absolute_score;  // of |A|, for kinds with negative weights
  const char* score_title;
  size_t first_layer;
  bool only_that_layer;
  bool clip_score;  // of each head, to 0 and 1
};
constexpr Task kInduction = {"induction_over_training",
                             {"rel_attn_bos_global", "abs_attn_all", "entropy"},
                             "abs_rel_attn_bos_global",
                             "Sink score",
                             1,
                             true,
                             false};
constexpr Task kClassification = {"classification_over_training",
                                  {"rel_attn_max", "abs_attn_sum", "entropy"},
                                  "abs_rel_attn_max",
                                  "Sparsity score",
                                  0,
                                  false,
                                  true};

// ---- What the runs say ----

struct AtStep {
  size_t runs = 0;
  // Of each statistic: the runs' means over their heads, and what is spread.
  std::array<std::vector<double>, kStatistics> means, spread;
};

// The runs of one attention kind.
struct KindTrend {
  std::set<std::string> seeds;
  size_t runs = 0;
  std::map<double, AtStep> steps;

  bool spread_is_over_runs() const { return seeds.size() > 1; }
};

using Trends =
    std::array<std::array<KindTrend, kNormNames.size()>, kPaperKinds.size()>;

// "1_0_entropy" of all heads, statistic after statistic.
std::vector<std::string> KeysOf(const Task& task, const TrendRun& run,
                                bool both_signs) {
  std::vector<std::string> keys;
  const size_t end = task.only_that_layer ? task.first_layer + 1 : run.layers;
  std::array<const char*, kStatistics> statistics = task.keys;
  if (both_signs) statistics[0] = task.absolute_score;
  for (const char* statistic : statistics) {
    for (size_t l = task.first_layer; l < end; ++l) {
      for (size_t h = 0; h < run.heads; ++h) {
        keys.push_back(absl::StrFormat("%d_%d_%s", l, h, statistic));
      }
    }
  }
  return keys;
}

void AddHistory(const Task& task, MetricHistory history, KindTrend& trend) {
  const size_t heads = history.values.size() / kStatistics;
  for (size_t i = 0; i < history.steps.size(); ++i) {
    AtStep& at = trend.steps[history.steps[i]];
    ++at.runs;
    for (size_t s = 0; s < kStatistics; ++s) {
      std::vector<double> values;
      for (size_t h = 0; h < heads; ++h) {
        double value = history.values[s * heads + h][i];
        if (s == 0 && task.clip_score && !std::isnan(value)) {
          value = std::clamp(value, 0.0, 1.0);
        }
        values.push_back(value);
      }
      at.means[s].push_back(Mean(values));
      if (trend.spread_is_over_runs()) continue;
      at.spread[s].insert(at.spread[s].end(), values.begin(), values.end());
    }
  }
  ++trend.runs;
}

// Seeds first: they say what is spread.
absl::StatusOr<Trends> Gather(const Task& task, absl::Span<const TrendRun> runs,
                              size_t* left_out) {
  Trends trends;
  const auto trend_of = [&](KindAndNorm kind) -> KindTrend& {
    return trends[kind.kind][kind.norm];
  };
  for (const TrendRun& run : runs) {
    const auto kind = KindOf(run.attention_type);
    if (kind.has_value()) trend_of(*kind).seeds.insert(run.seed);
  }
  for (const TrendRun& run : runs) {
    const auto kind = KindOf(run.attention_type);
    if (!kind.has_value()) continue;
    if (run.heads == 0 || run.layers <= task.first_layer) {
      ++*left_out;
      continue;
    }
    absl::StatusOr<MetricHistory> history = ReadMetricHistory(
        absl::StrCat(run.folder, "/metrics.jsonl"),
        KeysOf(task, run, kPaperKinds[kind->kind].both_signs));
    if (absl::IsNotFound(history.status()) ||
        (history.ok() && history->steps.empty())) {
      ++*left_out;
      continue;
    }
    if (!history.ok()) return history.status();
    AddHistory(task, *std::move(history), trend_of(*kind));
  }
  return trends;
}

// ---- What is drawn ----

std::pair<double, double> SpreadOf(std::vector<double> values) {
  values = Sorted(std::move(values));
  if (values.empty()) return {kNaN, kNaN};
  const bool many = values.size() >= kManyValues;
  return {Quantile(values, many ? 0.1 : 0), Quantile(values, many ? 0.9 : 1)};
}

PanelChart::Curve CurveOf(const KindTrend& trend, const PaperKind& kind,
                          size_t statistic) {
  PanelChart::Curve curve;
  curve.label = absl::StrFormat("%s (%d)", kind.name, trend.runs);
  curve.color = kind.color;
  curve.band_opacity = 0.15;
  for (const auto& [step, at] : trend.steps) {
    if (at.runs < trend.runs) continue;
    const std::pair<double, double> spread =
        SpreadOf(trend.spread_is_over_runs() ? at.means[statistic]
                                             : at.spread[statistic]);
    curve.x.push_back(step);
    curve.y.push_back(Mean(at.means[statistic]));
    curve.low.push_back(spread.first);
    curve.high.push_back(spread.second);
  }
  return curve;
}

std::string TitleOf(const Task& task, size_t statistic) {
  return statistic == 0   ? task.score_title
         : statistic == 1 ? "Row sum"
                          : "Entropy (nats)";
}

// Row sums with normaliser are 1 but for rounding, which must not fill the
// panel; or at most 1, of either sign. Without one they differ by powers of
// ten.
void SetAxes(size_t statistic, size_t norm, PanelChart::Panel& panel) {
  panel.log_x = true;
  if (statistic == 0) panel.y_range = {-0.02, 1.02};
  if (statistic != 1) return;
  panel.log_y = norm == 1;
  if (norm == 1) return;
  double low = 0, high = 1.1;
  for (const PanelChart::Curve& curve : panel.curves) {
    for (const double value : curve.low) low = std::min(low, value);
    for (const double value : curve.high) high = std::max(high, value);
  }
  panel.y_range = {low, high};
}

// Whether the kinds of this half have runs.
bool HasRuns(const Trends& trends, size_t norm) {
  return std::any_of(trends.begin(), trends.end(),
                     [&](const auto& kind) { return kind[norm].runs > 0; });
}

void AddRow(const Task& task, const Trends& trends, size_t norm,
            PanelChart& chart) {
  const bool first = chart.panels.empty();
  for (size_t s = 0; s < kStatistics; ++s) {
    PanelChart::Panel panel;
    if (first) panel.title = TitleOf(task, s);
    if (s == 0) panel.y_label = kNormNames[norm];
    if (s + 1 == kStatistics) panel.legend = PanelChart::Legend::kBeside;
    for (size_t k = 0; k < kPaperKinds.size(); ++k) {
      const KindTrend& trend = trends[k][norm];
      if (trend.runs == 0) continue;
      panel.curves.push_back(CurveOf(trend, kPaperKinds[k], s));
    }
    SetAxes(s, norm, panel);
    chart.panels.push_back(std::move(panel));
  }
  ++chart.rows;
}

// "of runs", "of heads", or which of the two for which kinds.
std::string SpreadText(const Trends& trends) {
  std::vector<std::string> over_heads;
  bool any_over_runs = false;
  for (size_t k = 0; k < kPaperKinds.size(); ++k) {
    for (const KindTrend& trend : trends[k]) {
      if (trend.runs == 0) continue;
      if (trend.spread_is_over_runs()) {
        any_over_runs = true;
      } else {
        over_heads.push_back(kPaperKinds[k].name);
      }
    }
  }
  if (over_heads.empty()) return "runs (several seeds)";
  if (!any_over_runs) return "single heads (there is one seed)";
  return "runs, or of single heads where a kind's runs have one seed";
}

absl::StatusOr<Drawn> DrawTrends(const Task& task,
                                 absl::Span<const TrendRun> runs,
                                 Figures& figures) {
  Drawn drawn;
  size_t left_out = 0;
  const absl::StatusOr<Trends> trends = Gather(task, runs, &left_out);
  if (!trends.ok()) return trends.status();
  PanelChart chart;
  chart.name = task.name;
  chart.width = 6.75;
  chart.rows = 0;
  chart.columns = kStatistics;
  chart.text.serif = true;
  for (const size_t norm : {0, 1}) {
    if (HasRuns(*trends, norm)) AddRow(task, *trends, norm, chart);
  }
  if (chart.panels.empty()) {
    drawn.missing = {{task.name, "not run: no run with metrics.jsonl"}};
    return drawn;
  }
  for (size_t p = 0; p < kStatistics; ++p) {
    chart.panels[chart.panels.size() - kStatistics + p].x_label = "step";
  }
  chart.height = 0.5 + 1.5 * static_cast<double>(chart.rows);
  if (absl::Status status = figures.Draw(chart); !status.ok()) return status;
  std::string caption = absl::StrCat(
      "Mean over runs (their number in parentheses) of the mean over ",
      task.only_that_layer
          ? absl::StrCat("layer ", task.first_layer, "'s heads")
          : "all heads",
      "; shaded: from the 10th to the 90th percentile, with fewer than ",
      kManyValues, " values from the least to the greatest, of ",
      SpreadText(*trends), ". Step 0 has no place on the log axis",
      HasRuns(*trends, 1) ? ", nor do row sums at or below 0" : "",
      ". Scores of mlp and linear, which have negative weights, are of |A|.");
  if (left_out > 0) {
    absl::StrAppend(&caption, " Left out, without statistics: ", left_out,
                    " runs.");
  }
  drawn.pictures = {{task.name, std::move(caption)}};
  return drawn;
}

}  // namespace

absl::StatusOr<std::vector<TrendRun>> TrendRunsOf(const std::string& csv,
                                                  const std::string& sweep) {
  const absl::StatusOr<TypedTable> table = TypedTable::Read(csv);
  if (!table.ok()) return table.status();
  std::array<size_t, 6> at;
  const std::array<const char*, 6> names = {
      "run_id", "state", "attention_type", "seed", "num_layers", "num_heads"};
  for (size_t i = 0; i < names.size(); ++i) {
    const absl::StatusOr<size_t> column = table->Column(names[i]);
    if (!column.ok()) return column.status();
    at[i] = *column;
  }
  std::vector<TrendRun> runs;
  for (size_t row = 0; row < table->rows(); ++row) {
    if (table->Text(row, at[1]) != "finished") continue;
    const absl::StatusOr<int> layers = table->Count(row, at[4]);
    if (!layers.ok()) return layers.status();
    const absl::StatusOr<int> heads = table->Count(row, at[5]);
    if (!heads.ok()) return heads.status();
    runs.push_back({absl::StrCat(sweep, "/runs/", table->Text(row, at[0])),
                    table->Text(row, at[2]), table->Text(row, at[3]),
                    static_cast<size_t>(*layers), static_cast<size_t>(*heads)});
  }
  return runs;
}

absl::StatusOr<Drawn> DrawInductionTrends(absl::Span<const TrendRun> runs,
                                          Figures& figures) {
  return DrawTrends(kInduction, runs, figures);
}

absl::StatusOr<Drawn> DrawClassificationTrends(absl::Span<const TrendRun> runs,
                                               Figures& figures) {
  return DrawTrends(kClassification, runs, figures);
}

}  // namespace polarize
