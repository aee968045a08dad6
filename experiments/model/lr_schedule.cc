#include "experiments/model/lr_schedule.h"

#include <cmath>

namespace polarize {
namespace {

constexpr double kPi = 3.14159265358979323846;

}  // namespace

bool IsConstant(const LrSchedule& schedule) {
  // The first of one step of warm-up has the whole rate already.
  return schedule.decay == LrDecay::kNone && schedule.warmup_steps <= 1;
}

double LrShare(const LrSchedule& schedule, uint64_t step) {
  const uint64_t w = schedule.warmup_steps;
  if (step <= w) return static_cast<double>(step) / static_cast<double>(w);
  if (schedule.decay == LrDecay::kNone) return 1;
  if (step > schedule.steps) return schedule.min_ratio;
  const double done = static_cast<double>(step - 1 - w) /
                      static_cast<double>(schedule.steps - w);
  return schedule.min_ratio +
         (1 - schedule.min_ratio) * (1 + std::cos(kPi * done)) / 2;
}

}  // namespace polarize
