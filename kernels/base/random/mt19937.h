// The Mersenne Twister MT19937, the engine below the random streams of CPython,
// NumPy and PyTorch; they differ in how they seed it and in what they make of
// its words.
//
// Source: Matsumoto, Nishimura, "Mersenne Twister: A 623-dimensionally
// equidistributed uniform pseudorandom number generator", 1998, with the
// seeding of mt19937ar.c (2002).
#ifndef POLARIZE_KERNELS_BASE_RANDOM_MT19937_H_
#define POLARIZE_KERNELS_BASE_RANDOM_MT19937_H_

#include <cstddef>
#include <cstdint>

namespace polarize {

class Mt19937 {
 public:
  // As after InitGenrand(seed).
  explicit Mt19937(uint32_t seed) { InitGenrand(seed); }

  // Restart the sequence: from one word, or from a key of words >= 1 of them.
  void InitGenrand(uint32_t seed);
  void InitByArray(const uint32_t* key, size_t words);

  // The next 32 random bits.
  uint32_t U32() {
    if (next_ == kWords) Refill();
    uint32_t y = state_[next_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }

  // A multiple of 2^-53 in [0, 1), from two words, the first one on top.
  double D53() {
    const double high = U32() >> 5;
    const double low = U32() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }

 private:
  static constexpr size_t kWords = 624;

  // The next 624 words of the recurrence.
  void Refill();

  uint32_t state_[kWords];
  size_t next_;
};

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_RANDOM_MT19937_H_
