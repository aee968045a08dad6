// From the config's schema to the numbers that the trainer takes.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_SETUP_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_SETUP_H_

#include "experiments/classification/trainer.h"
#include "protos/classification.pb.h"

namespace polarize {

// config comes from LoadClassificationConfig: complete and checked.
// sharing: equal rows once, as --sharing says.
ClassificationSetup MakeClassificationSetup(const ClassificationConfig& config,
                                            bool sharing);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_SETUP_H_
