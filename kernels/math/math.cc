#include "kernels/math/math.h"

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/math/math.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace {

// The functions and products with derivatives, as objects that MapArray and
// MapArrays call. Functors and not lambdas: only those carry the instruction
// set's attributes with every compiler.
#define POLARIZE_FUNCTION(Name)         \
  struct Name##Function {               \
    template <class D, class V>         \
    HWY_INLINE V operator()(D d, V x) { \
      return HWY_NAMESPACE::Name(d, x); \
    }                                   \
  };

#define POLARIZE_GRADIENT(Name, derivative)   \
  struct Name##Pullback {                     \
    template <class D, class V>               \
    HWY_INLINE V operator()(D d, V x, V dy) { \
      return hn::Mul(dy, derivative);         \
    }                                         \
  };

POLARIZE_FUNCTION(Exp)
POLARIZE_FUNCTION(Log)
POLARIZE_FUNCTION(Erf)
POLARIZE_FUNCTION(Sigmoid)
POLARIZE_FUNCTION(Elu)
POLARIZE_FUNCTION(Gelu)
POLARIZE_GRADIENT(Exp, HWY_NAMESPACE::Exp(d, x))
POLARIZE_GRADIENT(Erf, ErfDerivative(d, x))
POLARIZE_GRADIENT(Sigmoid, SigmoidDerivativeAt(d, x))
POLARIZE_GRADIENT(Elu, EluDerivativeAt(d, x))
POLARIZE_GRADIENT(Gelu, GeluDerivative(d, x))
struct LogPullback {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x, V dy) {
    return hn::Div(dy, x);
  }
};
struct SigmoidValuePullback {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V y, V dy) {
    return hn::Mul(dy, SigmoidDerivative(d, y));
  }
};

}  // namespace

#define POLARIZE_ARRAYS(Name)                                               \
  void Name##Floats(const float* x, float* y, size_t n) {                   \
    MapArray(x, y, n, Name##Function());                                    \
  }                                                                         \
  void Name##Doubles(const double* x, double* y, size_t n) {                \
    MapArray(x, y, n, Name##Function());                                    \
  }                                                                         \
  void Name##GradientFloats(const float* x, const float* dy, float* dx,     \
                            size_t n) {                                     \
    MapArrays(x, dy, dx, n, Name##Pullback());                              \
  }                                                                         \
  void Name##GradientDoubles(const double* x, const double* dy, double* dx, \
                             size_t n) {                                    \
    MapArrays(x, dy, dx, n, Name##Pullback());                              \
  }

POLARIZE_ARRAYS(Exp)
POLARIZE_ARRAYS(Log)
POLARIZE_ARRAYS(Erf)
POLARIZE_ARRAYS(Sigmoid)
POLARIZE_ARRAYS(Elu)
POLARIZE_ARRAYS(Gelu)

void SigmoidGradientFromValueFloats(const float* y, const float* dy, float* dx,
                                    size_t n) {
  MapArrays(y, dy, dx, n, SigmoidValuePullback());
}
void SigmoidGradientFromValueDoubles(const double* y, const double* dy,
                                     double* dx, size_t n) {
  MapArrays(y, dy, dx, n, SigmoidValuePullback());
}

#undef POLARIZE_ARRAYS
#undef POLARIZE_GRADIENT
#undef POLARIZE_FUNCTION

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {

#define POLARIZE_DISPATCH(Name)                                               \
  HWY_EXPORT(Name##Floats);                                                   \
  HWY_EXPORT(Name##Doubles);                                                  \
  HWY_EXPORT(Name##GradientFloats);                                           \
  HWY_EXPORT(Name##GradientDoubles);                                          \
  void Name(const float* x, float* y, size_t n) {                             \
    HWY_DYNAMIC_DISPATCH(Name##Floats)(x, y, n);                              \
  }                                                                           \
  void Name(const double* x, double* y, size_t n) {                           \
    HWY_DYNAMIC_DISPATCH(Name##Doubles)(x, y, n);                             \
  }                                                                           \
  void Name##Gradient(const float* x, const float* dy, float* dx, size_t n) { \
    HWY_DYNAMIC_DISPATCH(Name##GradientFloats)(x, dy, dx, n);                 \
  }                                                                           \
  void Name##Gradient(const double* x, const double* dy, double* dx,          \
                      size_t n) {                                             \
    HWY_DYNAMIC_DISPATCH(Name##GradientDoubles)(x, dy, dx, n);                \
  }

POLARIZE_DISPATCH(Exp)
POLARIZE_DISPATCH(Log)
POLARIZE_DISPATCH(Erf)
POLARIZE_DISPATCH(Sigmoid)
POLARIZE_DISPATCH(Elu)
POLARIZE_DISPATCH(Gelu)

HWY_EXPORT(SigmoidGradientFromValueFloats);
HWY_EXPORT(SigmoidGradientFromValueDoubles);
void SigmoidGradientFromValue(const float* y, const float* dy, float* dx,
                              size_t n) {
  HWY_DYNAMIC_DISPATCH(SigmoidGradientFromValueFloats)(y, dy, dx, n);
}
void SigmoidGradientFromValue(const double* y, const double* dy, double* dx,
                              size_t n) {
  HWY_DYNAMIC_DISPATCH(SigmoidGradientFromValueDoubles)(y, dy, dx, n);
}

#undef POLARIZE_DISPATCH

}  // namespace polarize
#endif
