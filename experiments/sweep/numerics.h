// Telling whether two machines, or two builds, compute the same numbers.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_NUMERICS_H_
#define POLARIZE_EXPERIMENTS_SWEEP_NUMERICS_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/sweep/section.h"

namespace polarize {

// A hash of the bits of some losses and all weights after two steps with every
// attention kind of the paper, at the experiment's default sizes: what
// instruction set, compiler, sharing or a change of the kernels do to numbers,
// they do to it.
// precisions, attention_types, optimizers: values of model.precision,
// model.attention_type and training.optimizer, as configs show them
// ("\"BF16\""). What float32, the paper's kinds and AdamW give is part of it
// in any case; others only if they are named, so that a folder without them
// stays valid on machines that differ in them, and from before there were more.
// Takes about a second.
absl::StatusOr<std::string> NumericsFingerprint(
    Section& section, bool sharing, const std::set<std::string>& precisions,
    const std::set<std::string>& attention_types,
    const std::set<std::string>& optimizers);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_NUMERICS_H_
