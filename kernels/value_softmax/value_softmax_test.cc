#include "kernels/value_softmax/value_softmax.h"

#include <cstddef>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/value_softmax/value_softmax_test.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/value_softmax/value_softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace {

using Map = ValueSoftmaxMap;
using Loss = ValueSoftmaxLoss;
using Optimiser = ValueSoftmaxOptimiser;

template <Map kMap, Loss kLoss, bool kTied, size_t kFeatures, size_t kLatent,
          Optimiser kOptimiser = Optimiser::kGradientDescent>
struct Instance {
  using Form = FixedForm<kMap, kLoss, kOptimiser, kTied, kFeatures, kLatent>;
  static size_t Run(ValueSoftmax& model, const ValueSoftmaxRates& rates,
                    size_t steps) {
    return DescendT<Form>(model, rates, steps);
  }
  static constexpr FixedDescent Descent() {
    return {{kMap, kLoss, kOptimiser, kTied, kFeatures, kLatent}, &Run};
  }
};

// V by row and not, tied, one vector of rows and many.
constexpr FixedDescent kInstances[] = {
    Instance<Map::kSoftmax, Loss::kLogistic, false, 8, 8>::Descent(),
    Instance<Map::kSoftmax, Loss::kCrossEntropy, false, 10, 10>::Descent(),
    Instance<Map::kSoftmax, Loss::kRegression, false, 20, 20>::Descent(),
    Instance<Map::kSoftmax, Loss::kLogistic, true, 20, 20>::Descent(),
    Instance<Map::kSoftmax1, Loss::kLogistic, true, 100, 100>::Descent(),
    Instance<Map::kL2, Loss::kSquare, true, 12, 12>::Descent(),
    Instance<Map::kL1, Loss::kSquare, false, 7, 9>::Descent(),
    Instance<Map::kRelu, Loss::kLogistic, false, 17, 3>::Descent(),
    Instance<Map::kSigmoid, Loss::kSquare, false, 33, 40>::Descent(),
    Instance<Map::kSoftmax1, Loss::kCrossEntropy, false, 5, 12>::Descent(),
    Instance<Map::kSoftmax, Loss::kSquare, false, 10, 10,
             Optimiser::kAdam>::Descent(),
};

}  // namespace

absl::Span<const FixedDescent> Instances() { return kInstances; }

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/bounds.h"
#include "kernels/value_softmax/value_softmax_ref.h"
#include "tests/support/kernel_testing.h"

namespace polarize {

HWY_EXPORT(Instances);

namespace {

using Map = ValueSoftmaxMap;
using Loss = ValueSoftmaxLoss;
using Optimiser = ValueSoftmaxOptimiser;
using reference::Sized;
using Problem = reference::ValueSoftmaxProblem;
using Point = reference::ValueSoftmaxPoint<double>;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr Map kMaps[] = {Map::kL1,      Map::kSum,  Map::kL2,
                         Map::kSoftmax, Map::kRelu, Map::kSigmoid,
                         Map::kSoftmax1};
constexpr Loss kLosses[] = {Loss::kLogistic, Loss::kSquare, Loss::kRegression,
                            Loss::kCrossEntropy};
constexpr Optimiser kOptimisers[] = {Optimiser::kGradientDescent,
                                     Optimiser::kMomentum, Optimiser::kAdam,
                                     Optimiser::kSignDescent};

// In the order of the enumerators.
constexpr const char* kMapNames[] = {"l1",   "sum",     "l2",      "softmax",
                                     "relu", "sigmoid", "softmax1"};
constexpr const char* kLossNames[] = {"logistic", "square", "regression",
                                      "cross_entropy"};
constexpr const char* kOptimiserNames[] = {"gradient_descent", "momentum",
                                           "adam", "sign_descent"};

std::string Name(Map map) { return kMapNames[static_cast<int>(map)]; }
std::string Name(Loss loss) { return kLossNames[static_cast<int>(loss)]; }
std::string Name(Optimiser optimiser) {
  return kOptimiserNames[static_cast<int>(optimiser)];
}
std::string Name(const ValueSoftmaxForm& form) {
  return Name(form.map) + " " + Name(form.loss) + " " + Name(form.optimiser) +
         (form.tied ? " tied " : " ") + std::to_string(form.features) + "x" +
         std::to_string(form.latent);
}

ValueSoftmaxForm FormOf(Map map, Loss loss, bool tied, size_t features,
                        size_t latent,
                        Optimiser optimiser = Optimiser::kGradientDescent) {
  return {map, loss, optimiser, tied, features, latent};
}

// Every map, loss and, where features = latent, tied or not.
template <class Body>
void ForEachForm(size_t features, size_t latent, const Body& body) {
  for (const Map map : kMaps) {
    for (const Loss loss : kLosses) {
      body(FormOf(map, loss, false, features, latent));
      if (features == latent) body(FormOf(map, loss, true, features, latent));
    }
  }
}

// Uniform in [lo, hi); the engine's own numbers, which no library changes.
class Uniform {
 public:
  explicit Uniform(uint32_t seed) : engine_(seed) {}
  double operator()(double lo, double hi) {
    return lo + (hi - lo) * (engine_() * 0x1p-32);
  }
  std::vector<double> operator()(size_t n, double lo, double hi) {
    std::vector<double> x(n);
    for (double& value : x) value = (*this)(lo, hi);
    return x;
  }

