// The model of value_softmax.h, its loss, gradient and optimisers: plain loops
// from the formulas, on dense row-major arrays without padding.
#ifndef POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_REF_H_
#define POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_REF_H_

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace polarize {
namespace reference {

// A number and its size: how far it moves, to first order and at most, per
// relative change of everything that it is made of. A sum's size is the sum of
// its terms' sizes, whatever cancels; an error in double is relative to it.
struct Sized {
  Sized(long double value = 0) : value(value), size(std::abs(value)) {}
  Sized(long double value, long double size) : value(value), size(size) {}
  long double value, size;
};
inline Sized operator-(const Sized& a) { return {-a.value, a.size}; }
inline Sized operator+(const Sized& a, const Sized& b) {
  return {a.value + b.value, a.size + b.size};
}
inline Sized operator-(const Sized& a, const Sized& b) { return a + -b; }
inline Sized operator*(const Sized& a, const Sized& b) {
  return {a.value * b.value,
          a.size * std::abs(b.value) + std::abs(a.value) * b.size};
}
inline Sized operator/(const Sized& a, const Sized& b) {
  const long double q = a.value / b.value;
  return {q, (a.size + std::abs(q) * b.size) / std::abs(b.value)};
}
inline Sized Exp(const Sized& a) {
  const long double e = std::exp(a.value);
  return {e, e == 0 ? 0 : e * (1 + a.size)};
}
inline Sized Log(const Sized& a) {
  const long double l = std::log(a.value);
  return {l, std::abs(l) + a.size / std::abs(a.value)};
}
inline Sized Log1p(const Sized& a) {
  const long double l = std::log1p(a.value);
  return {l, std::abs(l) + a.size / std::abs(1 + a.value)};
}

using SizedVector = std::vector<Sized>;
inline Sized Dot(const SizedVector& x, const SizedVector& y) {
  Sized sum;
  for (size_t i = 0; i < x.size(); ++i) sum = sum + x[i] * y[i];
  return sum;
}

struct ValueSoftmaxProblem {
  std::string map, loss;  // the names in value_softmax.h, with _ for a space
  bool tied = false;
  size_t features = 0, latent = 0;
  double temperature = 1, entropy_penalty = 0;
  bool learns_sink = false;
  std::vector<double> target;  // b; regression: M of them
  std::vector<double> design;  // X, M x F
};

// A point, or (of Sized) a gradient, with -gamma in place of the response.
template <typename T>
struct ValueSoftmaxPoint {
  std::vector<T> values;  // V, F x K
  std::vector<T> attention;
  T sink = 0, response = 0;
};

// M x or, transposed, M' x for a matrix of `rows` rows.
template <typename T>
SizedVector Product(const std::vector<T>& m, size_t rows, const SizedVector& x,
                    bool transposed) {
  const size_t columns = m.size() / rows;
  SizedVector y(transposed ? columns : rows);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) {
      Sized& sum = y[transposed ? j : i];
      sum = sum + Sized(m[i * columns + j]) * x[transposed ? i : j];
    }
  }
  return y;
}

inline SizedVector ToSized(const std::vector<double>& x) {
  return SizedVector(x.begin(), x.end());
}

// z.
inline SizedVector ValueSoftmaxLogits(const ValueSoftmaxProblem& p,
                                      const ValueSoftmaxPoint<double>& at) {
  SizedVector z = ToSized(at.attention);
  if (p.tied) z = Product(at.values, p.features, z, false);
  for (Sized& zi : z) zi = zi / Sized(p.temperature);
  return z;
}

// s before the division, the divisor, and the sink's part of it.
struct ValueSoftmaxWeights {
  SizedVector s;
  Sized norm = 1e-10L, sink;
};

inline ValueSoftmaxWeights WeightsOf(const ValueSoftmaxProblem& p,
                                     const SizedVector& z, double sink) {
  ValueSoftmaxWeights w;
  if (p.map == "softmax" || p.map == "softmax1") w.norm = 0;
  if (p.map == "softmax1") w.norm = w.sink = Exp(sink);
  for (const Sized& zi : z) {
    Sized s;
    if (p.map == "l1") s = {std::abs(zi.value), zi.size};
    if (p.map == "sum") s = zi;
    if (p.map == "l2") s = zi * zi;
    if (p.map == "relu" && zi.value > 0) s = zi;
    if (p.map == "softmax" || p.map == "softmax1") s = Exp(zi);
    if (p.map == "sigmoid") s = Sized(1) / (Sized(1) + Exp(-zi));
    w.s.push_back(s);
    w.norm = w.norm + s;
  }
  if (p.map == "sigmoid") w.norm = 1;
  for (Sized& s : w.s) s = s / w.norm;
  w.sink = w.sink / w.norm;
  return w;
}

