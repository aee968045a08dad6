// An elementwise gate between 0 and 1, with its gradient.
#ifndef POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_H_
#define POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_H_

#include <cstddef>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Both functions exist for float and double.
//
// Shapes: every array has n elements, n may be 0, without alignment.
// Determinism: elements are independent: the same bits for any number of
// threads. Instruction sets differ in rounding.

// Opens a gate as far as the logistic function says:
//
//   open[i] = 1 / (1 + exp(-gate[i]))
//   y[i] = x[i] open[i]
//
// As attention's output is gated in Qiu et al., "Gated Attention for Large
// Language Models" (2025), there at position G1.
//
// Aliasing: y and open are OVERWRITTEN; y may be x and open may be gate,
// nothing else may overlap. The gradient reads x and open again. Special
// values: NaN in x or gate gives NaN. A gate of inf leaves x alone, one of -inf
// closes: 0, or NaN where x is infinite; otherwise as IEEE arithmetic. From
// gates of 17 (in double 37) on, open is 1 exactly. Accuracy in float: open as
// kernels/math's Sigmoid, y within kSigmoidGateUlp of the exact value, as long
// as neither open nor y is denormal; in double within 1e-15 relative. Cost:
// reads two arrays and writes two. No scratch.
template <typename T>
void SigmoidGateForward(const T* x, const T* gate, size_t n, T* y, T* open,
                        ParallelFor& parallel);

// The gradient of SigmoidGateForward, from the `open` that it left:
//
//   dx[i] = dy[i] open[i]
//   dgate[i] = dy[i] x[i] open[i] (1 - open[i])
//
// Aliasing: dx and dgate are OVERWRITTEN; dx may be dy and dgate may be open or
// x, nothing else may overlap.
// Special values: as IEEE arithmetic. Where open is 0 or 1, dgate is 0 for
// finite dy and x.
// Accuracy in float, for the `open` that is given: dx is correctly rounded,
// dgate within kSigmoidGateGradientUlp as long as no product is denormal. Near
// open = 1 it knows no more of the gate than open does.
// Cost: reads three arrays and writes two. No scratch.
template <typename T>
void SigmoidGateBackward(const T* x, const T* open, const T* dy, size_t n,
                         T* dx, T* dgate, ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SIGMOID_GATE_SIGMOID_GATE_H_
