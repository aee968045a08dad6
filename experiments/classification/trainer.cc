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
      optimiser_(setup.optimiser, model_.parameters()) {
  FillPlan(setup.batch_size);  // the largest: later plans fit in
}

template <typename T>
ClassificationData ClassificationTrainer<T>::DrawWeightsAndData() {
  std::vector<float> initial(model_.parameters().array_size());
  InitParameters(setup_.model, model_.parameters(), random_, initial.data());
  std::copy(initial.begin(), initial.end(), model_.values());
  return MakeClassificationData(setup_.task, random_);
}

template <typename T>
size_t ClassificationTrainer<T>::planned_bytes() const {
  return model_.arena_bytes() + optimiser_.bytes() +
         order_memory_.size() * sizeof(uint32_t);
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
void ClassificationTrainer<T>::FillPlan(size_t samples) {
  const size_t positions = setup_.model.positions;
  MakeIdentityPlan(setup_.model.layers, samples, positions, setup_.model.causal,
                   plan_);
  plan_.output.row.resize(samples);
  for (size_t i = 0; i < samples; ++i) {
    plan_.output.row[i] = static_cast<uint32_t>((i + 1) * positions - 1);
  }
  plan_.output.Finish(samples * positions);
  plan_.target.assign(samples, 0);
  plan_.weight.assign(samples, 1 / static_cast<double>(samples));
}

template <typename T>
void ClassificationTrainer<T>::SetInput(const int32_t* tokens, size_t slot) {
  const size_t positions = setup_.model.positions;
  std::copy_n(tokens, positions, plan_.token.begin() + slot * positions);
}

template <typename T>
double ClassificationTrainer<T>::LossAndGradients() {
  const absl::Span<const uint32_t> batch = NextBatch();
  FillPlan(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    SetInput(data_.train.Tokens(batch[i]), i);
    plan_.target[i] = data_.train.label(batch[i]);
  }
  ++batch_;
  model_.Pack(/*backward=*/true);
  model_.Forward(plan_);
  model_.Loss(plan_, /*backward=*/true);
  double loss = 0;
  for (size_t i = 0; i < batch.size(); ++i) loss += model_.loss()[i];
  loss /= static_cast<double>(batch.size());
  if (std::isfinite(loss)) model_.Backward(plan_);
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
    SampleObserver<T>* observer) {
  const size_t num = data_.eval.num();
  ClassificationEvaluation result;
  size_t right = 0;
  model_.Pack(/*backward=*/false);
  model_.SetObserver(observer);
  for (size_t first = 0; first < num; first += setup_.batch_size) {
    const size_t samples = std::min(setup_.batch_size, num - first);
    FillPlan(samples);
    for (size_t i = 0; i < samples; ++i) {
      SetInput(data_.eval.Tokens(first + i), i);
      plan_.target[i] = data_.eval.label(first + i);
    }
    if (observer != nullptr) observer->StartBatch(first);
    model_.Forward(plan_);
    model_.Loss(plan_, /*backward=*/false);
    for (size_t i = 0; i < samples; ++i) {
      result.loss += model_.loss()[i];
      right += model_.correct()[i];
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
    SampleObserver<T>* observer,
    absl::FunctionRef<void(size_t, absl::Span<const T>)> output) {
  model_.Pack(/*backward=*/false);
  model_.SetObserver(observer);
  for (size_t first = 0; first < n; first += setup_.batch_size) {
    const size_t samples = std::min(setup_.batch_size, n - first);
    FillPlan(samples);
    for (size_t i = 0; i < samples; ++i) SetInput(input(first + i), i);
    if (observer != nullptr) observer->StartBatch(first);
    const T* logits = model_.Forward(plan_);
    for (size_t i = 0; i < samples; ++i) {
      output(first + i, absl::MakeConstSpan(logits + i * setup_.model.outputs,
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
