// The definition of adamw.h for one element, in double.
#ifndef POLARIZE_KERNELS_ADAMW_ADAMW_REF_H_
#define POLARIZE_KERNELS_ADAMW_ADAMW_REF_H_

#include <cmath>
#include <cstdint>

namespace polarize {

struct AdamWRefElement {
  double p, m, v;
  // Sums of the magnitudes of the terms, for error bounds.
  double p_scale = 0, m_scale = 0, v_scale = 0;
};

inline void AdamWStepRef(double lr, double beta1, double beta2, double epsilon,
                         double weight_decay, uint64_t step, double g,
                         AdamWRefElement& e) {
  const double t = static_cast<double>(step);
  e.m_scale = std::abs(beta1 * e.m) + std::abs((1 - beta1) * g);
  e.p *= 1 - lr * weight_decay;
  e.m = beta1 * e.m + (1 - beta1) * g;
  e.v = beta2 * e.v + (1 - beta2) * g * g;
  e.v_scale = e.v;
  const double m_hat_factor = lr / (1 - std::pow(beta1, t));
  const double denominator =
      std::sqrt(e.v) / std::sqrt(1 - std::pow(beta2, t)) + epsilon;
  e.p_scale = std::abs(e.p) + m_hat_factor * e.m_scale / denominator;
  e.p -= m_hat_factor * e.m / denominator;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ADAMW_ADAMW_REF_H_
