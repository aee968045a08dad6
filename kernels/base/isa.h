// Which instruction set the kernels run on, and how to pin another one.
#ifndef POLARIZE_KERNELS_BASE_ISA_H_
#define POLARIZE_KERNELS_BASE_ISA_H_

#include <cstdint>

namespace polarize {

// The compiled targets that this CPU can run, as Highway's bit mask.
int64_t UsableTargets();

// The name of the target that kernels run on now, e.g. "AVX3".
const char* ChosenTargetName();

// From now on kernels run on `target` alone (one bit of UsableTargets()), or
// again on the best one if 0. Not to be called while a kernel runs.
void PinTarget(int64_t target);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_ISA_H_
