// The stream of CPython's module `random` (3.11 and 3.12), bit for bit.
//
// Source: CPython, Lib/random.py and Modules/_randommodule.c. Everything here
// draws whole 32-bit words of the Mersenne Twister; the number of words depends
// on the values drawn (numbers outside the range are drawn again).
#ifndef POLARIZE_KERNELS_BASE_RANDOM_PYTHON_RANDOM_H_
#define POLARIZE_KERNELS_BASE_RANDOM_PYTHON_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/base/random/mt19937.h"

namespace polarize {

class PythonRandom {
 public:
  // As after random.seed(seed).
  explicit PythonRandom(uint64_t seed);

  // random.getrandbits(bits), 1 <= bits <= 32.
  uint32_t GetRandBits(int bits) { return engine_.U32() >> (32 - bits); }

  // A number in [0, n), n >= 1, by rejection from as many bits as n itself has:
  // also n == 1 draws. random.choice(sequence) is sequence[Below(its length)].
  uint32_t Below(uint32_t n);

  // random.randint(first, last): both ends included, first <= last, fewer than
  // 2^32 values.
  int64_t RandInt(int64_t first, int64_t last) {
    return first + Below(static_cast<uint32_t>(last - first + 1));
  }

  // random.shuffle of n values, n < 2^32.
  template <typename T>
  void Shuffle(T* values, size_t n) {
    for (size_t i = n; i > 1; --i) {
      std::swap(values[i - 1], values[Below(static_cast<uint32_t>(i))]);
    }
  }

  // random.sample(population, k) as indices into a population of n: writes k
  // distinct ones to `chosen`, k <= n < 2^32. `scratch` has n elements and may
  // not overlap `chosen`; it is used where n is small beside k, as CPython does
  // (elsewhere chosen elements are drawn again, which costs up to k^2 / 2
  // comparisons here).
  void Sample(uint32_t n, size_t k, uint32_t* scratch, uint32_t* chosen);

 private:
  void SampleFromPool(uint32_t n, size_t k, uint32_t* pool, uint32_t* chosen);
  void SampleByRejection(uint32_t n, size_t k, uint32_t* chosen);

  Mt19937 engine_;
};

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_RANDOM_PYTHON_RANDOM_H_
