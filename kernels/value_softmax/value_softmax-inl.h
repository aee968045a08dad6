// The gradient of the value-softmax model and its descent, for one form that is
// known when compiling (FixedForm) or for any (AnyForm).
#if defined(POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_INL_H_
#undef POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_INL_H_
#else
#define POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_INL_H_
#endif

#include <cmath>
#include <cstddef>

#include "hwy/highway.h"
#include "kernels/value_softmax/maps-inl.h"
#include "kernels/value_softmax/matrix-inl.h"
#include "kernels/value_softmax/value_softmax.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The choices of a model as functions: constants here, so that a step has no
// branches left and short loops unroll ...
template <ValueSoftmaxMap kMap, ValueSoftmaxLoss kLoss,
          ValueSoftmaxOptimiser kOptimiser, bool kTied, size_t kFeatures,
          size_t kLatent>
struct FixedForm {
  explicit FixedForm(const ValueSoftmaxForm&) {}
  static constexpr bool is_fixed() { return true; }
  static constexpr ValueSoftmaxMap map() { return kMap; }
  static constexpr ValueSoftmaxLoss loss() { return kLoss; }
  static constexpr ValueSoftmaxOptimiser optimiser() { return kOptimiser; }
  static constexpr bool tied() { return kTied; }
  static constexpr Constant<kFeatures> features() { return {}; }
  static constexpr Constant<kLatent> latent() { return {}; }
  static constexpr Constant<ValueSoftmax::Padded(kFeatures)> padded_features() {
    return {};
  }
  static constexpr Constant<ValueSoftmax::Padded(kLatent)> padded_latent() {
    return {};
  }
  // Whether V is kept by row too, so that V'g needs no sums across a vector:
  // pays as long as both fit in the innermost cache.
  static constexpr bool by_row() {
    return !kTied && kOptimiser == ValueSoftmaxOptimiser::kGradientDescent &&
           kFeatures * kLatent <= 1024;
  }
  // Whether a step passes over U twice (see TiedPass): the sums of a column's
  // products must fit in registers.
  static constexpr bool two_passes() {
    return kTied && kLoss == ValueSoftmaxLoss::kLogistic &&
           kOptimiser == ValueSoftmaxOptimiser::kGradientDescent &&
           ValueSoftmax::Padded(kFeatures) <= 16 * hn::MaxLanes(DoubleTag());
  }
};

// ... and of the model's own there.
struct AnyForm {
  explicit AnyForm(const ValueSoftmaxForm& form) : form_(form) {}
  static constexpr bool is_fixed() { return false; }
  ValueSoftmaxMap map() const { return form_.map; }
  ValueSoftmaxLoss loss() const { return form_.loss; }
  ValueSoftmaxOptimiser optimiser() const { return form_.optimiser; }
  bool tied() const { return form_.tied; }
  size_t features() const { return form_.features; }
  size_t latent() const { return form_.latent; }
  size_t padded_features() const {
    return ValueSoftmax::Padded(form_.features);
  }
  size_t padded_latent() const { return ValueSoftmax::Padded(form_.latent); }
  static constexpr bool by_row() { return false; }
  static constexpr bool two_passes() { return false; }

 private:
  const ValueSoftmaxForm form_;
};

// The map of an enumerator.
template <ValueSoftmaxMap kMap>
struct MapOf;
template <>
struct MapOf<ValueSoftmaxMap::kL1> : L1Map {};
template <>
struct MapOf<ValueSoftmaxMap::kSum> : SumMap {};
template <>
struct MapOf<ValueSoftmaxMap::kL2> : L2Map {};
template <>
struct MapOf<ValueSoftmaxMap::kSoftmax> : SoftmaxMap {};
template <>
struct MapOf<ValueSoftmaxMap::kRelu> : ReluMap {};
template <>
struct MapOf<ValueSoftmaxMap::kSigmoid> : SigmoidMap {};
template <>
struct MapOf<ValueSoftmaxMap::kSoftmax1> : Softmax1Map {};

