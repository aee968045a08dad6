// Gradient descent, plain or with momentum, one pass over flat arrays.
#ifndef POLARIZE_KERNELS_SGD_SGD_H_
#define POLARIZE_KERNELS_SGD_SGD_H_

#include <cstddef>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Nothing is checked here: the optimiser takes any numbers.
struct Sgd {
  double lr;            // learning rate
  double momentum;      // share of the running sum that stays; of MomentumStep
  double weight_decay;  // coupled: part of the gradient
};

// One step of plain gradient descent for every element; exists for float and
// double.
//
//   d = g + weight_decay p
//   p = p - lr d
//
// MomentumStep is the same with a running sum (heavy ball):
//
//   d = g + weight_decay p
//   m = momentum m + d
//   p = p - lr m
//
// Polyak, "Some methods of speeding up the convergence of iteration methods"
// (1964), with the step size outside of the sum: torch.optim.SGD with dampening
// 0, in its order of operations.
//
// Shapes: gradient g, parameter p and running_sum m have n elements each. The
// sum starts as zeros.
// Requirements: none. n may be 0.
// Aliasing: the arrays must not overlap. p and m are UPDATED; g is only read.
// Special values: NaN in g, m or p makes that element's p NaN, and so does an
// infinite p, also without decay (0 times infinity). An infinite g or m makes p
// infinite, of the other sign.
// Accuracy: one step in T is within kSgdEpsilons units of T's epsilon of the
// same step in exact arithmetic, relative to the sum of the magnitudes of the
// terms: |p| + lr (|momentum m| + |g| + |weight_decay p|) for p. The
// coefficients are rounded once. Where the instruction set has fused
// multiply-add (d and p use it), results equal those of PyTorch 2.15 on x86-64
// with AVX-512 bit for bit.
// Determinism: elements are independent: the same bits for any number of
// threads and any n. Between instruction sets only SSE2 differs, which has no
// fused multiply-add.
// Cost: reads g and p, writes p, once; MomentumStep reads and writes m too. No
// scratch.
template <typename T>
void SgdStep(const Sgd& options, const T* gradient, T* parameter, size_t n,
             ParallelFor& parallel);

template <typename T>
void MomentumStep(const Sgd& options, const T* gradient, T* parameter,
                  T* running_sum, size_t n, ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SGD_SGD_H_
