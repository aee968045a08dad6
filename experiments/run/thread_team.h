// The threads on which a run's kernels spread their tasks.
#ifndef POLARIZE_EXPERIMENTS_RUN_THREAD_TEAM_H_
#define POLARIZE_EXPERIMENTS_RUN_THREAD_TEAM_H_

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// A ParallelFor on n threads: the caller of Run() and n - 1 made once.
//
// Thread t first takes the t-th of n equal parts of the tasks, so that
// a thread meets the same data in its cache step after step, then helps the
// others: a thread that the machine keeps waiting does not hold up a run
// beyond the task that it is at. Which thread does a task may differ from run
// to run; a result may not depend on it (see ParallelFor).
//
// Run() neither allocates nor locks. Threads without work wait actively for a
// few dozen microseconds, the time between two kernels, then sleep. Run() is
// for one thread at a time (another's is a broken invariant); inside a task it
// works and does its tasks one after the other. The threads block signals, so
// that these reach the main thread.
class ThreadTeam : public ParallelFor {
 public:
  // An error if there are no threads or the system refuses to make so many.
  static absl::StatusOr<std::unique_ptr<ThreadTeam>> Create(size_t threads);

  ~ThreadTeam() override;
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  size_t threads() const { return slices_.size(); }

  void Run(size_t tasks, absl::FunctionRef<void(size_t)> task) override;

 private:
  // One thread's own tasks; a cache line of its own.
  struct alignas(64) Slice {
    std::atomic<size_t> next{0};
    size_t end = 0;
  };
  struct Worker {
    ThreadTeam* team;
    size_t index;
    pthread_t thread;
  };

  explicit ThreadTeam(size_t threads);
  static void* WorkerMain(void* worker);
  void WaitForWork(uint32_t seen) const;
  bool Enter();
  void Leave();
  void WaitUntilAllLeft();
  void DoTasks(size_t first_slice);

  std::vector<Slice> slices_;
  std::vector<Worker> workers_;
  int64_t spin_nanoseconds_;
  const absl::FunctionRef<void(size_t)>* task_ = nullptr;
  std::atomic<bool> in_run_{false};
  std::atomic<bool> stop_{false};

  // Counts runs; workers sleep on it.
  alignas(64) std::atomic<uint32_t> run_{0};
  mutable std::atomic<uint32_t> sleepers_{0};
  // Workers inside the present run, and two flags; the caller sleeps on it.
  alignas(64) std::atomic<uint32_t> inside_{0};
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_THREAD_TEAM_H_
