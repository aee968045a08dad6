#include "experiments/model/plan_cost.h"

#include "absl/strings/str_cat.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

// Multiply-adds forward; each product has two more backward.
double LayerMultiplyAdds(const ModelConfig& model, const LayerPlan& layer) {
  const AttentionKind& kind = AttentionKinds()[model.attention_kind];
  const auto width = static_cast<double>(model.width);
  const auto in = static_cast<double>(layer.rows_in);
  const auto out = static_cast<double>(layer.rows_out);
  const auto asked = static_cast<double>(layer.QueryRows());
  double seen = 0;
  for (const uint32_t keys : layer.visible) seen += keys;
  double sum = (in + out) * width * width + seen * width;  // v, o; A v
  if (kind.uses_scores) {
    sum += (asked + in) * width * width + seen * width;
  }
  if (kind.shared_mlp) {
    const auto hidden = static_cast<double>(model.attention_hidden());
    sum += (asked + in) * width * 2 * hidden;
  }
  if (model.attention_gate) sum += asked * width * width;
  if (model.use_mlp) sum += out * width * 2 * static_cast<double>(model.hidden);
  return sum;
}

}  // namespace

double StepFlops(const ModelConfig& model, const RowPlan& plan) {
  double sum =
      static_cast<double>(plan.output.row.size() * model.width * model.outputs);
  for (const LayerPlan& layer : plan.layers) {
    sum += LayerMultiplyAdds(model, layer);
  }
  return 6 * sum;
}

std::string PlanRows(const RowPlan& plan) {
  std::string text = absl::StrCat(plan.contexts, " contexts, ",
                                  plan.token.size(), " embedded");
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const LayerPlan& layer = plan.layers[l];
    absl::StrAppend(&text, "; layer ", l, ": ", layer.rows_in, " in, ",
                    layer.QueryRows(), " asked, ", layer.rows_out, " out");
  }
  absl::StrAppend(&text, "; ", plan.output.row.size(), " logits, ",
                  plan.target.size(), " targets");
  return text;
}

}  // namespace polarize
