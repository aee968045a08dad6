#include "experiments/run/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<size_t> count{0};
std::atomic<size_t> largest{0};

}  // namespace

// The library's other forms of new and delete call these two.
void* operator new(size_t bytes) {
  count.fetch_add(1, std::memory_order_relaxed);
  size_t most = largest.load(std::memory_order_relaxed);
  while (most < bytes && !largest.compare_exchange_weak(most, bytes)) {
  }
  void* memory = std::malloc(bytes > 0 ? bytes : 1);
  if (memory == nullptr) std::abort();
  return memory;
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace polarize {

size_t AllocationCount() { return count.load(); }
size_t LargestAllocation() { return largest.load(); }

void ResetAllocations() {
  count = 0;
  largest = 0;
}

}  // namespace polarize