 private:
  std::mt19937 engine_;
};

// A problem and a point in it, as the reference has them.
struct Case {
  ValueSoftmaxForm form;
  Problem problem;
  Point point;
};

// b, the cross entropy's with sum 1.
std::vector<double> Target(const ValueSoftmaxForm& form, size_t samples,
                           Uniform& uniform) {
  if (form.loss == Loss::kRegression) return uniform(samples, -1, 1);
  if (form.loss != Loss::kCrossEntropy) return uniform(form.features, -1, 1);
  std::vector<double> b = uniform(form.features, 0.1, 1);
  double sum = 0;
  for (const double bi : b) sum += bi;
  for (double& bi : b) bi /= sum;
  return b;
}

// No parameter at its default, but for what `seed` leaves there.
Case MakeCase(const ValueSoftmaxForm& form, uint32_t seed) {
  Uniform uniform(seed);
  Case c;
  c.form = form;
  const size_t f = form.features, k = form.latent, samples = f + 3;
  c.problem.map = Name(form.map);
  c.problem.loss = Name(form.loss);
  c.problem.tied = form.tied;
  c.problem.features = f;
  c.problem.latent = k;
  c.problem.temperature = seed % 4 == 0 ? 1 : uniform(0.5, 2);
  c.problem.entropy_penalty = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 0.3 : -0.2;
  c.problem.learns_sink = form.map == Map::kSoftmax1 && seed % 5 != 0;
  c.problem.target = Target(form, samples, uniform);
  if (form.loss == Loss::kRegression) {
    c.problem.design = uniform(samples * f, -1, 1);
  }
  c.point.values = uniform(f * k, -1.5, 1.5);
  // The sum's norm should not vanish.
  c.point.attention = uniform(k, form.map == Map::kSum ? 0.3 : -2, 2);
  if (form.map == Map::kSoftmax1) c.point.sink = uniform(-2, 2);
  c.point.response = uniform(-1, 1);
  return c;
}

size_t Bytes(ValueSoftmax model) {
  Arena arena(nullptr, 0);
  LayOut(arena, model);
  return arena.used();
}

// The kernel's model of a case. Its memory ends at an inaccessible page; its
// scratch holds `garbage` at first.
class Model {
 public:
  explicit Model(const Case& c, double garbage = kNaN)
      : problem_(c.problem), bytes_(BytesOf(c.form), 0) {
    m.form = c.form;
    const size_t bytes = BytesOf(c.form);
    std::fill_n(static_cast<double*>(bytes_.data()), bytes / sizeof(double),
                garbage);
    Arena arena(bytes_.data(), bytes);
    LayOut(arena, m);
    m.temperature = problem_.temperature;
    m.entropy_penalty = problem_.entropy_penalty;
    m.learns_sink = problem_.learns_sink;
    SetTarget();
    std::fill_n(m.point, m.point_size(), 0.0);
    SetPoint(c.point, m.point);
    if (m.moment1 == nullptr) return;
    std::fill_n(m.moment1, m.point_size(), 0.0);
    std::fill_n(m.moment2, m.point_size(), 0.0);
  }

  void SetPoint(const Point& from, double* point) const {
    for (size_t i = 0; i < m.form.features; ++i) {
      for (size_t j = 0; j < m.form.latent; ++j) {
        point[j * m.value_stride() + i] = from.values[i * m.form.latent + j];
      }
    }
    std::copy(from.attention.begin(), from.attention.end(),
              point + m.attention_at());
    point[m.sink_at()] = from.sink;
    point[m.response_at()] = from.response;
  }

  // Of a point, or of a gradient.
  Point GetPoint(const double* point) const {
    Point to;
    for (size_t i = 0; i < m.form.features; ++i) {
      for (size_t j = 0; j < m.form.latent; ++j) {
        to.values.push_back(point[j * m.value_stride() + i]);
      }
    }
    const double* const attention = point + m.attention_at();
    to.attention.assign(attention, attention + m.form.latent);
    to.sink = point[m.sink_at()];
    to.response = point[m.response_at()];
    return to;
  }
  Point GetPoint() const { return GetPoint(m.point); }

