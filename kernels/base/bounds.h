// Accuracy that the kernels promise, in one place: headers cite these names and
// tests assert them against a double reference. ULP means units in the last
// place of the exact result, in float32.
#ifndef POLARIZE_KERNELS_BASE_BOUNDS_H_
#define POLARIZE_KERNELS_BASE_BOUNDS_H_

namespace polarize {

inline constexpr double kExpUlp = 1.0;
inline constexpr double kFastExpUlp = 1.25;   // softmax's own
inline constexpr double kExpDoubleUlp = 1.2;  // of double
inline constexpr double kLogUlp = 1.0;
// Relative, also where the result is small.
inline constexpr double kSigmoidUlp = 3.0;
inline constexpr double kErfUlp = 3.0;
inline constexpr double kEluUlp = 3.0;
// GELU cancels far left of 0: relative from -2 on, absolute below.
inline constexpr double kGeluUlp = 3.0;
inline constexpr float kGeluUlpFrom = -2.0f;
inline constexpr double kGeluAbsolute = 2e-7;
// Derivatives at x. GELU's passes through 0, so it and erf's are absolute.
inline constexpr double kSigmoidDerivativeUlp = 5.0;
// Of dy y (1 - y), with both products rounded; 1 - y is exact from 1/2 on.
inline constexpr double kSigmoidValueGradientUlp = 2.5;
inline constexpr double kErfDerivativeAbsolute = 3e-7;
inline constexpr double kGeluDerivativeAbsolute = 3e-7;
// Each element of a row against the exact softmax of the float32 x - max.
inline constexpr double kSoftmaxUlp = 5.0;
// Relative: the logistic function's and two products.
inline constexpr double kSwigluUlp = 5.0;
// Relative: the logistic function's and one product. Of the gate's gradient:
// three products and 1 - y.
inline constexpr double kSigmoidGateUlp = 5.0;
inline constexpr double kSigmoidGateGradientUlp = 4.0;
// In units of the scalar type's epsilon, relative to the sizes that the headers
// name.
inline constexpr double kLayerNormEpsilons = 4.0;
inline constexpr double kLayerNormGradientEpsilons = 8.0;
inline constexpr double kRmsNormEpsilons = 4.0;
inline constexpr double kRmsNormGradientEpsilons = 8.0;
inline constexpr double kCrossEntropyEpsilons = 3.0;
inline constexpr double kAdamWEpsilons = 3.0;
inline constexpr double kSgdEpsilons = 3.5;
inline constexpr double kSignDescentEpsilons = 1.5;
inline constexpr double kValueSoftmaxEpsilons = 2.0;

// Roundings per term of a product's sum: one where multiply-add is fused, two
// where it is not.
inline constexpr double kDotTerms = 2.0;
// Roundings that do not grow with the terms: bias, residual and one to spare.
inline constexpr double kDotRoundings = 3.0;

// Attention, per term of its sums (over a head's width and over the keys).
inline constexpr double kAttentionTerms = 0.5;
// Sums and entropies of attention rows, in epsilons relative to their terms.
inline constexpr double kAttentionRowEpsilons = 4.0;
// Of a whole gradient, |error| / |gradient| in the Euclidean norm, in float.
inline constexpr double kAttentionGradientNorm = 4e-6;
// Of dx_j, times y_j (|dy_j| + sum_k y_k |dy_k|).
inline constexpr double kSoftmaxGradientRelative = 0x1p-21;

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_BOUNDS_H_
