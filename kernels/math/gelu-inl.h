// The Gaussian error linear unit for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_GELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_GELU_INL_H_
#undef POLARIZE_KERNELS_MATH_GELU_INL_H_
#else
#define POLARIZE_KERNELS_MATH_GELU_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/math/exp-square-inl.h"
#include "kernels/math/lanes-inl.h"
#include "kernels/math/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From tools/fit/tables.py: the normal distribution is Phi(x) = 1/2 + x s(x^2)
// for |x| <= kGeluNear, and beyond, its tail is Phi(-t) = exp(-t^2 / 2) R(u),
// u = (t - k) / (t + k), for t <= kGeluEnd. R, Mills' ratio, is smooth.
constexpr float kGeluNear = 0.8f;
constexpr float kGeluCentre[] = {0.398942262f, -0.0664900094f, 0.00997055322f,
                                 -0.00117704133f, 9.9590201e-05f};
constexpr float kGeluPole = 1.5f;
constexpr float kGeluTail[] = {
    0.20578067f,     -0.270813793f,    0.0458675288f,
    0.0251294114f,   -7.03440455e-05f, -0.00453934539f,
    -0.00228777668f, -2.69545981e-05f, 0.000967217085f};
// Beyond, Phi(-t) is 0 in float32.
constexpr float kGeluEnd = 15.0f;
constexpr double kSqrtHalf = 0.70710678118654752;
constexpr double kInverseSqrt2Pi = 0.39894228040143268;

// Phi(-t). float, kGeluNear <= t <= kGeluEnd.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NormalTail(D d, V t) {
  const V pole = hn::Set(d, kGeluPole);
  const V u = hn::Div(hn::Sub(t, pole), hn::Add(t, pole));
  return ExpOfMinusSquare(d, t, 0.5f, Polynomial(d, u, kGeluTail));
}

// Phi(x) where t = |x|, at most kGeluEnd. float.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NormalDistribution(D d, V x, V t) {
  const V centre = hn::MulAdd(Polynomial(d, hn::Mul(t, t), kGeluCentre), x,
                              hn::Set(d, 0.5f));
  const V tail = NormalTail(d, t);
  const V rest = hn::Sub(hn::Set(d, 1.0f), tail);
  const V outer = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, rest);
  return hn::IfThenElse(hn::Lt(t, hn::Set(d, kGeluNear)), centre, outer);
}

