#include "tools/figures/trends/threshold_shares.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/typed_table.h"
#include "tools/sweeps/attention_kinds.h"
#include "tools/sweeps/thresholds.h"

namespace polarize {
namespace {

constexpr int kThresholds = 201;  // 0, 0.005 ... 1

struct Question {
  const char* name;       // of the picture
  const char* statistic;  // "{layer}_{head}_STATISTIC"
  const char* layer;      // the only one, or "": all
  const char* accuracy;   // runs above kSolvedAccuracy alone, or "": all
  double highest;         // scores beyond 0 to this are clipped
  bool mark;              // the paper's threshold
  const char* x_label;
  const char* y_label;
};
constexpr double kUnclipped = std::numeric_limits<double>::infinity();
constexpr Question kSinks = {"sink_share_by_threshold",
                             "rel_attn_bos_global",
                             "1",
                             "eval/acc_induction",
                             kUnclipped,
                             true,
                             "threshold of the sink score",
                             "share of heads above"};
constexpr Question kSparsity = {
    "sparsity_share_by_threshold",     "rel_attn_max",        "", "", 1, false,
    "threshold of the sparsity score", "share of heads above"};

std::vector<size_t> ScoreColumns(const TypedTable& table,
                                 const Question& question) {
  const char* const layer = question.layer[0] == '\0' ? "#" : question.layer;
  return table.ColumnsLike(absl::StrCat(layer, "_#_", question.statistic));
}

struct KindScores {
  std::vector<double> scores;
  size_t runs = 0;
};
struct AllScores {
  std::array<std::array<KindScores, kNormNames.size()>, kPaperKinds.size()> of;
  size_t runs = 0, passed = 0;
};

absl::StatusOr<bool> Passes(const TypedTable& table, size_t row,
                            const Question& question) {
  if (question.accuracy[0] == '\0') return true;
  const absl::StatusOr<size_t> column = table.Column(question.accuracy);
  if (!column.ok()) return column.status();
  const absl::StatusOr<double> accuracy = table.Metric(row, *column);
  if (!accuracy.ok()) return accuracy.status();
  return *accuracy > kSolvedAccuracy;
}

absl::Status AddRun(const TypedTable& table, size_t row,
                    const std::vector<size_t>& columns,
                    const Question& question, KindScores& kind) {
  ++kind.runs;
  for (const size_t column : columns) {
    absl::StatusOr<double> score = table.Metric(row, column);
    if (!score.ok()) return score.status();
    if (std::isnan(*score)) continue;  // fewer heads, or a run without result
    if (question.highest != kUnclipped) {
      *score = std::clamp(*score, 0.0, question.highest);
    }
    kind.scores.push_back(*score);
  }
  return absl::OkStatus();
}

absl::StatusOr<AllScores> ScoresOf(const TypedTable& table,
                                   const Question& question) {
  const absl::StatusOr<size_t> type = table.Column("attention_type");
  if (!type.ok()) return type.status();
  const std::vector<size_t> columns = ScoreColumns(table, question);
  AllScores all;
  for (size_t row = 0; row < table.rows(); ++row) {
    const auto kind = KindOf(table.Text(row, *type));
    if (!kind.has_value()) continue;
    const absl::StatusOr<bool> passes = Passes(table, row, question);
    if (!passes.ok()) return passes.status();
    ++all.runs;
    if (!*passes) continue;
    ++all.passed;
    const absl::Status status =
        AddRun(table, row, columns, question, all.of[kind->kind][kind->norm]);
    if (!status.ok()) return status;
  }
  return all;
}

std::vector<double> Thresholds() {
  std::vector<double> thresholds;
  for (int i = 0; i < kThresholds; ++i) {
    thresholds.push_back(i / (kThresholds - 1.0));
  }
  return thresholds;
}

// Where the kinds lie over each other, their dashes and order keep them apart.
PanelChart::Panel PanelOf(const AllScores& all, size_t norm,
                          const Question& question) {
  PanelChart::Panel panel;
  panel.title = norm == 0 ? "With normaliser" : "Without normaliser";
  panel.x_label = question.x_label;
  if (norm == 0) panel.y_label = question.y_label;
  panel.y_range = {-0.02, 1.02};
  panel.legend = PanelChart::Legend::kBeside;
  if (question.mark) {
    PanelChart::Curve mark;
    mark.label = absl::StrFormat("paper: %g", kSinkScore);
    mark.x = {kSinkScore, kSinkScore};
    mark.y = {0, 1};
    mark.color = "#808080";
    mark.dashed = true;
    panel.curves.push_back(std::move(mark));
  }
  for (size_t k = 0; k < kPaperKinds.size(); ++k) {
    const KindScores& kind = all.of[k][norm];
    if (kind.scores.empty()) continue;
    PanelChart::Curve curve;
    curve.label =
        absl::StrFormat("%s (%d)", kPaperKinds[k].name, kind.scores.size());
    curve.color = kPaperKinds[k].color;
    curve.x = Thresholds();
    curve.y = SharesAbove(kind.scores, curve.x);
    panel.curves.push_back(std::move(curve));
  }
  return panel;
}

absl::StatusOr<Drawn> DrawShares(const std::string& csv,
                                 const Question& question, Figures& figures) {
  Drawn drawn;
  const absl::StatusOr<TypedTable> table = TypedTable::Read(csv);
  if (absl::IsNotFound(table.status())) {
    drawn.missing = {{question.name, "not run: no CSV file of the sweep"}};
    return drawn;
  }
  if (!table.ok()) return table.status();
  const absl::StatusOr<AllScores> all = ScoresOf(*table, question);
  if (!all.ok()) return all.status();
  bool any = false;
  for (const auto& kind : all->of) {
    for (const KindScores& norm : kind) any |= !norm.scores.empty();
  }
  if (!any) {
    drawn.missing = {{question.name, "not run: no run with scores"}};
    return drawn;
  }
  PanelChart chart;
  chart.name = question.name;
  chart.width = 6.75;
  chart.height = 2.2;
  chart.columns = 2;
  chart.text.serif = true;
  chart.line_width = 1.2;
  chart.panels = {PanelOf(*all, 0, question), PanelOf(*all, 1, question)};
  if (absl::Status status = figures.Draw(chart); !status.ok()) return status;
  std::string caption = absl::StrFormat(
      "Share of heads whose score is greater than a threshold, by attention "
      "kind, all runs together (number of heads in parentheses); %d of %d runs",
      all->passed, all->runs);
  if (question.accuracy[0] != '\0') {
    absl::StrAppendFormat(&caption, " with an accuracy above %g, layer %s",
                          kSolvedAccuracy, question.layer);
  }
  drawn.pictures = {{question.name, caption + "."}};
  return drawn;
}

}  // namespace

std::vector<double> SharesAbove(std::vector<double> scores,
                                absl::Span<const double> thresholds) {
  std::sort(scores.begin(), scores.end());
  std::vector<double> shares;
  for (const double threshold : thresholds) {
    const auto above = scores.end() - std::upper_bound(scores.begin(),
                                                       scores.end(), threshold);
    shares.push_back(scores.empty() ? 0
                                    : static_cast<double>(above) /
                                          static_cast<double>(scores.size()));
  }
  return shares;
}

absl::StatusOr<Drawn> DrawSinkShares(const std::string& induction_csv,
                                     Figures& figures) {
  return DrawShares(induction_csv, kSinks, figures);
}

absl::StatusOr<Drawn> DrawSparsityShares(const std::string& classification_csv,
                                         Figures& figures) {
  return DrawShares(classification_csv, kSparsity, figures);
}

}  // namespace polarize