  // For comparisons of bits.
  std::vector<double> State() const {
    std::vector<double> state(m.point, m.point + m.point_size());
    state.push_back(static_cast<double>(m.step));
    return state;
  }

  // The kernel's gradient and point between inaccessible pages.
  Point GradientHere() {
    GuardedArray<double> point(m.point_size()), gradient(m.point_size());
    std::copy_n(m.point, m.point_size(), point.data());
    std::fill(gradient.begin(), gradient.end(), kNaN);
    Gradient(m, point.data(), gradient.data());
    return GetPoint(gradient.data());
  }

  // The sum of the magnitudes of everything in `point` that is padding.
  double Padding(const double* point) const {
    double sum = 0;
    for (size_t i = 0; i < m.attention_at(); ++i) {
      if (i % m.value_stride() >= m.form.features) sum += std::abs(point[i]);
    }
    for (size_t i = m.attention_at() + m.form.latent; i < m.sink_at(); ++i) {
      sum += std::abs(point[i]);
    }
    for (size_t i = m.response_at() + 1; i < m.point_size(); ++i) {
      sum += std::abs(point[i]);
    }
    return sum;
  }

  ValueSoftmax m;

 private:
  static size_t BytesOf(const ValueSoftmaxForm& form) {
    ValueSoftmax model;
    model.form = form;
    return Bytes(model);
  }

  void SetTarget() {
    const size_t f = m.form.features, padded = m.value_stride();
    const std::vector<double>& b = problem_.target;
    std::fill_n(m.target, padded, 0.0);
    if (m.form.loss == Loss::kRegression) return SetRegression();
    std::copy(b.begin(), b.end(), m.target);
    m.target_square = 0;
    for (size_t i = 0; i < f; ++i) m.target_square += b[i] * b[i];
  }

  // X'X and X'b, each rounded once.
  void SetRegression() {
    const size_t f = m.form.features, padded = m.value_stride();
    const size_t samples = problem_.target.size();
    const double* const x = problem_.design.data();
    std::fill_n(m.gram, f * padded, 0.0);
    for (size_t j = 0; j < f; ++j) {
      for (size_t i = 0; i <= f; ++i) {
        long double sum = 0;
        for (size_t k = 0; k < samples; ++k) {
          const double other = i < f ? x[k * f + i] : problem_.target[k];
          sum += static_cast<long double>(x[k * f + j]) * other;
        }
        (i < f ? m.gram[j * padded + i] : m.target[j]) =
            static_cast<double>(sum);
      }
    }
    m.design = x;
    m.samples = problem_.target.data();
    m.sample_count = samples;
  }

