#include "tests/support/heap_calls.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POLARIZE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define POLARIZE_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(POLARIZE_SANITIZED)
#define POLARIZE_COUNTS_HEAP_CALLS 1
#else
#define POLARIZE_COUNTS_HEAP_CALLS 0
#endif

namespace {

std::atomic<size_t> calls{0};

}  // namespace

#if POLARIZE_COUNTS_HEAP_CALLS
// These take the place of glibc's functions in the whole program, and pass on
// to what glibc calls the same by another name.
extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) noexcept {
  calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) noexcept {
  calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) noexcept {
  calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) noexcept {
  calls.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) noexcept {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"
#endif

namespace polarize {

bool CountsHeapCalls() { return POLARIZE_COUNTS_HEAP_CALLS; }

size_t HeapCalls(absl::FunctionRef<void()> body) {
  const size_t before = calls.load();
  body();
  return calls.load() - before;
}

}  // namespace polarize
