#include "experiments/value_softmax/integrator.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/value_softmax/dormand_prince.h"
#include "gtest/gtest.h"
#include "kernels/base/arena.h"
#include "tests/support/heap_calls.h"

namespace polarize {
namespace {

using dormand_prince::kStages;
using dormand_prince::Row;
using Vector = std::vector<double>;
using Rhs = absl::FunctionRef<void(const double*, double*)>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// --- The coefficients ---

// A rooted tree: a condition of order = its number of nodes (Hairer, Norsett
// and Wanner I, section II.2): sum_i b_i Phi_i = 1 / gamma.
struct Tree {
  std::vector<Tree> children;

  int order() const {
    int n = 1;
    for (const Tree& child : children) n += child.order();
    return n;
  }
  double gamma() const {
    double product = order();
    for (const Tree& child : children) product *= child.gamma();
    return product;
  }
  double Phi(size_t i) const {
    double product = 1;
    for (const Tree& child : children) {
      double sum = 0;
      for (size_t j = 0; j < kStages; ++j) {
        sum += dormand_prince::kA[i][j] * child.Phi(j);
      }
      product *= sum;
    }
    return product;
  }
  double Sum(const Row& b) const {
    double sum = 0;
    for (size_t i = 0; i < kStages; ++i) sum += b[i] * Phi(i);
    return sum;
  }
};

// The tree with one more leaf, at each node in turn.
std::vector<Tree> Grown(const Tree& tree) {
  std::vector<Tree> grown = {tree};
  grown[0].children.push_back({});
  for (size_t c = 0; c < tree.children.size(); ++c) {
    for (const Tree& child : Grown(tree.children[c])) {
      grown.push_back(tree);
      grown.back().children[c] = child;
    }
  }
  return grown;
}

// Every tree of this order, some of them more than once.
std::vector<Tree> Trees(int order) {
  if (order == 1) return {Tree{}};
  std::vector<Tree> trees;
  for (const Tree& tree : Trees(order - 1)) {
    for (const Tree& grown : Grown(tree)) trees.push_back(grown);
  }
  return trees;
}

TEST(DormandPrince, StagesLieWhereTheirRowsSay) {
  for (size_t i = 0; i < kStages; ++i) {
    double sum = 0;
    for (size_t j = 0; j < kStages; ++j) {
      sum += dormand_prince::kA[i][j];
      if (j >= i) {
        EXPECT_EQ(dormand_prince::kA[i][j], 0) << i << ", " << j;
      }
    }
    EXPECT_NEAR(sum, dormand_prince::kC[i], 5e-15) << i;
  }
}

TEST(DormandPrince, OrderConditions) {
  Row embedded;
  for (size_t i = 0; i < kStages; ++i) {
    embedded[i] = dormand_prince::kB[i] - dormand_prince::kError[i];
  }
  for (int order = 1; order <= 5; ++order) {
    const std::vector<Tree> trees = Trees(order);
    EXPECT_EQ(trees.size(), std::round(std::tgamma(order)));  // (order - 1)!
    for (const Tree& tree : trees) {
      const double exact = 1 / tree.gamma();
      EXPECT_NEAR(tree.Sum(dormand_prince::kB), exact, 2e-15) << order;
      if (order <= 4) {
        EXPECT_NEAR(tree.Sum(embedded), exact, 2e-15) << order;
      } else {
        // The estimate sees the error of order 5.
        EXPECT_GT(std::abs(tree.Sum(embedded) - exact), 1e-5);
      }
    }
  }
}

TEST(DormandPrince, ContinuousExtension) {
  for (double theta = -0.25; theta <= 1.25; theta += 0.0625) {
    const Row b = dormand_prince::ContinuousWeights(theta);
    for (int order = 1; order <= 4; ++order) {
      for (const Tree& tree : Trees(order)) {
        EXPECT_NEAR(tree.Sum(b), std::pow(theta, order) / tree.gamma(), 2e-14)
            << order << " at " << theta;
      }
    }
  }
  EXPECT_EQ(dormand_prince::ContinuousWeights(0), Row{});
  EXPECT_EQ(dormand_prince::ContinuousWeights(1), dormand_prince::kB);
  // Its slopes at both ends are those of the stages there.
  const double d = 1e-6;
  for (size_t i = 0; i < kStages; ++i) {
    for (const double end : {0.0, 1.0}) {
      const double slope = (dormand_prince::ContinuousWeights(end + d)[i] -
                            dormand_prince::ContinuousWeights(end - d)[i]) /
                           (2 * d);
      EXPECT_NEAR(slope, i == (end == 0 ? 0 : 6) ? 1 : 0, 1e-9) << i;
    }
  }
}

// --- Problems ---

struct Result {
  absl::StatusOr<IntegratorStatistics> statistics;
  Vector y;                     // at the end
  Vector times;                 // of the outputs
  std::vector<Vector> outputs;  // states there
};

IntegratorOptions Tolerance(double tolerance, bool log_time = false) {
  IntegratorOptions options;
  options.relative_tolerance = tolerance;
  options.absolute_tolerance = tolerance;
  options.log_time = log_time;
  return options;
}

// `last`: output() says false at this one.
Result Solve(Rhs f, double from, double to, const Vector& times,
             const IntegratorOptions& options, Vector y,
             size_t last = SIZE_MAX) {
  Arena measure(nullptr, 0);
  IntegratorScratch measured(y.size(), measure);
  EXPECT_EQ(measured.n, y.size());
  std::vector<uint8_t> block(measure.used() + Arena::kAlignment);
  void* start = block.data();
  size_t size = block.size();
  std::align(Arena::kAlignment, measure.used(), start, size);
  Arena arena(start, measure.used());
  IntegratorScratch scratch(y.size(), arena);

  Result result{absl::UnknownError("not run"), y, {}, {}};
  result.statistics =
      Integrate(f, from, to, times, options, scratch, result.y.data(),
                [&](double t, const double* state) {
                  result.times.push_back(t);
                  result.outputs.emplace_back(state, state + y.size());
                  return result.times.size() - 1 != last;
                });
  return result;
}

void Decay(const double* y, double* dydt) { dydt[0] = -y[0]; }
void Grow(const double* y, double* dydt) { dydt[0] = 1 / (1 + std::exp(y[0])); }
void Oscillate(const double* y, double* dydt) {
  dydt[0] = y[1];
  dydt[1] = -y[0];
}
void Prey(const double* y, double* dydt) {
  dydt[0] = y[0] * (1.5 - y[1]);
  dydt[1] = y[1] * (y[0] - 3);
}

// e^y + y = t + 1 by Newton's method: y(t) of Grow with y(0) = 0.
double GrownTo(double t) {
  double y = std::log1p(t);
  for (int i = 0; i < 50; ++i) {
    y -= (std::exp(y) + y - 1 - t) / (std::exp(y) + 1);
  }
  return y;
}

// Decades from 1e-3 to 1e12, nine times in each.
Vector Decades() {
  Vector times = {0};
  for (int e = -3; e < 12; ++e) {
    for (int m = 1; m < 10; ++m) times.push_back(m * std::pow(10, e));
  }
  times.push_back(1e12);
  return times;
}

TEST(Integrator, ExponentialDecay) {
  const Result r = Solve(Decay, 0, 20, {0, 1, 2.5, 20}, Tolerance(1e-10), {3});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  for (size_t i = 0; i < r.times.size(); ++i) {
    EXPECT_NEAR(r.outputs[i][0], 3 * std::exp(-r.times[i]), 5e-10);
  }
  EXPECT_EQ(r.outputs[3], r.y);
  EXPECT_EQ(r.statistics->t, 20);
  EXPECT_EQ(r.statistics->stationary_from, kInf);
  EXPECT_FALSE(r.statistics->stopped);
}

TEST(Integrator, LogarithmicGrowthOverTwelveDecades) {
  const Vector times = Decades();
  const Result r = Solve(Grow, 0, 1e12, times, Tolerance(1e-10, true), {0});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  ASSERT_EQ(r.times, times);
  double worst = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    const double exact = GrownTo(times[i]);
    worst = std::max(worst, std::abs(r.outputs[i][0] - exact) / (1 + exact));
  }
  EXPECT_LT(worst, 2e-10);
  EXPECT_LT(r.statistics->evaluations, 1000);
  EXPECT_LT(r.statistics->stability_limited, 5);
}

TEST(Integrator, HarmonicOscillator) {
  const Result r =
      Solve(Oscillate, 0, 100, {50, 100}, Tolerance(1e-10), {0, 1});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(r.outputs[i][0], std::sin(r.times[i]), 2e-8);
    EXPECT_NEAR(r.outputs[i][1], std::cos(r.times[i]), 2e-8);
  }
}

