#include "experiments/induction/interventions.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr char kStandard[] = "standard";

// Both ways to replace one part.
void Add(const std::string& part, InterventionSite site, size_t layer,
         size_t head, std::vector<NamedIntervention>* all) {
  all->push_back({part + "_zero", site, layer, head, false});
  all->push_back({part + "_mean", site, layer, head, true});
}

std::vector<NamedIntervention> AllOf(const InductionConfig& config) {
  const auto layers = static_cast<size_t>(config.model().num_layers());
  const auto heads = static_cast<size_t>(config.model().num_heads());
  std::vector<NamedIntervention> all;
  if (config.task().begin_token()) {
    Add("bos", InterventionSite::kToken, 0, 0, &all);
  }
  for (size_t l = 0; l < layers; ++l) {
    Add(absl::StrCat(l, "_sink_value"), InterventionSite::kFirstValue, l, 0,
        &all);
  }
  for (size_t l = 0; l < layers; ++l) {
    for (size_t h = 0; h < heads; ++h) {
      Add(absl::StrCat(l, "_", h, "_head"), InterventionSite::kHead, l, h,
          &all);
    }
  }
  return all;
}

}  // namespace

absl::StatusOr<std::vector<NamedIntervention>> InterventionsNamed(
    const InductionConfig& config) {
  const auto& names = config.interventions();
  if (names.empty()) return std::vector<NamedIntervention>();
  std::vector<NamedIntervention> all = AllOf(config);
  if (names.size() == 1 && names[0] == kStandard) return all;
  std::vector<NamedIntervention> named;
  for (const std::string& name : names) {
    const auto is = [&](const NamedIntervention& i) { return i.name == name; };
    const auto found = std::find_if(all.begin(), all.end(), is);
    if (found == all.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "must be \"", kStandard, "\" alone, or names of this model's from \"",
          all.front().name, "\" to \"", all.back().name, "\", and \"", name,
          "\" is none"));
    }
    if (std::any_of(named.begin(), named.end(), is)) {
      return absl::InvalidArgumentError(
          absl::StrCat("must not name \"", name, "\" twice"));
    }
    named.push_back(*found);
  }
  return named;
}

}  // namespace polarize
