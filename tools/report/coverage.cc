#include "tools/report/coverage.h"

#include <unordered_map>

#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

// What a planned run and its row have in common.
std::string KeyOfRun(const PlannedRun& run, bool has_list) {
  if (has_list) return run.id;
  std::string key;
  for (const Condition& value : run.values) {
    absl::StrAppend(&key, value.value, "\n");
  }
  return key;
}

std::string KeyOfRow(const RunTable& runs, size_t row,
                     const std::vector<PlannedRun>& grid, bool has_list) {
  if (has_list) return std::string(runs.Text(row, "run_id"));
  std::string key;
  for (const Condition& value : grid[0].values) {
    absl::StrAppend(&key, PlainValue(runs.Text(row, value.column)), "\n");
  }
  return key;
}

// Counts a row by how it ended; false if it is not over.
bool CountRow(absl::string_view state, Coverage& coverage) {
  if (state == "finished") {
    ++coverage.finished;
  } else if (state == "diverged") {
    ++coverage.diverged;
  } else if (state == "failed") {
    ++coverage.failed;
  } else {
    return false;
  }
  return true;
}

Coverage::Value& ValueIn(Coverage::AxisCoverage& axis,
                         const std::string& value) {
  for (Coverage::Value& known : axis.values) {
    if (known.value == value) return known;
  }
  axis.values.emplace_back();
  axis.values.back().value = value;
  return axis.values.back();
}

}  // namespace

Coverage CoverageOf(const SweepData& sweep, Section section) {
  Coverage coverage;
  coverage.has_list = !sweep.planned.empty();
  const std::vector<PlannedRun> grid =
      coverage.has_list ? sweep.planned : ReferenceGrid(section);
  coverage.planned = grid.size();
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < grid.size(); ++i) {
    index.emplace(KeyOfRun(grid[i], coverage.has_list), i);
  }
  std::vector<bool> over(grid.size());
  for (size_t row = 0; sweep.runs.has_value() && row < sweep.runs->size();
       ++row) {
    const auto found =
        index.find(KeyOfRow(*sweep.runs, row, grid, coverage.has_list));
    if (found == index.end()) {
      ++coverage.foreign;
    } else if (!over[found->second]) {
      over[found->second] = CountRow(sweep.runs->Text(row, "state"), coverage);
    }
  }
  coverage.not_run = coverage.planned - coverage.finished - coverage.diverged -
                     coverage.failed;
  for (const std::string& column : Axes(grid)) {
    Coverage::AxisCoverage axis;
    axis.column = column;
    for (size_t i = 0; i < grid.size(); ++i) {
      const std::string value = ValueOf(grid[i], column);
      Coverage::Value& counted =
          ValueIn(axis, value.empty() ? "(default)" : value);
      ++counted.planned;
      if (over[i]) ++counted.over;
    }
    coverage.axes.push_back(std::move(axis));
  }
  return coverage;
}

}  // namespace polarize