// body(Map()) for the map of the form.
template <class Form, class Body>
HWY_INLINE void WithMap(const Form& form, const Body& body) {
  if constexpr (Form::is_fixed()) {
    return body(MapOf<Form::map()>());
  } else {
    switch (form.map()) {
      case ValueSoftmaxMap::kL1:
        return body(L1Map());
      case ValueSoftmaxMap::kSum:
        return body(SumMap());
      case ValueSoftmaxMap::kL2:
        return body(L2Map());
      case ValueSoftmaxMap::kSoftmax:
        return body(SoftmaxMap());
      case ValueSoftmaxMap::kRelu:
        return body(ReluMap());
      case ValueSoftmaxMap::kSigmoid:
        return body(SigmoidMap());
      case ValueSoftmaxMap::kSoftmax1:
        return body(Softmax1Map());
    }
  }
}

// A point's parts.
template <class Form>
struct PointView {
  PointView(const Form& form, const double* point)
      : values(point),
        attention(point + form.latent() * form.padded_features()),
        sink(attention[form.padded_latent()]) {}
  const double* values;
  const double* attention;
  double sink;
};

// weight_gradient = V' x.
template <class Form>
HWY_INLINE void WeightGradient(const Form& form, const ValueSoftmax& m,
                               const double* values, const double* x) {
  if constexpr (Form::by_row()) {
    MatVec(m.values_by_row, form.padded_latent(), form.padded_latent(),
           form.features(), x, m.weight_gradient);
  } else {
    TransposedMatVec(values, form.padded_features(), form.padded_features(),
                     form.latent(), form.padded_latent(), x, m.weight_gradient);
  }
}

// Each loss sets output_gradient, weight_gradient and gamma from m.raw and its
// norm, and returns c = <weight_gradient, s>. Sums over short rows and
// divisions are what a step waits for: they are taken where nothing else waits.

template <class Form>
HWY_INLINE double LogisticGradient(const Form& form, ValueSoftmax& m,
                                   double norm, const PointView<Form>& at) {
  // The gradient of beta has the direction of b whatever beta is: u = V'b needs
  // no weights, and the margin <b, V s> is <u, s>.
  if constexpr (!Form::two_passes()) {
    WeightGradient(form, m, at.values, m.target);
  }
  const double margin =
      InnerProduct(form.padded_latent(), m.weight_gradient, m.raw) / norm;
  const DoubleTag d;
  m.gamma = hn::GetLane(LogisticFunction(hn::Set(d, -margin)));
  Scale(form.padded_features(), -m.gamma, m.target, m.output_gradient);
  Scale(form.padded_latent(), -m.gamma, m.weight_gradient, m.weight_gradient);
  return -m.gamma * margin;
}

// output = V s.
template <class Form>
HWY_INLINE void Output(const Form& form, const ValueSoftmax& m, double norm,
                       const PointView<Form>& at) {
  const double factor = 1 / norm;
  MatVec(at.values, form.padded_features(), form.padded_features(),
         form.latent(), m.raw, m.output);
  Scale(form.padded_features(), factor, m.output, m.output);
}

// weight_gradient and c = <V'g, s> = <g, V s> for g = output_gradient.
template <class Form>
HWY_INLINE double BackThroughOutput(const Form& form, const ValueSoftmax& m,
                                    const PointView<Form>& at) {
  WeightGradient(form, m, at.values, m.output_gradient);
  return InnerProduct(form.padded_features(), m.output_gradient, m.output);
}

template <class Form>
HWY_INLINE double SquareGradient(const Form& form, ValueSoftmax& m, double norm,
                                 const PointView<Form>& at) {
  const DoubleTag d;
  Output(form, m, norm, at);
  ForVectors(form.padded_features(), [&](size_t i) POLARIZE_INLINED {
    hn::Store(hn::Sub(hn::Load(d, m.output + i), hn::Load(d, m.target + i)), d,
              m.output_gradient + i);
  });
  m.gamma = -InnerProduct(form.padded_features(), m.output_gradient, m.target) /
            m.target_square;
  return BackThroughOutput(form, m, at);
}

