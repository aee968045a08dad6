// Counts calls of the heap, to show that code makes none.
#ifndef POLARIZE_TESTS_SUPPORT_HEAP_CALLS_H_
#define POLARIZE_TESTS_SUPPORT_HEAP_CALLS_H_

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace polarize {

// Whether this build can count: sanitizers bring a heap of their own, and so
// do C libraries other than glibc.
bool CountsHeapCalls();

// How often any thread asked for memory (malloc, calloc, realloc, the aligned
// forms, and with them operator new) while body ran.
size_t HeapCalls(absl::FunctionRef<void()> body);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_HEAP_CALLS_H_
