// The choices that make an attention kind (score, activation, normaliser,
// sink), each with its gradient, and the table of kinds. To add one: a struct
// below, a row in `Kinds` (CONTRIBUTING.md).
#if defined(POLARIZE_KERNELS_ATTENTION_KINDS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_ATTENTION_KINDS_INL_H_
#undef POLARIZE_KERNELS_ATTENTION_KINDS_INL_H_
#else
#define POLARIZE_KERNELS_ATTENTION_KINDS_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <string_view>
#include <tuple>

#include "hwy/highway.h"
#include "kernels/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// elu(x) + 1, and its derivative from its value f: 1 above f = 1, f below.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V EluPlusOneValue(D d, V x) {
  const V one = hn::Set(d, hn::TFromD<D>(1));
  // The exponential of a positive x is anything, and not used.
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Add(x, one),
                        ExpOfNonPositive(d, x));
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V EluPlusOneSlope(D d, V f) {
  return hn::Min(f, hn::Set(d, hn::TFromD<D>(1)));
}

// ---------------------------------------------------------------- scores

// s = c q.k
struct ScaledDot {
  static constexpr bool kSharedMlp = false;
  static constexpr bool kFeatures = false;
  static constexpr bool kScaled = true;
  using Kernel = ScaledDot;
};

// s = (elu(q) + 1).(elu(k) + 1), without the scale (the paper prints one).
struct FeatureProduct {
  static constexpr bool kSharedMlp = false;
  static constexpr bool kFeatures = true;
  static constexpr bool kScaled = false;
  using Kernel = FeatureProduct;
};

// s = c m(q).m(k): whoever calls applies m to q and k first.
struct SharedMlp {
  static constexpr bool kSharedMlp = true;
  using Kernel = ScaledDot;
};

// ----------------------------------------------------------- activations
// Value: a from s. Slope: da/ds from a. What else there is to say, with what
// holds for most:

struct ActivationTraits {
  static constexpr bool kUsesScores = true;
  static constexpr bool kSigned = false;  // a may be negative
  // The row's largest score is subtracted first (only under a normaliser that
  // cancels it).
  static constexpr bool kShift = false;
  // Bias(keys) is subtracted first.
  static constexpr bool kBias = false;
  template <typename T>
  static T Bias(size_t) {
    return T(0);
  }
};

struct ExpActivation : ActivationTraits {
  static constexpr bool kShift = true;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    return ExpOfNonPositive(d, s);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D, V a) {
    return a;
  }
};

// exp(s) as it is: infinite where it overflows.
struct UnshiftedExp : ActivationTraits {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    return Exp(d, s);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D, V a) {
    return a;
  }
};

struct SigmoidActivation : ActivationTraits {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    return Sigmoid(d, s);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V a) {
    return SigmoidDerivative(d, a);
  }
};

// 1 / (1 + e^-(s - ln J)): of J keys with scores of 0, the weights add up to
// about 1, as softmax's do.
struct BiasedSigmoid : SigmoidActivation {
  static constexpr bool kBias = true;
  template <typename T>
  static T Bias(size_t keys) {
    return std::log(static_cast<T>(keys));
  }
};

struct EluPlusOne : ActivationTraits {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    return EluPlusOneValue(d, s);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V a) {
    return EluPlusOneSlope(d, a);
  }
};

// max(s, 0); the derivative at 0 is 0, as PyTorch has it.
struct Relu : ActivationTraits {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    const V zero = hn::Zero(d);
    return hn::IfThenElse(hn::Lt(s, zero), zero, s);  // NaN stays NaN
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V a) {
    const auto flat = hn::Le(a, hn::Zero(d));
    return hn::IfThenElse(flat, hn::Zero(d), hn::Set(d, hn::TFromD<D>(1)));
  }
};

struct Identity : ActivationTraits {
  static constexpr bool kSigned = true;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D, V s) {
    return s;
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V) {
    return hn::Set(d, hn::TFromD<D>(1));
  }
};

// The score of a product of features that are positive: no change, no sign.
struct PositiveIdentity : Identity {
  static constexpr bool kSigned = false;
};

// a = 1 whatever q and k are.
struct Uniform : ActivationTraits {
  static constexpr bool kUsesScores = false;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V) {
    return hn::Set(d, hn::TFromD<D>(1));
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V) {
    return hn::Zero(d);
  }
};

// ------------------------------------------------------------ normalisers
// Divisor: from the row's sum of a. Slope: its derivative by that sum.

struct Sum {
  static constexpr bool kNormalised = true;
  template <typename T>
  static HWY_INLINE T Divisor(T sum) {
    return sum;
  }
  template <typename T>
  static HWY_INLINE T Slope(T) {
    return T(1);
  }
};

struct SumPlusEpsilon {
  static constexpr bool kNormalised = true;
  template <typename T>
  static HWY_INLINE T Divisor(T sum) {
    return sum + T(1e-9);
  }
  template <typename T>
  static HWY_INLINE T Slope(T) {
    return T(1);
  }
};

// max(|sum|, 1): the gradient reaches the sum only where |sum| > 1.
struct AbsSumAtLeastOne {
  static constexpr bool kNormalised = false;
  template <typename T>
  static HWY_INLINE T Divisor(T sum) {
    const T size = std::abs(sum);
    return size < T(1) ? T(1) : size;  // NaN stays NaN
  }
  template <typename T>
  static HWY_INLINE T Slope(T sum) {
    return sum > T(1) ? T(1) : sum < T(-1) ? T(-1) : T(0);
  }
};

