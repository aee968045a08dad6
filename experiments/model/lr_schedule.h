// The learning rate over a run.
#ifndef POLARIZE_EXPERIMENTS_MODEL_LR_SCHEDULE_H_
#define POLARIZE_EXPERIMENTS_MODEL_LR_SCHEDULE_H_

#include <cstdint>

namespace polarize {

enum class LrDecay { kNone, kCosine };

struct LrSchedule {
  LrDecay decay = LrDecay::kNone;
  uint64_t warmup_steps = 0;
  // Of kCosine: all steps of the run, and what the rate goes down to as a share
  // of the largest one.
  uint64_t steps = 0;
  double min_ratio = 0;
};

// Whether every step takes the same rate.
bool IsConstant(const LrSchedule& schedule);

// What the rate of step t, from 1, is as a share of the largest one. With w =
// warmup_steps, N = steps and r = min_ratio:
//
//   t / w                                                 t <= w
//   1                                                     kNone
//   r + (1 - r) (1 + cos(pi (t - 1 - w) / (N - w))) / 2   kCosine, t <= N
//   r                                                     kCosine, beyond
//
// Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts"
// (2017), equation 5 without restarts; PyTorch's LinearLR from 1 / w, then
// CosineAnnealingLR, which start at 1 as well: with both, steps w and w + 1
// take the largest rate.
double LrShare(const LrSchedule& schedule, uint64_t step);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_LR_SCHEDULE_H_