  Problem problem_;
  GuardedBytes bytes_;
};

// Within kValueSoftmaxEpsilons; the smallest normal number is for underflow.
void ExpectNear(double actual, const Sized& exact, const char* what,
                size_t at) {
  const double error = std::abs(static_cast<double>(actual - exact.value));
  const double unit = static_cast<double>(exact.size) * kEpsilon +
                      std::numeric_limits<double>::min();
  EXPECT_LE(error / unit, kValueSoftmaxEpsilons)
      << what << " " << at << ": " << actual << ", not "
      << static_cast<double>(exact.value);
}

void ExpectNearReference(const Case& c) {
  SCOPED_TRACE(Name(c.form));
  const auto exact = reference::ValueSoftmaxGradient(c.problem, c.point);
  const reference::SizedVector parameters = Parameters(exact);
  const Sized loss = reference::ValueSoftmaxLoss(c.problem, c.point);
  ForEachTarget([&] {
    Model model(c);
    const Point gradient = model.GradientHere();
    const std::vector<double> actual = Parameters(gradient);
    for (size_t i = 0; i < actual.size(); ++i) {
      ExpectNear(actual[i], parameters[i], "gradient", i);
    }
    ExpectNear(gradient.response, exact.response, "-gamma", 0);
    ExpectNear(LossAt(model.m, model.m.point, model.m.weights), loss, "loss",
               0);
  });
}

TEST(ValueSoftmaxTest, GradientAndLossAreNearTheReference) {
  uint32_t seed = 1;
  for (size_t features = 1; features <= 17; ++features) {
    for (size_t latent = 1; latent <= 17; ++latent) {
      ForEachForm(features, latent, [&](const ValueSoftmaxForm& form) {
        ExpectNearReference(MakeCase(form, ++seed));
      });
    }
  }
  const size_t large[][2] = {{20, 20}, {32, 32}, {33, 40}, {40, 33},
                             {3, 100}, {100, 3}, {65, 65}, {104, 104}};
  for (const auto& size : large) {
    ForEachForm(size[0], size[1], [&](const ValueSoftmaxForm& form) {
      ExpectNearReference(MakeCase(form, ++seed));
    });
  }
}

// Logits far apart, above the first by what is around the limit of its use
// (maps-inl.h: 16) and beyond, and moved by a constant.
TEST(ValueSoftmaxTest, IsNearTheReferenceForAnySpreadOfLogits) {
  const double above[] = {1,  15.5, 16 - 1e-13, 16,  16 + 1e-13,
                          17, 40,   300,        709, 1400};
  for (const Map map : {Map::kSoftmax, Map::kSoftmax1, Map::kSigmoid}) {
    for (const double most : above) {
      for (const double first : {0.0, -16.0, -700.0, 700.0}) {
        for (const size_t where : {1, 6, 8, 9}) {
          Case c = MakeCase(FormOf(map, Loss::kSquare, false, 5, 10), where);
          c.problem.temperature = 1;
          c.point.attention[0] = first;
          for (size_t j = 1; j < 10; ++j) {
            c.point.attention[j] += first + (j == where ? most : 0);
          }
          if (map == Map::kSoftmax1) c.point.sink = first + (most - 1) / 2;
          ExpectNearReference(c);
          // All in the first's shadow, and the sink alone far above it.
          for (size_t j = 1; j < 10; ++j) c.point.attention[j] -= 2 * most;
          ExpectNearReference(c);
          if (map == Map::kSoftmax1) c.point.sink = first + most;
          ExpectNearReference(c);
        }
      }
    }
  }
}

// The same in the cross entropy's softmax, of beta.
TEST(ValueSoftmaxTest, IsNearTheReferenceForAnySpreadOfOutputs) {
  for (const double most : {1.0, 15.5, 16.0, 16 + 1e-13, 17.0, 700.0, 1400.0}) {
    for (const size_t where : {0, 1, 7, 8}) {
      Case c =
          MakeCase(FormOf(Map::kSigmoid, Loss::kCrossEntropy, false, 9, 1), 3);
      c.point.attention[0] = 0;  // s = 1/2
      c.point.values[where] += 2 * most;
      ExpectNearReference(c);
    }
  }
}

// <b, beta> = +-800 and less: neither side of the logistic function overflows.
TEST(ValueSoftmaxTest, IsNearTheReferenceForAnyMargin) {
  for (const double margin : {30.0, 700.0, 709.5, 745.0, 750.0, 800.0}) {
    for (const double sign : {-1.0, 1.0}) {
      Case c = MakeCase(FormOf(Map::kSoftmax, Loss::kLogistic, false, 6, 3), 3);
      for (size_t i = 0; i < 18; ++i) {
        c.point.values[i] =
            sign * margin / c.problem.target[i / 3] / 6 * (1 + 1e-3 * (i % 3));
      }
      ExpectNearReference(c);
    }
  }
}

TEST(ValueSoftmaxTest, ALogitOfMinusInfinityHasNoWeight) {
  for (const Map map :
       {Map::kSoftmax, Map::kSoftmax1, Map::kSigmoid, Map::kRelu}) {
    for (const Loss loss : kLosses) {
      for (const size_t masked : {0, 4, 9}) {
        Case c = MakeCase(FormOf(map, loss, false, 4, 10), 4 + masked);
        c.problem.entropy_penalty = 0.1;
        c.point.attention[masked] = -kInf;
        c.point.attention[5] = 1;
        ForEachTarget([&] {
          Model model(c), without(c);
          without.m.point[without.m.attention_at() + masked] = -1e5;
          const Point gradient = model.GradientHere();
          EXPECT_EQ(Parameters(gradient), Parameters(without.GradientHere()));
          EXPECT_EQ(model.m.weights[masked], 0);
          EXPECT_EQ(gradient.attention[masked], 0);
          EXPECT_EQ(Descend(model.m, {0.1}, 3), 3u) << Name(c.form);
        });
      }
    }
  }
}

// The norm is then 1e-10 alone.
TEST(ValueSoftmaxTest, IsNearTheReferenceWhereTheNormVanishes) {
  for (const Map map : {Map::kL1, Map::kSum, Map::kL2, Map::kRelu}) {
    for (const Loss loss : kLosses) {
      for (const bool tied : {false, true}) {
        Case c = MakeCase(FormOf(map, loss, tied, 9, 9), 5);
        std::fill(c.point.attention.begin(), c.point.attention.end(), 0.0);
        ExpectNearReference(c);
        if (map != Map::kRelu || tied) continue;
        std::fill(c.point.attention.begin(), c.point.attention.end(), -1.0);
        ExpectNearReference(c);
      }
    }
  }
}

// On a coarse binary grid, so that what is moved is exact.
TEST(ValueSoftmaxTest, SoftmaxDoesNotChangeWithAShift) {
  ForEachTarget([] {
    Case c = MakeCase(FormOf(Map::kSoftmax, Loss::kLogistic, false, 5, 13), 4);
    for (double& a : c.point.attention) a = std::round(a * 64) / 4;
    Model model(c);
    for (double& a : c.point.attention) a += 1000;
    Model moved(c);
    EXPECT_EQ(Parameters(model.GradientHere()),
              Parameters(moved.GradientHere()));
  });
}

// Away from the kinks of l1 and relu, which are where an entry of z is 0: a is,
// and V is near a multiple of the identity for z = V a / temperature. The
// gradient of the cross entropy leaves 1e-15 out, which is nothing here.
Case AwayFromKinks(const ValueSoftmaxForm& form, uint32_t seed) {
  Case c = MakeCase(form, seed);
  Uniform uniform(seed);
  for (size_t j = 0; j < form.latent; ++j) {
    double& a = c.point.attention[j];
    a = uniform(0.4, 1.5) * (form.map != Map::kSum && j % 2 == 1 ? -1 : 1);
  }
  if (!form.tied) return c;
  const size_t n = form.features;
  for (size_t i = 0; i < n * n; ++i) {
    c.point.values[i] = i % (n + 1) == 0 ? 1.5 : uniform(-0.05, 0.05);
  }
  return c;
}

// V, a and the sink, without and with an entropy penalty (of either sign).
void ExpectFiniteDifferences(const Case& c) {
  std::vector<double> x = Parameters(c.point);
  Point moved = c.point;
  const auto loss = [&] {
    SetParameters(x, moved);
    return static_cast<double>(
        reference::ValueSoftmaxLoss(c.problem, moved).value);
  };
  // Where there is no sink to learn, its slope and its gradient are both 0.
  std::vector<double> gradient = Parameters(Model(c).GradientHere());
  const size_t n = x.size() - (c.problem.learns_sink ? 0 : 1);
  EXPECT_LT(GradientError(x.data(), gradient.data(), n, loss), 1e-7)
      << Name(c.form);
  if (c.problem.learns_sink) {
    EXPECT_LT(GradientError(&x[n - 1], &gradient[n - 1], 1, loss), 1e-7)
        << Name(c.form) << ", the sink";
  }
}

TEST(ValueSoftmaxTest, GradientsMatchFiniteDifferences) {
  const size_t sizes[][2] = {{5, 5}, {4, 9}, {9, 3}};
  for (const auto& size : sizes) {
    for (const uint32_t seed : {2, 3, 4}) {
      ForEachForm(size[0], size[1], [&](const ValueSoftmaxForm& form) {
        ExpectFiniteDifferences(AwayFromKinks(form, seed));
      });
    }
  }
}

// Larger ones take the sign descents of tied models to where s is 1 and the
// sign of s (g - c) is that of a rounding.
constexpr ValueSoftmaxRates kRates = {0.01, 0.8, 0.7, 0.95, 1e-5};

reference::ValueSoftmaxOptimiserRef Reference(Optimiser optimiser) {
  reference::ValueSoftmaxOptimiserRef o;
  o.name = Name(optimiser);
  o.lr = kRates.lr;
  o.momentum = kRates.momentum;
  o.beta1 = kRates.beta1;
  o.beta2 = kRates.beta2;
  o.epsilon = kRates.epsilon;
  return o;
}

void ExpectClose(const Point& actual, const Point& expected,
                 const std::string& what) {
  const std::vector<double> x = Parameters(actual), y = Parameters(expected);
  double worst = std::abs(actual.response - expected.response);
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(x[i] - y[i]) / (1 + std::abs(y[i])));
  }
  EXPECT_LE(worst, 1e-11) << what;
}

