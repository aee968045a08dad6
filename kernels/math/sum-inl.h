// A sum of many vectors that loses (almost) nothing to rounding.
#if defined(POLARIZE_KERNELS_MATH_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_SUM_INL_H_
#undef POLARIZE_KERNELS_MATH_SUM_INL_H_
#else
#define POLARIZE_KERNELS_MATH_SUM_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/math/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Adds up vectors, each lane with the error of every addition kept aside, and
// at the end the lanes (Knuth's TwoSum; the whole is Sum2 of Ogita, Rump and
// Oishi, "Accurate sum and dot product", 2005).
//
// Total() is off by at most one rounding of the result, plus, relative to the
// sum of magnitudes, n^2 2^-46 in float after n additions and a few 2^-53 in
// double. The order is fixed: the same vectors give the same bits. NaN gives
// NaN; so does an infinity, for its error is inf - inf. Needs vectors whose
// length is known when compiling (so not SVE or RVV), as members.
template <class D>
class CompensatedSum {
 public:
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;

  explicit CompensatedSum(D d) : sum_(hn::Zero(d)), errors_(hn::Zero(d)) {}

  HWY_INLINE void Add(V v) {
    const V sum = hn::Add(sum_, v);
    const V v_part = hn::Sub(sum, sum_);
    const V sum_part = hn::Sub(sum, v_part);
    const V error = hn::Add(hn::Sub(sum_, sum_part), hn::Sub(v, v_part));
    errors_ = hn::Add(errors_, error);
    sum_ = sum;
  }

  HWY_INLINE T Total() const {
    const D d;
    if constexpr (kIsDouble<D>) {
      return hn::ReduceSum(d, sum_) + hn::ReduceSum(d, errors_);
    } else if constexpr (hn::MaxLanes(D()) == 1) {
      return hn::GetLane(hn::Add(sum_, errors_));
    } else {
      // In double the lanes of a float sum add up without a compensation.
      const hn::RepartitionToWide<D> dw;
      const auto sums =
          hn::Add(hn::PromoteLowerTo(dw, sum_), hn::PromoteUpperTo(dw, sum_));
      const auto errors = hn::Add(hn::PromoteLowerTo(dw, errors_),
                                  hn::PromoteUpperTo(dw, errors_));
      return static_cast<float>(hn::ReduceSum(dw, hn::Add(sums, errors)));
    }
  }

 private:
  V sum_, errors_;
};

// A sum of many vectors that are not negative, or whose magnitudes bound the
// error that matters: four vectors make one in their own precision, and those
// add up in double.
//
// Total() is off by at most three roundings of the scalar type relative to the
// sum of magnitudes, the last that of the result. double: as CompensatedSum.
// Order, NaN and infinities as there, except that an infinity may stay one.
template <class D>
class QuadSum {
 public:
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  static constexpr bool kInDouble = !kIsDouble<D> && hn::MaxLanes(D()) > 1;

  explicit QuadSum(D d) : sum_(d) {}

  HWY_INLINE void Add(V v) { sum_.Add(v); }
  HWY_INLINE void Add(V a, V b, V c, V e) {
    if constexpr (kInDouble) {
      sum_.Add(hn::Add(hn::Add(a, b), hn::Add(c, e)));
    } else {
      sum_.Add(a);
      sum_.Add(b);
      sum_.Add(c);
      sum_.Add(e);
    }
  }
  HWY_INLINE double Total() const { return sum_.Total(); }

 private:
  // Of floats, added up in double.
  template <class DF>
  struct Widened {
    using DW = hn::RepartitionToWide<DF>;
    explicit Widened(DF) : lower(hn::Zero(DW())), upper(hn::Zero(DW())) {}
    HWY_INLINE void Add(V v) {
      lower = hn::Add(lower, hn::PromoteLowerTo(DW(), v));
      upper = hn::Add(upper, hn::PromoteUpperTo(DW(), v));
    }
    HWY_INLINE double Total() const {
      return hn::ReduceSum(DW(), hn::Add(lower, upper));
    }
    hn::Vec<DW> lower, upper;
  };
  template <bool kWide, class DF>
  struct Choose {
    using type = CompensatedSum<DF>;
  };
  template <class DF>
  struct Choose<true, DF> {
    using type = Widened<DF>;
  };
  typename Choose<kInDouble, D>::type sum_;
};

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_SUM_INL_H_
