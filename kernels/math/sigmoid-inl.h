// The logistic function for vectors of float and of double.
#if defined(POLARIZE_KERNELS_MATH_SIGMOID_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
#undef POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
#else
#define POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/math/exp-inl.h"
#include "kernels/math/lanes-inl.h"
#include "kernels/math/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// With AVX-512 a vector holds a table of 16 powers of two, which makes the
// polynomial short.
#undef POLARIZE_SIGMOID_BY_TABLE
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
#define POLARIZE_SIGMOID_BY_TABLE 1
#else
#define POLARIZE_SIGMOID_BY_TABLE 0
#endif

#if POLARIZE_SIGMOID_BY_TABLE

// From tools/fit/tables.py: c of exp(r) = 1 + r (c0 + c1 r + c2 r^2) for
// |r| <= ln(2) / 32; the bits of p_k, the float next to 2^(k / 16 - 32), less k
// 2^19; and 2^(k / 16 - 32) / p_k - 1.
constexpr float kSigmoidExp[] = {1.0f, 0.500016212f, 0.166660741f};
HWY_ALIGN constexpr int32_t kSigmoidPowers[16] = {
    0x2f800000, 0x2f7daac3, 0x2f7b95c2, 0x2f79c3d3, 0x2f7837f0, 0x2f76f532,
    0x2f75fed7, 0x2f75583f, 0x2f7504f3, 0x2f7508a4, 0x2f75672a, 0x2f76248c,
    0x2f7744fd, 0x2f78ccdf, 0x2f7ac0c7, 0x2f7d257d,
};
HWY_ALIGN constexpr float kSigmoidRests[16] = {
    0.0f,
    4.62854715e-08f,
    -1.19921575e-08f,
    4.72978243e-08f,
    3.19341815e-08f,
    3.62105723e-08f,
    -3.09907193e-08f,
    -7.47521334e-09f,
    1.71142709e-08f,
    -3.04768335e-08f,
    5.23333421e-09f,
    6.10759177e-09f,
    -1.47196051e-08f,
    -5.25879518e-09f,
    -6.12825968e-09f,
    5.14060927e-09f,
};

// s / (s + s exp(-x)) with s = 2^-32, which keeps the powers of two in range. d
// is ScalableTag<float>.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SigmoidByTable(D d, V x) {
  const hn::RebindToSigned<D> di;
  // Beyond, the result is 0 or 1.
  const V t = AtMost(d, AtLeast(d, x, kExpLowest), 20.0f);
  // -t = whole ln 2 + r as in SplitExp, but whole is a multiple of 1/16. The
  // sum has k, its fraction, in the low four bits, and above them the exponent.
  const V shifter = hn::Set(d, 786432.0f);
  const V shifted = hn::NegMulAdd(t, hn::Set(d, kLog2E), shifter);
  const V whole = hn::Sub(shifted, shifter);
  const V high = hn::NegMulSub(whole, hn::Set(d, kLn2High), t);
  const V r = hn::NegMulAdd(whole, hn::Set(d, kLn2Low), high);
  const auto bits = hn::BitCast(di, shifted);
  // Made by hand: a lookup feels the low four bits alone, and masking the
  // others away would cost 6 % of the speed.
  const decltype(hn::IndicesFromVec(di, bits)) k{bits.raw};
  const decltype(hn::IndicesFromVec(d, bits)) k_float{bits.raw};
  // The shift leaves k in the mantissa: what the table has less.
  const auto power = hn::TableLookupLanes(hn::Load(di, kSigmoidPowers), k);
  const V scale = hn::BitCast(d, hn::Add(power, hn::ShiftLeft<19>(bits)));
  const V rest = hn::TableLookupLanes(hn::Load(d, kSigmoidRests), k_float);
  const V tail = hn::MulAdd(r, Polynomial(d, r, kSigmoidExp), rest);
  const V one = hn::Set(d, 0x1p-32f);
  return hn::Div(one, hn::MulAdd(scale, tail, hn::Add(scale, one)));
}

#endif

// 1 / (1 + exp(-x)). float: error at most kSigmoidUlp, relative also where the
// result is small, down to the smallest normal float; beyond, denormals and 0.
// 0 for -inf, 1 for inf, NaN for NaN. double: from libm's exp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sigmoid(D d, V x) {
#if POLARIZE_SIGMOID_BY_TABLE
  if constexpr (!kIsDouble<D>) {
    // Narrow vectors as parts of wide ones: the same bits.
    const hn::ScalableTag<float> wide;
    return hn::ResizeBitCast(d,
                             SigmoidByTable(wide, hn::ResizeBitCast(wide, x)));
  }
#endif
  // z = exp(-|x|) cannot overflow; 1 / (1 + z) where x >= 0, else z / (1 + z).
  // Both sides of the fraction carry the scale of z.
  const V one = hn::Set(d, kExpScale<D>);
  const V z = ScaledExpOfNonPositive(d, hn::Neg(hn::Abs(x)));
  const V numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), z, one);
  return hn::Div(numerator, hn::Add(one, z));
}

// The derivative s (1 - s) of Sigmoid where its value is s. Near s = 1 it knows
// no more than s does; SigmoidDerivativeAt is accurate there too.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SigmoidDerivative(D d, V s) {
  return hn::Mul(s, hn::Sub(hn::Set(d, hn::TFromD<D>{1}), s));
}

// The derivative z / (1 + z)^2, z = exp(-|x|), of Sigmoid at x.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SigmoidDerivativeAt(D d, V x) {
  const V one = hn::Set(d, kExpScale<D>);
  const V z = ScaledExpOfNonPositive(d, hn::Neg(hn::Abs(x)));
  const V sum = hn::Add(z, one);
  return hn::Div(hn::Mul(z, one), hn::Mul(sum, sum));
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_SIGMOID_INL_H_
