// The folder that holds all that a run leaves.
#ifndef POLARIZE_EXPERIMENTS_RUN_RUN_FOLDER_H_
#define POLARIZE_EXPERIMENTS_RUN_RUN_FOLDER_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/run/json.h"
#include "protos/environment.pb.h"

namespace polarize {

struct RunFolderOptions {
  // Where to; empty: runs/EXPERIMENT-TIME below the directory that the user
  // typed the command in (BUILD_WORKING_DIRECTORY, else the current one), with
  // "-2", "-3" ... behind it if another run took the name.
  std::string path;
  std::string experiment;
  // Take a folder that holds a finished or broken run, and remove that run's
  // files first.
  bool overwrite = false;
  absl::Time start = absl::Now();
};

class RunFolder {
 public:
  // Makes the folder and those above it, and writes to it to see that it can.
  // An error if it holds a run (see `overwrite`), and in any case if a living
  // process writes there: two runs never share a folder.
  static absl::StatusOr<RunFolder> Create(const RunFolderOptions& options);

  // Removes the files of a run that is over from the folder, if there is one,
  // and the folder where nothing else is left in it.
  static absl::Status Clear(const std::string& path);

  const std::string& path() const { return path_; }
  // The path of a file in it.
  std::string File(absl::string_view name) const;

  // config.textproto: the configuration with everything resolved.
  absl::Status WriteConfig(absl::string_view textproto) const;
  // environment.textproto.
  absl::Status WriteEnvironment(const Environment& environment) const;
  // summary.json. Written last: it says that the run finished.
  absl::Status WriteSummary(JsonLine& summary) const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// "induction-20240131-235959": the time in UTC.
std::string DefaultRunName(absl::string_view experiment, absl::Time start);

// What this program can tell by itself: compiler, build mode, processor, SIMD
// target in use, start and command line. Commit, threads and seed are the
// caller's.
Environment DescribeEnvironment(absl::Time start, int argc,
                                const char* const* argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_RUN_FOLDER_H_
