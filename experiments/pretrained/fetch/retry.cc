#include "experiments/pretrained/fetch/retry.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/progress.h"

namespace polarize {

absl::Duration BackOff(const RetryPolicy& policy, int failures, double random,
                       absl::optional<absl::Duration> asked) {
  const absl::Duration doubled =
      policy.first_wait * std::exp2(std::min(failures, 60) - 1);
  const absl::Duration longest = std::min(doubled, policy.longest_wait);
  const absl::Duration wait = longest * (0.5 + 0.5 * random);
  return asked.has_value() ? std::max(wait, *asked) : wait;
}

absl::optional<absl::Duration> ParseRetryAfter(absl::string_view value,
                                               absl::Time now) {
  value = absl::StripAsciiWhitespace(value);
  uint32_t seconds;
  if (absl::SimpleAtoi(value, &seconds)) return absl::Seconds(seconds);
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", value, &time, &error)) {
    return std::max(absl::ZeroDuration(), time - now);
  }
  return absl::nullopt;
}

Retrier::Retrier(const RetryPolicy& policy, Wait wait, uint64_t seed)
    : policy_(policy), wait_(std::move(wait)), random_(seed) {}

absl::Status Retrier::Run(const std::function<Attempt()>& attempt) {
  for (int failures = 0;;) {
    const Attempt result = attempt();
    if (!absl::IsUnavailable(result.status)) return result.status;
    failures = result.progress ? 1 : failures + 1;
    if (failures >= policy_.attempts) {
      return absl::UnavailableError(
          absl::StrCat(result.status.message(), " (the last of ", failures,
                       " attempts in a row that brought nothing)"));
    }
    if (result.retry_after > policy_.longest_asked_wait) {
      return absl::UnavailableError(absl::StrCat(
          result.status.message(), " (it asks to be left alone for ",
          FormatTime(*result.retry_after), ": start again then)"));
    }
    const double random = std::uniform_real_distribution<double>()(random_);
    if (!wait_(BackOff(policy_, failures, random, result.retry_after),
               result.status)) {
      return absl::CancelledError("interrupted");
    }
  }
}

}  // namespace polarize
