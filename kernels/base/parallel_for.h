// How a kernel spreads independent tasks over threads it does not own.
#ifndef POLARIZE_KERNELS_BASE_PARALLEL_FOR_H_
#define POLARIZE_KERNELS_BASE_PARALLEL_FOR_H_

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace polarize {

// Runs task(0) .. task(tasks - 1), each once, in any order, on any thread, and
// returns when all are done. A kernel gives every task outputs of its own and
// the same tasks for any number of threads, so that results never depend on it.
class ParallelFor {
 public:
  virtual ~ParallelFor() = default;
  virtual void Run(size_t tasks, absl::FunctionRef<void(size_t)> task) = 0;
};

// Everything on the calling thread, in order.
class SerialFor : public ParallelFor {
 public:
  void Run(size_t tasks, absl::FunctionRef<void(size_t)> task) override {
    for (size_t i = 0; i < tasks; ++i) task(i);
  }
};

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_PARALLEL_FOR_H_
