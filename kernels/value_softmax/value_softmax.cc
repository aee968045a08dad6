#include "kernels/value_softmax/value_softmax.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/value_softmax/value_softmax.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/value_softmax/value_softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

size_t DescendAny(ValueSoftmax& model, const ValueSoftmaxRates& rates,
                  size_t steps) {
  return DescendT<AnyForm>(model, rates, steps);
}

void GradientAny(ValueSoftmax& model, const double* point, double* gradient) {
  WholeGradient(AnyForm(model.form), model, point, gradient);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {

HWY_EXPORT(DescendAny);
HWY_EXPORT(GradientAny);

void LayOut(Arena& arena, ValueSoftmax& m) {
  const ValueSoftmaxForm& form = m.form;
  if (form.features == 0 || form.latent == 0 ||
      (form.tied && form.features != form.latent)) {
    HWY_ABORT("value_softmax: %zu features, %zu latent, tied %d", form.features,
              form.latent, form.tied);
  }
  const size_t features = ValueSoftmax::Padded(form.features);
  const size_t latent = ValueSoftmax::Padded(form.latent);
  const bool whole = form.optimiser != ValueSoftmaxOptimiser::kGradientDescent;
  const auto take = [&](size_t n) { return arena.Take<double>(n); };
  m.target = take(features);
  m.gram = form.loss == ValueSoftmaxLoss::kRegression
               ? take(form.features * features)
               : nullptr;
  m.point = take(m.point_size());
  m.logits = take(latent);
  m.raw = take(latent);
  m.weights = take(latent);
  m.output = take(features);
  m.output_gradient = take(features);
  m.weight_gradient = take(latent);
  m.logit_gradient = take(latent);
  m.attention_gradient = take(latent);
  m.scaled_gradient = take(std::max(features, latent));
  m.values_by_row = take(form.features * latent);
  m.gradient = whole ? take(m.point_size()) : nullptr;
  m.moment1 = whole ? take(m.point_size()) : nullptr;
  m.moment2 = whole ? take(m.point_size()) : nullptr;
}

size_t Descend(ValueSoftmax& model, const ValueSoftmaxRates& rates,
               size_t steps) {
  return HWY_DYNAMIC_DISPATCH(DescendAny)(model, rates, steps);
}

void Gradient(ValueSoftmax& model, const double* point, double* gradient) {
  HWY_DYNAMIC_DISPATCH(GradientAny)(model, point, gradient);
}

namespace {

// ln(1 + exp(-m)).
double LogisticLoss(double m) {
  return std::log1p(std::exp(-std::abs(m))) + std::max(0.0, -m);
}

double CrossEntropyLoss(const ValueSoftmax& m, const double* beta) {
  const size_t n = m.form.features;
  const double largest = *std::max_element(beta, beta + n);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += std::exp(beta[i] - largest);
  double loss = 0;
  for (size_t i = 0; i < n; ++i) {
    loss -= m.target[i] * std::log(std::exp(beta[i] - largest) / sum + 1e-15);
  }
  return loss;
}

double RegressionLoss(const ValueSoftmax& m, const double* beta) {
  double loss = 0;
  for (size_t k = 0; k < m.sample_count; ++k) {
    double residual = m.samples[k];
    for (size_t i = 0; i < m.form.features; ++i) {
      residual -= m.design[k * m.form.features + i] * beta[i];
    }
    loss += residual * residual;
  }
  return loss;
}

double LossOfOutput(const ValueSoftmax& m, const double* beta) {
  double inner = 0, square = 0;
  for (size_t i = 0; i < m.form.features; ++i) {
    inner += beta[i] * m.target[i];
    square += (beta[i] - m.target[i]) * (beta[i] - m.target[i]);
  }
  switch (m.form.loss) {
    case ValueSoftmaxLoss::kLogistic:
      return LogisticLoss(inner);
    case ValueSoftmaxLoss::kSquare:
      return square / 2;
    case ValueSoftmaxLoss::kRegression:
      return RegressionLoss(m, beta);
    case ValueSoftmaxLoss::kCrossEntropy:
      break;
  }
  return CrossEntropyLoss(m, beta);
}

}  // namespace

double LossAt(ValueSoftmax& m, const double* values, const double* weights) {
  std::fill_n(m.output, m.value_stride(), 0.0);
  double penalty = 0;
  for (size_t j = 0; j < m.form.latent; ++j) {
    const double* const column = values + j * m.value_stride();
    for (size_t i = 0; i < m.form.features; ++i)
      m.output[i] += column[i] * weights[j];
    if (weights[j] > 0) penalty -= weights[j] * std::log(weights[j]);
  }
  return LossOfOutput(m, m.output) + m.entropy_penalty * penalty;
}

FixedDescent DescentFor(const ValueSoftmaxForm& form,
                        absl::Span<const FixedDescent> compiled) {
  for (const FixedDescent& fixed : compiled) {
    if (fixed.form == form) return fixed;
  }
  return {form, &Descend};
}

}  // namespace polarize
#endif
