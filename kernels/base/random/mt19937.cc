#include "kernels/base/random/mt19937.h"

#include <algorithm>

namespace polarize {
namespace {

// The distance of the recurrence: word j + 624 depends on j, j + 1, j + 397.
constexpr size_t kMiddle = 397;

// The top bit of one word and the rest of the next, times the twist matrix.
uint32_t Twist(uint32_t top, uint32_t rest) {
  const uint32_t y = (top & 0x80000000u) | (rest & 0x7fffffffu);
  return (y >> 1) ^ (0x9908b0dfu & (0u - (y & 1u)));
}

}  // namespace

void Mt19937::InitGenrand(uint32_t seed) {
  state_[0] = seed;
  for (uint32_t j = 1; j < kWords; ++j) {
    const uint32_t before = state_[j - 1];
    state_[j] = 1812433253u * (before ^ (before >> 30)) + j;
  }
  next_ = kWords;
}

void Mt19937::InitByArray(const uint32_t* key, size_t words) {
  InitGenrand(19650218u);
  size_t i = 1;
  const auto mix = [&](uint32_t factor) {
    const uint32_t before = state_[i - 1];
    return state_[i] ^ ((before ^ (before >> 30)) * factor);
  };
  const auto advance = [&] {
    if (++i < kWords) return;
    state_[0] = state_[kWords - 1];
    i = 1;
  };
  for (size_t k = 0; k < std::max(kWords, words); ++k) {
    const size_t j = k % words;
    state_[i] = mix(1664525u) + key[j] + static_cast<uint32_t>(j);
    advance();
  }
  for (size_t k = 1; k < kWords; ++k) {
    state_[i] = mix(1566083941u) - static_cast<uint32_t>(i);
    advance();
  }
  state_[0] = 0x80000000u;
}

void Mt19937::Refill() {
  size_t j = 0;
  for (; j < kWords - kMiddle; ++j) {
    state_[j] = state_[j + kMiddle] ^ Twist(state_[j], state_[j + 1]);
  }
  for (; j < kWords - 1; ++j) {
    state_[j] = state_[j + kMiddle - kWords] ^ Twist(state_[j], state_[j + 1]);
  }
  state_[j] = state_[kMiddle - 1] ^ Twist(state_[j], state_[0]);
  next_ = 0;
}

}  // namespace polarize
