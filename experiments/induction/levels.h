// What the numbers of a run are read against: the loss of the best possible
// predictor and what attention or guessing gives without having learnt
// anything. Derivations stand beside the code.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_LEVELS_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_LEVELS_H_

#include "experiments/induction/data.h"

namespace polarize {

struct InductionLevels {
  double loss_floor;  // of the best possible predictor
  // Of one that knows less. Induction: not that tokens are distinct. Trigger:
  // which tokens precede the trigger, but not which of them is the last (their
  // average, as equal weights have it).
  double loss_floor_repeating;
  // Of the trigger task, the best that reads nothing but its own token; else
  // NaN.
  double loss_alone;
  // Accuracy at the answer's position of guessing a content token of the
  // sequence; trigger: one before the trigger.
  double accuracy_guess;
  double
      sink_normalised;  // rel_attn_bos_global of equal weights, rows sum to 1
  double sink_unnormalised;  // the same for equal weights that do not
};

InductionLevels LevelsOf(const InductionTask& task, double aux_loss_weight,
                         bool causal);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_LEVELS_H_