// softmax(beta).
inline SizedVector SoftmaxOf(const SizedVector& beta) {
  SizedVector q;
  Sized sum;
  for (const Sized& b : beta) q.push_back(Exp(b));
  for (const Sized& e : q) sum = sum + e;
  for (Sized& e : q) e = e / sum;
  return q;
}

// X beta - b.
inline SizedVector Residuals(const ValueSoftmaxProblem& p,
                             const SizedVector& beta) {
  SizedVector r = Product(p.design, p.target.size(), beta, false);
  for (size_t k = 0; k < r.size(); ++k) r[k] = r[k] - Sized(p.target[k]);
  return r;
}

inline Sized OutputLoss(const ValueSoftmaxProblem& p, const SizedVector& beta) {
  const SizedVector b = ToSized(p.target);
  if (p.loss == "logistic") return Log1p(Exp(-Dot(b, beta)));
  Sized loss;
  if (p.loss == "square") {
    for (size_t i = 0; i < b.size(); ++i) {
      loss = loss + (beta[i] - b[i]) * (beta[i] - b[i]) / Sized(2);
    }
  } else if (p.loss == "regression") {
    const SizedVector r = Residuals(p, beta);
    loss = Dot(r, r);
  } else {
    const SizedVector q = SoftmaxOf(beta);
    for (size_t i = 0; i < b.size(); ++i) {
      loss = loss - b[i] * Log(q[i] + Sized(1e-15L));
    }
  }
  return loss;
}

// The gradient of beta; gamma is 0 for losses without one.
inline SizedVector OutputGradient(const ValueSoftmaxProblem& p,
                                  const SizedVector& beta, Sized* gamma) {
  const SizedVector b = ToSized(p.target);
  SizedVector g(beta.size());
  *gamma = 0;
  if (p.loss == "logistic") {
    *gamma = Sized(1) / (Sized(1) + Exp(Dot(b, beta)));
    for (size_t i = 0; i < g.size(); ++i) g[i] = -*gamma * b[i];
  } else if (p.loss == "square") {
    for (size_t i = 0; i < g.size(); ++i) g[i] = beta[i] - b[i];
    *gamma = -Dot(g, b) / Dot(b, b);
  } else if (p.loss == "regression") {
    g = Product(p.design, p.target.size(), Residuals(p, beta), true);
    for (Sized& gi : g) gi = Sized(2) * gi;
  } else {
    const SizedVector q = SoftmaxOf(beta);
    for (size_t i = 0; i < g.size(); ++i) g[i] = q[i] - b[i];
  }
  return g;
}

inline Sized ValueSoftmaxLoss(const ValueSoftmaxProblem& p,
                              const ValueSoftmaxPoint<double>& at) {
  const SizedVector s = WeightsOf(p, ValueSoftmaxLogits(p, at), at.sink).s;
  Sized loss = OutputLoss(p, Product(at.values, p.features, s, false));
  for (const Sized& si : s) {
    if (si.value > 0) loss = loss - Sized(p.entropy_penalty) * si * Log(si);
  }
  return loss;
}

// The gradient g of s becomes that of z; c = <g, s>.
inline SizedVector LogitGradient(const ValueSoftmaxProblem& p,
                                 const SizedVector& z,
                                 const ValueSoftmaxWeights& w,
                                 const SizedVector& g, const Sized& c) {
  SizedVector dz(z.size());
  for (size_t j = 0; j < z.size(); ++j) {
    const Sized centred = g[j] - c, &s = w.s[j];
    const int sign = (z[j].value > 0) - (z[j].value < 0);
    if (p.map == "l1") dz[j] = centred * Sized(sign) / w.norm;
    if (p.map == "sum") dz[j] = centred / w.norm;
    if (p.map == "l2") dz[j] = centred * Sized(2) * z[j] / w.norm;
    if (p.map == "relu" && sign > 0) dz[j] = centred / w.norm;
    if (p.map == "softmax" || p.map == "softmax1") dz[j] = s * centred;
    if (p.map == "sigmoid") dz[j] = s * (Sized(1) - s) * g[j];
  }
  return dz;
}

