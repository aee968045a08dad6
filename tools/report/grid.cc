#include "tools/report/grid.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace polarize {
namespace {

struct Axis {
  std::string column;
  std::vector<std::string> values;
};

const std::vector<std::string>& AttentionTypes() {
  static const auto& kTypes =
      *new std::vector<std::string>{"softmax",
                                    "uniform",
                                    "sigmoid_norm",
                                    "sigmoid_unnorm",
                                    "linear",
                                    "linear_unnorm",
                                    "coupled_linear_norm",
                                    "coupled_linear_unnorm",
                                    "raw_dotproduct_norm",
                                    "raw_dotproduct_unnorm",
                                    "mlp_norm",
                                    "mlp_unnorm"};
  return kTypes;
}

std::vector<Axis> ReferenceAxes(Section section) {
  const std::vector<std::string> seeds = {"0", "1", "2", "3", "4"};
  const std::vector<std::string> booleans = {"False", "True"};
  const std::vector<std::string> rates = {"0.01", "0.001", "0.0001"};
  if (section == Section::kInduction) {
    return {{"seed", seeds},
            {"shift_query_token", booleans},
            {"num_heads", {"1", "2", "4", "8"}},
            {"attention_type", AttentionTypes()},
            {"positional_type", {"concat", "add", "no"}},
            {"lr", rates},
            {"aux_loss_weight", {"0", "0.2"}}};
  }
  return {{"seed", seeds},
          {"vocab_size", {"41", "81", "161"}},
          {"num_layers", {"1", "2"}},
          {"num_heads", {"1", "2", "4"}},
          {"use_mlp", booleans},
          {"use_layernorm", booleans},
          {"attention_type", AttentionTypes()},
          {"lr", rates}};
}

}  // namespace

std::vector<PlannedRun> ReferenceGrid(Section section) {
  std::vector<PlannedRun> grid(1);
  for (const Axis& axis : ReferenceAxes(section)) {
    std::vector<PlannedRun> larger;
    for (const PlannedRun& run : grid) {
      for (const std::string& value : axis.values) {
        larger.push_back(run);
        larger.back().values.push_back({axis.column, PlainValue(value)});
      }
    }
    grid = std::move(larger);
  }
  return grid;
}

std::vector<std::string> Axes(const std::vector<PlannedRun>& grid) {
  std::vector<std::string> columns;
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, size_t> counts;
  for (const PlannedRun& run : grid) {
    for (const Condition& value : run.values) {
      if (values[value.column].empty()) columns.push_back(value.column);
      values[value.column].insert(value.value);
      ++counts[value.column];
    }
  }
  // A field that some runs do not name has its default there.
  columns.erase(std::remove_if(columns.begin(), columns.end(),
                               [&](const std::string& column) {
                                 return values[column].size() < 2 &&
                                        counts[column] == grid.size();
                               }),
                columns.end());
  return columns;
}

std::string ValueOf(const PlannedRun& run, const std::string& column) {
  for (const Condition& value : run.values) {
    if (value.column == column) return value.value;
  }
  return "";
}

}  // namespace polarize
