#include "experiments/induction/levels.h"

#include <cmath>
#include <limits>

namespace polarize {
namespace {

// The share of the first key under equal weights on the keys that a row sees.
struct EqualShares {
  double share = 0, seen = 0;  // sums over the rows added: of 1 / k and of k
  double rows = 0;
  void Add(size_t q, size_t positions, bool causal) {
    const double k = static_cast<double>(causal ? q + 1 : positions);
    share += 1 / k;
    seen += k;
    ++rows;
  }
};

void SetInductionSinks(const InductionTask& task, bool causal,
                       InductionLevels* levels) {
  const size_t positions = task.positions();
  EqualShares equal;
  // Statistics read the rows 1 .. T - 3.
  for (size_t q = 1; q + 3 <= positions; ++q) equal.Add(q, positions, causal);
  levels->sink_normalised = equal.share / equal.rows;
  levels->sink_unnormalised = equal.rows / equal.seen;
}

// Statistics read all rows but the first and the trigger's, whose place is each
// of n with the same probability.
void SetTriggerSinks(const InductionTask& task, bool causal,
                     InductionLevels* levels) {
  const size_t n = task.distinct(), positions = task.positions();
  levels->sink_normalised = levels->sink_unnormalised = 0;
  for (size_t trigger = positions - n; trigger < positions; ++trigger) {
    EqualShares equal;
    for (size_t q = 1; q < positions; ++q) {
      if (q != trigger) equal.Add(q, positions, causal);
    }
    levels->sink_normalised +=
        equal.share / equal.rows / static_cast<double>(n);
    levels->sink_unnormalised +=
        equal.rows / equal.seen / static_cast<double>(n);
  }
}

InductionLevels InductionTaskLevels(const InductionTask& task,
                                    double aux_loss_weight, bool causal) {
  // n distinct content tokens out of V - 1. With BOS, position i = 0 .. n - 1
  // predicts content token i, one of the V - 1 - i not seen yet; position n
  // predicts which of the n comes again; the last position's answer is certain.
  // Without BOS nothing predicts content token 0.
  const int n = static_cast<int>(task.distinct());
  const double choices = task.vocab_size - 1.0;
  double distinct = std::log(n), repeating = std::log(n);
  for (int i = task.begin_token ? 0 : 1; i < n; ++i) {
    distinct += std::log(choices - i);
    repeating += std::log(choices);
  }
  // Without a causal mask every position but the last reads its own target.
  if (!causal) distinct = repeating = 0;
  const double others = static_cast<double>(task.positions() - 1);
  InductionLevels levels;
  levels.loss_floor = aux_loss_weight * distinct / others;
  levels.loss_floor_repeating = aux_loss_weight * repeating / others;
  levels.loss_alone = std::numeric_limits<double>::quiet_NaN();
  levels.accuracy_guess = 1.0 / n;
  SetInductionSinks(task, causal, &levels);
  return levels;
}

InductionLevels TriggerTaskLevels(const InductionTask& task, bool causal) {
  // What precedes a position says what is due there. The trigger stands behind
  // j = 1 .. n content tokens with the same probability; each of these is the
  // last with probability 1 / j to one who cannot tell their order. To one who
  // sees the trigger alone, each of the V - 1 is due with the same probability.
  // Elsewhere a position's own token says that there is nothing to do.
  const int n = static_cast<int>(task.distinct());
  InductionLevels levels;
  levels.loss_floor = 0;
  levels.loss_floor_repeating = levels.accuracy_guess = 0;
  for (int j = 1; j <= n; ++j) {
    levels.loss_floor_repeating += std::log(j) / n;
    levels.accuracy_guess += 1.0 / j / n;
  }
  levels.loss_alone = std::log(task.vocab_size - 1.0);
  SetTriggerSinks(task, causal, &levels);
  return levels;
}

}  // namespace

InductionLevels LevelsOf(const InductionTask& task, double aux_loss_weight,
                         bool causal) {
  return task.kind == TaskKind::kTrigger
             ? TriggerTaskLevels(task, causal)
             : InductionTaskLevels(task, aux_loss_weight, causal);
}

}  // namespace polarize
