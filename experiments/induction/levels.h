// What the numbers of a run are read against: the loss of the best possible
// predictor and what attention or guessing gives without having learnt
// anything. Derivations stand beside the code.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_LEVELS_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_LEVELS_H_

#include "experiments/induction/data.h"

namespace polarize {

struct InductionLevels {
  double loss_floor;            // of the best possible predictor
  double loss_floor_repeating;  // of one that does not know tokens are distinct
  double accuracy_guess;  // acc_induction of guessing a token of the sequence
  double
      sink_normalised;  // rel_attn_bos_global of equal weights, rows sum to 1
  double sink_unnormalised;  // the same for equal weights that do not
};

InductionLevels LevelsOf(const InductionTask& task, double aux_loss_weight,
                         bool causal);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_LEVELS_H_
