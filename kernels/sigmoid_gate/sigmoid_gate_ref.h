// The definition of sigmoid_gate.h for one element, in double.
#ifndef POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_REF_H_
#define POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_REF_H_

#include <cmath>

namespace polarize {

// Longer than double, which is itself an instance to be tested.
inline double SigmoidGateRef(double x, double gate) {
  const long double g = gate;
  return static_cast<double>(x / (1 + std::exp(-g)));
}

// Of the gate, from how far it is open.
inline double SigmoidGateGradientRef(double x, double open, double dy) {
  const long double s = open;
  return static_cast<double>(dy * x * s * (1 - s));
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_REF_H_