template <class Form>
HWY_INLINE double RegressionGradient(const Form& form, ValueSoftmax& m,
                                     double norm, const PointView<Form>& at) {
  const DoubleTag d;
  Output(form, m, norm, at);
  // X'(X beta - b) from X'X and X'b: one product in place of two.
  MatVec(m.gram, form.padded_features(), form.padded_features(),
         form.features(), m.output, m.output_gradient);
  ForVectors(form.padded_features(), [&](size_t i) POLARIZE_INLINED {
    const DoubleVec half =
        hn::Sub(hn::Load(d, m.output_gradient + i), hn::Load(d, m.target + i));
    hn::Store(hn::Add(half, half), d, m.output_gradient + i);
  });
  return BackThroughOutput(form, m, at);
}

template <class Form>
HWY_INLINE double CrossEntropyGradient(const Form& form, ValueSoftmax& m,
                                       double norm, const PointView<Form>& at) {
  const DoubleTag d;
  Output(form, m, norm, at);
  const MapValue value = Exponentials<false>(
      form.padded_features(), form.features(), 0, m.output, m.output_gradient);
  const DoubleVec divisor = hn::Set(d, value.norm);
  ForVectors(form.padded_features(), [&](size_t i) POLARIZE_INLINED {
    double* const g = m.output_gradient + i;
    const DoubleVec q = hn::Div(hn::Load(d, g), divisor);
    hn::Store(hn::Sub(q, hn::Load(d, m.target + i)), d, g);
  });
  return BackThroughOutput(form, m, at);
}

template <class Form>
HWY_INLINE double LossGradient(const Form& form, ValueSoftmax& m, double norm,
                               const PointView<Form>& at) {
  using Loss = ValueSoftmaxLoss;
  if constexpr (Form::is_fixed()) {
    constexpr Loss kLoss = Form::loss();
    if constexpr (kLoss == Loss::kLogistic) {
      return LogisticGradient(form, m, norm, at);
    } else if constexpr (kLoss == Loss::kSquare) {
      return SquareGradient(form, m, norm, at);
    } else if constexpr (kLoss == Loss::kRegression) {
      return RegressionGradient(form, m, norm, at);
    } else {
      return CrossEntropyGradient(form, m, norm, at);
    }
  } else {
    switch (form.loss()) {
      case Loss::kLogistic:
        return LogisticGradient(form, m, norm, at);
      case Loss::kSquare:
        return SquareGradient(form, m, norm, at);
      case Loss::kRegression:
        return RegressionGradient(form, m, norm, at);
      case Loss::kCrossEntropy:
        break;
    }
    return CrossEntropyGradient(form, m, norm, at);
  }
}

// Adds entropy_penalty H's gradient -(ln s + 1) where s > 0; returns the new c.
template <class Form>
HWY_NOINLINE double AddEntropyGradient(const Form& form,
                                       const ValueSoftmax& m) {
  for (size_t i = 0; i < form.latent(); ++i) {
    if (!(m.weights[i] > 0)) continue;
    m.weight_gradient[i] -= m.entropy_penalty * (std::log(m.weights[i]) + 1);
  }
  return InnerProduct(form.padded_latent(), m.weight_gradient, m.weights);
}

// logits = a / temperature, or U a / temperature.
template <class Form>
HWY_INLINE void Logits(const Form& form, const ValueSoftmax& m,
                       const PointView<Form>& at) {
  const double slope = 1 / m.temperature;
  if (form.tied()) {
    MatVec(at.values, form.padded_features(), form.padded_features(),
           form.latent(), at.attention, m.logits);
    Scale(form.padded_latent(), slope, m.logits, m.logits);
  } else {
    Scale(form.padded_latent(), slope, at.attention, m.logits);
  }
}

