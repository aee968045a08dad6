// The interventions that a config names.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_INTERVENTIONS_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_INTERVENTIONS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/model/intervention.h"
#include "protos/induction.pb.h"

namespace polarize {

// One of a config's; InductionConfig.interventions explains the names.
struct NamedIntervention {
  std::string name;  // "0_sink_value_zero"
  InterventionSite site;
  size_t layer, head;  // 0 where the site has none
  bool mean;           // replaced by the mean; else by zeros
};

// Those that config.interventions names, in its order; of "standard" all: the
// start token's embedding (if sequences have one), each layer's sink value,
// each head, and each first by zeros, then by the mean. Not OK, with a rule
// ("must be
// ..."), if the model has no part of a name, or a name comes twice.
absl::StatusOr<std::vector<NamedIntervention>> InterventionsNamed(
    const InductionConfig& config);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_INTERVENTIONS_H_
