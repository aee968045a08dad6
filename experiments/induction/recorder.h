// Keeps what an induction run measures: metrics.jsonl and TensorBoard's files
// as it goes, pictures and summary.json at its end.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_RECORDER_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/induction/data.h"
#include "experiments/induction/levels.h"
#include "experiments/induction/report.h"
#include "experiments/induction/statistics.h"
#include "experiments/induction/trainer.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/run_record.h"

namespace polarize {

class InductionRecorder {
 public:
  // folder must outlive this. steps: how many are expected.
  static absl::StatusOr<InductionRecorder> Create(const RunFolder& folder,
                                                  const InductionSetup& setup,
                                                  size_t steps);

  // The loss of a step: train/step_loss, train/step_loss_start (all positions
  // but the last), train/step_loss_main; train/lr where it is not constant.
  absl::Status Step(int64_t step, int64_t epoch, const InductionLoss& loss);
  // The end of an epoch, with the reference's train/loss (mean over the epoch's
  // batches), eval/loss, eval/acc_all and eval/acc_induction.
  absl::Status Epoch(int64_t step, int64_t epoch, double train_loss,
                     const InductionEvaluation& evaluation);
  // An evaluation with the attention statistics under the reference's keys (of
  // the trigger task, what it calls noop and trigger in place of start, main
  // and induction).
  absl::Status Statistics(int64_t epoch, InductionPoint point);
  // The last point; there is one after Statistics.
  const InductionPoint& last() const { return points_.back(); }
  // The same model under interventions, after its last Statistics: lines of
  // metrics whose keys begin with intervention/NAME/, and interventions.csv, a
  // row for the model as it is and one for each.
  absl::Status Interventions(std::vector<InterventionPoint> points);
  const std::vector<InterventionPoint>& interventions() const {
    return interventions_;
  }
  bool has_points() const { return !points_.empty(); }

  RunRecord& record() { return record_; }

  // Puts metrics.jsonl under its final name.
  absl::Status Finish() { return record_.Finish(); }

  // Losses, sink scores, row sums and entropies over training, and the
  // attention maps of the observer's kept sequences; accuracies under
  // interventions, if there were some. Returns a line for the
  // user, or "".
  absl::StatusOr<std::string> Draw(const InductionData& data,
                                   const InductionLevels& levels,
                                   const StatisticsObserver<float>& observer,
                                   size_t maps);

  // See RunRecord.
  absl::Status Summarise(const std::string& state, const std::string& reason,
                         int64_t steps, double seconds) {
    return record_.Summarise(state, reason, steps, seconds);
  }

 private:
  InductionRecorder(const InductionSetup& setup, RunRecord record);

  // values_ <- those of an evaluation; of a point.
  void SetValues(const InductionEvaluation& evaluation);
  void SetValues(const InductionPoint& point);

  InductionSetup setup_;
  RunRecord record_;
  std::vector<std::string> statistic_keys_;
  std::vector<NamedValue> values_;
  std::vector<InductionPoint> points_;
  int64_t last_epoch_ = 0;  // of points_
  std::vector<InterventionPoint> interventions_;
  std::vector<std::pair<int64_t, double>> losses_;  // step, loss
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_RECORDER_H_
