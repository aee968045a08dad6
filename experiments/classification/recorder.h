// Keeps what a classification run measures: metrics as it goes, pictures and
// the summary at its end.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_RECORDER_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "experiments/classification/flip.h"
#include "experiments/classification/report.h"
#include "experiments/classification/statistics.h"
#include "experiments/classification/tracker.h"
#include "experiments/classification/trainer.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/run_record.h"

namespace polarize {

class ClassificationRecorder {
 public:
  // folder must outlive this.
  static absl::StatusOr<ClassificationRecorder> Create(
      const RunFolder& folder, const ClassificationSetup& setup,
      const DistinctCounts& distinct);

  // A step: train/step_loss, and v_proj_norm where samples are tracked.
  absl::Status Step(int64_t step, int64_t epoch, double loss,
                    absl::optional<double> v_proj_norm);
  // The end of an epoch, with the reference's train/loss (mean over the epoch's
  // batches), eval/loss and eval/acc, and beside them the number of different
  // inputs that the evaluation rests on.
  absl::Status Epoch(int64_t step, int64_t epoch, double train_loss,
                     const ClassificationEvaluation& evaluation);
  // An evaluation with the attention statistics under the reference's keys.
  absl::Status Statistics(int64_t epoch, ClassificationPoint point);
  // The last point; there is one after Statistics.
  const ClassificationPoint& last() const { return points_.back(); }
  bool has_points() const { return !points_.empty(); }

  // Label mixing under the reference's keys, mixing/{layer}_{head}/...
  absl::Status Mixing(int64_t step, int64_t epoch,
                      const std::vector<MixingResult>& results);
  absl::Status AnyToken(int64_t step, int64_t epoch,
                        const AnyTokenResult& result);

  // See RunRecord.
  RunRecord& record() { return record_; }
  absl::Status Finish() { return record_.Finish(); }
  absl::Status Summarise(const std::string& state, const std::string& reason,
                         int64_t steps, double seconds) {
    return record_.Summarise(state, reason, steps, seconds);
  }

  // Loss, sparsity scores, row sums and entropies over training, the attention
  // maps of the observer's kept samples, and what the tracker (or nullptr)
  // followed. Returns a line for the user, or "".
  absl::StatusOr<std::string> Draw(const ClassificationData& data,
                                   const ClsObserver<float>& observer,
                                   size_t maps, const SampleTracker* tracker);

 private:
  ClassificationRecorder(const ClassificationSetup& setup,
                         const DistinctCounts& distinct, RunRecord record);

  ClassificationSetup setup_;
  DistinctCounts distinct_;
  RunRecord record_;
  std::vector<std::string> statistic_keys_;
  std::vector<ClassificationPoint> points_;
  std::vector<std::pair<int64_t, double>> losses_;  // step, loss
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_RECORDER_H_