// Everything of a gradient but that of V, which is the outer product of
// output_gradient and weights, plus that of logit_gradient and a if tied; from
// the logits, and of forms with two passes from u in weight_gradient. Returns
// whether it is finite.
template <class Form>
HWY_INLINE bool PartsOfGradient(const Form& form, ValueSoftmax& m,
                                const PointView<Form>& at) {
  MapValue value;
  WithMap(form, [&](auto map) POLARIZE_INLINED {
    value = map.Forward(form.padded_latent(), form.latent(), at.sink, m.logits,
                        m.raw);
  });
  const DoubleTag d;
  const DoubleVec divisor = hn::Set(d, value.norm);
  ForVectors(form.padded_latent(), [&](size_t i) POLARIZE_INLINED {
    hn::Store(hn::Div(hn::Load(d, m.raw + i), divisor), d, m.weights + i);
  });
  double c = LossGradient(form, m, value.norm, at);
  if (HWY_UNLIKELY(m.entropy_penalty != 0)) c = AddEntropyGradient(form, m);
  WithMap(form, [&](auto map) POLARIZE_INLINED {
    map.Backward(form.padded_latent(), form.latent(), value, c, m.logits,
                 m.weights, m.weight_gradient, m.logit_gradient);
  });
  m.sink_gradient = m.learns_sink ? -c * value.raw_sink / value.norm : 0;
  const double slope = 1 / m.temperature;
  if (form.tied()) {
    Scale(form.padded_latent(), slope, m.logit_gradient, m.logit_gradient);
    TransposedMatVec(at.values, form.padded_features(), form.padded_features(),
                     form.latent(), form.padded_latent(), m.logit_gradient,
                     m.attention_gradient);
  } else {
    Scale(form.padded_latent(), slope, m.logit_gradient, m.attention_gradient);
  }
  // c is made of all of beta, s and V that counts. An infinite a may still have
  // a weight with a slope of 0, and V' may overflow where s is 0.
  return std::isfinite(c + m.sink_gradient) &&
         AllFinite(form.padded_latent(), m.attention_gradient) &&
         (!form.tied() || AllFinite(form.padded_latent(), at.attention));
}

template <class Form>
HWY_INLINE bool GradientParts(const Form& form, ValueSoftmax& m,
                              const PointView<Form>& at) {
  return PartsOfGradient(form, m, at);
}
// With every map and loss in it, it is compiled once.
HWY_MAYBE_UNUSED static HWY_NOINLINE bool GradientParts(
    const AnyForm& form, ValueSoftmax& m, const PointView<AnyForm>& at) {
  return PartsOfGradient(form, m, at);
}

// The gradient of V into `gradient`, like a point.
template <class Form>
HWY_INLINE void ValueGradient(const Form& form, const ValueSoftmax& m,
                              const PointView<Form>& at, double* gradient) {
  const size_t size = form.latent() * form.padded_features();
  for (size_t i = 0; i < size; ++i) gradient[i] = 0;
  AddOuterProduct(m.output_gradient, m.weights, form.padded_features(),
                  form.padded_features(), form.latent(), gradient);
  if (form.tied()) {
    AddOuterProduct(m.logit_gradient, at.attention, form.padded_features(),
                    form.padded_features(), form.latent(), gradient);
  }
}

// The whole gradient; see Gradient of value_softmax.h. False if not finite.
template <class Form>
HWY_INLINE bool WholeGradient(const Form& form, ValueSoftmax& m,
                              const double* point, double* gradient) {
  const PointView<Form> at(form, point);
  Logits(form, m, at);
  const bool finite = GradientParts(form, m, at);
  ValueGradient(form, m, at, gradient);
  double* const rest = gradient + form.latent() * form.padded_features();
  for (size_t i = 0; i < form.padded_latent(); ++i)
    rest[i] = m.attention_gradient[i];
  double* const last = rest + form.padded_latent();
  for (size_t i = 0; i < ValueSoftmax::kPad; ++i) last[i] = 0;
  last[0] = m.sink_gradient;
  last[1] = -m.gamma;
  return finite;
}

