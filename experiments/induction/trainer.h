// Training and evaluation of the induction experiment (section 4.1) and of the
// tasks beside it (data.h), in the reference's order of draws and batches.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_TRAINER_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "experiments/induction/data.h"
#include "experiments/model/activation_means.h"
#include "experiments/model/batch_plan.h"
#include "experiments/model/intervention.h"
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

struct InductionSetup {
  ModelConfig model;
  InductionTask task;
  OptimiserConfig optimiser;
  size_t batch_size;
  double aux_loss_weight;
  bool sharing = true;  // equal rows once, see batch_plan.h
};

// loss = aux_loss_weight * start + main: main is the mean cross entropy of the
// positions where the answer is due (InductionSequences::AnswerAt: the last one
// of each sequence, or the trigger), start that of all others. In training with
// an aux_loss_weight of 0, rows that only `start` needs are not computed if
// rows are shared and the answer is due at the last position, and it is NaN.
struct InductionLoss {
  double total = 0, start = 0, main = 0;
};

struct InductionEvaluation {
  InductionLoss loss;        // unweighted means over batches
  double acc_all = 0;        // share of right predictions at all positions
  double acc_induction = 0;  // where the answer is due
  double acc_start = 0;      // at all other positions
};

// T is float, or double to see what rounding does.
template <typename T>
class InductionTrainer {
 public:
  // Draws the initial weights. data and parallel must outlive this. All memory
  // is taken here; the calls below allocate nothing.
  InductionTrainer(const InductionSetup& setup, const InductionData& data,
                   ParallelFor& parallel);

  Transformer<T>& model() { return model_; }
  // Bytes of planned memory, the data set not counted.
  size_t planned_bytes() const;
  // Steps of one epoch, and those taken so far.
  size_t steps_per_epoch() const;
  uint64_t step() const { return step_; }

  // Draws the order of the next epoch; then steps_per_epoch() steps are due.
  void StartEpoch();
  // The loss of one batch before the update, then the update. If the loss is
  // not finite, nothing is updated: see Diagnose.
  InductionLoss Step();
  // As Step without update: gradients of the next batch, which is used up.
  InductionLoss LossAndGradients();
  // The sequences of the batch that Step would take next.
  absl::Span<const uint32_t> NextBatch() const;

  // Passes over the evaluation set. An observer sees the rows that it wants.
  // Draws nothing: the reference's draw for an evaluation is FinishEpoch's.
  // intervention: what is changed meanwhile inside the model, or null.
  InductionEvaluation Evaluate(AttentionObserver<T>* observer,
                               const Intervention<T>* intervention = nullptr);
  // The draws of the reference's evaluation loader at the end of an epoch.
  void FinishEpoch() { order_.StartEvaluation(); }

  // Means over all positions of all evaluation sequences. Takes memory.
  ActivationMeans<T> EvaluationMeans();

  // Logits of the first n evaluation sequences (at most one batch, and as many
  // as there are: aborts otherwise): n * T rows.
  const T* EvaluationLogits(size_t n);

  // The plan of the last batch.
  const RowPlan& plan() const { return plan_.plan(); }

  // After a loss that is not finite: which tensor is to blame, in words.
  std::string Diagnose() const {
    return DescribeDivergence<T>(model_.parameters(), model_.values());
  }

 private:
  // Targets at positions first, ..., in a batch of n.
  Scoring ScoringOf(size_t first, size_t n) const;
  // The scored positions, from first_scored, of sequence i join the plan.
  void AddToPlan(const InductionSequences& sequences, size_t i,
                 size_t first_scored);
  // The plan of the evaluation sequences first, ..., first + n - 1.
  const RowPlan& EvaluationPlan(size_t first, size_t n,
                                const ObserverInterest* interest);
  InductionLoss SumLoss(size_t first_scored) const;

  const InductionSetup setup_;
  const InductionData& data_;
  ParallelFor& parallel_;
  Transformer<T> model_;
  TorchRandom random_;
  std::vector<uint32_t> order_memory_;
  BatchOrder order_;
  Optimiser<T> optimiser_;
  BatchPlan plan_;
  std::vector<size_t> answers_at_;  // of the plan's sequences
  std::vector<T> logits_;           // of EvaluationLogits
  size_t batch_ = 0;
  uint64_t step_ = 0;
};

extern template class InductionTrainer<float>;
extern template class InductionTrainer<double>;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_TRAINER_H_
