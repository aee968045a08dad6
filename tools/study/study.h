// Runs of section 4.1's model compared by two fields of their configs: what
// attention does and how well the task is solved, over seeds.
#ifndef POLARIZE_TOOLS_STUDY_STUDY_H_
#define POLARIZE_TOOLS_STUDY_STUDY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/run/bar_chart.h"
#include "experiments/run/csv.h"
#include "tools/sweeps/run_table.h"

namespace polarize {

// A quantity over the runs of a cell; NaN without any.
struct Spread {
  double mean, least, most;
};

// The finished runs that have one value of each field.
struct StudyCell {
  std::string row, bar;
  size_t runs = 0;    // finished
  size_t ended = 0;   // diverged or failed
  size_t solved = 0;  // accuracy above kSolvedAccuracy
  Spread accuracy;
  // Of the last layer, means over its heads: the share of a row's weight that
  // is on the first token, what its weights add up to, and its entropy in nats.
  Spread sink_share, row_sum, entropy;
};

struct Study {
  std::vector<std::string> rows, bars;  // the fields' values
  std::vector<StudyCell> cells;         // row after row
  double most_entropy = 0;  // of rows of equal weights, the last layer's mean
};

// Fields are columns of the table, such as attention_type and optimizer; their
// values are in the order in which they come. An error names a column that is
// missing. Runs may differ in depth and in heads.
absl::StatusOr<Study> CompareRuns(const RunTable& runs, const std::string& row,
                                  const std::string& bar);

// The cells as a table of numbers, and as one of Markdown.
CsvTable StudyCsv(const Study& study);
std::string StudyMarkdown(const Study& study);

// Accuracy, sink share and entropy over that of equal weights: a group of bars
// per row, whiskers from the least to the greatest run.
BarChart StudyChart(const Study& study, const std::string& name);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_STUDY_STUDY_H_
