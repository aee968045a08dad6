// Rounding to bfloat16 for the tests of linear_bf16.h, by arithmetic and not by
// bits.
#ifndef POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_REF_H_
#define POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_REF_H_

#include <cmath>

namespace polarize {

// The nearest number with 8 significant bits, ties to even. For numbers that
// are 0 or not denormal and round to less than 2^128.
inline double RoundToBF16Ref(double x) {
  if (x == 0) return x;
  int exponent;
  std::frexp(x, &exponent);
  const double unit = std::ldexp(1.0, exponent - 8);
  return std::nearbyint(x / unit) * unit;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_LINEAR_BF16_LINEAR_BF16_REF_H_
