// The runs of the two sweeps, as far as bars show them, from their CSV files.
#ifndef POLARIZE_TOOLS_FIGURES_RUNS_H_
#define POLARIZE_TOOLS_FIGURES_RUNS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/run/typed_table.h"

namespace polarize {

// A metric that a run does not have (it diverged, or failed) is NaN.

struct InductionRun {
  std::string attention_type;
  double aux_loss_weight;
  bool shift_query_token;
  std::string positional_type;
  double accuracy;    // eval/acc_induction
  double sink_share;  // of the heads of layer 1: sink score above 0.9
};

struct ClassificationRun {
  std::string attention_type;
  int vocab_size, num_layers, num_heads;
  bool use_mlp, use_layernorm;
  double sparsity;   // mean over heads of rel_attn_max, each clipped to 0 and 1
  double flip_rate;  // largest avg_top1_dominance_rate of any head
};

// A column of the configuration that is missing, and a cell that is no number,
// no True or False, are errors that name it; a column of a metric may be
// missing.
absl::StatusOr<std::vector<InductionRun>> InductionRuns(
    const TypedTable& table);
absl::StatusOr<std::vector<ClassificationRun>> ClassificationRuns(
    const TypedTable& table);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_RUNS_H_
