#include "experiments/value_softmax/families.h"

#include "experiments/value_softmax/condition_numbers_embedded_config.h"
#include "experiments/value_softmax/kl_embedded_config.h"
#include "experiments/value_softmax/logistic_embedded_config.h"
#include "experiments/value_softmax/normalisations_logistic_embedded_config.h"
#include "experiments/value_softmax/normalisations_square_embedded_config.h"
#include "experiments/value_softmax/phase_diagram_embedded_config.h"
#include "experiments/value_softmax/regression_embedded_config.h"
#include "experiments/value_softmax/tied_embedded_config.h"

namespace polarize {

absl::Span<const Family> Families() {
  static const Family families[] = {
      {"logistic", {kLogisticConfigFile, kLogisticConfigText}, true},
      {"normalisations_square",
       {kNormalisationsSquareConfigFile, kNormalisationsSquareConfigText},
       true},
      {"normalisations_logistic",
       {kNormalisationsLogisticConfigFile, kNormalisationsLogisticConfigText},
       true},
      {"tied", {kTiedConfigFile, kTiedConfigText}, true},
      {"regression", {kRegressionConfigFile, kRegressionConfigText}, true},
      {"condition_numbers",
       {kConditionNumbersConfigFile, kConditionNumbersConfigText},
       true},
      {"kl", {kKlConfigFile, kKlConfigText}, true},
      {"phase_diagram",
       {kPhaseDiagramConfigFile, kPhaseDiagramConfigText},
       false},
  };
  return families;
}

const Family* FindFamily(std::string_view name) {
  for (const Family& family : Families()) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

}  // namespace polarize
