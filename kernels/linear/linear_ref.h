// Double reference of linear.h, from its formulas.
#ifndef POLARIZE_KERNELS_LINEAR_LINEAR_REF_H_
#define POLARIZE_KERNELS_LINEAR_LINEAR_REF_H_

#include <cstddef>
#include <vector>

namespace polarize {

// c[r, n] = sum_k a[r, k] b[k, n], each element of a and b read through a
// function of (row, column), and the sum of absolute products that bounds its
// rounding error.
struct ReferenceProduct {
  std::vector<double> value, magnitude;
};

template <class A, class B>
ReferenceProduct MultiplyRef(size_t rows, size_t terms, size_t columns, A a,
                             B b) {
  ReferenceProduct c;
  c.value.resize(rows * columns);
  c.magnitude.resize(rows * columns);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t n = 0; n < columns; ++n) {
      for (size_t k = 0; k < terms; ++k) {
        const double term = a(r, k) * b(k, n);
        c.value[r * columns + n] += term;
        c.magnitude[r * columns + n] += term < 0 ? -term : term;
      }
    }
  }
  return c;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LINEAR_LINEAR_REF_H_
