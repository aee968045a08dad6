// The coefficients of the embedded Runge-Kutta pair of order 5(4) by Dormand
// and Prince, "A family of embedded Runge-Kutta formulae", 1980, with the
// continuous extension of order 4 by Shampine, as Hairer, Norsett and Wanner
// print them ("Solving Ordinary Differential Equations I", table II.5.2 and
// section II.6; the extension's d_i are those of their program DOPRI5).
//
//   k_i = f(y + h sum_{j < i} kA[i][j] k_j),  i = 0 .. 6
//   y(x + h) = y + h sum_i kB[i] k_i + O(h^6),  kB = kA[6]: k_6 is the next k_0
//   the same with kB - kError: the solution of order 4
//   y(x + theta h) = y + h sum_i b_i(theta) k_i + O(h^5)
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_DORMAND_PRINCE_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_DORMAND_PRINCE_H_

#include <array>
#include <cstddef>

namespace polarize {
namespace dormand_prince {

constexpr size_t kStages = 7;
using Row = std::array<double, kStages>;

// Where in the step the stages lie: the sums of kA's rows.
constexpr Row kC = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};

constexpr std::array<Row, kStages> kA = {{
    {},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
}};

constexpr Row kB = kA[6];

constexpr Row kError = {
    71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
    -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

constexpr Row kDense = {
    -12715105075.0 / 11282082432,  0,
    87487479700.0 / 32700410799,   -10690763975.0 / 1880347072,
    701980252875.0 / 199316789632, -1453857185.0 / 822651844,
    69997945.0 / 29380423};

// b_i(theta): a cubic Hermite interpolant (value and slope at both ends are
// those of the step), and a bubble theta^2 (1 - theta)^2 d_i for the order.
constexpr Row ContinuousWeights(double theta) {
  const double rest = 1 - theta;
  const double square = theta * theta;
  Row b = {};
  for (size_t i = 0; i < kStages; ++i) {
    b[i] = square * (3 - 2 * theta) * kB[i] + square * rest * rest * kDense[i];
  }
  b[0] += theta * rest * rest;
  b[6] -= square * rest;
  return b;
}

}  // namespace dormand_prince
}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_DORMAND_PRINCE_H_
