// The definitions of sgd.h for one element, in double.
#ifndef POLARIZE_KERNELS_SGD_SGD_REF_H_
#define POLARIZE_KERNELS_SGD_SGD_REF_H_

#include <cmath>

namespace polarize {

struct SgdRefElement {
  double p, m;
  // Sums of the magnitudes of the terms, for error bounds.
  double p_scale = 0, m_scale = 0;
};

inline void SgdStepRef(double lr, double weight_decay, double g,
                       SgdRefElement& e) {
  e.p_scale = std::abs(e.p) + lr * (std::abs(g) + std::abs(weight_decay * e.p));
  e.p -= lr * (g + weight_decay * e.p);
}

inline void MomentumStepRef(double lr, double momentum, double weight_decay,
                            double g, SgdRefElement& e) {
  e.m_scale =
      std::abs(momentum * e.m) + std::abs(g) + std::abs(weight_decay * e.p);
  e.p_scale = std::abs(e.p) + lr * e.m_scale;
  e.m = momentum * e.m + g + weight_decay * e.p;
  e.p -= lr * e.m;
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_SGD_SGD_REF_H_