TEST(Integrator, LotkaVolterraKeepsItsInvariant) {
  const auto invariant = [](const Vector& y) {
    return y[0] - 3 * std::log(y[0]) + y[1] - 1.5 * std::log(y[1]);
  };
  Vector times;
  for (int i = 0; i <= 500; ++i) times.push_back(i * 0.1);
  const Result r = Solve(Prey, 0, 50, times, Tolerance(1e-11), {5, 2});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  for (const Vector& y : r.outputs) {
    EXPECT_NEAR(invariant(y), invariant({5, 2}), 2e-9);
  }
}

// The error is proportional to the tolerance, and the number of steps to its
// fifth root, as the order is 5.
TEST(Integrator, ErrorFollowsTolerance) {
  double before = 0;
  for (const double tolerance : {1e-5, 1e-7, 1e-9, 1e-11}) {
    const Result r = Solve(Oscillate, 0, 20, {}, Tolerance(tolerance), {0, 1});
    ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
    const double error =
        std::hypot(r.y[0] - std::sin(20), r.y[1] - std::cos(20));
    EXPECT_LT(error, 30 * tolerance);
    EXPECT_GT(error, 0.3 * tolerance);
    const double steps = static_cast<double>(r.statistics->accepted);
    if (before > 0) {
      EXPECT_NEAR(std::log(steps / before) / std::log(100), 0.2, 0.02);
    }
    before = steps;
  }
}

