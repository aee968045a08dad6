// Training and evaluation of the classification experiment (section 4.2), in
// the reference's order of draws and batches.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_TRAINER_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "experiments/classification/data.h"
#include "experiments/model/batch_plan.h"
#include "experiments/model/model_config.h"
#include "experiments/model/observer.h"
#include "experiments/model/optimiser.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/model/row_plan.h"
#include "experiments/model/transformer.h"
#include "experiments/run/batch_order.h"
#include "kernels/base/parallel_for.h"
#include "kernels/base/random/torch_random.h"

namespace polarize {

struct ClassificationSetup {
  ModelConfig model;  // outputs: the labels; positions: seq_length
  ClassificationTask task;
  OptimiserConfig optimiser;
  size_t batch_size;
  bool sharing = true;  // equal rows once, see batch_plan.h
};

struct ClassificationEvaluation {
  double loss = 0;  // mean over samples
  double acc = 0;   // share of right predictions
};

// T is float, or double to see what rounding does.
template <typename T>
class ClassificationTrainer {
 public:
  // Draws the initial weights, then the data. parallel must outlive this. All
  // memory is taken here; the calls below allocate nothing.
  ClassificationTrainer(const ClassificationSetup& setup,
                        ParallelFor& parallel);

  const ClassificationSetup& setup() const { return setup_; }
  const ClassificationData& data() const { return data_; }
  Transformer<T>& model() { return model_; }
  // Bytes of planned memory, the data set not counted.
  size_t planned_bytes() const;
  // Steps of one epoch, and those taken so far.
  size_t steps_per_epoch() const;
  uint64_t step() const { return step_; }

  // Draws the order of the next epoch; then steps_per_epoch() steps are due.
  void StartEpoch();
  // The mean cross entropy of one batch at CLS before the update, then the
  // update. If the loss is not finite, nothing is updated: see Diagnose.
  double Step();
  // As Step without update: gradients of the next batch, which is used up.
  double LossAndGradients();
  // The samples of the batch that Step would take next.
  absl::Span<const uint32_t> NextBatch() const { return order_.Batch(batch_); }

  // Passes over the evaluation set. An observer sees the rows that it wants.
  // Draws nothing: the reference's draw for an evaluation is FinishEpoch's.
  ClassificationEvaluation Evaluate(AttentionObserver<T>* observer);
  // The draws of the reference's evaluation loader at the end of an epoch.
  void FinishEpoch() { order_.StartEvaluation(); }

  // Runs the model on n inputs of any tokens, batch by batch. `input` names the
  // positions() tokens of input i; `output`, called in ascending order, gets
  // its logits at CLS.
  void Predict(size_t n, absl::FunctionRef<const int32_t*(size_t)> input,
               AttentionObserver<T>* observer,
               absl::FunctionRef<void(size_t, absl::Span<const T>)> output);

  // The plan of the last batch.
  const RowPlan& plan() const { return plan_.plan(); }

  // After a loss that is not finite: which tensor is to blame, in words.
  std::string Diagnose() const {
    return DescribeDivergence<T>(model_.parameters(), model_.values());
  }

 private:
  ClassificationData DrawWeightsAndData();
  // The CLS rows alone reach the loss, with equal weights.
  Scoring ScoringOf(size_t samples) const {
    return {setup_.model.positions - 1, 0, 1 / static_cast<double>(samples)};
  }

  const ClassificationSetup setup_;
  ParallelFor& parallel_;
  Transformer<T> model_;
  TorchRandom random_;
  const ClassificationData data_;
  std::vector<uint32_t> order_memory_;
  BatchOrder order_;
  Optimiser<T> optimiser_;
  // A number per sample, equal for inputs that the model cannot tell apart.
  const std::vector<uint32_t> train_number_, eval_number_;
  BatchPlan plan_;
  size_t batch_ = 0;
  uint64_t step_ = 0;
};

// The output with the largest logit, the first of equal ones.
template <typename T>
size_t LargestLogit(absl::Span<const T> logits);

extern template class ClassificationTrainer<float>;
extern template class ClassificationTrainer<double>;
extern template size_t LargestLogit(absl::Span<const float>);
extern template size_t LargestLogit(absl::Span<const double>);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_TRAINER_H_
