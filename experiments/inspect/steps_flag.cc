#include "experiments/inspect/steps_flag.h"

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

ABSL_FLAG(int64_t, steps, 0, "steps at most; 0: all");

namespace polarize {

absl::StatusOr<uint64_t> StepsFlag() {
  const int64_t steps = absl::GetFlag(FLAGS_steps);
  if (steps >= 0) return static_cast<uint64_t>(steps);
  return absl::InvalidArgumentError(
      absl::StrCat("--steps=", steps, ": must be from 0 (all) up"));
}

}  // namespace polarize