// V -= lr its gradient.
template <class Form>
HWY_INLINE void DescendValues(const Form& form, ValueSoftmax& m, double lr) {
  const auto stride = form.padded_features();
  // lr goes into the column factor, so that V and its transpose, whose products
  // are the same with the factors exchanged, stay equal to the last bit.
  Scale(form.padded_features(), -lr, m.output_gradient, m.scaled_gradient);
  AddOuterProduct(m.scaled_gradient, m.weights, stride, form.padded_features(),
                  form.latent(), m.point);
  if constexpr (Form::by_row()) {
    AddOuterProduct(m.weights, m.scaled_gradient, form.padded_latent(),
                    form.padded_latent(), form.features(), m.values_by_row);
  }
  if (form.tied()) {
    Scale(form.padded_latent(), -lr, m.logit_gradient, m.scaled_gradient);
    AddOuterProduct(m.scaled_gradient, m.point + form.latent() * stride, stride,
                    form.padded_features(), form.latent(), m.point);
  }
}

// The same for a and the sink; and the response.
template <class Form>
HWY_INLINE void DescendAttention(const Form& form, ValueSoftmax& m, double lr) {
  const DoubleTag d;
  double* const attention = m.point + form.latent() * form.padded_features();
  const DoubleVec rate = hn::Set(d, lr);
  ForVectors(form.padded_latent(), [&](size_t i) POLARIZE_INLINED {
    const DoubleVec g = hn::Load(d, m.attention_gradient + i);
    double* const a = attention + i;
    hn::Store(hn::NegMulAdd(rate, g, hn::Load(d, a)), d, a);
  });
  double* const last = attention + form.padded_latent();
  last[0] -= lr * m.sink_gradient;
  last[1] += lr * m.gamma;
}

// What TiedPass adds to U: output s' + logits a'.
struct TiedUpdate {
  const double *output, *weights;  // the first is scaled by -lr
  const double *logits, *attention;
};

// One pass over U: with kUpdate U += the update; then products = U a and
// projections = U'b of the new U. What the next gradient needs of U is taken
// while each column is in registers: the pass that reads and writes U reads it
// for the next step too, whose only other pass is for the gradient of a.
template <bool kUpdate, class Form>
HWY_INLINE void TiedPass(const Form& form, const TiedUpdate& update,
                         double* values, const double* attention,
                         const double* target, double* products,
                         double* projections) {
  const DoubleTag d;
  constexpr size_t kLanes = hn::MaxLanes(d);
  constexpr size_t kStride = Form::padded_features();
  constexpr size_t kVectors = kStride / kLanes;
  DoubleVec sums[kVectors];
  Unroll<kVectors>([&](size_t v) POLARIZE_INLINED { sums[v] = hn::Zero(d); });
  for (size_t j = 0; j < form.latent(); ++j) {
    double* const column = values + j * kStride;
    const DoubleVec factor = hn::Set(d, attention[j]);
    DoubleVec inner = hn::Zero(d);
    Unroll<kVectors>([&](size_t v) POLARIZE_INLINED {
      const size_t i = v * kLanes;
      DoubleVec x = hn::Load(d, column + i);
      if constexpr (kUpdate) {
        x = hn::MulAdd(hn::Set(d, update.weights[j]),
                       hn::Load(d, update.output + i), x);
        x = hn::MulAdd(hn::Set(d, update.attention[j]),
                       hn::Load(d, update.logits + i), x);
        hn::Store(x, d, column + i);
      }
      sums[v] = hn::MulAdd(factor, x, sums[v]);
      inner = hn::MulAdd(x, hn::Load(d, target + i), inner);
    });
    projections[j] = hn::ReduceSum(d, inner);
  }
  Unroll<kVectors>([&](size_t v) POLARIZE_INLINED {
    hn::Store(sums[v], d, products + v * kLanes);
  });
}