// Where 32 numbers can be looked up at once, Phi(-t) is a polynomial of r = t -
// k kGeluStep in the k-th of 32 pieces: sum_i kGeluPieces[i][k] r^i; the last
// piece is 0. Its derivative is as good as a second exponential.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3  // smaller is newer
constexpr float kGeluStep = 0.1875f;
constexpr float kGeluLastPiece = 31 * kGeluStep;
alignas(64) constexpr float kGeluPieces[6][32] = {
    {0.5f,
     0.425634325f,
     0.353830248f,
     0.286887705f,
     0.22662735f,
     0.174250707f,
     0.130294517f,
     0.0946757421f,
     0.066807203f,
     0.0457536243f,
     0.0303963609f,
     0.0195800792f,
     0.0122244731f,
     0.00739460718f,
     0.00433244836f,
     0.00245790114f,
     0.00134989806f,
     0.000717542309f,
     0.000369078451f,
     0.000183669952f,
     8.84172914e-05f,
     4.11674664e-05f,
     1.85367389e-05f,
     8.07094511e-06f,
     3.39767371e-06f,
     1.38281382e-06f,
     5.44042393e-07f,
     2.06897099e-07f,
     7.60496377e-08f,
     2.70166893e-08f,
     9.27540533e-09f,
     0.0f},
    {-0.398942292f,    -0.3919909f,      -0.37185508f,     -0.340567589f,
     -0.301137418f,    -0.257073909f,    -0.211876646f,    -0.168593183f,
     -0.1295176f,      -0.0960614979f,   -0.0687862784f,   -0.0475538895f,
     -0.0317396522f,   -0.0204526745f,   -0.0127241816f,   -0.00764260581f,
     -0.00443184841f,  -0.00248119072f,  -0.00134111883f,  -0.000699852011f,
     -0.000352595671f, -0.000171506108f, -8.05404488e-05f, -3.65157575e-05f,
     -1.59837418e-05f, -6.75473621e-06f, -2.75594266e-06f, -1.08558493e-06f,
     -4.12847129e-07f, -1.51581617e-07f, -5.37323324e-08f, 0.0f},
    {1.69230949e-14f, 0.0367490835f,   0.069722712f,    0.0957845002f,
     0.112926409f,    0.120503291f,    0.11918056f,     0.110639267f,
     0.097138226f,    0.0810519457f,   0.0644871965f,   0.0490400046f,
     0.0357071497f,   0.0249267239f,   0.0167005006f,   0.0107474169f,
     0.00664776796f,  0.00395439006f,  0.00226312969f,  0.00124660402f,
     0.000661111146f, 0.000337648555f, 0.000166111975f, 7.87354365e-05f,
     3.59624501e-05f, 1.58308794e-05f, 6.71733187e-06f, 2.74774857e-06f,
     1.08365816e-06f, 4.12082869e-07f, 1.51109347e-07f, 0.0f},
    {0.0664903298f,    0.0630349517f,    0.0532604679f,    0.0388016403f,
     0.0219579525f,    0.00518837059f,   -0.00937991962f,  -0.0203057863f,
     -0.0269828085f,   -0.0295814276f,   -0.028840078f,    -0.0257893242f,
     -0.0214904007f,   -0.0168441739f,   -0.0124922404f,   -0.0088019399f,
     -0.0059091351f,   -0.0037880172f,   -0.00232251012f,  -0.00136370794f,
     -0.000767628895f, -0.00041458357f,  -0.000214983345f, -0.000107097978f,
     -5.12807492e-05f, -2.36105407e-05f, -1.04566498e-05f, -4.45605201e-06f,
     -1.82767008e-06f, -7.21671938e-07f, -2.74390288e-07f, 0.0f},
    {-1.91965931e-12f, -0.00905993208f, -0.0165789239f,  -0.0213787649f,
     -0.0228981618f,   -0.0212691203f,  -0.017208105f,   -0.0117740165f,
     -0.00607978553f,  -0.00104488619f, 0.002752539f,    0.00510734459f,
     0.00612409227f,   0.00610164041f,  0.00541067589f,  0.00439701462f,
     0.00332534127f,   0.00236191275f,  0.00158498227f,  0.00100902806f,
     0.000611213443f,  0.000353072508f, 0.000194834764f, 0.000102847676f,
     5.19909299e-05f,  2.51918191e-05f, 1.17089567e-05f, 5.22372329e-06f,
     2.23810775e-06f,  9.21347578e-07f, 3.64572145e-07f, 0.0f},
    {-0.0099579189f,   -0.00910099875f,  -0.00673433673f,  -0.00340844179f,
     0.000142522345f,  0.00320632034f,   0.0052716434f,    0.00612715632f,
     0.00586141646f,   0.00478082662f,   0.00328668184f,   0.00175686541f,
     0.000465308956f,  -0.000448378647f, -0.000965843501f, -0.00115132099f,
     -0.00110684836f,  -0.000935610908f, -0.000719864445f, -0.000513114443f,
     -0.000342354266f, -0.000215239983f, -0.000128097265f, -7.2403338e-05f,
     -3.8963055e-05f,  -2.00010691e-05f, -9.80882396e-06f, -4.60125102e-06f,
     -2.066653e-06f,   -8.89522596e-07f, -3.67157639e-07f, 0.0f},
};

template <class D, class I>
HWY_INLINE hn::Vec<D> GeluPiece(D d, size_t power, I piece) {
  const float* c = kGeluPieces[power];
  return hn::TwoTablesLookupLanes(d, hn::Load(d, c), hn::Load(d, c + 16),
                                  piece);
}

// Phi(-t), and its derivative in `derivative`. t <= kGeluLastPiece, or NaN.
template <class V>
HWY_INLINE V GeluPieces(V t, V& derivative) {
  const hn::FixedTag<float, 16> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  // Adding 2^23 rounds to an integer and leaves that in the lowest bits.
  const V magic = hn::Set(d, 0x1p23f);
  const V sum = hn::MulAdd(t, hn::Set(d, 1 / kGeluStep), magic);
  const V r = hn::NegMulAdd(hn::Sub(sum, magic), hn::Set(d, kGeluStep), t);
  const auto piece = hn::IndicesFromVec(
      d, hn::And(hn::BitCast(du, sum), hn::Set(du, uint32_t{31})));
  V value = GeluPiece(d, 5, piece);
  derivative = value;
  value = hn::MulAdd(value, r, GeluPiece(d, 4, piece));
  for (size_t power = 4; power-- > 0;) {
    derivative = hn::MulAdd(derivative, r, value);
    value = hn::MulAdd(value, r, GeluPiece(d, power, piece));
  }
  return value;
}
#endif

