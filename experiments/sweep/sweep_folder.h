// The folder of a sweep, on which several processes may work, on one machine or
// on a file system that machines share:
//
//   sweep.textproto     the sweep's config
//   runs.tsv            its list (see RunsTable)
//   numerics.textproto  the fingerprint of its numbers (see numerics.h)
//   lock                a byte of it is locked for every run in flight
//   runs/ID/            the run folders, each with log.txt, and failure.json
//                       in place of summary.json if the run broke off
//
// Locks are the operating system's (fcntl), so they end with the process that
// holds them, however it ends.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_SWEEP_FOLDER_H_
#define POLARIZE_EXPERIMENTS_SWEEP_SWEEP_FOLDER_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/sweep/sweep_list.h"

namespace polarize {

// How far a run is, by what its folder holds.
struct RunOutcome {
  enum State {
    kNotOver,  // not begun, interrupted or killed
    kFinished,
    kDiverged,
    kFailed,  // broke off: to be tried again by the next sweep
  };
  State state = kNotOver;
  std::string reason;  // of the last two
  double seconds = 0;  // that it took, if it is over

  bool over() const { return state == kFinished || state == kDiverged; }
};

// How far the run is whose folder is runs/ID in `sweep`, which need not be
// there. An error if a file of the run is damaged.
absl::StatusOr<RunOutcome> OutcomeIn(const std::string& sweep,
                                     absl::string_view id);

class SweepFolder {
 public:
  // Makes the folder, or takes one of the same experiment whose runs are all in
  // the list; the list may have grown. Where its runs have other numerics, that
  // is an error, unless `mixed` allows it.
  static absl::StatusOr<SweepFolder> Open(const std::string& path,
                                          const SweepList& list,
                                          const std::string& numerics,
                                          bool mixed);

  const std::string& path() const { return path_; }
  std::string RunPath(absl::string_view id) const;
  std::string LogPath(absl::string_view id) const;

  absl::StatusOr<RunOutcome> Outcome(absl::string_view id) const {
    return OutcomeIn(path_, id);
  }

  // Whether another process has the run in flight.
  bool IsTaken(absl::string_view id) const;

  // Takes the run for this process until the process ends; false if another one
  // has it. At most one run per process, which closes no file called `lock`.
  absl::StatusOr<bool> Take(absl::string_view id) const;

  // Writes failure.json.
  absl::Status RecordFailure(absl::string_view id,
                             absl::string_view reason) const;

 private:
  explicit SweepFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_SWEEP_FOLDER_H_
