#include "experiments/induction/intervention_chart.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/palette.h"

namespace polarize {
namespace {

std::string PartName(const NamedIntervention& i) {
  switch (i.site) {
    case InterventionSite::kToken:
      return "BOS";
    case InterventionSite::kFirstValue:
      return absl::StrCat("sink value ", i.layer);
    case InterventionSite::kHead:
      break;
  }
  return absl::StrCat("head ", i.layer, ".", i.head);
}

using Accuracy = double InductionEvaluation::*;

BarChart::Panel PanelOf(const char* y_label, Accuracy accuracy,
                        const InductionPoint& plain,
                        const std::vector<InterventionPoint>& points) {
  BarChart::Panel panel;
  panel.y_label = y_label;
  const double untouched = plain.evaluation.*accuracy;
  panel.references = {{absl::StrFormat("none %.3f", untouched), untouched}};
  for (const InterventionPoint& p : points) {
    const std::string part = PartName(p.intervention);
    const auto found =
        std::find(panel.groups.begin(), panel.groups.end(), part);
    BarChart::Bar bar;
    bar.group = static_cast<size_t>(found - panel.groups.begin());
    if (found == panel.groups.end()) panel.groups.push_back(part);
    bar.hue = p.intervention.mean ? 1 : 0;
    bar.value = p.point.evaluation.*accuracy;
    panel.bars.push_back(bar);
  }
  return panel;
}

}  // namespace

BarChart InterventionChart(TaskKind task, const InductionPoint& plain,
                           const std::vector<InterventionPoint>& points) {
  const bool trigger = task == TaskKind::kTrigger;
  BarChart chart;
  chart.name = "interventions";
  chart.title = "Accuracy with parts replaced";
  chart.title_on_left = true;
  chart.hues = {{"zero", kDeepPalette[0]}, {"mean", kDeepPalette[1]}};
  chart.legend = BarChart::Legend::kAbove;
  chart.legend_columns = 2;
  chart.panels = {PanelOf(trigger ? "at the trigger" : "at the answer",
                          &InductionEvaluation::acc_induction, plain, points)};
  if (trigger) {
    chart.panels.push_back(PanelOf(
        "at no-op positions", &InductionEvaluation::acc_start, plain, points));
  }
  constexpr double kGroupWidth = 0.42, kLeast = 4;  // inches
  const auto groups = static_cast<double>(chart.panels[0].groups.size());
  chart.width = std::max(kLeast, 1.7 + kGroupWidth * groups);
  chart.height = 0.6 + 1.7 * static_cast<double>(chart.panels.size());
  return chart;
}

}  // namespace polarize
