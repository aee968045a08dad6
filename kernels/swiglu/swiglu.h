// The gate between the two products of a SwiGLU layer.
#ifndef POLARIZE_KERNELS_SWIGLU_SWIGLU_H_
#define POLARIZE_KERNELS_SWIGLU_SWIGLU_H_

#include <cstddef>

namespace polarize {

// y[i] = silu(gate[i]) up[i], silu(x) = x / (1 + exp(-x)), i < n.
//
// Shazeer, "GLU Variants Improve Transformer" (2020).
//
// T is float or double; n may be 0. Arrays need no alignment.
// Aliasing: y is OVERWRITTEN and may be gate or up.
// Special values: NaN gives NaN; a gate of -inf gives NaN (-inf times 0), as in
// the usual implementations; otherwise as IEEE arithmetic.
// Accuracy in float: within kSwigluUlp of the exact value as long as neither
// the logistic function of the gate nor a product is denormal or overflows
// (gates above -87); in double within 1e-15 relative.
// Determinism: elements are independent. Instruction sets differ in rounding.
// Cost: reads both arrays and writes one. No scratch.
template <typename T>
void SwiGlu(const T* gate, const T* up, size_t n, T* y);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SWIGLU_SWIGLU_H_