// Coupled and not linear: two tolerances, and the two variables of time.
void Couple(const double* y, double* dydt) {
  for (size_t i = 0; i < 10; ++i) {
    dydt[i] = -std::pow(y[i], 3) + 0.3 * std::tanh(y[(i + 1) % 10] - y[i]) +
              0.3 * std::tanh(y[(i + 9) % 10] - y[i]);
  }
}

TEST(Integrator, TolerancesAndTimesAgree) {
  Vector y(10);
  for (size_t i = 0; i < 10; ++i) y[i] = std::sin(1.0 + 3.0 * i);
  const Vector times = {0.5, 1, 3, 10, 30, 100, 300, 1000};
  const Result fine = Solve(Couple, 0, 1000, times, Tolerance(1e-12, true), y);
  ASSERT_TRUE(fine.statistics.ok()) << fine.statistics.status();
  for (const bool log_time : {false, true}) {
    for (const double tolerance : {1e-6, 1e-9}) {
      const Result r =
          Solve(Couple, 0, 1000, times, Tolerance(tolerance, log_time), y);
      ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
      for (size_t i = 0; i < times.size(); ++i) {
        for (size_t j = 0; j < y.size(); ++j) {
          EXPECT_NEAR(r.outputs[i][j], fine.outputs[i][j], 3 * tolerance)
              << times[i] << " " << j;
        }
      }
    }
  }
}

TEST(Integrator, StartsInsideLogTime) {
  const Result r =
      Solve(Grow, 7, 1e6, {7, 1e6}, Tolerance(1e-10, true), {GrownTo(7)});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  EXPECT_NEAR(r.y[0], GrownTo(1e6), 1e-8);
  EXPECT_EQ(r.outputs[0][0], GrownTo(7));
}

TEST(Integrator, OutputsBetweenStepsAreAsExactAsTheSteps) {
  for (const bool log_time : {false, true}) {
    Vector times;
    for (int i = 0; i <= 5000; ++i) times.push_back(i * 0.004);
    const IntegratorOptions options = Tolerance(1e-9, log_time);
    const Result r = Solve(Oscillate, 0, 20, times, options, {0, 1});
    const Result alone = Solve(Oscillate, 0, 20, {}, options, {0, 1});
    ASSERT_TRUE(r.statistics.ok() && alone.statistics.ok());
    ASSERT_EQ(r.times, times);
    // They shorten no step and cost no evaluation.
    EXPECT_EQ(r.statistics->evaluations, alone.statistics->evaluations);
    EXPECT_EQ(r.y, alone.y);
    const double end = std::hypot(r.y[0] - std::sin(20), r.y[1] - std::cos(20));
    double worst = 0;
    for (size_t i = 0; i < times.size(); ++i) {
      worst = std::max(worst, std::hypot(r.outputs[i][0] - std::sin(times[i]),
                                         r.outputs[i][1] - std::cos(times[i])));
    }
    EXPECT_LT(worst, end + 5e-9);
  }
}

