// exp(x) for vectors of double, for kernels that run in double and are fast.
// Exp of exp-inl.h serves gradient checks with libm's more exact function.
#if defined(POLARIZE_KERNELS_MATH_EXP_DOUBLE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_EXP_DOUBLE_INL_H_
#undef POLARIZE_KERNELS_MATH_EXP_DOUBLE_INL_H_
#else
#define POLARIZE_KERNELS_MATH_EXP_DOUBLE_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From tools/fit/tables.py: ln 2 in two parts, the first of so few bits that
// its product with a whole number up to 2^20 is exact; and q of the formula
// exp(r) = 1 + r + r^2 q(r) for |r| <= ln(2) / 2.
constexpr double kLog2EDouble = 1.4426950408889634;
constexpr double kLn2HighDouble = 0.6931471806019545;
constexpr double kLn2LowDouble = -4.2009150726810846e-11;
constexpr double kExpTailDouble[] = {
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326141,
    0.0013888888888883752,
    0.00019841269874800493,
    2.4801587325533363e-05,
    2.7557255425746435e-06,
    2.7557273661348637e-07,
    2.510520637395701e-08,
    2.0914679376583935e-09,
};

// q(r), by Estrin's scheme: few operations in a row.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpTailDouble(D d, V r) {
  const auto c = [&](size_t i) { return hn::Set(d, kExpTailDouble[i]); };
  const V r2 = hn::Mul(r, r), r4 = hn::Mul(r2, r2);
  const V q01 = hn::MulAdd(r, c(1), c(0)), q23 = hn::MulAdd(r, c(3), c(2));
  const V q45 = hn::MulAdd(r, c(5), c(4)), q67 = hn::MulAdd(r, c(7), c(6));
  const V q89 = hn::MulAdd(r, c(9), c(8));
  const V low = hn::MulAdd(r2, q23, q01), high = hn::MulAdd(r2, q67, q45);
  const V top = hn::MulAdd(r2, c(10), q89);
  return hn::MulAdd(r4, hn::MulAdd(r4, top, high), low);
}

// exp(x) for x <= 709.7, of double: error at most kExpDoubleUlp, in denormal
// results too; exp(-inf) = 0, NaN gives NaN. Beyond 709.7: anything.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpDouble(D d, V x) {
  const hn::RebindToSigned<D> di;
  // Below, exp is 0. In this order NaN stays: a comparison with it is false.
  const V lowest = hn::Set(d, -746.0);
  x = hn::IfThenElse(hn::Lt(x, lowest), lowest, x);
  // The sum with 1.5 * 2^52 has the nearest whole number in its low bits.
  const V shifter = hn::Set(d, 6755399441055744.0);
  const V shifted = hn::MulAdd(x, hn::Set(d, kLog2EDouble), shifter);
  const V whole = hn::Sub(shifted, shifter);
  const auto n = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shifter));
  const V high = hn::NegMulAdd(whole, hn::Set(d, kLn2HighDouble), x);
  const V r = hn::NegMulAdd(whole, hn::Set(d, kLn2LowDouble), high);
  const V tail = hn::MulAdd(hn::Mul(r, r), ExpTailDouble(d, r), r);
  // 2^n may be too small for a normal double where n is not: in two factors, of
  // which only the last can round, and only to a denormal.
  const auto bias = hn::Set(di, 1023);
  const auto half = hn::ShiftRight<1>(n);
  const V first = hn::BitCast(d, hn::ShiftLeft<52>(hn::Add(half, bias)));
  const V second =
      hn::BitCast(d, hn::ShiftLeft<52>(hn::Add(hn::Sub(n, half), bias)));
  return hn::Mul(hn::MulAdd(first, tail, first), second);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_EXP_DOUBLE_INL_H_
