// Sign descent: every parameter moves by the learning rate, in one pass over
// flat arrays.
#ifndef POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_H_
#define POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_H_

#include <cstddef>

#include "kernels/base/parallel_for.h"

namespace polarize {

// Nothing is checked here: the optimiser takes any numbers.
struct SignDescent {
  double lr;            // learning rate
  double weight_decay;  // decoupled: the sign does not see it
};

// One step of sign descent for every element; exists for float and double.
//
//   p = p (1 - lr weight_decay) - lr sign(g),  sign(0) = 0
//
// Bernstein, Wang, Azizzadenesheli and Anandkumar, "signSGD: Compressed
// Optimisation for Non-Convex Problems" (2018), algorithm 1; the decay as in
// AdamW, of which this is the limit for betas and epsilon of 0.
//
// Shapes: gradient g and parameter p have n elements each.
// Requirements: none. n may be 0.
// Aliasing: the arrays must not overlap. p is UPDATED; g is only read.
// Special values: NaN in g or p makes that element's p NaN. An infinite g
// counts like any other, an infinite p stays (as long as lr weight_decay is
// below 1).
// Accuracy: one step in T is within kSignDescentEpsilons units of T's epsilon
// of the same step in exact arithmetic, relative to |p (1 - lr weight_decay)| +
// lr. The coefficients are computed in double and rounded once.
// Determinism: elements are independent: the same bits for any number of
// threads, any n and any instruction set.
// Cost: reads g and p, writes p, once. No scratch.
template <typename T>
void SignDescentStep(const SignDescent& options, const T* gradient,
                     T* parameter, size_t n, ParallelFor& parallel);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SIGN_DESCENT_SIGN_DESCENT_H_
