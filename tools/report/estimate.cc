#include "tools/report/estimate.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace polarize {
namespace {

struct Mean {
  double sum = 0;
  size_t count = 0;
};
// By the values of the columns, joined.
using Means = std::unordered_map<std::string, Mean>;

// What a run's time hangs on, what matters least last.
std::vector<std::string> CostColumns(Section section) {
  if (section == Section::kInduction) {
    return {"aux_loss_weight", "attention_type", "num_heads",
            "positional_type"};
  }
  return {"vocab_size", "num_layers", "attention_type",
          "use_mlp",    "num_heads",  "use_layernorm"};
}

std::string Key(absl::Span<const std::string> values) {
  return absl::StrJoin(values, "\n");
}

std::vector<std::string> ValuesOfRow(const RunTable& runs, size_t row,
                                     const std::vector<std::string>& columns) {
  std::vector<std::string> values;
  for (const std::string& column : columns) {
    values.push_back(PlainValue(runs.Text(row, column)));
  }
  return values;
}

// A size that was not measured costs so many times another one that was.
struct Ratio {
  const char* column;
  const char* size;
  const char* measured;
  const char* layers;  // "": any number
  double times;
};
// Times of one step (ms), from the README of each experiment: 22.9 and 38.0
// without and with the auxiliary loss; 0.78, 24.6 and (one layer) 2.9 with a
// vocabulary of 41, of 161, of 161. One layer of 41 is taken as half of two;
// 81, which has as many different rows as 161 where it counts, as 161.
constexpr Ratio kRatios[] = {
    {"aux_loss_weight", "0", "0.2", "", 22.9 / 38.0},
    {"aux_loss_weight", "0.2", "0", "", 38.0 / 22.9},
    {"vocab_size", "81", "161", "", 1},
    {"vocab_size", "161", "81", "", 1},
    {"vocab_size", "81", "41", "1", 2.9 / 0.39},
    {"vocab_size", "161", "41", "1", 2.9 / 0.39},
    {"vocab_size", "81", "41", "2", 24.6 / 0.78},
    {"vocab_size", "161", "41", "2", 24.6 / 0.78},
};

struct Cost {
  double seconds = 0;
  std::string basis;
  bool extrapolated = false;
};

class Estimator {
 public:
  Estimator(const SweepData& sweep, Section section)
      : columns_(CostColumns(section)), levels_(columns_.size() + 1) {
    std::unordered_map<std::string, double> seconds;
    for (size_t row = 0; row < sweep.times->size(); ++row) {
      const absl::optional<double> time = sweep.times->Number(row, "seconds");
      if (!time.has_value() || *time < 0) continue;
      seconds[std::string(sweep.times->Text(row, "id"))] = *time;
    }
    for (size_t row = 0; row < sweep.runs->size(); ++row) {
      const auto time =
          seconds.find(std::string(sweep.runs->Text(row, "run_id")));
      // A run that ended early says nothing about a whole one.
      if (time == seconds.end() || !sweep.runs->IsFinished(row)) continue;
      ++measured_;
      const std::vector<std::string> values =
          ValuesOfRow(*sweep.runs, row, columns_);
      for (size_t used = 0; used <= columns_.size(); ++used) {
        Mean& mean =
            levels_[used][Key(absl::MakeSpan(values).subspan(0, used))];
        mean.sum += time->second;
        ++mean.count;
      }
    }
  }

  size_t measured() const { return measured_; }

  Cost CostOf(const PlannedRun& run) const {
    std::vector<std::string> values;
    for (const std::string& column : columns_) {
      values.push_back(ValueOf(run, column));
    }
    const std::string layers = ValueOf(run, "num_layers");
    Cost cost;
    // The first column holds the size that matters most.
    for (const Ratio& ratio : kRatios) {
      if (!Lacks(values[0]) || ratio.column != columns_[0] ||
          ratio.size != values[0] || Lacks(ratio.measured) ||
          (*ratio.layers != '\0' && ratio.layers != layers)) {
        continue;
      }
      values[0] = ratio.measured;
      cost = Measured(values);
      cost.seconds *= ratio.times;
      cost.basis =
          absl::StrFormat("%s %s as %.3g times %s; %s", ratio.column,
                          ratio.size, ratio.times, ratio.measured, cost.basis);
      cost.extrapolated = true;
      return cost;
    }
    return Measured(values);
  }

 private:
  bool Lacks(const std::string& first_value) const {
    return levels_[1].count(first_value) == 0;
  }

  Cost Measured(const std::vector<std::string>& values) const {
    Cost cost;
    for (size_t used = columns_.size();; --used) {
      const auto found =
          levels_[used].find(Key(absl::MakeSpan(values).subspan(0, used)));
      if (found == levels_[used].end()) continue;  // 0 has every run
      cost.seconds = found->second.sum / found->second.count;
      cost.extrapolated = used < columns_.size();
      cost.basis = cost.extrapolated
                       ? absl::StrCat("mean of runs that differ in ",
                                      absl::StrJoin(columns_.begin() + used,
                                                    columns_.end(), ", "))
                       : "measured";
      return cost;
    }
  }

  const std::vector<std::string> columns_;
  std::vector<Means> levels_;  // [n]: by the first n columns
  size_t measured_ = 0;
};

}  // namespace

CostEstimate EstimateCost(const SweepData& sweep, Section section) {
  CostEstimate estimate;
  if (!sweep.runs.has_value() || !sweep.times.has_value()) return estimate;
  const Estimator estimator(sweep, section);
  estimate.measured = estimator.measured();
  if (estimate.measured == 0) return estimate;
  std::map<std::pair<bool, std::string>, CostEstimate::Part> parts;
  for (const PlannedRun& run : ReferenceGrid(section)) {
    const Cost cost = estimator.CostOf(run);
    CostEstimate::Part& part = parts[{cost.extrapolated, cost.basis}];
    part.basis = cost.basis;
    part.extrapolated = cost.extrapolated;
    ++part.runs;
    part.hours += cost.seconds / 3600;
    estimate.hours += cost.seconds / 3600;
  }
  for (auto& part : parts) estimate.parts.push_back(std::move(part.second));
  return estimate;
}

}  // namespace polarize