// The optimisers that look at every entry of a gradient by itself; `step`
// counts from 1.
HWY_INLINE void DescendMomentum(ValueSoftmax& m, const ValueSoftmaxRates& rates,
                                size_t n) {
  for (size_t i = 0; i < n; ++i) {
    m.moment1[i] = rates.momentum * m.moment1[i] + m.gradient[i];
    m.point[i] -= rates.lr * m.moment1[i];
  }
}
HWY_INLINE void DescendAdam(ValueSoftmax& m, const ValueSoftmaxRates& rates,
                            double step, size_t n) {
  const double correction1 = 1 - std::pow(rates.beta1, step);
  const double correction2 = std::sqrt(1 - std::pow(rates.beta2, step));
  for (size_t i = 0; i < n; ++i) {
    const double g = m.gradient[i];
    m.moment1[i] = rates.beta1 * m.moment1[i] + (1 - rates.beta1) * g;
    m.moment2[i] = rates.beta2 * m.moment2[i] + (1 - rates.beta2) * g * g;
    const double root = std::sqrt(m.moment2[i]) / correction2 + rates.epsilon;
    m.point[i] -= rates.lr / correction1 * m.moment1[i] / root;
  }
}
HWY_INLINE void DescendSign(ValueSoftmax& m, const ValueSoftmaxRates& rates,
                            size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const double g = m.gradient[i];
    m.point[i] -= rates.lr * (g > 0 ? 1 : g < 0 ? -1 : 0);
  }
}

template <class Form>
HWY_INLINE void Optimise(const Form& form, ValueSoftmax& m,
                         const ValueSoftmaxRates& rates) {
  // The response is no parameter.
  const size_t n = m.response_at();
  switch (form.optimiser()) {
    case ValueSoftmaxOptimiser::kGradientDescent:
      return;
    case ValueSoftmaxOptimiser::kMomentum:
      DescendMomentum(m, rates, n);
      break;
    case ValueSoftmaxOptimiser::kAdam:
      DescendAdam(m, rates, static_cast<double>(m.step + 1), n);
      break;
    case ValueSoftmaxOptimiser::kSignDescent:
      DescendSign(m, rates, n);
      break;
  }
  m.point[n] += rates.lr * m.gamma;
}

template <class Form>
HWY_INLINE void KeepByRow(const Form& form, const ValueSoftmax& m) {
  for (size_t i = 0; i < form.features(); ++i) {
    double* const row = m.values_by_row + i * form.padded_latent();
    for (size_t j = 0; j < form.latent(); ++j) {
      row[j] = m.point[j * form.padded_features() + i];
    }
    for (size_t j = form.latent(); j < form.padded_latent(); ++j) row[j] = 0;
  }
}

// The arrays of one gradient on the stack, where the compiler sees that they do
// not overlap and keeps them in registers; for small forms.
template <class Form>
struct LocalArrays {
  static constexpr size_t kLatent = Form::padded_latent();
  static constexpr size_t kFeatures = Form::padded_features();
  static constexpr size_t kMost = HWY_MAX(kLatent, kFeatures);

  HWY_INLINE void Lend(ValueSoftmax& m) {
    m.logits = arrays[0];
    m.raw = arrays[1];
    m.weights = arrays[2];
    m.weight_gradient = arrays[3];
    m.logit_gradient = arrays[4];
    m.attention_gradient = arrays[5];
    m.output = arrays[6];
    m.output_gradient = arrays[7];
    m.scaled_gradient = arrays[8];
  }
  HWY_INLINE void CopyTo(const ValueSoftmax& m) const {
    for (size_t i = 0; i < kLatent; ++i) {
      m.logits[i] = arrays[0][i];
      m.raw[i] = arrays[1][i];
      m.weights[i] = arrays[2][i];
      m.weight_gradient[i] = arrays[3][i];
      m.logit_gradient[i] = arrays[4][i];
      m.attention_gradient[i] = arrays[5][i];
    }
    for (size_t i = 0; i < kFeatures; ++i) {
      m.output[i] = arrays[6][i];
      m.output_gradient[i] = arrays[7][i];
    }
  }

