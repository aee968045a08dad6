// Planned memory: one block, carved up before the first step.
#ifndef POLARIZE_KERNELS_BASE_ARENA_H_
#define POLARIZE_KERNELS_BASE_ARENA_H_

#include <cstddef>
#include <cstdint>

#include "hwy/base.h"

namespace polarize {

// Carves aligned arrays out of a block that the caller owns. Without a block
// (nullptr) it only adds up what the same calls would take, so a plan is made
// by running the same layout function twice:
//
//   Arena measure(nullptr, 0);  Layout(measure);   // measure.used() bytes
//   Arena arena(block, size);   Layout(arena);     // the real pointers
//
// Arrays start on 64-byte lines; contents are what the block held.
class Arena {
 public:
  static constexpr size_t kAlignment = 64;

  // block: aligned to kAlignment, or nullptr to measure.
  Arena(void* block, size_t size)
      : block_(static_cast<uint8_t*>(block)), size_(size) {}

  // The next n elements, nullptr while measuring. Aborts when the block is
  // full: the plan and its use have then drifted apart.
  template <typename T>
  T* Take(size_t n) {
    const size_t at = used_;
    used_ += (n * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    if (block_ == nullptr) return nullptr;
    if (used_ > size_) HWY_ABORT("arena: %zu bytes asked of %zu", used_, size_);
    return reinterpret_cast<T*>(block_ + at);
  }

  size_t used() const { return used_; }

 private:
  uint8_t* block_;
  size_t size_;
  size_t used_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_ARENA_H_
