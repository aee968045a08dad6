#include "kernels/base/random/torch_random.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "hwy/base.h"

namespace polarize {
namespace {

int32_t BitsOf(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}

float FromBits(int32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

// The natural logarithm of Cephes (logf.c) for positive normal x, with the
// fused operations that PyTorch's binary has: x = m 2^e, m in [sqrt(1/2),
// sqrt(2)), log x = e log 2 + log m. The library's logf differs in last bits.
float CephesLog(float x) {
  const int32_t bits = BitsOf(x);
  float e = static_cast<float>((bits >> 23) - 127) + 1.0f;
  const float half_to_one = FromBits((bits & ~0x7f800000) | 0x3f000000);
  float doubled = 0.0f;
  if (half_to_one < 0.707106781186547524f) {
    e -= 1.0f;
    doubled = half_to_one;
  }
  const float t = (half_to_one - 1.0f) + doubled;
  const float z = t * t;
  constexpr float kPoly[] = {
      -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
      -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f};
  float y = 7.0376836292e-2f;
  for (const float p : kPoly) y = std::fmaf(y, t, p);
  y = y * t;
  y = std::fmaf(y, z, e * -2.12194440e-4f);
  y = std::fmaf(-z, 0.5f, y);
  return std::fmaf(e, 0.693359375f, t + y);
}

struct SinCos {
  float sin, cos;
};

// Sine and cosine of Cephes (sinf.c) for 0 <= x <= 2 pi: reduction by multiples
// of pi/4 in three parts, then one polynomial of each kind, swapped and negated
// by octant.
SinCos CephesSinCos(float x) {
  const int32_t j = (static_cast<int32_t>(x * 1.27323954473516f) + 1) & ~1;
  const float y = static_cast<float>(j);
  x = std::fmaf(y, -0.78515625f, x);
  x = std::fmaf(y, -2.4187564849853515625e-4f, x);
  x = std::fmaf(y, -3.77489497744594108e-8f, x);
  const float z = x * x;
  float c = 2.443315711809948e-5f;
  c = std::fmaf(c, z, -1.388731625493765e-3f);
  c = std::fmaf(c, z, 4.166664568298827e-2f);
  c = c * z;
  c = std::fmaf(c, z, -(z * 0.5f));
  c = c + 1.0f;
  float s = -1.9515295891e-4f;
  s = std::fmaf(s, z, 8.3321608736e-3f);
  s = std::fmaf(s, z, -1.6666654611e-1f);
  s = s * z;
  s = std::fmaf(s, x, x);
  if ((j & 2) != 0) std::swap(s, c);
  return {(j & 4) != 0 ? -s : s, (~(j - 2) & 4) != 0 ? -c : c};
}

// Box and Muller: values[j] and values[8 + j], uniform in [0, 1), become two
// normals.
void NormalsInPlace(float* values) {
  constexpr size_t kHalf = TorchRandom::kNormalBlock / 2;
  constexpr float kTwoPi = static_cast<float>(2.0 * 3.14159265358979323846);
  for (size_t j = 0; j < kHalf; ++j) {
    const float radius = std::sqrt(-2.0f * CephesLog(1.0f - values[j]));
    const SinCos angle = CephesSinCos(kTwoPi * values[kHalf + j]);
    // PyTorch scales by the deviation 1 and adds the mean 0: not idle, since
    // -0 becomes 0.
    values[j] = radius * angle.cos + 0.0f;
    values[kHalf + j] = radius * angle.sin + 0.0f;
  }
}

}  // namespace

void TorchRandom::RandPerm(size_t n, uint32_t* permutation) {
  std::iota(permutation, permutation + n, 0u);
  for (size_t i = 0; i + 1 < n; ++i) {
    std::swap(permutation[i],
              permutation[i + U32() % static_cast<uint32_t>(n - i)]);
  }
}

void TorchRandom::UniformFill(float from, float to, size_t n, float* values) {
  const float width = to - from;
  for (size_t i = 0; i < n; ++i) values[i] = std::fmaf(U24(), width, from);
}

void TorchRandom::NormalFill(size_t n, float* values) {
  if (n < kNormalBlock) {
    HWY_ABORT("normal fill of %zu values, fewer than %zu", n, kNormalBlock);
  }
  for (size_t i = 0; i < n; ++i) values[i] = U24();
  for (size_t i = 0; i + kNormalBlock <= n; i += kNormalBlock) {
    NormalsInPlace(values + i);
  }
  if (n % kNormalBlock == 0) return;
  float* const tail = values + n - kNormalBlock;
  for (size_t j = 0; j < kNormalBlock; ++j) tail[j] = U24();
  NormalsInPlace(tail);
}

}  // namespace polarize
