// The config of the value-softmax experiment: loading, with every rule checked.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_CONFIG_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/config_text.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// The config that `text` and `settings` describe (see LoadConfig), all defaults
// written out, whose every variant keeps every rule: fields in range, names
// that exist, choices that fit together, not more memory or steps than are
// meant for. Otherwise an error that names every broken rule.
absl::StatusOr<ValueSoftmaxConfig> LoadValueSoftmaxConfig(
    const ConfigText& text, absl::Span<const std::string> settings);

// One run of a config.
struct Variant {
  // "l1" of model.map, "20" of model.features: what tells it apart, "" if there
  // is nothing to. Of two axes, those of both: "0.1,2".
  std::string label;
  // Where it is on each axis: its place among the axis's values.
  std::vector<int> place;
  ValueSoftmaxConfig config;  // without vary
};

// "lr0.1": names what a descent of this rate, one of compare_lr, leaves. As
// many digits as tell it from the other rates, 6 at least.
std::string RateLabel(const DescentConfig& descent, double lr);

// What names the files of a variant's run: "l1" and "flow" -> "l1_flow"; "" and
// "flow" -> "flow"; without a kind, of its descent.
std::string RunLabel(const std::string& variant, const std::string& kind);

// All of them, the last axis fastest. The config comes from
// LoadValueSoftmaxConfig.
std::vector<Variant> Variants(const ValueSoftmaxConfig& config);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_CONFIG_H_
