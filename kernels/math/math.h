// Elementwise functions of arrays and their gradients.
//
// Formulas, n elements each, dx = dy y':
//   Exp      y = e^x                       y' = e^x
//   Log      y = ln x                      y' = 1 / x
//   Erf      y = erf(x)                    y' = 2 / sqrt(pi) e^(-x^2)
//   Sigmoid  y = 1 / (1 + e^-x)            y' = y (1 - y)
//   Elu      y = x if x >= 0 else e^x - 1  y' = 1 if x >= 0 else e^x
//   Gelu     y = x Phi(x)                  y' = Phi(x) + x phi(x)
//
// Phi and phi are the normal distribution and its density, Phi(x) =
// (1 + erf(x / sqrt(2))) / 2: GELU in its exact form (Hendrycks and Gimpel,
// 2016). ELU is Clevert, Unterthiner and Hochreiter's (2015) with alpha = 1.
//
// Shapes: x, y, dy and dx have n elements, any n and any alignment.
// Requirements: arrays are equal or do not overlap.
// Aliasing: y may be x; dx may be x or dy. y and dx are overwritten.
//
// Special values: NaN gives NaN. At -inf and inf
//   Exp 0, inf;  Erf -1, 1;  Sigmoid 0, 1;  Elu -1, inf;  Gelu -0, inf;
//   Log NaN, inf; log of both zeros is -inf, of negative numbers NaN;
// and the derivatives take their limits (then times dy: 0 times inf is NaN).
// Erf, Elu and Gelu keep the sign of a zero. Denormals are kept.
//
// Accuracy (kernels/base/bounds.h), in float against the exact value of the
// float32 x: kExpUlp, kLogUlp, kErfUlp, kSigmoidUlp and kEluUlp for every x;
// kGeluUlp for x >= kGeluUlpFrom, kGeluAbsolute below. Derivatives, before the
// product with dy rounds: kExpUlp for Exp and Elu, exact for Log up to one
// division, kSigmoidDerivativeUlp, kErfDerivativeAbsolute and
// kGeluDerivativeAbsolute. In double: a few ULP, from libm; it exists for
// gradient checks and is slow.
//
// Determinism: an element's bits depend on its x (and dy) and the instruction
// set only, not on its place in the array.
// Cost: one pass, no scratch. Results of 32 MiB or more bypass the caches,
// unless they are in place.
#ifndef POLARIZE_KERNELS_MATH_MATH_H_
#define POLARIZE_KERNELS_MATH_MATH_H_

#include <cstddef>

namespace polarize {

void Exp(const float* x, float* y, size_t n);
void Exp(const double* x, double* y, size_t n);
void Log(const float* x, float* y, size_t n);
void Log(const double* x, double* y, size_t n);
void Erf(const float* x, float* y, size_t n);
void Erf(const double* x, double* y, size_t n);
void Sigmoid(const float* x, float* y, size_t n);
void Sigmoid(const double* x, double* y, size_t n);
void Elu(const float* x, float* y, size_t n);
void Elu(const double* x, double* y, size_t n);
void Gelu(const float* x, float* y, size_t n);
void Gelu(const double* x, double* y, size_t n);

// dx = dy times the derivative at x.
void ExpGradient(const float* x, const float* dy, float* dx, size_t n);
void ExpGradient(const double* x, const double* dy, double* dx, size_t n);
void LogGradient(const float* x, const float* dy, float* dx, size_t n);
void LogGradient(const double* x, const double* dy, double* dx, size_t n);
void ErfGradient(const float* x, const float* dy, float* dx, size_t n);
void ErfGradient(const double* x, const double* dy, double* dx, size_t n);
void SigmoidGradient(const float* x, const float* dy, float* dx, size_t n);
void SigmoidGradient(const double* x, const double* dy, double* dx, size_t n);
// The same from y = Sigmoid(x): dx = dy y (1 - y), several times as fast.
// Within kSigmoidValueGradientUlp of that for the y given, which near y = 1
// knows less than x does: from x = 17 on y is 1, and dx 0. dx may be y or dy.
void SigmoidGradientFromValue(const float* y, const float* dy, float* dx,
                              size_t n);
void SigmoidGradientFromValue(const double* y, const double* dy, double* dx,
                              size_t n);
void EluGradient(const float* x, const float* dy, float* dx, size_t n);
void EluGradient(const double* x, const double* dy, double* dx, size_t n);
void GeluGradient(const float* x, const float* dy, float* dx, size_t n);
void GeluGradient(const double* x, const double* dy, double* dx, size_t n);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_MATH_MATH_H_
