// Trying again after what may pass: when, and how often.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_RETRY_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_RETRY_H_

#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace polarize {

struct RetryPolicy {
  int attempts = 8;  // in a row that bring nothing
  absl::Duration first_wait = absl::Milliseconds(500);
  absl::Duration longest_wait = absl::Minutes(1);
  // A server that asks for more than this is taken for one that says no.
  absl::Duration longest_asked_wait = absl::Minutes(10);
};

// One attempt at something. It may be tried again if the status is Unavailable.
struct Attempt {
  absl::Status status;
  absl::optional<absl::Duration> retry_after;  // what the server asked for
  bool progress = false;                       // got further than any before
};

// How long to wait before the attempt after `failures` (from 1) failures in a
// row: between half and all of first_wait * 2^(failures - 1), or of
// longest_wait where that is less; `random` from 0 to 1 says where. Not less
// than what the server asked for.
absl::Duration BackOff(const RetryPolicy& policy, int failures, double random,
                       absl::optional<absl::Duration> asked);

// The value of a Retry-After header: seconds, or a date, of which the time from
// `now` on counts. Nothing if it is neither.
absl::optional<absl::Duration> ParseRetryAfter(absl::string_view value,
                                               absl::Time now);

class Retrier {
 public:
  // Waits so long after the failure, and returns false when the program is to
  // end.
  using Wait = std::function<bool(absl::Duration, const absl::Status& failure)>;
  Retrier(const RetryPolicy& policy, Wait wait, uint64_t seed);

  // Calls `attempt` until it succeeds, fails for good (anything but
  // Unavailable) or has failed policy.attempts times in a row without progress:
  // then the status says so, and why the last one failed.
  absl::Status Run(const std::function<Attempt()>& attempt);

 private:
  const RetryPolicy policy_;
  const Wait wait_;
  std::mt19937_64 random_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_RETRY_H_
