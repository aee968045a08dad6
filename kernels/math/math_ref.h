// The functions of math.h and their derivatives in double, from the formulas.
#ifndef POLARIZE_KERNELS_MATH_MATH_REF_H_
#define POLARIZE_KERNELS_MATH_MATH_REF_H_

#include <cmath>

namespace polarize {
namespace reference {

inline double Exp(double x) { return std::exp(x); }
inline double Log(double x) { return std::log(x); }
inline double Erf(double x) { return std::erf(x); }

// Both forms are 1 / (1 + exp(-x)); each is accurate on its side.
inline double Sigmoid(double x) {
  if (x < 0) return std::exp(x) / (1 + std::exp(x));
  return 1 / (1 + std::exp(-x));
}

inline double Elu(double x) { return x < 0 ? std::expm1(x) : x; }

inline double NormalDistribution(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

// Its limit where the product would be -inf * 0.
inline double Gelu(double x) {
  return x == -INFINITY ? -0.0 : x * NormalDistribution(x);
}

inline double ExpDerivative(double x) { return std::exp(x); }
inline double LogDerivative(double x) { return 1 / x; }
inline double ErfDerivative(double x) {
  return 2 / std::sqrt(M_PI) * std::exp(-x * x);
}
inline double SigmoidDerivative(double x) { return Sigmoid(x) * Sigmoid(-x); }
inline double EluDerivative(double x) { return x < 0 ? std::exp(x) : 1; }
inline double GeluDerivative(double x) {
  const double density = std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
  return NormalDistribution(x) + (density == 0 ? 0 : x * density);
}

}  // namespace reference
}  // namespace polarize

#endif  // POLARIZE_KERNELS_MATH_MATH_REF_H_
