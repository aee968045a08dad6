// Follows the first evaluation sample of each label through training: after
// every step, the attention at CLS of every layer and head, and the norm of
// layer 0's v_proj weight (without its bias).
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_TRACKER_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_TRACKER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/classification/trainer.h"
#include "experiments/run/figures.h"
#include "experiments/run/file.h"

namespace polarize {

class SampleTracker {
 public:
  // Writes into `folder`:
  //   tracking_samples.csv  label, sample, its tokens: one row per label
  //   tracking.csv          step, label, layer, head, v_proj_norm and the
  //                         weights of the tokens, in the sample's order
  // trainer must outlive this. steps: how many are expected.
  static absl::StatusOr<SampleTracker> Create(
      const std::string& folder, ClassificationTrainer<float>& trainer,
      size_t steps);

  // After a step.
  absl::Status Take();
  // Of the last Take.
  double v_proj_norm() const { return norm_; }

  // Puts tracking.csv under its final name.
  absl::Status Finish() { return csv_.Finish(); }

  // The paper's figure for one head: the weights of each token over steps, a
  // panel for each of the first two labels.
  PanelChart Chart(size_t layer, size_t head) const;

 private:
  // The weights at CLS of one step, for each (sample, layer, head, token).
  struct Point {
    uint64_t step;
    std::vector<float> weights;
  };

  SampleTracker(ClassificationTrainer<float>& trainer, AppendFile csv,
                size_t steps);
  size_t Index(size_t sample, size_t layer, size_t head) const;
  absl::Status WriteRows(uint64_t step, const std::vector<float>& weights);

  ClassificationTrainer<float>* trainer_;
  AppendFile csv_;
  std::vector<size_t> samples_;  // ascending labels
  std::set<int64_t> drawn_;      // steps that pictures show
  std::vector<Point> points_;    // of these
  double norm_ = 0;
};

// The first evaluation sample of each label that has one, by label.
std::vector<size_t> FirstOfEachLabel(const ClassificationSamples& samples,
                                     size_t num_labels);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_TRACKER_H_
