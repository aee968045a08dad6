// A run repeated as its program ran it: from its config to a folder.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_WHOLE_REPETITION_H_
#define POLARIZE_EXPERIMENTS_INSPECT_WHOLE_REPETITION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/inspect/recorded_run.h"

namespace polarize {

// A folder that is removed with all that is in it.
class TemporaryFolder {
 public:
  // Below TMPDIR, or /tmp.
  static absl::StatusOr<TemporaryFolder> Create();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

struct WholeRepetitionOptions {
  std::string out;      // the new run's folder
  std::string scratch;  // for what the process prints
  uint64_t most_steps = 0;
  bool eval_only = false;
  bool weights = false;  // whether they are to be written
  int threads = 0;       // as --threads
  int argc = 0;          // for the new run's environment
  const char* const* argv = nullptr;
};

// Runs it in a process of its own, which shows its progress on stderr, and
// draws no pictures. OK once there is a summary.json, of a run that diverged
// too; after Ctrl-C it is an error of the code kCancelled.
absl::Status RepeatWhole(const RecordedRun& run, const Repetition& how,
                         const WholeRepetitionOptions& options);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_WHOLE_REPETITION_H_