void ExpectStepsNearReference(const Case& c, int steps) {
  reference::ValueSoftmaxOptimiserRef optimiser = Reference(c.form.optimiser);
  Point expected = c.point;
  for (int t = 0; t < steps; ++t) {
    ValueSoftmaxStepRef(c.problem, optimiser, expected);
  }
  ForEachTarget([&] {
    Model model(c);
    EXPECT_EQ(Descend(model.m, kRates, steps), static_cast<size_t>(steps));
    EXPECT_EQ(model.m.step, static_cast<uint64_t>(steps));
    ExpectClose(model.GetPoint(), expected, Name(c.form));
  });
}

// The response too, which is lr times the sum of gamma.
TEST(ValueSoftmaxTest, StepsOfEveryOptimiserAreNearTheReference) {
  for (const Optimiser optimiser : kOptimisers) {
    for (const Map map : {Map::kSoftmax, Map::kSigmoid, Map::kSoftmax1}) {
      for (const Loss loss : kLosses) {
        for (const bool tied : {false, true}) {
          const size_t latent = tied ? 9 : 4;
          ExpectStepsNearReference(
              MakeCase(FormOf(map, loss, tied, 9, latent, optimiser), 7), 50);
        }
      }
    }
  }
}

template <class Body>
void ForEachOptimiser(size_t features, size_t latent, const Body& body) {
  for (const Optimiser optimiser : kOptimisers) {
    ForEachForm(features, latent, [&](ValueSoftmaxForm form) {
      form.optimiser = optimiser;
      body(form);
    });
  }
}