inline ValueSoftmaxPoint<Sized> ValueSoftmaxGradient(
    const ValueSoftmaxProblem& p, const ValueSoftmaxPoint<double>& at) {
  ValueSoftmaxPoint<Sized> gradient;
  const SizedVector z = ValueSoftmaxLogits(p, at);
  const ValueSoftmaxWeights w = WeightsOf(p, z, at.sink);
  Sized gamma;
  const SizedVector g_beta =
      OutputGradient(p, Product(at.values, p.features, w.s, false), &gamma);
  SizedVector g = Product(at.values, p.features, g_beta, true);
  for (size_t j = 0; j < p.latent; ++j) {
    if (!(w.s[j].value > 0)) continue;
    g[j] = g[j] - Sized(p.entropy_penalty) * (Log(w.s[j]) + Sized(1));
  }
  const Sized c = Dot(g, w.s);
  SizedVector dz = LogitGradient(p, z, w, g, c);
  for (Sized& dzi : dz) dzi = dzi / Sized(p.temperature);
  for (size_t i = 0; i < p.features; ++i) {
    for (size_t j = 0; j < p.latent; ++j) {
      Sized dv = g_beta[i] * w.s[j];
      if (p.tied) dv = dv + dz[i] * Sized(at.attention[j]);
      gradient.values.push_back(dv);
    }
  }
  gradient.attention = p.tied ? Product(at.values, p.features, dz, true) : dz;
  if (p.learns_sink) gradient.sink = -w.sink * c;
  gradient.response = -gamma;
  return gradient;
}

// V, a and the sink in a row, which is how an optimiser sees them.
template <typename T>
std::vector<T> Parameters(const ValueSoftmaxPoint<T>& point) {
  std::vector<T> all = point.values;
  all.insert(all.end(), point.attention.begin(), point.attention.end());
  all.push_back(point.sink);
  return all;
}
inline void SetParameters(const std::vector<double>& all,
                          ValueSoftmaxPoint<double>& point) {
  const auto attention = all.begin() + point.values.size();
  point.values.assign(all.begin(), attention);
  point.attention.assign(attention, all.end() - 1);
  point.sink = all.back();
}

struct ValueSoftmaxOptimiserRef {
  std::string name;  // gradient_descent, momentum, adam, sign_descent
  double lr = 0, momentum = 0, beta1 = 0, beta2 = 0, epsilon = 0;
  int step = 0;
  std::vector<double> moment1, moment2;  // of the parameters
};

// What is taken off a parameter with gradient g, over lr; m and v are its
// moments. As PyTorch's SGD and Adam.
inline double UpdateRef(const ValueSoftmaxOptimiserRef& o, double g, double& m,
                        double& v) {
  if (o.name == "sign_descent") return (g > 0) - (g < 0);
  if (o.name == "momentum") return m = o.momentum * m + g;
  if (o.name == "gradient_descent") return g;
  m = o.beta1 * m + (1 - o.beta1) * g;
  v = o.beta2 * v + (1 - o.beta2) * g * g;
  const double mean = m / (1 - std::pow(o.beta1, o.step));
  const double square = v / (1 - std::pow(o.beta2, o.step));
  return mean / (std::sqrt(square) + o.epsilon);
}

inline void ValueSoftmaxStepRef(const ValueSoftmaxProblem& p,
                                ValueSoftmaxOptimiserRef& o,
                                ValueSoftmaxPoint<double>& point) {
  const ValueSoftmaxPoint<Sized> gradient = ValueSoftmaxGradient(p, point);
  const SizedVector g = Parameters(gradient);
  std::vector<double> parameters = Parameters(point);
  o.moment1.resize(g.size());
  o.moment2.resize(g.size());
  ++o.step;
  for (size_t i = 0; i < g.size(); ++i) {
    parameters[i] -=
        o.lr * UpdateRef(o, g[i].value, o.moment1[i], o.moment2[i]);
  }
  SetParameters(parameters, point);
  point.response -= o.lr * gradient.response.value;
}

}  // namespace reference
}  // namespace polarize

#endif  // POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_REF_H_
