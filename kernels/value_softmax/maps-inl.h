// The maps from z to s, each with its gradient: value_softmax.h has formulas.
#if defined(POLARIZE_KERNELS_VALUE_SOFTMAX_MAPS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_VALUE_SOFTMAX_MAPS_INL_H_
#undef POLARIZE_KERNELS_VALUE_SOFTMAX_MAPS_INL_H_
#else
#define POLARIZE_KERNELS_VALUE_SOFTMAX_MAPS_INL_H_
#endif

#include <cstddef>
#include <limits>

#include "hwy/highway.h"
#include "kernels/math/exp-double-inl.h"
#include "kernels/value_softmax/matrix-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Added to every norm, as the reference does.
constexpr double kNormEpsilon = 1e-10;

// v, elements from i on, where these are among the first n; `instead`
// elsewhere.
HWY_INLINE DoubleVec Among(size_t i, size_t n, DoubleVec v, DoubleVec instead) {
  const DoubleTag d;
  if (i + hn::Lanes(d) <= n) return v;
  return hn::IfThenElse(hn::FirstN(d, n > i ? n - i : 0), v, instead);
}
HWY_INLINE DoubleVec AmongOrZero(size_t i, size_t n, DoubleVec v) {
  return Among(i, n, v, hn::Zero(DoubleTag()));
}

// A map's value is raw / norm. The division is apart, so that a product with
// raw can begin before the norm is known.
struct MapValue {
  double norm = 1;
  double raw_sink = 0;  // of softmax1's sink, whose share is raw_sink / norm
};

// The maps raw(z) / (sum of raw(z) + kNormEpsilon): Raw has the function and
// its derivative.
template <class Raw>
struct NormedMap {
  // raw and norm; n of `length` are no padding, whose raw values are 0.
  template <class Length>
  static HWY_INLINE MapValue Forward(Length length, size_t n, double,
                                     const double* z, double* raw) {
    const DoubleTag d;
    DoubleVec sum = hn::Zero(d);
    ForVectors(length, [&](size_t i) POLARIZE_INLINED {
      const DoubleVec v = AmongOrZero(i, n, Raw::Value(hn::Load(d, z + i)));
      hn::Store(v, d, raw + i);
      sum = hn::Add(sum, v);
    });
    return {hn::ReduceSum(d, sum) + kNormEpsilon, 0};
  }

  // dz = (g - c) raw'(z) / norm.
  template <class Length>
  static HWY_INLINE void Backward(Length length, size_t n,
                                  const MapValue& value, double c,
                                  const double* z, const double*,
                                  const double* g, double* dz) {
    const DoubleTag d;
    const DoubleVec mean = hn::Set(d, c), norm = hn::Set(d, value.norm);
    ForVectors(length, [&](size_t i) POLARIZE_INLINED {
      const DoubleVec factor = hn::Div(Raw::Slope(hn::Load(d, z + i)), norm);
      const DoubleVec dzi = hn::Mul(hn::Sub(hn::Load(d, g + i), mean), factor);
      hn::Store(AmongOrZero(i, n, dzi), d, dz + i);
    });
  }
};

struct RawL1 {
  static HWY_INLINE DoubleVec Value(DoubleVec z) { return hn::Abs(z); }
  static HWY_INLINE DoubleVec Slope(DoubleVec z) {
    const DoubleTag d;
    const DoubleVec sign = hn::CopySign(hn::Set(d, 1.0), z);
    return hn::IfThenZeroElse(hn::Eq(z, hn::Zero(d)), sign);
  }
};
struct RawSum {
  static HWY_INLINE DoubleVec Value(DoubleVec z) { return z; }
  static HWY_INLINE DoubleVec Slope(DoubleVec) {
    return hn::Set(DoubleTag(), 1.0);
  }
};
struct RawL2 {
  static HWY_INLINE DoubleVec Value(DoubleVec z) { return hn::Mul(z, z); }
  static HWY_INLINE DoubleVec Slope(DoubleVec z) { return hn::Add(z, z); }
};
struct RawRelu {
  static HWY_INLINE DoubleVec Value(DoubleVec z) {
    // In this order NaN stays.
    return hn::IfThenZeroElse(hn::Lt(z, hn::Zero(DoubleTag())), z);
  }
  static HWY_INLINE DoubleVec Slope(DoubleVec z) {
    const DoubleTag d;
    return hn::IfThenElseZero(hn::Gt(z, hn::Zero(d)), hn::Set(d, 1.0));
  }
};
using L1Map = NormedMap<RawL1>;
using SumMap = NormedMap<RawSum>;
using L2Map = NormedMap<RawL2>;
using ReluMap = NormedMap<RawRelu>;

