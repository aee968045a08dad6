#include "experiments/model/optimiser.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace polarize {

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
      AdamWStep(rule_, step, model.gradients() + at, model.values() + at,
                first_moment_.data() + at, second_moment_.data() + at, n,
                parallel);
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
