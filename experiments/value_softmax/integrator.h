// Integrates dy/dt = f(y) from a given state, with control of the error, and
// gives the state at given times.
//
// Formula: the pair of Dormand and Prince (dormand_prince.h): the solution of
// order 5 is continued, its difference from that of order 4 is the estimate of
// the error of a step of length h,
//   err = sqrt(mean_i (error_i / w_i)^2),
//   w_i = absolute_tolerance + relative_tolerance max(|y_i|, |y_i after|)
// and a step counts when err <= 1. The next length is that of a PI controller
// (Gustafsson, "Control theoretic techniques for stepsize selection", 1991):
//   h <- h min(10, max(1/5, 0.9 err^-0.17 err_before^0.04))
// or, after a step that did not count, h max(1/5, 0.9 err^-0.17); the step
// after it does not grow. Output between the ends of steps comes from the
// continuous extension of order 4 and shortens no step. The first length is
// found by an explicit Euler step. All of it: Hairer, Norsett and Wanner,
// "Solving Ordinary Differential Equations I", sections II.4 to II.6, and IV.2
// of the second volume for the controller.
//
// Log time: x = ln(1 + t) is the independent variable,
//   dy/dx = (1 + t) f(y)
// so that a flow that slows down like 1/t takes steps of the same length all
// along: t = 1e12 is x = 27.6. Steps, and their lengths in the statistics, are
// in x; all other times are in t.
//
// Stiffness: where the state nears a minimum with finite curvature, the length
// is limited by stability. On the boundary of the stability region fast modes
// would stay as large as the tolerance for ever and f would never become small.
// So h <= 2.5 / r as well, r = |k_6 - k_5| / |y_6 - y_5|, a lower bound of
// the largest curvature, from two stages at the same time (volume II, IV.2,
// which stops at 3.25); the method then damps the fastest modes by 0.24 or less
// a step (its stability region ends at 3.3). Statistics count such steps. In
// log time with constant curvature they take 2.5 / r of t each, and reach 1e12
// only through the next paragraph.
//
// Stationary: the rest of the interval is skipped, and its outputs are the
// state reached, once
//   sqrt(mean_i e_i^2) (to - t) <= stationary_fraction min_i w_i,
//   e_i = max(0, |f_i| - rhs_rounding)
// If |f| (Euclidean) does not grow along the rest of the path, the left side
// without rhs_rounding bounds the change of the state that is still to come,
// root mean square, hence that change is below stationary_fraction of the
// tolerance in the norm of err. This holds for a gradient flow, f = -grad L,
// where L is convex along the path, as it is near a minimum with positive
// curvature: d|f|^2/dt = -2 f^T (Hessian) f <= 0. It does NOT hold near a
// saddle point or on a plateau: a flow that starts there with an f below the
// bound would be taken for stationary; set stationary_fraction to 0 for those.
// rhs_rounding is how large the components of f are through rounding alone when
// f is 0. Near a minimum away from y = 0 the computed f stops falling there,
// and over an interval of 1e12 not even 1e-16 is small. It is a statement of
// the caller's: a true drift below it cannot be seen in f, and is left out.
// Without it such a flow goes on in short steps, until max_steps as a rule.
//
// Shapes: y and f have scratch.n elements, which may be 0.
//
// Requirements, all checked: from <= to, finite, in log time from > -1; times
// ascending, equal ones allowed, from <= times <= to; absolute_tolerance > 0;
// relative_tolerance, stationary_fraction, rhs_rounding >= 0; y finite.
// Not checked: f depends on y alone, writes all of dydt and keeps no pointer.
//
// Aliasing: y is overwritten with the state at the end; it lies outside
// scratch. What output() gets is valid during the call; it may not be y.
//
// Errors: InvalidArgument: a broken requirement. OutOfRange: f is not finite,
// at the start or however short the step (a step that runs into such a place is
// first tried again with a fifth of its length). Aborted: the step is too short
// to move the time (a singularity, or tolerances near the rounding of f).
// ResourceExhausted: max_steps tries. All but the first name the t reached; y
// is then the state there, and earlier outputs have been given.
//
// Accuracy: err is local; the error at a time is proportional to the tolerance,
// with a factor of the problem: about 1 where neighbouring solutions approach
// each other, as in a gradient flow with a convex L, more where they separate.
// Outputs between steps are one order less exact, which tests find to be
// no more than a few times the tolerance. Rounding adds about 1e-16 |y| a step;
// in log time the time itself is rounded, by 4e-15 (1 + t) at t = 1e12.
//
// Determinism: plain loops from left to right, one thread, no fused
// multiply-add: the same bits with the same f and C library (exp, log1p, pow).
//
// Cost: 6 evaluations of f a try, one at the start and one for the first step;
// about 60 n multiplications a try, and 7 n an output. Scratch: 9 n doubles,
// from the caller's arena; nothing is allocated but the text of an error.
//
// Why it is written here: Boost.odeint brings all of Boost, and Debian's
// source archive of it is repacked, so the hash of upstream's pins nothing
// that one can get there; SUNDIALS is repacked alike, and a C library with its
// own build; GSL is under the GPL. A documented pair of 400 lines is less, and
// its order conditions can be tested one by one.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_INTEGRATOR_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_INTEGRATOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kernels/base/arena.h"

namespace polarize {

struct IntegratorOptions {
  double relative_tolerance = 1e-8;
  double absolute_tolerance = 1e-10;
  bool log_time = false;
  int64_t max_steps = 1000000;       // tries, whether they count or not
  double stationary_fraction = 0.1;  // 0: only where f is 0
  double rhs_rounding = 0;
};

struct IntegratorStatistics {
  int64_t accepted = 0;
  int64_t rejected = 0;
  int64_t evaluations = 0;
  int64_t stability_limited = 0;  // accepted steps that stability kept short
  double smallest_step = std::numeric_limits<double>::infinity();  // accepted
  double largest_step = 0;                                         // accepted
  double t = 0;          // of y: the end, or where output() said false
  bool stopped = false;  // by output()
  // From here on the state was not integrated; infinity: it was to the end.
  double stationary_from = std::numeric_limits<double>::infinity();
};

// The memory of an integration of n unknowns; any number may follow each other.
struct IntegratorScratch {
  IntegratorScratch(size_t n, Arena& arena);

  size_t n;
  std::array<double*, 7> k;  // f at the stages
  double* stage;             // y there
  double* next;              // y after the step
};

// Calls output(t, state) for each t of times, in order; false ends.
absl::StatusOr<IntegratorStatistics> Integrate(
    absl::FunctionRef<void(const double* y, double* dydt)> f, double from,
    double to, absl::Span<const double> times, const IntegratorOptions& options,
    IntegratorScratch& scratch, double* y,
    absl::FunctionRef<bool(double t, const double* y)> output);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_INTEGRATOR_H_