TEST(Integrator, OutputsAtTheEndsAndTwice) {
  for (const bool log_time : {false, true}) {
    const Vector times = {0.5, 0.5, 1, 1, 3, 3, 3};
    const Result r =
        Solve(Decay, 0.5, 3, times, Tolerance(1e-9, log_time), {1});
    ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
    ASSERT_EQ(r.times, times);
    EXPECT_EQ(r.outputs[0], Vector{1});
    EXPECT_EQ(r.outputs[1], Vector{1});
    EXPECT_EQ(r.outputs[2], r.outputs[3]);
    EXPECT_EQ(r.outputs[4], r.y);
    EXPECT_EQ(r.outputs[6], r.y);
  }
}

TEST(Integrator, EmptyInterval) {
  const Result r = Solve(Decay, 2, 2, {2, 2}, {}, {5});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  EXPECT_EQ(r.outputs, (std::vector<Vector>{{5}, {5}}));
  EXPECT_EQ(r.statistics->accepted, 0);
  EXPECT_EQ(r.statistics->evaluations, 1);
}

TEST(Integrator, NoUnknowns) {
  for (const double fraction : {0.0, 0.1}) {
    IntegratorOptions options = Tolerance(1e-9, true);
    options.stationary_fraction = fraction;
    const Result r = Solve([](const double*, double*) {}, 0, 1e12, {0, 1, 1e12},
                           options, {});
    ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
    EXPECT_EQ(r.times.size(), 3u);
  }
}

TEST(Integrator, CountsWhatItDoes) {
  int64_t calls = 0;
  const Result r = Solve(
      [&](const double* y, double* dydt) {
        ++calls;
        Prey(y, dydt);
      },
      0, 50, {}, Tolerance(1e-6), {5, 2});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  const IntegratorStatistics& s = *r.statistics;
  EXPECT_EQ(s.evaluations, calls);
  EXPECT_EQ(calls, 2 + 6 * (s.accepted + s.rejected));
  EXPECT_GT(s.rejected, 0);
  EXPECT_LT(s.smallest_step, s.largest_step);
  EXPECT_LE(s.smallest_step * s.accepted, 50);
  EXPECT_GE(s.largest_step * s.accepted, 50);
}

TEST(Integrator, SameBitsEveryTime) {
  const Result a = Solve(Prey, 0, 30, {7, 11}, Tolerance(1e-7), {5, 2});
  const Result b = Solve(Prey, 0, 30, {7, 11}, Tolerance(1e-7), {5, 2});
  EXPECT_EQ(a.y, b.y);
  EXPECT_EQ(a.outputs, b.outputs);
}

// --- Stiff and stationary ---

// The gradient flow of a quadratic bowl at `centre` with curvatures 1 and 100.
struct Bowl {
  void operator()(const double* y, double* dydt) const {
    const double a = y[0] - centre, b = y[1] - centre;
    dydt[0] = -(64.36 * a + 47.52 * b);
    dydt[1] = -(47.52 * a + 36.64 * b);
  }
  double centre;
};

TEST(Integrator, StopsInAMinimumAtZero) {
  const Bowl bowl = {0};
  const Result r =
      Solve(bowl, 0, 1e12, {1, 1e6, 1e12}, Tolerance(1e-9, true), {2, -1});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  EXPECT_LT(r.statistics->stationary_from, 100);
  EXPECT_GT(r.statistics->stability_limited, 100);
  EXPECT_EQ(r.statistics->t, 1e12);
  EXPECT_EQ(r.times.size(), 3u);
  EXPECT_EQ(r.outputs[1], r.y);
  EXPECT_EQ(r.outputs[2], r.y);
  EXPECT_LT(std::hypot(r.y[0], r.y[1]), 1e-10);
}

