// How parameters follow their gradients.
#ifndef POLARIZE_EXPERIMENTS_MODEL_OPTIMISER_CONFIG_H_
#define POLARIZE_EXPERIMENTS_MODEL_OPTIMISER_CONFIG_H_

#include <cstdint>

#include "experiments/model/lr_schedule.h"

namespace polarize {

// kAdamW without decay is Adam.
enum class UpdateRule { kAdamW, kSgd, kMomentum, kSign };

struct OptimiserConfig {
  double lr;                     // the largest learning rate
  double beta1, beta2, epsilon;  // of kAdamW
  double weight_decay;           // as the rule's kernel has it
  UpdateRule rule = UpdateRule::kAdamW;
  double momentum = 0.9;  // of kMomentum
  LrSchedule schedule = {};
};

// The rate of a step, from 1.
inline double LearningRate(const OptimiserConfig& optimiser, uint64_t step) {
  return optimiser.lr * LrShare(optimiser.schedule, step);
}

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_OPTIMISER_CONFIG_H_
