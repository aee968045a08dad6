#include "tools/report/coverage.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

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

// The value that runs have whose line in the list does not name the column: a
// list names only what differs from the defaults. A row of such a run tells, or
// else the one value of the reference's grid that the list never names.
std::string DefaultOf(const std::string& column,
                      const std::vector<PlannedRun>& grid,
                      const std::unordered_map<std::string, size_t>& index,
                      const SweepData& sweep, Section section) {
  for (size_t row = 0; sweep.runs.has_value() && row < sweep.runs->size();
       ++row) {
    const auto found = index.find(std::string(sweep.runs->Text(row, "run_id")));
    if (found == index.end() || !ValueOf(grid[found->second], column).empty()) {
      continue;
    }
    const std::string value = PlainValue(sweep.runs->Text(row, column));
    if (!value.empty()) return value;
  }
  std::set<std::string> values;
  for (const PlannedRun& run : ReferenceGrid(section)) {
    values.insert(ValueOf(run, column));
  }
  for (const PlannedRun& run : grid) values.erase(ValueOf(run, column));
  return values.size() == 1 && !values.begin()->empty() ? *values.begin()
                                                        : "(default)";
}

// Numbers by size, other values as they come.
void SortValues(std::vector<Coverage::Value>& values) {
  std::stable_sort(values.begin(), values.end(),
                   [](const Coverage::Value& a, const Coverage::Value& b) {
                     return IsSmallerNumber(a.value, b.value);
                   });
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
    std::string otherwise;  // found when it is first asked for
    for (size_t i = 0; i < grid.size(); ++i) {
      const std::string value = ValueOf(grid[i], column);
      if (value.empty() && otherwise.empty()) {
        otherwise = DefaultOf(column, grid, index, sweep, section);
      }
      Coverage::Value& counted =
          ValueIn(axis, value.empty() ? otherwise : value);
      ++counted.planned;
      if (over[i]) ++counted.over;
    }
    SortValues(axis.values);
    coverage.axes.push_back(std::move(axis));
  }
  return coverage;
}

}  // namespace polarize
