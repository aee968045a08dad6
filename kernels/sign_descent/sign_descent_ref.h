// The definition of sign_descent.h for one element, in double.
#ifndef POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_REF_H_
#define POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_REF_H_

namespace polarize {

inline double SignDescentStepRef(double lr, double weight_decay, double g,
                                 double p) {
  const double sign = g > 0 ? 1 : g < 0 ? -1 : g;
  return p - lr * weight_decay * p - lr * sign;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_REF_H_