TEST(ValueSoftmaxTest, StepsInOneCallOrInManyHaveTheSameBits) {
  ForEachTarget([] {
    ForEachOptimiser(9, 9, [](const ValueSoftmaxForm& form) {
      const Case c = MakeCase(form, 8);
      Model one(c), many(c);
      const size_t taken = Descend(one.m, kRates, 20);
      for (size_t t = 0; t < taken; ++t) {
        EXPECT_EQ(Descend(many.m, kRates, 1), 1u);
      }
      EXPECT_EQ(Descend(many.m, kRates, 0), 0u);
      EXPECT_EQ(one.State(), many.State()) << Name(form);
    });
  });
}

TEST(ValueSoftmaxTest, ScratchMayHoldAnything) {
  ForEachTarget([] {
    ForEachOptimiser(5, 5, [](const ValueSoftmaxForm& form) {
      const Case c = MakeCase(form, 8);
      Model zero(c, 0.0), seven(c, 7.0), nan(c, kNaN);
      for (Model* model : {&zero, &seven, &nan}) Descend(model->m, kRates, 5);
      EXPECT_EQ(zero.State(), seven.State()) << Name(form);
      EXPECT_EQ(zero.State(), nan.State()) << Name(form);
    });
  });
}

TEST(ValueSoftmaxTest, PaddingStaysZero) {
  const size_t sizes[][2] = {{1, 1}, {5, 5}, {5, 3}, {3, 9}, {17, 10}};
  ForEachTarget([&] {
    for (const auto& size : sizes) {
      ForEachOptimiser(size[0], size[1], [](const ValueSoftmaxForm& form) {
        Model model(MakeCase(form, 9));
        Descend(model.m, kRates, 20);
        EXPECT_EQ(model.Padding(model.m.point), 0) << Name(form);
        GuardedArray<double> gradient(model.m.point_size());
        std::fill(gradient.begin(), gradient.end(), kNaN);
        Gradient(model.m, model.m.point, gradient.data());
        EXPECT_EQ(model.Padding(gradient.data()), 0) << Name(form);
      });
    }
  });
}

// One step that must not be taken, of a model that `spoil` changed.
template <class Spoil>
void ExpectNoStep(const Case& c, const std::string& what, const Spoil& spoil) {
  Model model(c);
  spoil(model.m);
  const std::vector<double> before = model.State();
  EXPECT_EQ(Descend(model.m, kRates, 3), 0u) << what << ", " << Name(c.form);
  const std::vector<double> after = model.State();
  EXPECT_EQ(
      std::memcmp(before.data(), after.data(), before.size() * sizeof(double)),
      0)
      << what << ", " << Name(c.form);
}

// Whether infinity here is a limit that has a gradient.
bool IsMasked(Map map, double value) {
  if (map == Map::kSigmoid) return std::isinf(value);
  return value == -kInf &&
         (map == Map::kRelu || map == Map::kSoftmax || map == Map::kSoftmax1);
}

TEST(ValueSoftmaxTest, NaNAndInfinityEndADescent) {
  ForEachTarget([] {
    ForEachOptimiser(9, 9, [](const ValueSoftmaxForm& form) {
      const Case c = MakeCase(form, 9);
      for (const double special : {kNaN, kInf, -kInf}) {
        for (const size_t at : {0, 4, 8}) {
          ExpectNoStep(c, "target",
                       [&](ValueSoftmax& m) { m.target[at] = special; });
          ExpectNoStep(c, "V", [&](ValueSoftmax& m) {
            m.point[at * m.value_stride() + (at + 4) % 9] = special;
          });
          if (form.tied || !IsMasked(form.map, special)) {
            ExpectNoStep(c, "a",
                         [&](ValueSoftmax& m) { m.attention()[at] = special; });
          }
        }
        if (form.map == Map::kSoftmax1 && special != -kInf) {
          ExpectNoStep(c, "sink", [&](ValueSoftmax& m) {
            m.point[m.sink_at()] = special;
          });
        }
      }
    });
  });
}

TEST(ValueSoftmaxTest, LogitsThatAreAllMinusInfinityEndADescent) {
  ForEachTarget([] {
    for (const Loss loss : kLosses) {
      const Case c = MakeCase(FormOf(Map::kSoftmax, loss, false, 5, 9), 9);
      ExpectNoStep(c, "a", [](ValueSoftmax& m) {
        std::fill_n(m.attention(), m.form.latent, -kInf);
      });
    }
  });
}

