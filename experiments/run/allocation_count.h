// Linked into a test, replaces operator new by one that counts.
#ifndef POLARIZE_EXPERIMENTS_RUN_ALLOCATION_COUNT_H_
#define POLARIZE_EXPERIMENTS_RUN_ALLOCATION_COUNT_H_

#include <cstddef>

namespace polarize {

// Since ResetAllocations(), on all threads.
size_t AllocationCount();
size_t LargestAllocation();
void ResetAllocations();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_ALLOCATION_COUNT_H_
