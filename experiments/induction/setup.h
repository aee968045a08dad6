// From the config's schema to the numbers that the trainer takes.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_SETUP_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_SETUP_H_

#include "experiments/induction/trainer.h"
#include "protos/induction.pb.h"

namespace polarize {

// config comes from LoadInductionConfig: complete and checked.
// sharing: equal rows once, as --sharing says.
InductionSetup MakeInductionSetup(const InductionConfig& config, bool sharing);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_SETUP_H_