// Gelu(d, x), and GeluDerivative(d, x) in `derivative`, of floats: from an
// exponential and a quotient, down to kGeluEnd.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V GeluByTail(D d, V x, V& derivative) {
  const V t = AbsUpTo(d, x, hn::Set(d, kGeluEnd));
  const V bell = ExpOfMinusSquare(d, t, 0.5f, hn::Set(d, 1.0f));
  const V slope = hn::Mul(hn::CopySign(t, x),
                          hn::Set(d, static_cast<float>(kInverseSqrt2Pi)));
  const V phi = NormalDistribution(d, x, t);
  derivative = hn::MulAdd(slope, bell, phi);
  // Below -kGeluEnd phi is 0, and its product with -inf would be NaN.
  return hn::Mul(phi, AtLeast(d, x, -kGeluEnd));
}

// The same in the quickest way there is.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V GeluFloat(D d, V x, V& derivative) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  if constexpr (hn::MaxLanes(D()) < 16) {
    const hn::FixedTag<float, 16> wide;
    auto slope = hn::Zero(wide);
    const auto y = GeluFloat(wide, hn::ResizeBitCast(wide, x), slope);
    derivative = hn::ResizeBitCast(d, slope);
    return hn::ResizeBitCast(d, y);
  } else {
    const V last = hn::Set(d, kGeluLastPiece);
    const V t = AbsUpTo(d, x, last);
    V tail_slope;
    const V tail = GeluPieces(t, tail_slope);
    const V phi = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail,
                                 hn::Sub(hn::Set(d, 1.0f), tail));
    derivative = hn::NegMulAdd(hn::CopySign(t, x), tail_slope, phi);
    const V y = hn::Mul(phi, x);
    // Beyond the pieces the tail still counts: an optimiser that divides by the
    // size of a gradient makes as much of a tiny one. Few vectors get there.
    const auto beyond = hn::Lt(x, hn::Neg(last));
    if (HWY_LIKELY(hn::AllFalse(d, beyond))) return y;
    V slope;
    const V far = GeluByTail(d, x, slope);
    derivative = hn::IfThenElse(beyond, slope, derivative);
    return hn::IfThenElse(beyond, far, y);
  }
#else
  return GeluByTail(d, x, derivative);
#endif
}

// x Phi(x), Phi the normal distribution. float: error at most kGeluUlp for x >=
// kGeluUlpFrom, at most kGeluAbsolute below. -0 for -inf, inf for inf, NaN for
// NaN, 0 keeps its sign. double: from libm's erfc.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Gelu(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) {
      return t < -40 ? -0.0 : t * 0.5 * std::erfc(-t * kSqrtHalf);
    });
  } else {
    V unused;
    return GeluFloat(d, x, unused);
  }
}

// The derivative Phi(x) + x phi(x) of Gelu at x. float: absolute error at most
// kGeluDerivativeAbsolute. 0 for -inf, 1 for inf, NaN for NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V GeluDerivative(D d, V x) {
  if constexpr (kIsDouble<D>) {
    return MapLanes(d, x, [](double t) {
      const double bell = std::abs(t) > 40 ? 0 : t * std::exp(t * t * -0.5);
      return 0.5 * std::erfc(-t * kSqrtHalf) + bell * kInverseSqrt2Pi;
    });
  } else {
    V derivative;
    GeluFloat(d, x, derivative);
    return derivative;
  }
}

// Gelu(d, x), and GeluDerivative(d, x) in `derivative`: the same bits as from
// those, for little more than the price of one.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V GeluAndDerivative(D d, V x, V& derivative) {
  if constexpr (kIsDouble<D>) {
    derivative = GeluDerivative(d, x);
    return Gelu(d, x);
  } else {
    return GeluFloat(d, x, derivative);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_GELU_INL_H_
