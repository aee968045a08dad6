#include "tools/figures/runs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr double kSinkScore = 0.9;  // a sink head has more
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The columns of a table, each read as a whole; keeps the first thing wrong.
class Columns {
 public:
  Columns(const CsvTable& table, const std::string& file)
      : table_(table), file_(file) {}

  std::vector<std::string> Texts(absl::string_view name) {
    const int column = Find(name);
    std::vector<std::string> texts(table_.rows.size());
    for (size_t r = 0; column >= 0 && r < texts.size(); ++r) {
      texts[r] = table_.rows[r][static_cast<size_t>(column)];
    }
    return texts;
  }

  std::vector<double> Numbers(absl::string_view name) {
    const int column = Find(name);
    return column < 0 ? std::vector<double>(table_.rows.size(), kNone)
                      : NumbersOf(static_cast<size_t>(column), true);
  }

  std::vector<int> Counts(absl::string_view name) {
    const std::vector<double> numbers = Numbers(name);
    std::vector<int> counts;
    for (size_t r = 0; r < numbers.size(); ++r) {
      const bool whole = numbers[r] >= 0 && numbers[r] < 1e9 &&
                         numbers[r] == std::floor(numbers[r]);
      if (!whole) Complain(r, name, "is not a whole number");
      counts.push_back(whole ? static_cast<int>(numbers[r]) : 0);
    }
    return counts;
  }

  std::vector<char> Booleans(absl::string_view name) {
    std::vector<char> booleans;
    const std::vector<std::string> texts = Texts(name);
    for (size_t r = 0; r < texts.size(); ++r) {
      const bool is_true = absl::EqualsIgnoreCase(texts[r], "true");
      if (!is_true && !absl::EqualsIgnoreCase(texts[r], "false")) {
        Complain(r, name, "is not True or False");
      }
      booleans.push_back(is_true);
    }
    return booleans;
  }

  // Of the columns that match, those that have a number in each row.
  std::vector<std::vector<double>> Metrics(absl::string_view pattern) {
    std::vector<std::vector<double>> rows(table_.rows.size());
    for (size_t c = 0; c < table_.columns.size(); ++c) {
      if (!MatchesColumn(table_.columns[c], pattern)) continue;
      const std::vector<double> numbers = NumbersOf(c, false);
      for (size_t r = 0; r < numbers.size(); ++r) {
        if (!std::isnan(numbers[r])) rows[r].push_back(numbers[r]);
      }
    }
    return rows;
  }

  const absl::Status& status() const { return status_; }

 private:
  int Find(absl::string_view name) {
    const int column = ColumnOf(table_, name);
    if (column < 0 && status_.ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat(file_, ": no column '", name, "'"));
    }
    return column;
  }

  std::vector<double> NumbersOf(size_t column, bool required) {
    const std::string& name = table_.columns[column];
    std::vector<double> numbers;
    for (size_t r = 0; r < table_.rows.size(); ++r) {
      const std::string& text = table_.rows[r][column];
      double number = kNone;
      if (text.empty()) {
        if (required) Complain(r, name, "is empty");
      } else if (!absl::SimpleAtod(text, &number)) {
        Complain(r, name, "is not a number");
      }
      numbers.push_back(number);
    }
    return numbers;
  }

  void Complain(size_t row, absl::string_view name, absl::string_view what) {
    if (!status_.ok()) return;
    const int column = ColumnOf(table_, name);
    status_ = absl::InvalidArgumentError(absl::StrCat(
        file_, ": row ", row + 1, ", ", name, ": '",
        column < 0 ? "" : table_.rows[row][static_cast<size_t>(column)], "' ",
        what));
  }

  const CsvTable& table_;
  const std::string& file_;
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

double ClippedMean(const std::vector<double>& values) {
  if (values.empty()) return kNone;
  double sum = 0;
  for (const double value : values) sum += std::clamp(value, 0.0, 1.0);
  return sum / static_cast<double>(values.size());
}

double Largest(const std::vector<double>& values) {
  return values.empty() ? kNone
                        : *std::max_element(values.begin(), values.end());
}

}  // namespace

bool MatchesColumn(absl::string_view name, absl::string_view pattern) {
  const auto is_digit = [](absl::string_view text) {
    return !text.empty() &&
           absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
  };
  while (!pattern.empty()) {
    if (pattern[0] == '#') {
      if (!is_digit(name)) return false;
      while (is_digit(name)) name.remove_prefix(1);
    } else {
      if (name.empty() || name[0] != pattern[0]) return false;
      name.remove_prefix(1);
    }
    pattern.remove_prefix(1);
  }
  return name.empty();
}

absl::StatusOr<std::vector<InductionRun>> InductionRuns(
    const CsvTable& table, const std::string& file) {
  Columns columns(table, file);
  const auto types = columns.Texts("attention_type");
  const auto aux = columns.Numbers("aux_loss_weight");
  const auto shift = columns.Booleans("shift_query_token");
  const auto positions = columns.Texts("positional_type");
  const auto accuracy = columns.Metrics("eval/acc_induction");
  const auto sinks = columns.Metrics("1_#_rel_attn_bos_global");
  if (!columns.status().ok()) return columns.status();
  std::vector<InductionRun> runs;
  for (size_t r = 0; r < types.size(); ++r) {
    runs.push_back({types[r], aux[r], shift[r] != 0, positions[r],
                    First(accuracy[r]), ShareAbove(sinks[r], kSinkScore)});
  }
  return runs;
}

absl::StatusOr<std::vector<ClassificationRun>> ClassificationRuns(
    const CsvTable& table, const std::string& file) {
  Columns columns(table, file);
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
    runs.push_back({types[r], vocab[r], layers[r], heads[r], mlp[r] != 0,
                    norm[r] != 0, ClippedMean(sparsity[r]), Largest(flips[r])});
  }
  return runs;
}

}  // namespace polarize
