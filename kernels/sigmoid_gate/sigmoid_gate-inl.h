// Vector code of sigmoid_gate.h.
// clang-format off
#if defined(POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
// clang-format on
#ifdef POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_INL_H_
#undef POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_INL_H_
#else
#define POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "kernels/math/sigmoid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace sigmoid_gate {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
void Forward(const T* x, const T* gate, size_t n, T* y, T* open) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto s = Sigmoid(d, hn::LoadU(d, gate + i));
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), s), d, y + i);
    hn::StoreU(s, d, open + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    const auto s = Sigmoid(d, hn::LoadN(d, gate + i, rest));
    hn::StoreN(hn::Mul(hn::LoadN(d, x + i, rest), s), d, y + i, rest);
    hn::StoreN(s, d, open + i, rest);
  }
}

template <typename T>
void Backward(const T* x, const T* open, const T* dy, size_t n, T* dx,
              T* dgate) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto s = hn::LoadU(d, open + i), g = hn::LoadU(d, dy + i);
    const auto dopen = hn::Mul(g, hn::LoadU(d, x + i));
    hn::StoreU(hn::Mul(g, s), d, dx + i);
    hn::StoreU(hn::Mul(dopen, SigmoidDerivative(d, s)), d, dgate + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    const auto s = hn::LoadN(d, open + i, rest), g = hn::LoadN(d, dy + i, rest);
    const auto dopen = hn::Mul(g, hn::LoadN(d, x + i, rest));
    hn::StoreN(hn::Mul(g, s), d, dx + i, rest);
    hn::StoreN(hn::Mul(dopen, SigmoidDerivative(d, s)), d, dgate + i, rest);
  }
}

}  // namespace sigmoid_gate
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_INL_H_
