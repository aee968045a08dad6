// AdamW: Adam with decoupled weight decay, one pass over flat arrays.
#ifndef POLARIZE_KERNELS_ADAMW_ADAMW_H_
#define POLARIZE_KERNELS_ADAMW_ADAMW_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/parallel_for.h"

namespace polarize {

// What stays the same over a run. Nothing is checked here: the optimiser takes
// any numbers.
struct AdamW {
  double lr;            // learning rate
  double beta1, beta2;  // decay of the first and second moment
  double epsilon;       // added to the root of the second moment
  double weight_decay;
};

// One step of AdamW for every element; exists for float and double.
//
//   p = p (1 - lr weight_decay)
//   m = beta1 m + (1 - beta1) g
//   v = beta2 v + (1 - beta2) g g
//   d = sqrt(v) / sqrt(1 - beta2^step) + epsilon
//   p = p - lr / (1 - beta1^step) m / d
//
// Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019),
// algorithm 2, with PyTorch's constant schedule and PyTorch's order of
// operations. Without weight_decay it is Adam, to the bit.
//
// Shapes: gradient g, parameter p, first_moment m and second_moment v have n
// elements each. Moments start as zeros.
// Requirements: step counts from 1 (checked). n may be 0.
// Aliasing: the four arrays must not overlap. p, m and v are UPDATED; g is only
// read.
// Special values: NaN in g, m, v or p makes that element's p NaN. An infinite g
// does too (inf / inf). A finite g whose square overflows makes v infinite: p
// then only decays. With g = m = v = 0, p only decays, unless epsilon is 0
// (0 / 0).
// Accuracy: one step in T is within kAdamWEpsilons units of T's epsilon of the
// same step in exact arithmetic, relative to the sum of the magnitudes of the
// terms. The coefficients are computed in double and rounded once. Where the
// instruction set has fused multiply-add (m and v use it), results equal those
// of PyTorch 1.13 on x86-64 with AVX2 bit for bit.
// Determinism: elements are independent: the same bits for any number of
// threads and any n. Between instruction sets only SSE2 differs, which has no
// fused multiply-add.
// Cost: reads g, p, m, v and writes p, m, v once; a division, a square root and
// another division each. No scratch.
template <typename T>
void AdamWStep(const AdamW& options, uint64_t step, const T* gradient,
               T* parameter, T* first_moment, T* second_moment, size_t n,
               ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ADAMW_ADAMW_H_
