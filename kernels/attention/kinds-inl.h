// The choices that make an attention kind, each with its gradient, and the
// table of kinds. To add one: a struct below, a row in `Kinds`
// (CONTRIBUTING.md).
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
// Value: a from s. Slope: da/ds from a. kShift: the row's largest score is
// subtracted first (only under a normaliser that cancels it).

struct ExpActivation {
  static constexpr bool kUsesScores = true, kSigned = false, kShift = true;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    return ExpOfNonPositive(d, s);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D, V a) {
    return a;
  }
};

struct SigmoidActivation {
  static constexpr bool kUsesScores = true, kSigned = false, kShift = false;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    return Sigmoid(d, s);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V a) {
    return SigmoidDerivative(d, a);
  }
};

struct EluPlusOne {
  static constexpr bool kUsesScores = true, kSigned = false, kShift = false;
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Value(D d, V s) {
    return EluPlusOneValue(d, s);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V Slope(D d, V a) {
    return EluPlusOneSlope(d, a);
  }
};

struct Identity {
  static constexpr bool kUsesScores = true, kSigned = true, kShift = false;
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
struct Uniform {
  static constexpr bool kUsesScores = false, kSigned = false, kShift = false;
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

// ------------------------------------------------------------- the table

template <class ScoreT, class ActivationT, class NormaliserT>
struct Kind {
  using Score = ScoreT;
  using Activation = ActivationT;
  using Normaliser = NormaliserT;
  // The same kind as the kernels see it, after any MLP on q and k.
  using Kernel = Kind<typename ScoreT::Kernel, ActivationT, NormaliserT>;
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
             RawDotproductNorm, RawDotproductUnnorm, MlpNorm, MlpUnnorm>;

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // toggle guard
