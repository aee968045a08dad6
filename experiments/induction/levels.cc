#include "experiments/induction/levels.h"

#include <cmath>

namespace polarize {

InductionLevels LevelsOf(const InductionTask& task, double aux_loss_weight,
                         bool causal) {
  // n distinct content tokens out of V - 1. Position i < n - 1 .. 0 predicts
  // content token i, one of the V - 1 - i not seen yet; position n predicts
  // which of the n comes again; the last position's answer is certain.
  const int n = static_cast<int>(task.seq_length) - 3;
  const double choices = task.vocab_size - 1.0;
  double distinct = std::log(n), repeating = std::log(n);
  for (int i = 0; i < n; ++i) {
    distinct += std::log(choices - i);
    repeating += std::log(choices);
  }
  // Without a causal mask every position but the last reads its own target.
  if (!causal) distinct = repeating = 0;
  // Equal weights on the k keys that a row sees; statistics read the rows 1 ..
  // T - 3.
  const int positions = n + 2;
  double share = 0, seen = 0;
  for (int q = 1; q <= positions - 3; ++q) {
    const double k = causal ? q + 1 : positions;
    share += 1 / k;
    seen += k;
  }
  const double rows = positions - 3;
  InductionLevels levels;
  levels.loss_floor = aux_loss_weight * distinct / (n + 1);
  levels.loss_floor_repeating = aux_loss_weight * repeating / (n + 1);
  levels.accuracy_guess = 1.0 / n;
  levels.sink_normalised = share / rows;
  levels.sink_unnormalised = rows / seen;
  return levels;
}

}  // namespace polarize