struct NoNormaliser {
  static constexpr bool kNormalised = false;
  template <typename T>
  static HWY_INLINE T Divisor(T) {
    return T(1);
  }
  template <typename T>
  static HWY_INLINE T Slope(T) {
    return T(0);
  }
};

// ----------------------------------------------------------------- sinks
// A sink is one more key that every row sees, of value 0: its score is the
// logit, its activation joins the row's sum. Logit: of a head, from the array
// of learned ones.

struct NoSink {
  static constexpr bool kSink = false, kLearned = false;
  template <typename T>
  static HWY_INLINE T Logit(const T*, size_t) {
    return T(0);
  }
};

struct ZeroSink : NoSink {
  static constexpr bool kSink = true;
};

struct LearnedSink {
  static constexpr bool kSink = true, kLearned = true;
  template <typename T>
  static HWY_INLINE T Logit(const T* logits, size_t head) {
    return logits[head];
  }
};

// ------------------------------------------------------------- the table

template <class ScoreT, class ActivationT, class NormaliserT,
          class SinkT = NoSink>
struct Kind {
  using Score = ScoreT;
  using Activation = ActivationT;
  using Normaliser = NormaliserT;
  using Sink = SinkT;
  // A sink keeps a part of the row for itself.
  static constexpr bool kNormalised = Normaliser::kNormalised && !Sink::kSink;
  // The same kind as the kernels see it, after any MLP on q and k.
  using Kernel = Kind<typename ScoreT::Kernel, ActivationT, NormaliserT, SinkT>;
};

// clang-format off
struct SoftmaxKind : Kind<ScaledDot, ExpActivation, Sum> { static constexpr char kName[] = "softmax"; };
struct UniformKind : Kind<ScaledDot, Uniform, SumPlusEpsilon> { static constexpr char kName[] = "uniform"; };
struct SigmoidNorm : Kind<ScaledDot, SigmoidActivation, SumPlusEpsilon> { static constexpr char kName[] = "sigmoid_norm"; };
struct SigmoidUnnorm : Kind<ScaledDot, SigmoidActivation, NoNormaliser> { static constexpr char kName[] = "sigmoid_unnorm"; };
struct LinearNorm : Kind<FeatureProduct, PositiveIdentity, SumPlusEpsilon> { static constexpr char kName[] = "linear"; };
struct LinearUnnorm : Kind<FeatureProduct, PositiveIdentity, NoNormaliser> { static constexpr char kName[] = "linear_unnorm"; };
struct CoupledLinearNorm : Kind<ScaledDot, EluPlusOne, SumPlusEpsilon> { static constexpr char kName[] = "coupled_linear_norm"; };
struct CoupledLinearUnnorm : Kind<ScaledDot, EluPlusOne, NoNormaliser> { static constexpr char kName[] = "coupled_linear_unnorm"; };
struct RawDotproductNorm : Kind<ScaledDot, Identity, AbsSumAtLeastOne> { static constexpr char kName[] = "raw_dotproduct_norm"; };
struct RawDotproductUnnorm : Kind<ScaledDot, Identity, NoNormaliser> { static constexpr char kName[] = "raw_dotproduct_unnorm"; };
struct MlpNorm : Kind<SharedMlp, Identity, AbsSumAtLeastOne> { static constexpr char kName[] = "mlp_norm"; };
struct MlpUnnorm : Kind<SharedMlp, Identity, NoNormaliser> { static constexpr char kName[] = "mlp_unnorm"; };
// Beyond the paper.
struct SoftmaxOne : Kind<ScaledDot, ExpActivation, Sum, ZeroSink> { static constexpr char kName[] = "softmax_1"; };
struct SoftmaxSink : Kind<ScaledDot, ExpActivation, Sum, LearnedSink> { static constexpr char kName[] = "softmax_sink"; };
struct ExpUnnorm : Kind<ScaledDot, UnshiftedExp, NoNormaliser> { static constexpr char kName[] = "exp_unnorm"; };
struct SigmoidBias : Kind<ScaledDot, BiasedSigmoid, NoNormaliser> { static constexpr char kName[] = "sigmoid_bias"; };
struct ReluNorm : Kind<ScaledDot, Relu, SumPlusEpsilon> { static constexpr char kName[] = "relu_norm"; };
struct ReluUnnorm : Kind<ScaledDot, Relu, NoNormaliser> { static constexpr char kName[] = "relu_unnorm"; };
// clang-format on

template <class... K>
struct KindList {
  static constexpr size_t kSize = sizeof...(K);
  template <size_t kIndex>
  using At = std::tuple_element_t<kIndex, std::tuple<K...>>;
  // kSize if there is none.
  static constexpr size_t IndexOf(std::string_view name) {
    size_t index = 0;
    const bool found = ((name == K::kName || (++index, false)) || ...);
    return found ? index : kSize;
  }
};

using Kinds =
    KindList<SoftmaxKind, UniformKind, SigmoidNorm, SigmoidUnnorm, LinearNorm,
             LinearUnnorm, CoupledLinearNorm, CoupledLinearUnnorm,
             RawDotproductNorm, RawDotproductUnnorm, MlpNorm, MlpUnnorm,
             SoftmaxOne, SoftmaxSink, ExpUnnorm, SigmoidBias, ReluNorm,
             ReluUnnorm>;

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // toggle guard
