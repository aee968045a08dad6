// The work of a plan, in several threads.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_TRANSFER_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_TRANSFER_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "experiments/pretrained/fetch/fetch_options.h"
#include "experiments/pretrained/fetch/plan.h"
#include "experiments/pretrained/fetch/transfer_progress.h"
#include "experiments/run/progress.h"
#include "protos/checkpoint_lock.pb.h"

namespace polarize {

// Waits so long, or until `cancelled`, which is asked often; false then.
bool WaitUnless(const std::function<bool()>& cancelled, absl::Duration wait);

class Transfer {
 public:
  // All of them outlive it. The lock, kept in `lock_path`, grows with each
  // file.
  Transfer(const FetchOptions& options, const Plan& plan,
           const std::string& lock_path, CheckpointLock& lock,
           Progress* progress);

  // Does everything. The first error ends all threads, and is returned.
  absl::Status Run();

 private:
  void Work(size_t worker);
  // The next file to do, or null.
  const PlannedFile* Next();
  absl::Status Do(const PlannedFile& file, HttpClient& client,
                  Retrier& retrier);
  absl::Status Fetch(const PlannedFile& file, HttpClient& client,
                     Retrier& retrier);
  absl::Status Verify(const PlannedFile& file);
  absl::Status Lock(const PlannedFile& file, const std::string& sha256,
                    bool write);
  void Fail(const absl::Status& status);
  bool Stopped() const { return stop_ || options_.cancelled(); }
  void Count(int64_t bytes);
  // Waits for the workers, showing how far they are.
  void Watch();
  void Show();
  bool WaitAfter(absl::Duration wait, const absl::Status& failure);

  const FetchOptions& options_;
  const Plan& plan_;
  const std::string& lock_path_;
  Progress* const progress_;

  std::atomic<bool> stop_{false};
  std::atomic<int64_t> bytes_done_{0};    // may go back
  std::atomic<uint64_t> bytes_moved_{0};  // may not

  std::mutex mutex_;  // of all below, and of *progress_
  std::condition_variable worker_ended_;
  CheckpointLock& lock_;
  size_t next_ = 0, files_done_ = 0, working_ = 0;
  absl::Status status_;
  RateMeter rate_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_TRANSFER_H_
