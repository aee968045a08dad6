#include "experiments/classification/trainer.h"

#include <algorithm>
#include <cmath>

namespace polarize {

template <typename T>
ClassificationTrainer<T>::ClassificationTrainer(
    const ClassificationSetup& setup, ParallelFor& parallel)
    : setup_(setup),
      parallel_(parallel),
      model_(setup.model, setup.batch_size, parallel),
      random_(setup.task.seed),
      data_(DrawWeightsAndData()),
      order_memory_(data_.train.num()),
      order_(random_, absl::MakeSpan(order_memory_), setup.batch_size),
      optimiser_(setup.optimiser, model_.parameters()),
      train_number_(InputNumbers(data_.train, SeesOrder(setup.model))),
      eval_number_(InputNumbers(data_.eval, SeesOrder(setup.model))),
      plan_(setup.model, setup.batch_size, setup.sharing) {}

template <typename T>
ClassificationData ClassificationTrainer<T>::DrawWeightsAndData() {
  std::vector<float> initial(model_.parameters().array_size());
  InitParameters(setup_.model, model_.parameters(), random_, initial.data());
  std::copy(initial.begin(), initial.end(), model_.values());
  return MakeClassificationData(setup_.task, random_);
}

template <typename T>
size_t ClassificationTrainer<T>::planned_bytes() const {
  const size_t indices =
      order_memory_.size() + train_number_.size() + eval_number_.size();
  return model_.arena_bytes() + optimiser_.bytes() + plan_.bytes() +
         indices * sizeof(uint32_t);
}

template <typename T>
size_t ClassificationTrainer<T>::steps_per_epoch() const {
  return (data_.train.num() + setup_.batch_size - 1) / setup_.batch_size;
}

template <typename T>
void ClassificationTrainer<T>::StartEpoch() {
  order_.StartTrainingEpoch(data_.train.num());
  batch_ = 0;
}

template <typename T>
double ClassificationTrainer<T>::LossAndGradients() {
  const absl::Span<const uint32_t> batch = NextBatch();
  plan_.Start(ScoringOf(batch.size()), nullptr, 0);
  for (const uint32_t i : batch) {
    const int32_t label = data_.train.label(i);
    plan_.Add(data_.train.Tokens(i), &label, train_number_[i]);
  }
  const RowPlan& plan = plan_.Finish();
  ++batch_;
  model_.Pack(/*backward=*/true);
  model_.Forward(plan);
  model_.Loss(plan, /*backward=*/true);
  double loss = 0;
  for (size_t s = 0; s < batch.size(); ++s) {
    loss += model_.loss()[plan_.Target(s, setup_.model.positions - 1)];
  }
  loss /= static_cast<double>(batch.size());
  if (std::isfinite(loss)) model_.Backward(plan);
  return loss;
}

template <typename T>
double ClassificationTrainer<T>::Step() {
  const double loss = LossAndGradients();
  if (!std::isfinite(loss)) return loss;
  ++step_;
  optimiser_.Step(step_, model_, parallel_);
  return loss;
}

template <typename T>
ClassificationEvaluation ClassificationTrainer<T>::Evaluate(
    AttentionObserver<T>* observer) {
  const size_t num = data_.eval.num();
  ClassificationEvaluation result;
  size_t right = 0;
  model_.Pack(/*backward=*/false);
  model_.SetObserver(observer);
  const size_t cls = setup_.model.positions - 1;
  for (size_t first = 0; first < num; first += plan_.sequences()) {
    plan_.Start(ScoringOf(num), observer, first);
    for (size_t i = first; i < num; ++i) {
      const int32_t label = data_.eval.label(i);
      if (!plan_.Add(data_.eval.Tokens(i), &label, eval_number_[i])) break;
    }
    const RowPlan& plan = plan_.Finish();
    model_.Forward(plan);
    model_.Loss(plan, /*backward=*/false);
    for (size_t s = 0; s < plan_.sequences(); ++s) {
      result.loss += model_.loss()[plan_.Target(s, cls)];
      right += model_.correct()[plan_.Target(s, cls)];
    }
  }
  model_.SetObserver(nullptr);
  result.loss /= static_cast<double>(num);
  result.acc = static_cast<double>(right) / static_cast<double>(num);
  return result;
}

template <typename T>
void ClassificationTrainer<T>::Predict(
    size_t n, absl::FunctionRef<const int32_t*(size_t)> input,
    AttentionObserver<T>* observer,
    absl::FunctionRef<void(size_t, absl::Span<const T>)> output) {
  model_.Pack(/*backward=*/false);
  model_.SetObserver(observer);
  const size_t cls = setup_.model.positions - 1;
  for (size_t first = 0; first < n; first += plan_.sequences()) {
    plan_.Start(ScoringOf(n), observer, first);
    for (size_t i = first; i < n && plan_.Add(input(i), nullptr); ++i) {
    }
    const T* logits = model_.Forward(plan_.Finish());
    for (size_t s = 0; s < plan_.sequences(); ++s) {
      output(first + s, absl::MakeConstSpan(logits + plan_.LogitsRow(s, cls) *
                                                         setup_.model.outputs,
                                            setup_.model.outputs));
    }
  }
  model_.SetObserver(nullptr);
}

template <typename T>
size_t LargestLogit(absl::Span<const T> logits) {
  return static_cast<size_t>(std::max_element(logits.begin(), logits.end()) -
                             logits.begin());
}

template class ClassificationTrainer<float>;
template class ClassificationTrainer<double>;
template size_t LargestLogit(absl::Span<const float>);
template size_t LargestLogit(absl::Span<const double>);

}  // namespace polarize