// Here f is never 0 but for rounding, which the caller vouches for.
TEST(Integrator, StopsInAMinimumElsewhere) {
  const Bowl bowl = {0.3};
  for (const bool log_time : {false, true}) {
    IntegratorOptions options = Tolerance(1e-9, log_time);
    options.rhs_rounding = 1e-14;
    const Result r = Solve(bowl, 0, 1e12, {0.01, 1e12}, options, {2, -1});
    ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
    EXPECT_LT(r.statistics->stationary_from, 100);
    EXPECT_NEAR(r.y[0], 0.3, 1e-12);
    EXPECT_NEAR(r.y[1], 0.3, 1e-12);
  }
}

// f falls to 1e-12, but the way left does not.
TEST(Integrator, SlowGrowthIsNotStationary) {
  IntegratorOptions options = Tolerance(1e-6, true);
  options.rhs_rounding = 1e-16;
  const Result r = Solve(Grow, 0, 1e12, {}, options, {0});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  EXPECT_EQ(r.statistics->stationary_from, kInf);
  EXPECT_NEAR(r.y[0], GrownTo(1e12), 1e-4);
}

// y' = -y^3, y = (1 / y(0)^2 + 2 t)^(-1/2): the way left when the rest of it is
// skipped is below the bound, here a large one that is met well before the end.
TEST(Integrator, WhatIsSkippedIsBelowTheBound) {
  const auto f = [](const double* y, double* dydt) {
    dydt[0] = -y[0] * y[0] * y[0];
  };
  const auto exact = [](double t) { return 1 / std::sqrt(1000 + 2 * t); };
  double before = 1e4;
  for (const double bound : {3e-3, 1e-2}) {
    IntegratorOptions options;
    options.absolute_tolerance = 1e-8;
    options.relative_tolerance = 0;
    options.stationary_fraction = bound / 1e-8;
    const Result r = Solve(f, 0, 1e4, {}, options, {exact(0)});
    ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
    const double from = r.statistics->stationary_from;
    ASSERT_LT(from, before);
    EXPECT_GT(from, 100);
    EXPECT_LT(exact(from) - exact(1e4), bound);
    EXPECT_NEAR(r.y[0], exact(from), 1e-7);
    before = from;
  }
}

TEST(Integrator, ExactlyStationary) {
  IntegratorOptions options = Tolerance(1e-9);
  options.stationary_fraction = 0;
  const Result r = Solve(Oscillate, 1, 1e12, {1, 5}, options, {0, 0});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  EXPECT_EQ(r.statistics->stationary_from, 1);
  EXPECT_EQ(r.statistics->evaluations, 1);
  EXPECT_EQ(r.times.size(), 2u);
}

// A bowl whose gradient rounds as `noise` says, to either side.
struct NoisyBowl {
  void operator()(const double* y, double* dydt) const {
    bowl(y, dydt);
    for (size_t i = 0; i < 2; ++i) {
      state = state * 1664525u + 1013904223u;
      dydt[i] += noise * (state / 2147483648.0 - 1);
    }
  }
  double noise;
  Bowl bowl = {0.3};
  mutable uint32_t state = 1;
};

TEST(Integrator, StopsWhereTheRightHandSideIsNoise) {
  IntegratorOptions options = Tolerance(1e-9, true);
  options.rhs_rounding = 1e-11;
  options.max_steps = 2000;
  const NoisyBowl bowl = {1e-11};
  const Result r = Solve(bowl, 0, 1e12, {1e12}, options, {2, -1});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  EXPECT_LT(r.statistics->stationary_from, 50);
  EXPECT_NEAR(r.y[0], 0.3, 1e-10);
  EXPECT_NEAR(r.y[1], 0.3, 1e-10);
}

// Many time constants of a stiff problem, with a slow drift beside it: fast
// modes are damped far below the tolerance, and steps keep their length
// 2.5 / 100 when all that is left is rounding.
TEST(Integrator, FastModesAreDampedBelowTheTolerance) {
  IntegratorOptions options = Tolerance(1e-6);
  for (const double noise : {1e-15, 1e-11}) {
    const NoisyBowl bowl = {noise};
    options.rhs_rounding = noise > 1e-14 ? noise : 0;
    const auto f = [&](const double* y, double* dydt) {
      bowl(y, dydt);
      dydt[2] = 1e-3;  // never stationary
    };
    const Result r = Solve(f, 0, 1000, {}, options, {2, -1, 0});
    ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
    EXPECT_EQ(r.statistics->stationary_from, kInf);
    EXPECT_GT(r.statistics->stability_limited, 35000);
    EXPECT_LT(r.statistics->accepted, 41000);
    EXPECT_LT(r.statistics->rejected, 20);
    EXPECT_NEAR(r.y[0], 0.3, 10 * noise + 1e-15);
    EXPECT_NEAR(r.y[1], 0.3, 10 * noise + 1e-15);
    EXPECT_NEAR(r.y[2], 1, 1e-10);
  }
}

