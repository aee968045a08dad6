// The value-softmax model of section 3, its gradient, and gradient descent.
//
// Formula (paper, equation 1): s = map(z), z = a / temperature, beta = V s, and
// a loss l(beta); in the tied model z = U a / temperature and V is U. A model
// minimises l(beta) + entropy_penalty H(s), H(s) = -sum_{s_i > 0} s_i ln s_i.
//
//   map      s, with every norm + 1e-10             gradient g of s -> of z
//   l1       |z| / sum|z|                           (g - c) sign(z) / norm
//   sum      z / sum z                              (g - c) / norm
//   l2       z^2 / sum z^2                          (g - c) 2 z / norm
//   relu     max(z, 0) / sum max(z, 0)              (g - c) [z > 0] / norm
//   softmax  exp(z) / sum exp(z)                    s (g - c)
//   softmax1 exp(z) / (exp(sink) + sum exp(z))      s (g - c); sink: -s_sink c
//   sigmoid  1 / (1 + exp(-z))                      s (1 - s) g
//   with c = sum g s, s_sink = 1 - sum s
//
//   loss           l                                      gradient of beta
//   logistic       ln(1 + exp(-m)), m = <b, beta>         -gamma b
//   square         |beta - b|^2 / 2                       beta - b
//   regression     |b - X beta|^2                         2 (X'X beta - X'b)
//   cross entropy  -sum b ln(softmax(beta) + 1e-15)       softmax(beta) - b
//   with gamma = 1 / (1 + exp(m))
//
// The gradients of the cross entropy leave its 1e-15 out, as the reference's
// do. Maps, losses and their derivatives are the reference's
// (toy_experiments.ipynb of github.com/tml-epfl/softmax); softmax1 is Miller's
// "off by one" softmax.
//
// The response of a model with a square or logistic loss is the integral of
// gamma = -<gradient of beta, b> / |b|^2 over time, the paper's polarization
// coefficient: with the gradient of u = V'b it says du/dt = gamma |b|^2 s. (The
// paper prints du/dt and da/dt with the opposite sign in equations 6 and 7; its
// proofs and its code have this one.)
//
// Shapes: F features (entries of beta), K latent (entries of a and s), M
// samples (rows of X). Arrays are padded with zeros to multiples of kPad and
// start on 64-byte lines. A point, the parameters at one time, is one array:
//   V: K columns of Padded(F) | a: Padded(K) | sink, response: kPad
// and a gradient has the same layout, with -gamma in place of the response.
//
// Requirements: F, K >= 1; K = F if tied (checked by LayOut). Not checked: the
// caller keeps the padding of what it writes 0; the problem's arrays that the
// loss needs are set; temperature is not 0; Adam's epsilon is not 0, as padding
// has none but zero gradients; a compiled descent gets a model of its form.
//
// Aliasing: all arrays of LayOut are apart. Descend changes the point, `step`,
// the moments and everything under "of the last gradient" in place. Gradient
// overwrites `gradient`, which may not overlap `point` nor the model's arrays;
// `point` may be the model's own. LossAt overwrites model.output; `values` and
// `weights` may be the model's. Nothing is added to.
//
// Special values: NaN or infinity anywhere ends a descent (see Descend), but
// for logits that a map is flat at: -inf has weight 0 and gradient 0 with
// softmax, softmax1, relu and sigmoid, inf weight 1 with sigmoid; all of them
// -inf is NaN with softmax. s of l1, sum, l2 and relu divides by 1e-10 where
// the norm is 0.
//
// Accuracy: gradients and losses, and so s, within kValueSoftmaxEpsilons double
// epsilons of the formulas, relative to the sums of the magnitudes of their
// terms (Sized in value_softmax_ref.h).
//
// Determinism: the same bits for any number of steps per call; instruction sets
// and instances of other sizes (fixed, dynamic) differ in the last digits.
//
// Cost: a step of gradient descent reads V twice with the logistic loss,
// otherwise three times, and writes it once; a tied model reads it three times
// more and writes it twice. Compiled for its form, a tied logistic model reads
// it twice and writes it once. All memory comes from LayOut.
#ifndef POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_H_
#define POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "kernels/base/arena.h"