  HWY_ALIGN double arrays[9][kMost] = {};
};
template <>
struct LocalArrays<AnyForm> {
  void Lend(ValueSoftmax&) {}
  void CopyTo(const ValueSoftmax&) const {}
};

// Steps of gradient descent in two passes over U each; returns how many.
template <class Form>
HWY_INLINE size_t DescendInTwoPasses(const Form& form, ValueSoftmax& m,
                                     double lr, size_t steps) {
  constexpr size_t kLatent = Form::padded_latent();
  HWY_ALIGN double products[kLatent] = {}, projections[kLatent] = {};
  HWY_ALIGN double scaled_logits[kLatent], old_attention[kLatent];
  double* const attention = m.point + m.attention_at();
  const TiedUpdate update = {m.scaled_gradient, m.weights, scaled_logits,
                             old_attention};
  TiedPass<false>(form, update, m.point, attention, m.target, products,
                  projections);
  for (size_t taken = 0; taken < steps; ++taken) {
    Scale(form.padded_latent(), 1 / m.temperature, products, m.logits);
    Scale(form.padded_latent(), 1, projections, m.weight_gradient);
    const PointView<Form> at(form, m.point);
    if (HWY_UNLIKELY(!GradientParts(form, m, at))) return taken;
    Scale(form.padded_latent(), 1, attention, old_attention);
    Scale(form.padded_features(), -lr, m.output_gradient, m.scaled_gradient);
    Scale(form.padded_latent(), -lr, m.logit_gradient, scaled_logits);
    DescendAttention(form, m, lr);
    TiedPass<true>(form, update, m.point, attention, m.target, products,
                   projections);
    ++m.step;
  }
  return steps;
}

template <class Form>
HWY_INLINE size_t DescendStepByStep(const Form& form, ValueSoftmax& m,
                                    const ValueSoftmaxRates& rates,
                                    size_t steps) {
  for (size_t taken = 0; taken < steps; ++taken) {
    if (form.optimiser() == ValueSoftmaxOptimiser::kGradientDescent) {
      const PointView<Form> at(form, m.point);
      Logits(form, m, at);
      if (HWY_UNLIKELY(!GradientParts(form, m, at))) return taken;
      DescendValues(form, m, rates.lr);
      DescendAttention(form, m, rates.lr);
    } else {
      if (HWY_UNLIKELY(!WholeGradient(form, m, m.point, m.gradient))) {
        return taken;
      }
      Optimise(form, m, rates);
    }
    ++m.step;
  }
  return steps;
}

// See Descend of value_softmax.h.
template <class Form>
HWY_INLINE size_t DescendT(ValueSoftmax& model, const ValueSoftmaxRates& rates,
                           size_t steps) {
  if (steps == 0) return 0;
  // A copy, whose pointers no store can change.
  ValueSoftmax m = model;
  LocalArrays<Form> local;
  local.Lend(m);
  const Form form(m.form);
  if constexpr (Form::by_row()) KeepByRow(form, m);
  size_t taken;
  if constexpr (Form::two_passes()) {
    taken = DescendInTwoPasses(form, m, rates.lr, steps);
  } else {
    taken = DescendStepByStep(form, m, rates, steps);
  }
  local.CopyTo(model);
  model.step = m.step;
  model.gamma = m.gamma;
  model.sink_gradient = m.sink_gradient;
  return taken;
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#endif  // POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_INL_H_
