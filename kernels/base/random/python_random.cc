#include "kernels/base/random/python_random.h"

#include <algorithm>
#include <numeric>

#include "hwy/base.h"

namespace polarize {
namespace {

int BitLength(uint32_t n) {
  int bits = 0;
  for (; n != 0; n >>= 1) ++bits;
  return bits;
}

// The largest population for which random.sample copies it: the estimated size
// of a Python set of k elements, 21 + (k > 5 ? the power of 4 from 3k on : 0).
uint64_t LargestPool(size_t k) {
  if (k <= 5) return 21;
  uint64_t table = 1;
  while (table < 3 * static_cast<uint64_t>(k)) table *= 4;
  return 21 + table;
}

}  // namespace

PythonRandom::PythonRandom(uint64_t seed) : engine_(0) {
  const uint32_t key[2] = {static_cast<uint32_t>(seed),
                           static_cast<uint32_t>(seed >> 32)};
  engine_.InitByArray(key, key[1] == 0 ? 1 : 2);
}

uint32_t PythonRandom::Below(uint32_t n) {
  HWY_DASSERT(n >= 1);
  const int bits = BitLength(n);
  uint32_t r = GetRandBits(bits);
  while (r >= n) r = GetRandBits(bits);
  return r;
}

void PythonRandom::Sample(uint32_t n, size_t k, uint32_t* scratch,
                          uint32_t* chosen) {
  if (k > n) HWY_ABORT("sample: %zu of %u elements", k, n);
  if (n <= LargestPool(k)) {
    SampleFromPool(n, k, scratch, chosen);
  } else {
    SampleByRejection(n, k, chosen);
  }
}

void PythonRandom::SampleFromPool(uint32_t n, size_t k, uint32_t* pool,
                                  uint32_t* chosen) {
  std::iota(pool, pool + n, 0u);
  for (uint32_t i = 0; i < k; ++i) {
    const uint32_t j = Below(n - i);
    chosen[i] = pool[j];
    pool[j] = pool[n - i - 1];
  }
}

void PythonRandom::SampleByRejection(uint32_t n, size_t k, uint32_t* chosen) {
  for (size_t i = 0; i < k; ++i) {
    uint32_t j = Below(n);
    while (std::find(chosen, chosen + i, j) != chosen + i) j = Below(n);
    chosen[i] = j;
  }
}

}  // namespace polarize
