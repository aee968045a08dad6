// The definition of large_product.h, one output at a time, in double.
#ifndef POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_REF_H_
#define POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_REF_H_

#include <cmath>
#include <cstddef>

namespace polarize {

struct LargeProductRefSum {
  double value = 0, magnitude = 0;  // of all terms
};

// x: a row of `inner`; w: a column, whose elements stand `outer` apart.
inline LargeProductRefSum LargeProductRef(const double* x, const double* w,
                                          size_t inner, size_t outer) {
  LargeProductRefSum sum;
  for (size_t i = 0; i < inner; ++i) {
    sum.value += x[i] * w[i * outer];
    sum.magnitude += std::abs(x[i] * w[i * outer]);
  }
  return sum;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LARGE_PRODUCT_LARGE_PRODUCT_REF_H_
