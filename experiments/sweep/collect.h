// Gathers the runs of a sweep, wherever its shards ran, into one table.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_COLLECT_H_
#define POLARIZE_EXPERIMENTS_SWEEP_COLLECT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/csv.h"

namespace polarize {

struct CollectOptions {
  // Fill _runtime (seconds) and _timestamp (the start, in seconds since 1970),
  // which differ from run to run of equal results.
  bool times = false;
  // Take runs of different numerics into one table, which then has a column
  // `numerics` that tells them apart.
  bool allow_mixed_numerics = false;
};

struct CollectResult {
  std::string experiment;  // "induction" or "classification"
  // The reference's table: induction_data.csv or classification_data.csv's. A
  // row per run that is over, in the order of the sweep's list.
  CsvTable data;
  // Beside it: id, seconds, start_time, cpu, simd_target, commit.
  CsvTable times;
  // How many rows there are of each state. Those of runs that diverged or
  // failed have no metrics.
  size_t finished = 0, diverged = 0, failed = 0;
  // Ids of listed runs that are not over in any folder, in the list's order.
  std::vector<std::string> missing;
  // Folders that have the name of a run that the list lacks, sorted: left out.
  std::vector<std::string> unlisted;
};

// Collects one sweep from `folders`, each of which holds its whole list
// (runs.tsv) and some of its runs. The result does not depend on the order of
// the folders, nor on how the runs are spread over them; a run that is over in
// several counts once, and one that broke off in some counts as it ended in
// others.
// Errors, naming both places and what differs: lists that differ, runs of
// different experiments, different ends, configs or results of one run, and
// runs of different numerics (but see `options`). Files that cannot be read or
// are damaged are errors that name them, and so is a sweep without any run that
// is over.
absl::StatusOr<CollectResult> Collect(absl::Span<const std::string> folders,
                                      const CollectOptions& options);

// Writes EXPERIMENT_data.csv and EXPERIMENT_times.csv into `folder`, which is
// made if need be, each whole or not at all. Returns the first one's path.
absl::StatusOr<std::string> WriteCollected(const CollectResult& result,
                                           const std::string& folder);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_COLLECT_H_
