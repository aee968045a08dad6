// How far a transfer is: bytes, rate and the time left.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_TRANSFER_PROGRESS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_TRANSFER_PROGRESS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/time/time.h"

namespace polarize {

// "512 B", "1.25 kB", "26.4 GB": three digits that count, powers of 1000.
std::string FormatBytes(uint64_t bytes);

// Bytes a second over the last ten seconds.
class RateMeter {
 public:
  // `bytes` have come in all until `now`; both never go back.
  void Add(absl::Time now, uint64_t bytes);
  // 0 before there are two moments to compare.
  double BytesPerSecond() const;

 private:
  struct Moment {
    absl::Time time;
    uint64_t bytes;
  };
  std::deque<Moment> moments_;
};

struct TransferState {
  uint64_t bytes_done = 0, bytes = 0;
  size_t files_done = 0, files = 0;
  double bytes_per_second = 0;
  const char* units = "files";  // what they are called
};

// "3.21 GB of 26.4 GB  41 of 212 files  112 MB/s  3m 27s left".
std::string TransferLine(const TransferState& state);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_TRANSFER_PROGRESS_H_