// A gradient of a that overflows where neither beta nor the loss's c does.
TEST(ValueSoftmaxTest, AGradientThatOverflowsEndsADescent) {
  ForEachTarget([] {
    for (const Loss loss :
         {Loss::kSquare, Loss::kRegression, Loss::kCrossEntropy}) {
      for (const Optimiser optimiser : kOptimisers) {
        Case c =
            MakeCase(FormOf(Map::kSoftmax, loss, false, 3, 10, optimiser), 9);
        c.problem.entropy_penalty = 0;
        c.point.attention[9] = -1e4;
        ExpectNoStep(c, "V", [](ValueSoftmax& m) {
          std::fill_n(m.point + 9 * m.value_stride(), 3, 1.7e308);
          for (size_t i = 0; i < 3; ++i) m.target[i] = -1e3 * (1.0 + i);
        });
      }
    }
  });
}

// A bad point leaves nothing behind in the model's scratch.
TEST(ValueSoftmaxTest, ABadPointIsForgotten) {
  ForEachTarget([] {
    ForEachForm(5, 5, [](const ValueSoftmaxForm& form) {
      const Case c = MakeCase(form, 10);
      Model model(c), fresh(c);
      GuardedArray<double> bad(model.m.point_size()), gradient(bad.size());
      std::fill(bad.begin(), bad.end(), kNaN);
      Gradient(model.m, bad.data(), gradient.data());
      Descend(model.m, kRates, 5);
      Descend(fresh.m, kRates, 5);
      EXPECT_EQ(model.State(), fresh.State()) << Name(form);
    });
  });
}

// The gradient overflows at last; until then numbers are taken as steps, and
// nothing else.
TEST(ValueSoftmaxTest, ADivergingDescentStops) {
  ForEachTarget([] {
    for (const Optimiser optimiser :
         {Optimiser::kGradientDescent, Optimiser::kMomentum}) {
      for (const Map map : kMaps) {
        for (const bool tied : {false, true}) {
          const size_t latent = tied ? 5 : 4;
          Model model(MakeCase(
              FormOf(map, Loss::kSquare, tied, 5, latent, optimiser), 12));
          const size_t taken = Descend(model.m, {10, 0.9}, 3000);
          EXPECT_EQ(model.m.step, taken);
          for (const double x : Parameters(model.GetPoint())) {
            EXPECT_FALSE(std::isnan(x)) << Name(model.m.form) << " " << taken;
          }
          EXPECT_TRUE(map != Map::kSoftmax || tied || taken < 3000);
        }
      }
    }
  });
}

double Sum(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum;
}

// The sum of u = V'b.
double SumOfValues(const Case& c, const Point& point) {
  double sum = 0;
  for (size_t i = 0; i < point.values.size(); ++i) {
    sum += point.values[i] * c.problem.target[i / c.form.latent];
  }
  return sum;
}

// What the paper's proofs rest on: softmax keeps sum(a), the sum of u grows by
// |b|^2 response, and V by b times a row.
TEST(ValueSoftmaxTest, DescentKeepsItsInvariants) {
  ForEachTarget([] {
    for (const size_t n : {5, 8, 20}) {
      Case c =
          MakeCase(FormOf(Map::kSoftmax, Loss::kLogistic, false, n, n), 12);
      c.point.response = 0;
      Model model(c);
      EXPECT_EQ(Descend(model.m, kRates, 1000), 1000u);
      const Point end = model.GetPoint();
      EXPECT_GT(std::abs(end.attention[0] - c.point.attention[0]), 1e-3);
      EXPECT_NEAR(Sum(end.attention), Sum(c.point.attention), 1e-12);
      EXPECT_NEAR(SumOfValues(c, end) - SumOfValues(c, c.point),
                  model.m.target_square * end.response, 1e-11);
      EXPECT_GT(end.response, 0.1);
      for (size_t i = 0; i < n * n; ++i) {
        const size_t row = i / n, column = i % n;
        const double change = end.values[i] - c.point.values[i];
        const double first = end.values[column] - c.point.values[column];
        EXPECT_NEAR(change * c.problem.target[0], first * c.problem.target[row],
                    1e-12);
      }
    }
  });
}

absl::Span<const FixedDescent> CompiledHere() {
  return HWY_DYNAMIC_DISPATCH(Instances)();
}

