#include "experiments/induction/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
      optimiser_(setup.optimiser, model_.parameters()),
      plan_(setup.model, setup.batch_size, setup.sharing),
      logits_(std::min(setup.batch_size, data.eval.num()) *
              setup.model.positions * setup.model.outputs) {
  answers_at_.reserve(setup.batch_size);
  std::vector<float> initial(model_.parameters().array_size());
  InitParameters(setup.model, model_.parameters(), random_, initial.data());
  std::copy(initial.begin(), initial.end(), model_.values());
}

template <typename T>
size_t InductionTrainer<T>::planned_bytes() const {
  return model_.arena_bytes() + optimiser_.bytes() + plan_.bytes() +
         order_memory_.size() * sizeof(uint32_t) +
         answers_at_.capacity() * sizeof(size_t) + logits_.size() * sizeof(T);
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
Scoring InductionTrainer<T>::ScoringOf(size_t first, size_t n) const {
  const double sequences = static_cast<double>(n);
  const double before = static_cast<double>(setup_.model.positions - 1);
  return {first, setup_.aux_loss_weight / (sequences * before), 1 / sequences};
}

template <typename T>
const RowPlan& InductionTrainer<T>::EvaluationPlan(
    size_t first, size_t n, const ObserverInterest* interest) {
  plan_.Start(ScoringOf(0, n), interest, first);
  answers_at_.clear();
  for (size_t i = first; i < first + n; ++i) AddToPlan(data_.eval, i, 0);
  return plan_.Finish();
}

template <typename T>
void InductionTrainer<T>::AddToPlan(const InductionSequences& sequences,
                                    size_t i, size_t first_scored) {
  const size_t answer = sequences.AnswerAt(i);
  plan_.Add(sequences.Input(i), sequences.Target(i) + first_scored,
            static_cast<uint32_t>(i), answer);
  answers_at_.push_back(answer);
}

template <typename T>
InductionLoss InductionTrainer<T>::SumLoss(size_t first_scored) const {
  const size_t last = setup_.model.positions - 1;
  const double n = static_cast<double>(plan_.sequences());
  InductionLoss loss;
  for (size_t s = 0; s < plan_.sequences(); ++s) {
    for (size_t t = first_scored; t <= last; ++t) {
      double& part = t == answers_at_[s] ? loss.main : loss.start;
      part += model_.loss()[plan_.Target(s, t)];
    }
  }
  loss.main /= n;
  loss.total = loss.main;
  if (first_scored == last) {
    loss.start = std::numeric_limits<double>::quiet_NaN();
  } else {
    loss.start /= n * static_cast<double>(last);
    loss.total += setup_.aux_loss_weight * loss.start;
  }
  return loss;
}

template <typename T>
absl::Span<const uint32_t> InductionTrainer<T>::NextBatch() const {
  return order_.Batch(batch_);
}

template <typename T>
InductionLoss InductionTrainer<T>::LossAndGradients() {
  const absl::Span<const uint32_t> batch = NextBatch();
  const bool answers_alone = setup_.sharing && setup_.aux_loss_weight == 0 &&
                             setup_.task.kind == TaskKind::kInduction;
  const size_t first_scored = answers_alone ? setup_.model.positions - 1 : 0;
  plan_.Start(ScoringOf(first_scored, batch.size()), nullptr, 0);
  answers_at_.clear();
  for (const uint32_t i : batch) AddToPlan(data_.train, i, first_scored);
  const RowPlan& plan = plan_.Finish();
  ++batch_;
  model_.Pack(/*backward=*/true);
  model_.Forward(plan);
  model_.Loss(plan, /*backward=*/true);
  const InductionLoss loss = SumLoss(first_scored);
  if (std::isfinite(loss.total)) model_.Backward(plan);
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
    AttentionObserver<T>* observer, const Intervention<T>* intervention) {
  const size_t positions = setup_.model.positions, num = data_.eval.num();
  InductionEvaluation result;
  size_t right = 0, right_answers = 0, batches = 0;
  model_.Pack(/*backward=*/false);
  model_.SetObserver(observer);
  model_.SetIntervention(intervention);
  for (size_t first = 0; first < num; first += setup_.batch_size, ++batches) {
    const size_t sequences = std::min(setup_.batch_size, num - first);
    const RowPlan& plan = EvaluationPlan(first, sequences, observer);
    model_.Forward(plan);
    model_.Loss(plan, /*backward=*/false);
    const InductionLoss loss = SumLoss(0);
    result.loss.total += loss.total;
    result.loss.start += loss.start;
    result.loss.main += loss.main;
    for (size_t s = 0; s < sequences; ++s) {
      for (size_t t = 0; t < positions; ++t) {
        right += model_.correct()[plan_.Target(s, t)];
      }
      right_answers += model_.correct()[plan_.Target(s, answers_at_[s])];
    }
  }
  model_.SetIntervention(nullptr);
  model_.SetObserver(nullptr);
  const double n = static_cast<double>(num);
  result.loss.total /= static_cast<double>(batches);
  result.loss.start /= static_cast<double>(batches);
  result.loss.main /= static_cast<double>(batches);
  result.acc_all =
      static_cast<double>(right) / (n * static_cast<double>(positions));
  result.acc_induction = static_cast<double>(right_answers) / n;
  result.acc_start = static_cast<double>(right - right_answers) /
                     (n * static_cast<double>(positions - 1));
  return result;
}

template <typename T>
ActivationMeans<T> InductionTrainer<T>::EvaluationMeans() {
  ActivationMeans<T> means(setup_.model);
  // Of the identity plan, whose rows all count the same.
  BatchPlan plan(setup_.model, setup_.batch_size, /*sharing=*/false);
  const size_t num = data_.eval.num();
  model_.Pack(/*backward=*/false);
  for (size_t first = 0; first < num; first += setup_.batch_size) {
    plan.Start({0}, nullptr, first);
    for (size_t i = first; i < std::min(first + setup_.batch_size, num); ++i) {
      plan.Add(data_.eval.Input(i), nullptr);
    }
    model_.Forward(plan.Finish());
    means.Add(model_, plan.plan());
  }
  means.Finish();
  return means;
}

template <typename T>
const T* InductionTrainer<T>::EvaluationLogits(size_t n) {
  if (n > data_.eval.num()) {
    HWY_ABORT("%zu of %zu evaluation sequences", n, data_.eval.num());
  }
  const size_t positions = setup_.model.positions;
  const size_t outputs = setup_.model.outputs;
  if (n > setup_.batch_size) {
    HWY_ABORT("logits of %zu sequences, room for %zu", n, setup_.batch_size);
  }
  const RowPlan& plan = EvaluationPlan(0, n, nullptr);
  model_.Pack(/*backward=*/false);
  const T* logits = model_.Forward(plan);
  for (size_t row = 0; row < n * positions; ++row) {
    std::copy_n(
        logits + plan_.LogitsRow(row / positions, row % positions) * outputs,
        outputs, logits_.begin() + row * outputs);
  }
  return logits_.data();
}

template class InductionTrainer<float>;
template class InductionTrainer<double>;

}  // namespace polarize
