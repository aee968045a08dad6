// The runs of one family, from its config to the files in its folder.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FAMILY_RUN_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FAMILY_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "experiments/run/run_folder.h"
#include "experiments/value_softmax/claims.h"
#include "experiments/value_softmax/phase_diagram.h"
#include "experiments/value_softmax/run_result.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// A piece of work that depends on no other.
struct RunTask {
  double cost;  // in operations, roughly: the longest begin first
  std::function<void(RunProgress&)> run;
};

class FamilyRun {
 public:
  // config: from LoadValueSoftmaxConfig. Plans every run and its memory.
  FamilyRun(std::string name, ValueSoftmaxConfig config);
  FamilyRun(const FamilyRun&) = delete;
  FamilyRun& operator=(const FamilyRun&) = delete;

  const std::string& name() const { return name_; }
  const ValueSoftmaxConfig& config() const { return config_; }

  // The runs, which write where this object is.
  std::vector<RunTask> Tasks();
  size_t run_count() const;
  // Steps of all descents together; those that ended runs took.
  int64_t steps() const;
  int64_t steps_taken() const;
  // With so many threads.
  size_t planned_bytes(size_t threads) const;
  // "3 descents, 11100000 steps; 1 flow to t = 1e+12": a line about the plan.
  std::string PlanText() const;

  // Its descents and flows; none of a phase diagram.
  const std::vector<RunResult>& runs() const { return runs_; }

  // After the tasks: the folder's files but environment.textproto, pictures and
  // summary included.
  absl::Status Write(const RunFolder& folder, double seconds);

  // "finished", "interrupted", "gave up" or "diverged": the worst of the runs.
  const char* state() const;
  // The lines to print: runs that diverged or gave up, a phase diagram's
  // counts, the table of claims.
  std::string EndText() const;
  // Whether a run diverged or gave up.
  bool failed() const;
  // Why runs did not finish, in a line.
  std::string reason() const;
  // The paper's claims, held against the runs; after Write().
  const std::vector<Claim>& claims() const { return claims_; }
  // Whether some claim is false.
  bool claims_fail() const;
  // A line for the user about pictures, or "".
  const std::string& notice() const { return notice_; }

 private:
  void AddRun(RunResult::Kind kind, size_t variant, std::string label,
              const ValueSoftmaxConfig& config);
  absl::Status WriteHistories(const RunFolder& folder) const;
  absl::Status WriteMetrics(const RunFolder& folder, double seconds) const;
  absl::Status WriteClaims(const RunFolder& folder) const;
  absl::Status Draw(const RunFolder& folder);

  const std::string name_;
  const ValueSoftmaxConfig config_;
  std::vector<RunResult> runs_;
  std::vector<Claim> claims_;
  std::unique_ptr<PhaseDiagram> phase_;  // of two axes, in place of runs_
  size_t bytes_ = 0;
  std::string notice_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FAMILY_RUN_H_