// --- Errors ---

void ExpectError(const Result& r, absl::StatusCode code,
                 const std::string& text) {
  EXPECT_EQ(r.statistics.status().code(), code) << r.statistics.status();
  EXPECT_NE(r.statistics.status().message().find(text), std::string::npos)
      << r.statistics.status();
}

// The time that the message names.
double TimeIn(const Result& r) {
  const std::string message(r.statistics.status().message());
  const size_t at = message.find("t = ");
  return at == std::string::npos ? kNan : std::stod(message.substr(at + 4));
}

TEST(Integrator, RightHandSideIsNotFinite) {
  const auto nan = [](const double*, double* dydt) { dydt[0] = kNan; };
  ExpectError(Solve(nan, 2, 3, {}, {}, {1}), absl::StatusCode::kOutOfRange,
              "not finite at t = 2");
  const auto infinite = [](const double* y, double* dydt) {
    dydt[0] = y[0] > 1.5 ? kInf : 1;
  };
  for (const bool log_time : {false, true}) {
    const Result r =
        Solve(infinite, 0, 3, {0.25, 2}, Tolerance(1e-6, log_time), {1});
    ExpectError(r, absl::StatusCode::kOutOfRange,
                "not finite right after t = ");
    EXPECT_NEAR(TimeIn(r), 0.5, 1e-8);
    EXPECT_NEAR(r.y[0], 1.5, 1e-8);
    EXPECT_EQ(r.times, Vector{0.25});
  }
}

// A trial step into a place without a value is not the end: y' = -sqrt(y)
// is left at t = 1.9, before y = 0 at t = 2.
TEST(Integrator, TriesAgainWhereATrialStepHasNoValue) {
  const auto root = [](const double* y, double* dydt) {
    dydt[0] = -std::sqrt(y[0]);
  };
  const Result r = Solve(root, 0, 1.9, {}, Tolerance(1e-2), {1});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  EXPECT_NEAR(r.y[0], 0.0025, 1e-2);
}

// A slope that jumps where the first unknown, the time, is 1: the first try
// over it does not count, and the step after the one that does is no longer,
// though the error, of a step that ends before the jump, would let it grow
// tenfold.
TEST(Integrator, DoesNotGrowAfterAStepThatWasTriedAgain) {
  Vector at;  // the time of each evaluation
  const auto kink = [&](const double* y, double* dydt) {
    at.push_back(y[0]);
    dydt[0] = 1;
    dydt[1] = y[0] < 1 ? 0 : 1;
  };
  const Result r = Solve(kink, 0, 3, {}, Tolerance(1e-8), {0, 0});
  ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
  ASSERT_GT(r.statistics->rejected, 0);
  // Two evaluations for the first length, then six a try: the first at a fifth
  // of it, the last at its end.
  ASSERT_EQ(at.size() % 6, 2u);
  Vector from, length;
  for (size_t i = 2; i < at.size(); i += 6) {
    length.push_back((at[i + 5] - at[i]) / 0.8);
    from.push_back(at[i + 5] - length.back());
  }
  size_t checked = 0;
  for (size_t k = 1; k + 1 < from.size(); ++k) {
    const bool again = from[k] - from[k - 1] < 1e-3 * length[k];
    const bool counts = from[k + 1] - from[k] > 0.5 * length[k];
    if (!again || !counts) continue;
    EXPECT_LE(length[k + 1], length[k] * (1 + 1e-6)) << "at " << from[k];
    ++checked;
  }
  EXPECT_GT(checked, 0u);
}

TEST(Integrator, Singularity) {
  const auto square = [](const double* y, double* dydt) {
    dydt[0] = y[0] * y[0];
  };
  for (const bool log_time : {false, true}) {
    const Result r = Solve(square, 0, 2, {0.5}, Tolerance(1e-9, log_time), {1});
    ExpectError(r, absl::StatusCode::kAborted, "too short");
    EXPECT_NEAR(TimeIn(r), 1, 1e-7);
    EXPECT_NEAR(r.outputs[0][0], 2, 1e-7);
    EXPECT_GT(r.y[0], 1e7);
  }
}

