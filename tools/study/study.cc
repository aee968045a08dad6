#include "tools/study/study.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/optional.h"
#include "tools/sweeps/statistics.h"
#include "tools/sweeps/thresholds.h"

namespace polarize {
namespace {

// Of either task.
constexpr std::array<const char*, 2> kAccuracies = {"eval/acc_induction",
                                                    "eval/acc_trigger"};
constexpr char kSinkShare[] = "rel_attn_bos";
constexpr char kRowSum[] = "abs_attn_all";
constexpr char kEntropy[] = "entropy";

constexpr std::array<const char*, 6> kColors = {
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"};

const double kNone = std::numeric_limits<double>::quiet_NaN();

Spread SpreadOf(const std::vector<double>& values) {
  const std::vector<double> sorted = Sorted(values);
  if (sorted.empty()) return {kNone, kNone, kNone};
  return {Mean(sorted), sorted.front(), sorted.back()};
}

double Accuracy(const RunTable& runs, size_t run) {
  for (const char* name : kAccuracies) {
    const absl::optional<double> value = runs.Number(run, name);
    if (value.has_value()) return *value;
  }
  return kNone;
}

// Mean over the heads of a run's last layer that have a value.
double LastLayer(const RunTable& runs, size_t run, const char* metric) {
  const int layers =
      static_cast<int>(runs.Number(run, "num_layers").value_or(0));
  const int heads = static_cast<int>(runs.Number(run, "num_heads").value_or(0));
  std::vector<double> values;
  for (int head = 0; head < heads; ++head) {
    const absl::optional<double> value =
        runs.Number(run, absl::StrCat(layers - 1, "_", head, "_", metric));
    if (value.has_value()) values.push_back(*value);
  }
  return Mean(values);
}

// Mean of ln(tokens seen), what rows of equal weights have, over the rows that
// the statistics are of: all but the first and the last two.
double EvenEntropy(const RunTable& runs, size_t run) {
  const double positions = runs.Number(run, "seq_length").value_or(kNone) - 1;
  if (!runs.Matches(run, {{"is_causal", "True"}})) return std::log(positions);
  double sum = 0;
  for (double seen = 2; seen <= positions - 2; ++seen) sum += std::log(seen);
  return sum / (positions - 3);
}

StudyCell CellOf(const RunTable& runs, const std::vector<size_t>& members) {
  StudyCell cell;
  std::vector<double> accuracy, sink, sum, entropy;
  for (const size_t run : members) {
    if (!runs.IsFinished(run)) {
      ++cell.ended;
      continue;
    }
    ++cell.runs;
    accuracy.push_back(Accuracy(runs, run));
    cell.solved += accuracy.back() > kSolvedAccuracy;
    sink.push_back(LastLayer(runs, run, kSinkShare));
    sum.push_back(LastLayer(runs, run, kRowSum));
    entropy.push_back(LastLayer(runs, run, kEntropy));
  }
  cell.accuracy = SpreadOf(accuracy);
  cell.sink_share = SpreadOf(sink);
  cell.row_sum = SpreadOf(sum);
  cell.entropy = SpreadOf(entropy);
  return cell;
}

// The values of a column, in the order in which they come.
std::vector<std::string> ValuesInOrder(const RunTable& runs,
                                       const std::string& column) {
  std::vector<std::string> values;
  for (size_t run = 0; run < runs.size(); ++run) {
    std::string value = PlainValue(runs.Text(run, column));
    if (std::find(values.begin(), values.end(), value) == values.end()) {
      values.push_back(std::move(value));
    }
  }
  return values;
}

// "0.98", "1.2e+05", "n/a".
std::string Text(double value) {
  if (!std::isfinite(value)) return "n/a";
  return std::abs(value) < 1000 ? absl::StrFormat("%.2f", value)
                                : absl::StrFormat("%.1e", value);
}

// "0.99 (0.98 to 1.00)", or the one number if the others look the same.
std::string Text(const Spread& spread) {
  const std::string mean = Text(spread.mean);
  const std::string least = Text(spread.least), most = Text(spread.most);
  if (least == most) return mean;
  return absl::StrCat(mean, " (", least, " to ", most, ")");
}

void AppendSpread(const Spread& spread, std::vector<std::string>& row) {
  for (const double value : {spread.mean, spread.least, spread.most}) {
    row.push_back(std::isfinite(value) ? absl::StrFormat("%.6g", value) : "");
  }
}

BarChart::Panel PanelOf(const Study& study, const std::string& label,
                        Spread StudyCell::*quantity, double unit) {
  BarChart::Panel panel;
  panel.y_label = label;
  panel.groups = study.rows;
  for (size_t i = 0; i < study.cells.size(); ++i) {
    const Spread& spread = study.cells[i].*quantity;
    BarChart::Bar bar;
    bar.group = i / study.bars.size();
    bar.hue = i % study.bars.size();
    bar.value = spread.mean / unit;
    bar.low = spread.least / unit;
    bar.high = spread.most / unit;
    bar.missing = !std::isfinite(spread.mean);
    panel.bars.push_back(std::move(bar));
  }
  return panel;
}

}  // namespace

absl::StatusOr<Study> CompareRuns(const RunTable& runs, const std::string& row,
                                  const std::string& bar) {
  for (const std::string& column :
       {row, bar, std::string("num_layers"), std::string("num_heads")}) {
    if (runs.Has(column)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("no column \"", column, "\""));
  }
  Study study;
  study.rows = ValuesInOrder(runs, row);
  study.bars = ValuesInOrder(runs, bar);
  for (const std::string& r : study.rows) {
    for (const std::string& b : study.bars) {
      std::vector<size_t> members;
      for (size_t run = 0; run < runs.size(); ++run) {
        if (runs.Matches(run, {{row, r}, {bar, b}})) members.push_back(run);
      }
      StudyCell cell = CellOf(runs, members);
      cell.row = r;
      cell.bar = b;
      study.cells.push_back(std::move(cell));
    }
  }
  for (size_t run = 0; run < runs.size(); ++run) {
    study.most_entropy = std::max(study.most_entropy, EvenEntropy(runs, run));
  }
  return study;
}

CsvTable StudyCsv(const Study& study) {
  CsvTable table;
  table.columns = {"row", "bar", "runs", "ended", "solved"};
  for (const char* name : {"accuracy", "sink_share", "row_sum", "entropy"}) {
    for (const char* part : {"", "_least", "_most"}) {
      table.columns.push_back(absl::StrCat(name, part));
    }
  }
  for (const StudyCell& cell : study.cells) {
    std::vector<std::string> row = {cell.row, cell.bar, absl::StrCat(cell.runs),
                                    absl::StrCat(cell.ended),
                                    absl::StrCat(cell.solved)};
    AppendSpread(cell.accuracy, row);
    AppendSpread(cell.sink_share, row);
    AppendSpread(cell.row_sum, row);
    AppendSpread(cell.entropy, row);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string StudyMarkdown(const Study& study) {
  std::string text =
      "| | | solved | accuracy | sink share | row sum | entropy (nats) |\n"
      "|---|---|---:|---:|---:|---:|---:|\n";
  for (const StudyCell& cell : study.cells) {
    absl::StrAppend(&text, "| ", cell.row, " | ", cell.bar, " | ", cell.solved,
                    " of ", cell.runs + cell.ended, " | ", Text(cell.accuracy),
                    " | ", Text(cell.sink_share), " | ", Text(cell.row_sum),
                    " | ", Text(cell.entropy), " |\n");
  }
  return text;
}

BarChart StudyChart(const Study& study, const std::string& name) {
  BarChart chart;
  chart.name = name;
  chart.width = 8;
  chart.height = 7;
  for (size_t b = 0; b < study.bars.size(); ++b) {
    chart.hues.push_back({study.bars[b], kColors[b % kColors.size()]});
  }
  chart.legend = BarChart::Legend::kAbove;
  chart.legend_columns = study.bars.size();
  chart.panels = {PanelOf(study, "accuracy", &StudyCell::accuracy, 1),
                  PanelOf(study, "sink share", &StudyCell::sink_share, 1),
                  PanelOf(study, "entropy / even", &StudyCell::entropy,
                          study.most_entropy)};
  return chart;
}

}  // namespace polarize