// Above this exponentials take the largest z off instead of the first. Beyond
// it z - first would lose digits, and at last exp overflow.
constexpr double kMostAboveFirst = 16;

// raw = exp(z - shift); norm sum raw, plus exp(sink - shift) with a sink. NaN
// in z makes the norm NaN. The shift cancels in raw / norm; that the first z
// does for it saves the search of the largest, which the exponentials would
// wait for.
template <bool kSink, class Length>
HWY_INLINE MapValue Exponentials(Length length, size_t n, double sink,
                                 const double* z, double* raw) {
  const DoubleTag d;
  DoubleVec shift = hn::BroadcastLane<0>(hn::Load(d, z));
  DoubleVec most =
      hn::Set(d, kSink ? sink : -std::numeric_limits<double>::infinity());
  ForVectors(length, [&](size_t i) POLARIZE_INLINED {
    most = hn::Max(most, Among(i, n, hn::Load(d, z + i), shift));
  });
  const DoubleVec limit = hn::Set(d, kMostAboveFirst);
  if (HWY_UNLIKELY(!hn::AllTrue(d, hn::Le(hn::Sub(most, shift), limit)))) {
    shift = hn::Set(d, hn::ReduceMax(d, most));
  }
  DoubleVec sum = hn::Zero(d);
  ForVectors(length, [&](size_t i) POLARIZE_INLINED {
    const DoubleVec e =
        AmongOrZero(i, n, ExpDouble(d, hn::Sub(hn::Load(d, z + i), shift)));
    hn::Store(e, d, raw + i);
    sum = hn::Add(sum, e);
  });
  MapValue value;
  value.norm = hn::ReduceSum(d, sum);
  if constexpr (kSink) {
    value.raw_sink =
        hn::GetLane(ExpDouble(d, hn::Sub(hn::Set(d, sink), shift)));
    value.norm += value.raw_sink;
  }
  return value;
}

// With or without a sink, whose own gradient is -c raw_sink / norm.
template <bool kSink>
struct ExponentialMap {
  template <class Length>
  static HWY_INLINE MapValue Forward(Length length, size_t n, double sink,
                                     const double* z, double* raw) {
    return Exponentials<kSink>(length, n, sink, z, raw);
  }
  template <class Length>
  static HWY_INLINE void Backward(Length length, size_t, const MapValue&,
                                  double c, const double*, const double* s,
                                  const double* g, double* dz) {
    const DoubleTag d;
    const DoubleVec mean = hn::Set(d, c);
    ForVectors(length, [&](size_t i) POLARIZE_INLINED {
      const DoubleVec centred = hn::Sub(hn::Load(d, g + i), mean);
      hn::Store(hn::Mul(hn::Load(d, s + i), centred), d, dz + i);
    });
  }
};
using SoftmaxMap = ExponentialMap<false>;
using Softmax1Map = ExponentialMap<true>;

// 1 / (1 + exp(-x)) from an exponential that cannot overflow.
HWY_INLINE DoubleVec LogisticFunction(DoubleVec x) {
  const DoubleTag d;
  const DoubleVec one = hn::Set(d, 1.0);
  const DoubleVec e = ExpDouble(d, hn::Neg(hn::Abs(x)));
  const DoubleVec numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return hn::Div(numerator, hn::Add(one, e));
}

struct SigmoidMap {
  template <class Length>
  static HWY_INLINE MapValue Forward(Length length, size_t n, double,
                                     const double* z, double* raw) {
    const DoubleTag d;
    ForVectors(length, [&](size_t i) POLARIZE_INLINED {
      const DoubleVec v = LogisticFunction(hn::Load(d, z + i));
      hn::Store(AmongOrZero(i, n, v), d, raw + i);
    });
    return {};
  }
  template <class Length>
  static HWY_INLINE void Backward(Length length, size_t, const MapValue&,
                                  double, const double*, const double* s,
                                  const double* g, double* dz) {
    const DoubleTag d;
    const DoubleVec one = hn::Set(d, 1.0);
    ForVectors(length, [&](size_t i) POLARIZE_INLINED {
      const DoubleVec si = hn::Load(d, s + i);
      const DoubleVec slope = hn::Mul(si, hn::Sub(one, si));
      hn::Store(hn::Mul(slope, hn::Load(d, g + i)), d, dz + i);
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_VALUE_SOFTMAX_MAPS_INL_H_
