// Runs a list of runs, each in a process of its own.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_SCHEDULER_H_
#define POLARIZE_EXPERIMENTS_SWEEP_SCHEDULER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/run/flags.h"
#include "experiments/sweep/section.h"
#include "experiments/sweep/sweep_folder.h"
#include "experiments/sweep/sweep_list.h"

namespace polarize {

struct SchedulerOptions {
  size_t jobs = 1;         // runs at a time
  bool fail_fast = false;  // a run that diverges or fails ends it all
  RunFlags run;            // of every run; config, out and settings aside
  int argc = 0;            // recorded in each run's environment
  const char* const* argv = nullptr;
};

struct SweepCounts {
  size_t finished = 0, diverged = 0, failed = 0;
  size_t skipped = 0;  // were over before: also counted in the first two
  size_t left = 0;     // not over
};

struct SweepResult {
  SweepCounts counts;
  int signal = 0;        // that ended it, or 0
  bool stopped = false;  // by fail_fast
};

// Brings every run of the list to its end that is not over, in the list's
// order, and shows a live line. A run that diverges or breaks off (also by a
// crash) is recorded with its reason. Runs that another process has in flight
// are waited for, and taken over should it die. The first SIGINT or SIGTERM
// ends the runs in flight, which count as not over; the second kills them.
//
// An error if a result could not be recorded or the disk is full; the runs in
// flight are then brought to their end first. The process must have one thread.
absl::StatusOr<SweepResult> RunSweep(const SweepFolder& folder,
                                     const std::vector<SweepRun>& runs,
                                     Section& section,
                                     const SchedulerOptions& options);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_SCHEDULER_H_
