// The stream of PyTorch's CPU generator, bit for bit: PyTorch 1.13 on x86-64
// with AVX2. (2.x: the same integers; floats within 2e-6.)
//
// Source: PyTorch, aten/src/ATen/native/cpu/DistributionTemplates.h and
// avx_mathfun.h, as compiled: the places of fused multiply-adds are part of the
// results and written out here. std::fmaf rounds once on any machine.
#ifndef POLARIZE_KERNELS_BASE_RANDOM_TORCH_RANDOM_H_
#define POLARIZE_KERNELS_BASE_RANDOM_TORCH_RANDOM_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/random/mt19937.h"

namespace polarize {

class TorchRandom {
 public:
  // NormalFill makes blocks of this many numbers.
  static constexpr size_t kNormalBlock = 16;

  // As after torch.manual_seed(seed), which ignores the upper 32 bits.
  explicit TorchRandom(uint64_t seed) : engine_(static_cast<uint32_t>(seed)) {}

  uint32_t U32() { return engine_.U32(); }

  // Two words, the first one on top.
  uint64_t U64() {
    const uint64_t high = U32();
    return high << 32 | U32();
  }

  // One element of torch.randint(first, end, ...): in [first, end), fewer than
  // 2^32 values. One word, modulo.
  int64_t RandInt(int64_t first, int64_t end) {
    return first + U32() % static_cast<uint32_t>(end - first);
  }

  // An int64 tensor's random_(): 63 random bits. Two words.
  int64_t Random63() { return static_cast<int64_t>(U64() & (~0ull >> 1)); }

  // torch.randperm(n): overwrites permutation[0, n) by a permutation of
  // 0 .. n - 1, n < 2^31. n - 1 words.
  void RandPerm(size_t n, uint32_t* permutation);

  // A float32 tensor's uniform_(from, to), in memory order: fma(u, to - from,
  // from), u a multiple of 2^-24 in [0, 1). Overwrites values[0, n). n words.
  void UniformFill(float from, float to, size_t n, float* values);

  // A contiguous float32 tensor's normal_(0, 1): overwrites values[0, n), n >=
  // kNormalBlock (smaller tensors take another path in PyTorch, which no model
  // of ours meets: aborts). n words, and kNormalBlock more if that does not
  // divide n: the last kNormalBlock values are then drawn anew.
  void NormalFill(size_t n, float* values);

 private:
  // A multiple of 2^-24 in [0, 1).
  float U24() {
    return static_cast<float>(U32() & 0xffffffu) * (1.0f / 16777216.0f);
  }

  Mt19937 engine_;
};

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_RANDOM_TORCH_RANDOM_H_
