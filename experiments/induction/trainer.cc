#include "experiments/induction/trainer.h"

#include <algorithm>
#include <cmath>

#include "hwy/base.h"

namespace polarize {

template <typename T>
InductionTrainer<T>::InductionTrainer(const InductionSetup& setup,
                                      const InductionData& data,
                                      ParallelFor& parallel)
    : setup_(setup),
      data_(data),
      parallel_(parallel),
      model_(setup.model, setup.batch_size, parallel),
      random_(setup.task.seed),
      order_memory_(data.train.num()),
      order_(random_, absl::MakeSpan(order_memory_), setup.batch_size),
      optimiser_(setup.optimiser, model_.parameters()) {
  std::vector<float> initial(model_.parameters().array_size());
  InitParameters(setup.model, model_.parameters(), random_, initial.data());
  std::copy(initial.begin(), initial.end(), model_.values());
  FillPlan(setup.batch_size, plan_);  // the largest: later plans fit in
}

template <typename T>
size_t InductionTrainer<T>::planned_bytes() const {
  return model_.arena_bytes() + optimiser_.bytes() +
         order_memory_.size() * sizeof(uint32_t);
}

template <typename T>
size_t InductionTrainer<T>::steps_per_epoch() const {
  return (data_.train.num() + setup_.batch_size - 1) / setup_.batch_size;
}

template <typename T>
void InductionTrainer<T>::StartEpoch() {
  order_.StartTrainingEpoch(data_.train.num());
  batch_ = 0;
}

template <typename T>
void InductionTrainer<T>::FillPlan(size_t sequences, RowPlan& plan) const {
  const size_t positions = setup_.model.positions;
  MakeIdentityPlan(setup_.model.layers, sequences, positions,
                   setup_.model.causal, plan);
  const double n = static_cast<double>(sequences);
  const double aux =
      positions > 1
          ? setup_.aux_loss_weight / (n * static_cast<double>(positions - 1))
          : 0;
  for (size_t r = 0; r < plan.weight.size(); ++r) {
    plan.weight[r] = r % positions + 1 == positions ? 1 / n : aux;
  }
}

template <typename T>
void InductionTrainer<T>::SetSequence(const InductionSequences& from,
                                      size_t sequence, size_t slot,
                                      RowPlan& plan) const {
  const size_t positions = setup_.model.positions;
  std::copy_n(from.Input(sequence), positions,
              plan.token.begin() + slot * positions);
  std::copy_n(from.Target(sequence), positions,
              plan.target.begin() + slot * positions);
}

template <typename T>
InductionLoss InductionTrainer<T>::SumLoss(const RowPlan& plan) const {
  const size_t positions = setup_.model.positions;
  const double n = static_cast<double>(plan.contexts);
  InductionLoss loss;
  for (size_t r = 0; r < plan.target.size(); ++r) {
    (r % positions + 1 == positions ? loss.main : loss.start) +=
        model_.loss()[r];
  }
  loss.main /= n;
  if (positions > 1) loss.start /= n * static_cast<double>(positions - 1);
  loss.total = setup_.aux_loss_weight * loss.start + loss.main;
  return loss;
}

template <typename T>
absl::Span<const uint32_t> InductionTrainer<T>::NextBatch() const {
  return order_.Batch(batch_);
}

template <typename T>
InductionLoss InductionTrainer<T>::LossAndGradients() {
  const absl::Span<const uint32_t> batch = NextBatch();
  FillPlan(batch.size(), plan_);
  for (size_t i = 0; i < batch.size(); ++i) {
    SetSequence(data_.train, batch[i], i, plan_);
  }
  ++batch_;
  model_.Pack(/*backward=*/true);
  model_.Forward(plan_);
  model_.Loss(plan_, /*backward=*/true);
  const InductionLoss loss = SumLoss(plan_);
  if (std::isfinite(loss.total)) model_.Backward(plan_);
  return loss;
}

template <typename T>
InductionLoss InductionTrainer<T>::Step() {
  const InductionLoss loss = LossAndGradients();
  if (!std::isfinite(loss.total)) return loss;
  ++step_;
  optimiser_.Step(step_, model_, parallel_);
  return loss;
}

template <typename T>
InductionEvaluation InductionTrainer<T>::Evaluate(
    StatisticsObserver<T>* observer) {
  const size_t positions = setup_.model.positions, num = data_.eval.num();
  InductionEvaluation result;
  size_t right = 0, right_last = 0, batches = 0;
  model_.Pack(/*backward=*/false);
  model_.SetObserver(observer);
  for (size_t first = 0; first < num; first += setup_.batch_size, ++batches) {
    const size_t sequences = std::min(setup_.batch_size, num - first);
    FillPlan(sequences, plan_);
    for (size_t i = 0; i < sequences; ++i) {
      SetSequence(data_.eval, first + i, i, plan_);
    }
    if (observer != nullptr) observer->StartBatch(first);
    model_.Forward(plan_);
    model_.Loss(plan_, /*backward=*/false);
    const InductionLoss loss = SumLoss(plan_);
    result.loss.total += loss.total;
    result.loss.start += loss.start;
    result.loss.main += loss.main;
    for (size_t r = 0; r < sequences * positions; ++r) {
      right += model_.correct()[r];
      if (r % positions + 1 == positions) right_last += model_.correct()[r];
    }
  }
  model_.SetObserver(nullptr);
  const double n = static_cast<double>(num);
  result.loss.total /= static_cast<double>(batches);
  result.loss.start /= static_cast<double>(batches);
  result.loss.main /= static_cast<double>(batches);
  result.acc_all =
      static_cast<double>(right) / (n * static_cast<double>(positions));
  result.acc_induction = static_cast<double>(right_last) / n;
  return result;
}

template <typename T>
const T* InductionTrainer<T>::EvaluationLogits(size_t n) {
  if (n > data_.eval.num()) {
    HWY_ABORT("%zu of %zu evaluation sequences", n, data_.eval.num());
  }
  FillPlan(n, plan_);
  for (size_t i = 0; i < n; ++i) SetSequence(data_.eval, i, i, plan_);
  model_.Pack(/*backward=*/false);
  return model_.Forward(plan_);
}

template class InductionTrainer<float>;
template class InductionTrainer<double>;

}  // namespace polarize
