#include "kernels/base/random/numpy_random.h"

#include <cmath>

namespace polarize {

void NumpyRandom::Seed(uint32_t seed) {
  engine_.InitGenrand(seed);
  has_cached_ = false;
}

double NumpyRandom::Randn() {
  if (has_cached_) {
    has_cached_ = false;
    return cached_;
  }
  double x1, x2, r2;
  do {
    x1 = 2.0 * Rand() - 1.0;
    x2 = 2.0 * Rand() - 1.0;
    r2 = x1 * x1 + x2 * x2;
  } while (r2 >= 1.0 || r2 == 0.0);
  const double f = std::sqrt(-2.0 * std::log(r2) / r2);
  cached_ = f * x1;
  has_cached_ = true;
  return f * x2;
}

}  // namespace polarize
