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

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_MATH_SUM_INL_H_
