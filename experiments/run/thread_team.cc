#include "experiments/run/thread_team.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hwy/base.h"
#include "hwy/cache_control.h"

namespace polarize {
namespace {

// A worker may join the present run only while this is set.
constexpr uint32_t kOpen = 1u << 31;
// The caller sleeps until the last worker has left.
constexpr uint32_t kCallerSleeps = 1u << 30;
constexpr uint32_t kFlags = kOpen | kCallerSleeps;

// Longer than the work between two kernels, much shorter than a time slice.
constexpr int64_t kSpinNanoseconds = 50000;

// The team whose task this thread is in.
thread_local const ThreadTeam* current_team = nullptr;

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t),
              "a futex is a plain word");

// Sleeps unless the word has another value already. May return too early.
void FutexWait(const std::atomic<uint32_t>& word, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<const uint32_t*>(&word),
          FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void FutexWake(const std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, reinterpret_cast<const uint32_t*>(&word),
          FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// Waits actively until done() or the time is over; returns the last done().
template <typename Done>
bool SpinUntil(const Done& done, int64_t nanoseconds) {
  if (done()) return true;
  if (nanoseconds == 0) return false;
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::nanoseconds(nanoseconds);
  do {
    // Looking at the clock is slower than looking at the word.
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      hwy::Pause();
    }
  } while (Clock::now() < end);
  return done();
}

size_t UsableCores() {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return static_cast<size_t>(CPU_COUNT(&cores));
}

}  // namespace

ThreadTeam::ThreadTeam(size_t threads)
    : slices_(threads),
      // With more threads than cores, waiting actively takes the time of those
      // who work.
      spin_nanoseconds_(threads <= UsableCores() ? kSpinNanoseconds : 0) {
  workers_.reserve(threads - 1);
}

absl::StatusOr<std::unique_ptr<ThreadTeam>> ThreadTeam::Create(size_t threads) {
  if (threads == 0 || threads > kCallerSleeps) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot make a team of ", threads, " threads"));
  }
  auto team = absl::WrapUnique(new ThreadTeam(threads));
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = 0;
  for (size_t i = 1; i < threads && error == 0; ++i) {
    team->workers_.push_back({team.get(), i, pthread_t()});
    Worker& worker = team->workers_.back();
    error = pthread_create(&worker.thread, nullptr, WorkerMain, &worker);
    if (error != 0) team->workers_.pop_back();
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (error != 0) {
    return absl::ErrnoToStatus(
        error, absl::StrCat("cannot make ", threads, " threads"));
  }
  return team;
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true);
  run_.fetch_add(1);
  FutexWake(run_, INT_MAX);
  for (const Worker& worker : workers_) pthread_join(worker.thread, nullptr);
}

void* ThreadTeam::WorkerMain(void* argument) {
  const Worker& worker = *static_cast<Worker*>(argument);
  ThreadTeam& team = *worker.team;
  current_team = &team;
  for (uint32_t seen = 0;;) {
    team.WaitForWork(seen);
    seen = team.run_.load();
    if (team.stop_.load()) return nullptr;
    if (!team.Enter()) continue;
    team.DoTasks(worker.index);
    team.Leave();
  }
}

// Until the number of runs is another.
void ThreadTeam::WaitForWork(uint32_t seen) const {
  const auto work = [&] { return run_.load() != seen; };
  if (SpinUntil(work, spin_nanoseconds_)) return;
  // Run() first counts, then looks for sleepers; here it is the other way
  // round, so that one of the two notices.
  sleepers_.fetch_add(1);
  while (!work()) FutexWait(run_, seen);
  sleepers_.fetch_sub(1);
}

// False if the present run is over: then its tasks are no longer there.
bool ThreadTeam::Enter() {
  uint32_t inside = inside_.load();
  while ((inside & kOpen) != 0) {
    if (inside_.compare_exchange_weak(inside, inside + 1)) return true;
  }
  return false;
}

void ThreadTeam::Leave() {
  if (inside_.fetch_sub(1) - 1 == kCallerSleeps) FutexWake(inside_, 1);
}

void ThreadTeam::WaitUntilAllLeft() {
  inside_.fetch_and(~kOpen);
  const auto left = [&] { return (inside_.load() & ~kFlags) == 0; };
  if (SpinUntil(left, spin_nanoseconds_)) return;
  for (;;) {
    const uint32_t inside = inside_.fetch_or(kCallerSleeps) | kCallerSleeps;
    if (inside == kCallerSleeps) return;
    FutexWait(inside_, inside);
  }
}

// All tasks that nobody else takes, those of one slice first.
void ThreadTeam::DoTasks(size_t first_slice) {
  const auto& task = *task_;
  const size_t slices = slices_.size();
  for (size_t i = 0; i < slices; ++i) {
    Slice& slice = slices_[(first_slice + i) % slices];
    for (;;) {
      // Looked at before counting on, so that idle visits share the line.
      if (slice.next.load(std::memory_order_relaxed) >= slice.end) break;
      const size_t t = slice.next.fetch_add(1, std::memory_order_relaxed);
      if (t >= slice.end) break;
      task(t);
    }
  }
}

void ThreadTeam::Run(size_t tasks, absl::FunctionRef<void(size_t)> task) {
  if (workers_.empty() || tasks <= 1 || current_team == this) {
    for (size_t i = 0; i < tasks; ++i) task(i);
    return;
  }
  // Of a team in use by another thread, every word below is that thread's.
  if (in_run_.exchange(true)) HWY_ABORT("ThreadTeam::Run by two threads");
  const ThreadTeam* const outer_team = current_team;
  current_team = this;
  const size_t n = slices_.size();
  const size_t each = tasks / n;
  const size_t rest = tasks % n;
  size_t begin = 0;
  for (size_t i = 0; i < n; ++i) {
    slices_[i].next.store(begin, std::memory_order_relaxed);
    begin += each + (i < rest ? 1 : 0);
    slices_[i].end = begin;
  }
  task_ = &task;
  inside_.store(kOpen);  // publishes what is above
  run_.fetch_add(1);
  if (sleepers_.load() > 0) {
    FutexWake(run_, static_cast<int>(std::min<size_t>(tasks - 1, INT_MAX)));
  }
  DoTasks(0);
  WaitUntilAllLeft();
  current_team = outer_team;
  in_run_.store(false);
}

}  // namespace polarize
