#include "tools/figures/runs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tools/sweeps/statistics.h"
#include "tools/sweeps/thresholds.h"

namespace polarize {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The columns of a table, each read as a whole; keeps the first thing wrong.
class Columns {
 public:
  explicit Columns(const TypedTable& table) : table_(table) {}

  std::vector<std::string> Texts(absl::string_view name) {
    return Read<std::string>(name, [this](size_t row, size_t column) {
      return absl::StatusOr<std::string>(table_.Text(row, column));
    });
  }
  std::vector<double> Numbers(absl::string_view name) {
    return Read<double>(name, [this](size_t row, size_t column) {
      return table_.Number(row, column);
    });
  }
  std::vector<int> Counts(absl::string_view name) {
    return Read<int>(name, [this](size_t row, size_t column) {
      return table_.Count(row, column);
    });
  }
  std::vector<bool> Booleans(absl::string_view name) {
    return Read<bool>(name, [this](size_t row, size_t column) {
      return table_.Boolean(row, column);
    });
  }

  // Of the columns that match, those that have a number in each row.
  std::vector<std::vector<double>> Metrics(absl::string_view pattern) {
    std::vector<std::vector<double>> rows(table_.rows());
    for (const size_t column : table_.ColumnsLike(pattern)) {
      for (size_t r = 0; r < rows.size(); ++r) {
        const absl::StatusOr<double> number = table_.Metric(r, column);
        status_.Update(number.status());
        if (number.ok() && !std::isnan(*number)) rows[r].push_back(*number);
      }
    }
    return rows;
  }

  const absl::Status& status() const { return status_; }

 private:
  template <typename Cell, typename CellReader>
  std::vector<Cell> Read(absl::string_view name, CellReader read) {
    std::vector<Cell> cells(table_.rows());
    const absl::StatusOr<size_t> column = table_.Column(name);
    status_.Update(column.status());
    for (size_t r = 0; column.ok() && r < cells.size(); ++r) {
      absl::StatusOr<Cell> cell = read(r, *column);
      status_.Update(cell.status());
      if (cell.ok()) cells[r] = *std::move(cell);
    }
    return cells;
  }

  const TypedTable& table_;
  absl::Status status_;
};

double First(const std::vector<double>& values) {
  return values.empty() ? kNone : values[0];
}

double ShareAbove(const std::vector<double>& values, double threshold) {
  if (values.empty()) return kNone;
  const auto above =
      std::count_if(values.begin(), values.end(),
                    [&](double value) { return value > threshold; });
  return static_cast<double>(above) / static_cast<double>(values.size());
}

double ClippedMean(std::vector<double> values) {
  for (double& value : values) value = std::clamp(value, 0.0, 1.0);
  return Mean(std::move(values));
}

double Largest(const std::vector<double>& values) {
  return values.empty() ? kNone
                        : *std::max_element(values.begin(), values.end());
}

}  // namespace

absl::StatusOr<std::vector<InductionRun>> InductionRuns(
    const TypedTable& table) {
  Columns columns(table);
  const auto types = columns.Texts("attention_type");
  const auto aux = columns.Numbers("aux_loss_weight");
  const auto shift = columns.Booleans("shift_query_token");
  const auto positions = columns.Texts("positional_type");
  const auto accuracy = columns.Metrics("eval/acc_induction");
  const auto sinks = columns.Metrics("1_#_rel_attn_bos_global");
  if (!columns.status().ok()) return columns.status();
  std::vector<InductionRun> runs;
  for (size_t r = 0; r < types.size(); ++r) {
    runs.push_back({types[r], aux[r], shift[r], positions[r],
                    First(accuracy[r]), ShareAbove(sinks[r], kSinkScore)});
  }
  return runs;
}

absl::StatusOr<std::vector<ClassificationRun>> ClassificationRuns(
    const TypedTable& table) {
  Columns columns(table);
  const auto types = columns.Texts("attention_type");
  const auto vocab = columns.Counts("vocab_size");
  const auto layers = columns.Counts("num_layers");
  const auto heads = columns.Counts("num_heads");
  const auto mlp = columns.Booleans("use_mlp");
  const auto norm = columns.Booleans("use_layernorm");
  const auto sparsity = columns.Metrics("#_#_rel_attn_max");
  const auto flips = columns.Metrics("mixing/#_#/avg_top1_dominance_rate");
  if (!columns.status().ok()) return columns.status();
  std::vector<ClassificationRun> runs;
  for (size_t r = 0; r < types.size(); ++r) {
    runs.push_back({types[r], vocab[r], layers[r], heads[r], mlp[r], norm[r],
                    ClippedMean(sparsity[r]), Largest(flips[r])});
  }
  return runs;
}

}  // namespace polarize