namespace polarize {

enum class ValueSoftmaxMap {
  kL1,
  kSum,
  kL2,
  kSoftmax,
  kRelu,
  kSigmoid,
  kSoftmax1
};
enum class ValueSoftmaxLoss { kLogistic, kSquare, kRegression, kCrossEntropy };
enum class ValueSoftmaxOptimiser {
  kGradientDescent,
  kMomentum,     // v = momentum v + g; p -= lr v
  kAdam,         // as AdamW without decay (kernels/adamw)
  kSignDescent,  // p -= lr sign(g)
};

// What code may be compiled for.
struct ValueSoftmaxForm {
  ValueSoftmaxMap map = ValueSoftmaxMap::kSoftmax;
  ValueSoftmaxLoss loss = ValueSoftmaxLoss::kLogistic;
  ValueSoftmaxOptimiser optimiser = ValueSoftmaxOptimiser::kGradientDescent;
  bool tied = false;
  size_t features = 0;  // F
  size_t latent = 0;    // K
};
constexpr bool operator==(const ValueSoftmaxForm& a,
                          const ValueSoftmaxForm& b) {
  return a.map == b.map && a.loss == b.loss && a.optimiser == b.optimiser &&
         a.tied == b.tied && a.features == b.features && a.latent == b.latent;
}

// The learning rate, and what an optimiser needs beside it.
struct ValueSoftmaxRates {
  double lr = 0;
  double momentum = 0;
  double beta1 = 0, beta2 = 0, epsilon = 0;
};

// A model, its problem and the point where it is.
struct ValueSoftmax {
  static constexpr size_t kPad = 8;
  static constexpr size_t Padded(size_t n) {
    return (n + kPad - 1) / kPad * kPad;
  }

  ValueSoftmaxForm form;
  double temperature = 1;
  double entropy_penalty = 0;
  bool learns_sink = false;

  // The problem; written by the caller.
  double* target = nullptr;  // b, F; regression: X'b
  double target_square = 1;  // |b|^2
  double* gram = nullptr;    // X'X, F columns of Padded(F); regression only
  const double* design = nullptr;   // X, M rows of F; for the loss alone
  const double* samples = nullptr;  // b, M; for the loss alone
  size_t sample_count = 0;

  // The point (see above); written by the caller before the first step.
  double* point = nullptr;
  uint64_t step = 0;

  // Of the last gradient that was computed.
  double* logits = nullptr;              // z, K
  double* raw = nullptr;                 // s times its norm, K
  double* weights = nullptr;             // s, K
  double* output = nullptr;              // beta, F; not of the logistic loss
  double* output_gradient = nullptr;     // F
  double* weight_gradient = nullptr;     // K
  double* logit_gradient = nullptr;      // K; with tied models apart from a's
  double* attention_gradient = nullptr;  // K
  double sink_gradient = 0;
  double gamma = 0;  // of the response

  // Private to the kernel.
  double* values_by_row = nullptr;  // the transpose of V, if kept
  double* scaled_gradient = nullptr;
  double* gradient = nullptr;  // like point; optimisers but gradient descent
  double* moment1 = nullptr;
  double* moment2 = nullptr;

  size_t value_stride() const { return Padded(form.features); }
  size_t attention_at() const { return form.latent * value_stride(); }
  size_t sink_at() const { return attention_at() + Padded(form.latent); }
  size_t response_at() const { return sink_at() + 1; }
  size_t point_size() const { return sink_at() + kPad; }
  const double* column(size_t j) const { return point + j * value_stride(); }
  double* attention() const { return point + attention_at(); }
  double sink() const { return point[sink_at()]; }
  double response() const { return point[response_at()]; }
};

// Takes the model's arrays out of the arena (or measures it); the caller has
// set `form`. Zero them before use: they hold what the arena's block held.
void LayOut(Arena& arena, ValueSoftmax& model);

// Takes the steps, or fewer: returns how many were taken. A step whose gradient
// is not finite is not taken; the point is then where it was before that step,
// but may itself not be finite. (For V's gradient its factors count: their
// product, and that with lr, may overflow.)
size_t Descend(ValueSoftmax& model, const ValueSoftmaxRates& rates,
               size_t steps);

// The gradient at `point` (not necessarily the model's own), and in the model
// what it is made of.
void Gradient(ValueSoftmax& model, const double* point, double* gradient);

// The loss with the entropy penalty, where s is `weights` and V is `values`, K
// columns of value_stride(); beta is left in model.output.
double LossAt(ValueSoftmax& model, const double* values, const double* weights);

// A descent that was compiled for one form; it needs a model of that form.
struct FixedDescent {
  ValueSoftmaxForm form;
  size_t (*descend)(ValueSoftmax&, const ValueSoftmaxRates&, size_t);
};
// The one for the form, or the one for any form.
FixedDescent DescentFor(const ValueSoftmaxForm& form,
                        absl::Span<const FixedDescent> compiled);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_VALUE_SOFTMAX_VALUE_SOFTMAX_H_
