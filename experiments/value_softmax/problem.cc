#include "experiments/value_softmax/problem.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "experiments/value_softmax/form.h"
#include "experiments/value_softmax/singular_values.h"
#include "kernels/base/arena.h"
#include "kernels/base/random/numpy_exp.h"
#include "kernels/base/random/numpy_random.h"

namespace polarize {
namespace {

std::vector<double> Normals(size_t n, NumpyRandom& random) {
  std::vector<double> normals(n);
  for (double& x : normals) x = random.Randn();
  return normals;
}

// NumPy's sum of less than 128 numbers: eight sums side by side, in pairs.
double NumpySum(const std::vector<double>& x) {
  double sums[8] = {};
  const size_t whole = x.size() / 8 * 8;
  for (size_t i = 0; i < whole; ++i) sums[i % 8] += x[i];
  double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
               ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (size_t i = whole; i < x.size(); ++i) sum += x[i];
  return sum;
}

// scipy.special.softmax.
std::vector<double> Softmax(const std::vector<double>& x) {
  const double largest = *std::max_element(x.begin(), x.end());
  std::vector<double> y;
  for (const double value : x) y.push_back(NumpyExp(value - largest));
  const double sum = NumpySum(y);
  for (double& value : y) value /= sum;
  return y;
}

double Square(const std::vector<double>& x) {
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
}

std::vector<double> DrawTarget(const ValueSoftmaxInitConfig& init, size_t n,
                               NumpyRandom& random) {
  if (init.target() == "softmax_uniform") {
    std::vector<double> x(n);
    for (double& value : x) value = init.target_scale() * random.Rand();
    return Softmax(x);
  }
  std::vector<double> target = Normals(n, random);
  if (init.target() == "unit_normal") {
    const double norm = std::sqrt(Square(target));
    for (double& value : target) value /= norm;
  }
  return target;
}

// X: standard normals, their singular values replaced by evenly spaced ones.
std::vector<double> DrawDesign(const ValueSoftmaxModelConfig& model,
                               NumpyRandom& random) {
  const auto samples = static_cast<size_t>(model.samples());
  const auto features = static_cast<size_t>(model.features());
  const std::vector<double> normals = Normals(samples * features, random);
  std::vector<double> values(std::min(samples, features), 1);
  const double last = 1 / model.condition_number();
  for (size_t i = 1; i < values.size(); ++i) {
    values[i] = 1 + (last - 1) * static_cast<double>(i) /
                        static_cast<double>(values.size() - 1);
  }
  return WithSingularValues(normals, samples, features, values);
}

}  // namespace

ValueSoftmaxRates RatesOf(const DescentConfig& descent) {
  return {descent.lr(), descent.momentum(), descent.beta1(), descent.beta2(),
          descent.epsilon()};
}

Problem::Problem(const ValueSoftmaxConfig& config) {
  model_.form = FormOf(config);
  model_.temperature = config.model().temperature();
  model_.entropy_penalty = config.model().entropy_penalty();
  model_.learns_sink = config.model().learn_sink_logit();
  Arena measure(nullptr, 0);
  LayOut(measure, model_);
  bytes_ = measure.used();
  memory_ = hwy::AllocateAligned<uint8_t>(bytes_);
  std::memset(memory_.get(), 0, bytes_);
  Arena arena(memory_.get(), bytes_);
  LayOut(arena, model_);
  Draw(config);
  SetTarget();
}

bool Problem::has_projections() const {
  return model_.form.loss == ValueSoftmaxLoss::kLogistic ||
         model_.form.loss == ValueSoftmaxLoss::kSquare;
}

void Problem::Draw(const ValueSoftmaxConfig& config) {
  const ValueSoftmaxInitConfig& init = config.init();
  const size_t features = model_.form.features, latent = model_.form.latent;
  const bool regression = model_.form.loss == ValueSoftmaxLoss::kRegression;
  const size_t target_size =
      regression ? static_cast<size_t>(config.model().samples()) : features;
  const auto seed = static_cast<uint32_t>(init.seed());
  NumpyRandom random(seed);
  const bool target_first = init.order() == "target_first";
  if (target_first) {
    target_ = DrawTarget(init, target_size, random);
    random.Seed(seed);
  }
  SetValues(config, Normals(features * latent, random));
  for (size_t j = 0; j < latent; ++j) {
    const double x = init.attention_scale() * random.Randn();
    // Without a mean nothing is added: 0 + -0 would lose the sign.
    model_.attention()[j] =
        init.attention_mean() == 0 ? x : init.attention_mean() + x;
  }
  model_.point[model_.sink_at()] = config.model().sink_logit();
  if (regression) design_ = DrawDesign(config.model(), random);
  if (!target_first) target_ = DrawTarget(init, target_size, random);
}

void Problem::SetValues(const ValueSoftmaxConfig& config,
                        const std::vector<double>& normals) {
  const ValueSoftmaxInitConfig& init = config.init();
  const size_t features = model_.form.features, latent = model_.form.latent;
  // The reference multiplies by V's transpose with the cross entropy: there V
  // is drawn with a row per entry of a.
  const bool transposed = model_.form.loss == ValueSoftmaxLoss::kCrossEntropy;
  for (size_t i = 0; i < features; ++i) {
    for (size_t j = 0; j < latent; ++j) {
      const double normal =
          transposed ? normals[j * features + i] : normals[i * latent + j];
      model_.point[j * model_.value_stride() + i] =
          init.values() == "identity" ? (i == j ? 1.0 : 0.0)
                                      : init.value_scale() * normal;
    }
  }
}

void Problem::SetTarget() {
  if (model_.form.loss != ValueSoftmaxLoss::kRegression) {
    std::copy(target_.begin(), target_.end(), model_.target);
    model_.target_square = Square(target_);
    return;
  }
  const size_t features = model_.form.features;
  for (size_t k = 0; k < target_.size(); ++k) {
    const double* const x = &design_[k * features];
    for (size_t i = 0; i < features; ++i) {
      model_.target[i] += x[i] * target_[k];
      for (size_t j = 0; j < features; ++j) {
        model_.gram[j * model_.value_stride() + i] += x[i] * x[j];
      }
    }
  }
  model_.design = design_.data();
  model_.samples = target_.data();
  model_.sample_count = target_.size();
}

}  // namespace polarize
