// The update of a model's trained parameters, and what to say when training
// leaves the finite numbers.
#ifndef POLARIZE_EXPERIMENTS_MODEL_OPTIMISER_H_
#define POLARIZE_EXPERIMENTS_MODEL_OPTIMISER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "experiments/model/optimiser_config.h"
#include "experiments/model/parameters.h"
#include "experiments/model/transformer.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// What the rule remembers of every parameter: AdamW two running means, momentum
// a running sum, the others nothing. T as in Transformer.
template <typename T>
class Optimiser {
 public:
  Optimiser(const OptimiserConfig& config, const Parameters& parameters);

  size_t bytes() const {
    return (first_moment_.size() + second_moment_.size()) * sizeof(T);
  }

  // Update number `step`, from 1, with the model's gradients, at the rate that
  // the schedule has for it. Parameters that are not trained stay as they are.
  // Allocates nothing.
  void Step(uint64_t step, Transformer<T>& model, ParallelFor& parallel);

 private:
  // The n parameters from `at` on.
  void UpdateRange(uint64_t step, size_t at, size_t n, Transformer<T>& model,
                   ParallelFor& parallel);

  const OptimiserConfig config_;
  std::vector<T> first_moment_, second_moment_;
};

// After a loss that is not finite: which tensor of `values` is to blame, in
// words.
template <typename T>
std::string DescribeDivergence(const Parameters& parameters, const T* values);

extern template class Optimiser<float>;
extern template class Optimiser<double>;
extern template std::string DescribeDivergence(const Parameters&, const float*);
extern template std::string DescribeDivergence(const Parameters&,
                                               const double*);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_OPTIMISER_H_
