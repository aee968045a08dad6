#include "experiments/model/optimiser.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/adamw/adamw.h"
#include "kernels/sgd/sgd.h"
#include "kernels/sign_descent/sign_descent.h"

namespace polarize {
namespace {

// Running values per parameter.
size_t MomentsOf(UpdateRule rule) {
  switch (rule) {
    case UpdateRule::kAdamW:
      return 2;
    case UpdateRule::kMomentum:
      return 1;
    case UpdateRule::kSgd:
    case UpdateRule::kSign:
      break;
  }
  return 0;
}

}  // namespace

template <typename T>
Optimiser<T>::Optimiser(const OptimiserConfig& config,
                        const Parameters& parameters)
    : config_(config),
      first_moment_(MomentsOf(config.rule) >= 1 ? parameters.array_size() : 0),
      second_moment_(MomentsOf(config.rule) >= 2 ? parameters.array_size()
                                                 : 0) {}

template <typename T>
void Optimiser<T>::UpdateRange(uint64_t step, size_t at, size_t n,
                               Transformer<T>& model, ParallelFor& parallel) {
  const OptimiserConfig& c = config_;
  const double lr = LearningRate(c, step);
  const T* const gradients = model.gradients() + at;
  T* const values = model.values() + at;
  switch (c.rule) {
    case UpdateRule::kAdamW:
      return AdamWStep({lr, c.beta1, c.beta2, c.epsilon, c.weight_decay}, step,
                       gradients, values, first_moment_.data() + at,
                       second_moment_.data() + at, n, parallel);
    case UpdateRule::kSgd:
      return SgdStep({lr, c.momentum, c.weight_decay}, gradients, values, n,
                     parallel);
    case UpdateRule::kMomentum:
      return MomentumStep({lr, c.momentum, c.weight_decay}, gradients, values,
                          first_moment_.data() + at, n, parallel);
    case UpdateRule::kSign:
      return SignDescentStep({lr, c.weight_decay}, gradients, values, n,
                             parallel);
  }
}

// One pass over each stretch of neighbouring trained parameters (the gaps
// between them are zero and stay so).
template <typename T>
void Optimiser<T>::Step(uint64_t step, Transformer<T>& model,
                        ParallelFor& parallel) {
  const std::vector<Parameter>& list = model.parameters().list();
  for (size_t i = 0; i < list.size();) {
    size_t end = i;
    while (end < list.size() && list[end].trained) ++end;
    if (end > i) {
      const size_t at = list[i].offset;
      const size_t n = list[end - 1].offset + list[end - 1].size - at;
      UpdateRange(step, at, n, model, parallel);
    }
    i = end + 1;
  }
}

template <typename T>
std::string DescribeDivergence(const Parameters& parameters, const T* values) {
  std::string largest;
  double size = -1;
  for (const Parameter& p : parameters.list()) {
    for (size_t i = 0; i < p.size; ++i) {
      const double value = std::abs(values[p.offset + i]);
      if (!std::isfinite(value)) {
        return absl::StrCat("parameter ", p.name, " is not finite");
      }
      if (value > size) {
        size = value;
        largest = p.name;
      }
    }
  }
  return absl::StrCat("every parameter is finite, the largest is ", size,
                      " in ", largest, ": the activations overflowed");
}

template class Optimiser<float>;
template class Optimiser<double>;
template std::string DescribeDivergence(const Parameters&, const float*);
template std::string DescribeDivergence(const Parameters&, const double*);

}  // namespace polarize
