// The definition of swiglu.h, in double.
#ifndef POLARIZE_KERNELS_SWIGLU_SWIGLU_REF_H_
#define POLARIZE_KERNELS_SWIGLU_SWIGLU_REF_H_

#include <cmath>

namespace polarize {

// Longer than double, which is itself an instance to be tested.
inline double SwiGluRef(double gate, double up) {
  const long double x = gate;
  return static_cast<double>(x / (1 + std::exp(-x)) * up);
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SWIGLU_SWIGLU_REF_H_