TEST(Integrator, MaxSteps) {
  IntegratorOptions options = Tolerance(1e-9);
  options.max_steps = 10;
  const Result r = Solve(Oscillate, 0, 1000, {}, options, {0, 1});
  ExpectError(r, absl::StatusCode::kResourceExhausted, "max_steps = 10 ");
  // y is the state at the t that the message names.
  const double t = TimeIn(r);
  EXPECT_GT(t, 0);
  EXPECT_NEAR(r.y[0], std::sin(t), 1e-6);
}

TEST(Integrator, OutputStops) {
  const Vector times = {0, 1, 2.5, 9};
  for (size_t last = 0; last < 3; ++last) {
    const Result r = Solve(Decay, 0, 10, times, Tolerance(1e-10), {1}, last);
    ASSERT_TRUE(r.statistics.ok()) << r.statistics.status();
    EXPECT_TRUE(r.statistics->stopped);
    EXPECT_EQ(r.times.size(), last + 1);
    EXPECT_EQ(r.statistics->t, times[last]);
    EXPECT_EQ(r.y, r.outputs[last]);
    EXPECT_NEAR(r.y[0], std::exp(-times[last]), 1e-9);
  }
  // Among what is left over in a stationary state.
  const Result r = Solve(Decay, 0, 10, {3, 4, 5}, {}, {0}, 1);
  EXPECT_TRUE(r.statistics->stopped);
  EXPECT_EQ(r.statistics->t, 4);
}

TEST(Integrator, BrokenRequirements) {
  const auto broken = [](double from, double to, const Vector& times,
                         const IntegratorOptions& options, double y,
                         const char* rule) {
    const Result r = Solve(Decay, from, to, times, options, {y});
    ExpectError(r, absl::StatusCode::kInvalidArgument, rule);
    EXPECT_TRUE(r.times.empty());
  };
  const IntegratorOptions fine;
  broken(1, 0, {}, fine, 1, "from <= to");
  broken(0, kInf, {}, fine, 1, "both finite");
  broken(kNan, 1, {}, fine, 1, "from <= to");
  broken(-1, 1, {}, Tolerance(1e-6, true), 1, "from > -1");
  broken(0, 1, {0.5, 0.4}, fine, 1, "times ascend");
  broken(0, 1, {-0.5}, fine, 1, "times ascend");
  broken(0, 1, {0.5, 1.5}, fine, 1, "times ascend");
  broken(0, 1, {kNan}, fine, 1, "times ascend");
  broken(0, 1, {}, fine, kNan, "y finite");
  IntegratorOptions options;
  options.absolute_tolerance = 0;
  broken(0, 1, {}, options, 1, "absolute_tolerance > 0");
  options = fine;
  options.relative_tolerance = -1;
  broken(0, 1, {}, options, 1, "relative_tolerance");
  options = fine;
  options.stationary_fraction = kNan;
  broken(0, 1, {}, options, 1, "stationary_fraction");
  options = fine;
  options.rhs_rounding = kInf;
  broken(0, 1, {}, options, 1, "rhs_rounding");
}

// --- Memory ---

TEST(Integrator, AllocatesNothing) {
  if (!CountsHeapCalls()) GTEST_SKIP() << "this build cannot count";
  constexpr size_t kN = 72;
  alignas(Arena::kAlignment) static uint8_t block[9 * 640];
  Arena arena(block, sizeof(block));
  IntegratorScratch scratch(kN, arena);
  double y[kN], sum = 0;
  std::fill(y, y + kN, 0.25);
  const double times[] = {0, 1, 10, 1e6, 1e12};
  bool ok = false;
  const IntegratorOptions options = Tolerance(1e-8, true);
  EXPECT_EQ(HeapCalls([&] {
              ok = Integrate(
                       [](const double* y, double* dydt) {
                         for (size_t i = 0; i < kN; ++i) Grow(y + i, dydt + i);
                       },
                       0, 1e12, times, options, scratch, y,
                       [&](double, const double* y) {
                         sum += y[0];
                         return true;
                       })
                       .ok();
            }),
            0u);
  EXPECT_TRUE(ok);
  EXPECT_GT(sum, 0);
}

}  // namespace
}  // namespace polarize
