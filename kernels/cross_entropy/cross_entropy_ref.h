// The definition of cross_entropy.h for one row, in double.
#ifndef POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_REF_H_
#define POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_REF_H_

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace polarize {

// Longer than double, which is itself an instance to be tested.
struct CrossEntropyRefRow {
  long double max, sum, loss;
  bool correct;
};

// For logits without NaN.
inline CrossEntropyRefRow CrossEntropyRef(const double* logits, size_t width,
                                          size_t target) {
  const double* const first_max = std::max_element(logits, logits + width);
  CrossEntropyRefRow row = {*first_max, 0, 0, logits + target == first_max};
  for (size_t c = 0; c < width; ++c) row.sum += std::exp(logits[c] - row.max);
  row.loss = std::log(row.sum) + (row.max - logits[target]);
  return row;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_CROSS_ENTROPY_CROSS_ENTROPY_REF_H_
