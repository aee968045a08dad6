// NumPy's legacy stream (np.random.seed, rand, randn), bit for bit where the C
// library's log is the one that NumPy used (glibc: yes).
//
// Source: NumPy, numpy/random/src/legacy/legacy-distributions.c.
#ifndef POLARIZE_KERNELS_BASE_RANDOM_NUMPY_RANDOM_H_
#define POLARIZE_KERNELS_BASE_RANDOM_NUMPY_RANDOM_H_

#include <cstdint>

#include "kernels/base/random/mt19937.h"

namespace polarize {

class NumpyRandom {
 public:
  // As after np.random.seed(seed).
  explicit NumpyRandom(uint32_t seed) : engine_(seed) {}

  // Restarts the stream and forgets the cached normal.
  void Seed(uint32_t seed);

  // Uniform in [0, 1). Neither uses nor clears the cached normal.
  double Rand() { return engine_.D53(); }

  // Standard normal, by Marsaglia's polar method. It makes two at a time: every
  // other call returns the cached second one and draws nothing, also across
  // calls of Rand.
  double Randn();

 private:
  Mt19937 engine_;
  bool has_cached_ = false;
  double cached_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_RANDOM_NUMPY_RANDOM_H_