TEST(ValueSoftmaxTest, FixedInstancesAgreeWithTheDynamicOne) {
  ForEachTarget([] {
    for (const FixedDescent& fixed : CompiledHere()) {
      SCOPED_TRACE(Name(fixed.form));
      for (const uint32_t seed : {4, 6, 7, 11}) {
        const Case c = MakeCase(fixed.form, seed);
        Model model(c), dynamic(c);
        EXPECT_EQ(fixed.descend(model.m, kRates, 100), 100u);
        EXPECT_EQ(Descend(dynamic.m, kRates, 100), 100u);
        EXPECT_EQ(model.m.step, 100u);
        ExpectClose(model.GetPoint(), dynamic.GetPoint(), "point");
        EXPECT_EQ(model.Padding(model.m.point), 0);
      }
    }
  });
}

// A fixed instance copies V by row whenever it starts: were its two copies to
// part, so would the results.
TEST(ValueSoftmaxTest, FixedInstancesMayBeRestarted) {
  ForEachTarget([] {
    for (const FixedDescent& fixed : CompiledHere()) {
      const Case c = MakeCase(fixed.form, 7);
      Model one(c), many(c, 7.0);
      EXPECT_EQ(fixed.descend(one.m, kRates, 50), 50u);
      for (int t = 0; t < 50; ++t) fixed.descend(many.m, kRates, 1);
      EXPECT_EQ(one.State(), many.State()) << Name(fixed.form);
    }
  });
}

TEST(ValueSoftmaxTest, FixedInstancesStopAtNaN) {
  ForEachTarget([] {
    for (const FixedDescent& fixed : CompiledHere()) {
      Model model(MakeCase(fixed.form, 7));
      model.m.point[0] = kNaN;
      EXPECT_EQ(fixed.descend(model.m, kRates, 5), 0u) << Name(fixed.form);
      EXPECT_EQ(model.m.step, 0u);
    }
  });
}

// Every array that the header calls part of the last gradient.
TEST(ValueSoftmaxTest, FixedInstancesLeaveTheLastGradientToo) {
  ForEachTarget([] {
    for (const FixedDescent& fixed : CompiledHere()) {
      const Case c = MakeCase(fixed.form, 7);
      Model model(c), dynamic(c);
      fixed.descend(model.m, kRates, 3);
      fixed.descend(model.m, kRates, 0);
      Descend(dynamic.m, kRates, 3);
      const ValueSoftmax &f = model.m, &d = dynamic.m;
      const auto expect_close = [&](const double* x, const double* y, size_t n,
                                    const char* what) {
        for (size_t i = 0; i < n; ++i) {
          // raw may be large: it is s times any norm.
          EXPECT_NEAR(x[i], y[i], 1e-12 * std::max(1.0, std::abs(y[i])))
              << what << " of " << Name(fixed.form);
        }
      };
      const size_t features = fixed.form.features, latent = fixed.form.latent;
      expect_close(f.logits, d.logits, latent, "logits");
      expect_close(f.raw, d.raw, latent, "raw");
      expect_close(f.weights, d.weights, latent, "weights");
      expect_close(f.output_gradient, d.output_gradient, features,
                   "output_gradient");
      expect_close(f.weight_gradient, d.weight_gradient, latent,
                   "weight_gradient");
      expect_close(f.logit_gradient, d.logit_gradient, latent,
                   "logit_gradient");
      expect_close(f.attention_gradient, d.attention_gradient, latent,
                   "attention_gradient");
      if (fixed.form.loss != Loss::kLogistic) {
        expect_close(f.output, d.output, features, "output");
      }
      EXPECT_NEAR(f.gamma, d.gamma, 1e-12);
      EXPECT_NEAR(f.sink_gradient, d.sink_gradient, 1e-12);
    }
  });
}

TEST(ValueSoftmaxTest, DescentForFindsTheFormOrAnyForm) {
  const auto compiled = CompiledHere();
  for (const FixedDescent& fixed : compiled) {
    EXPECT_EQ(DescentFor(fixed.form, compiled).descend, fixed.descend);
  }
  ValueSoftmaxForm other = compiled[0].form;
  other.tied = true;
  EXPECT_EQ(DescentFor(other, compiled).descend, &Descend);
  EXPECT_TRUE(DescentFor(other, compiled).form == other);
  EXPECT_EQ(DescentFor(other, {}).descend, &Descend);
}

TEST(ValueSoftmaxDeathTest, SizesThatMakeNoModelAbort) {
  for (const ValueSoftmaxForm& form :
       {FormOf(Map::kL1, Loss::kSquare, false, 0, 3),
        FormOf(Map::kL1, Loss::kSquare, false, 3, 0),
        FormOf(Map::kL1, Loss::kSquare, true, 3, 4)}) {
    ValueSoftmax model;
    model.form = form;
    EXPECT_DEATH(Bytes(model), "value_softmax: . features, . latent");
  }
}

}  // namespace
}  // namespace polarize
#endif
