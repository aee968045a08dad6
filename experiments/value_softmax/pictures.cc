#include "experiments/value_softmax/pictures.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/palette.h"

namespace polarize {
namespace {

using Curve = PanelChart::Curve;
using Panel = PanelChart::Panel;
using Legend = PanelChart::Legend;

constexpr char kIteration[] = "Iteration t";
constexpr char kTime[] = "time t";
constexpr double kPageWidth = 6.75, kColumnWidth = 3.25;  // inches
constexpr char kGradientV[] = "‖∇V L‖", kGradientA[] = "‖∇a L‖";

std::vector<double> Steps(const History& history) {
  return std::vector<double>(history.steps().begin(), history.steps().end());
}

Curve MakeCurve(std::string label, std::vector<double> x, std::vector<double> y,
                std::string color) {
  Curve curve;
  curve.label = std::move(label);
  curve.x = std::move(x);
  curve.y = std::move(y);
  curve.color = std::move(color);
  return curve;
}

// A column over the recorded steps.
Curve OverSteps(const History& history, const char* column, size_t entry,
                const std::string& color, std::string label = "") {
  return MakeCurve(std::move(label), Steps(history),
                   history.Over(column, entry), color);
}

// Every entry of a column over the recorded steps, in colours of its own.
void AddEntries(const History& history, const char* column, Panel* panel) {
  const size_t n = history.At(column, 0).size();
  const std::vector<std::string> colors = HuslPalette(n);
  for (size_t i = 0; i < n; ++i) {
    panel->curves.push_back(OverSteps(history, column, i, colors[i]));
  }
}

PanelChart MakeChart(const char* name, double width, double height, size_t rows,
                     size_t columns) {
  PanelChart chart;
  chart.name = name;
  chart.width = width;
  chart.height = height;
  chart.rows = rows;
  chart.columns = columns;
  chart.text.serif = true;
  return chart;
}

// Descents that left something to draw, in the order of the variants.
std::vector<const RunResult*> Descents(absl::Span<const RunResult> runs) {
  std::vector<const RunResult*> descents;
  for (const RunResult& run : runs) {
    if (run.kind == RunResult::kDescent && run.history->rows() > 0) {
      descents.push_back(&run);
    }
  }
  return descents;
}

// "₁₂" for 12.
std::string SubscriptText(size_t number) {
  std::string text;
  for (const char digit : absl::StrCat(number)) {
    // U+2080 and on, in UTF-8.
    text += absl::StrCat("\xE2\x82",
                         std::string(1, static_cast<char>(0x80 + digit - '0')));
  }
  return text;
}

// The reference's colours of its logistic figure: hls in another order.
std::vector<std::string> LogisticColors(size_t n) {
  const std::vector<std::string> base = HlsPalette(std::max<size_t>(8, n));
  std::vector<std::string> colors;
  for (const size_t i : {3, 5, 1, 7, 0, 2, 4, 6}) colors.push_back(base[i]);
  colors.insert(colors.end(), base.begin() + 8, base.end());
  return colors;
}

PanelChart LogisticPicture(const RunResult& run) {
  PanelChart chart =
      MakeChart("softmax_and_u_evolution_icml_2col", kPageWidth, 2, 1, 2);
  chart.opacity = 0.9;
  chart.line_width = 1.2;
  const History& history = *run.history;
  const size_t n = history.At("s", 0).size();
  const std::vector<std::string> colors = LogisticColors(n);
  Panel s, u;
  s.title = "Evolution of σ(a)";
  u.title = "Evolution of u";
  s.legend = Legend::kLowerLeft;
  u.legend = Legend::kUpperLeft;
  s.log_y = true;
  for (Panel* panel : {&s, &u}) {
    panel->x_label = kIteration;
    panel->y_label = "Value";
    panel->log_x = true;
    panel->legend_columns = 2;
  }
  for (size_t i = 0; i < n; ++i) {
    s.curves.push_back(OverSteps(history, "s", i, colors[i],
                                 absl::StrCat("σ(a)", SubscriptText(i + 1))));
    u.curves.push_back(OverSteps(history, "u", i, colors[i],
                                 absl::StrCat("u", SubscriptText(i + 1))));
  }
  chart.panels = {std::move(s), std::move(u)};
  return chart;
}

// "l1" -> "L1".
std::string Capitalised(std::string name) {
  if (!name.empty()) name[0] = absl::ascii_toupper(name[0]);
  return name;
}

PanelChart NormalisationPicture(const std::vector<const RunResult*>& runs) {
  const bool square = runs[0]->config.model().loss() == "square";
  PanelChart chart = MakeChart(
      square ? "square_loss_comparison" : "log_loss_comparison", kColumnWidth,
      1.25 * static_cast<double>(runs.size()), runs.size(), 2);
  for (const RunResult* run : runs) {
    Panel weights, values;
    weights.log_x = values.log_x = true;
    weights.y_label = Capitalised(run->config.model().map());
    weights.y_format = square ? "%.3f" : "%.1f";
    if (run == runs.front()) {
      weights.title = "Weight α";
      values.title = "Value a";
    }
    if (run == runs.back()) weights.x_label = values.x_label = kIteration;
    AddEntries(*run->history, "s", &weights);
    AddEntries(*run->history, "a", &values);
    chart.panels.push_back(std::move(weights));
    chart.panels.push_back(std::move(values));
  }
  return chart;
}

PanelChart TiedPicture(const std::vector<const RunResult*>& runs) {
  PanelChart chart =
      MakeChart("massive_activations_2", kPageWidth,
                1.5 * static_cast<double>(runs.size()), runs.size(), 3);
  for (const RunResult* run : runs) {
    const History& history = *run->history;
    const std::string size =
        absl::StrCat(" (D = ", run->config.model().features(), ")");
    Panel loss, weights, norm;
    loss.title = absl::StrCat("Loss", size);
    loss.y_label = "Loss L(U, a)";
    loss.log_y = true;
    loss.curves = {OverSteps(history, "loss", 0, kDeepPalette[0])};
    weights.title = absl::StrCat("σ(Ua)", size);
    weights.y_label = "Probability";
    AddEntries(history, "s", &weights);
    norm.title = absl::StrCat("‖U⁽ᵐ⁾‖", size);
    norm.y_label = "‖U⁽ᵐ⁾‖";
    norm.curves = {OverSteps(history, "column_norm", 0, kDeepPalette[2])};
    for (Panel* panel : {&loss, &weights, &norm}) {
      panel->x_label = kIteration;
      panel->log_x = true;
      chart.panels.push_back(std::move(*panel));
    }
  }
  return chart;
}

std::string ConditionText(const RunResult& run) {
  return absl::StrFormat("κ = %g", run.config.model().condition_number());
}

PanelChart ConditionPicture(const std::vector<const RunResult*>& runs) {
  PanelChart chart =
      MakeChart("condition_numbers", kPageWidth,
                1.5 * static_cast<double>(runs.size()), runs.size(), 3);
  const std::vector<std::string> colors = HuslPalette(6);
  for (const RunResult* run : runs) {
    const History& history = *run->history;
    const std::string condition = absl::StrCat(" (", ConditionText(*run), ")");
    Panel loss, gradients, attention;
    loss.title = absl::StrCat("Loss", condition);
    loss.y_label = "Loss L(W, a)";
    loss.log_y = true;
    loss.curves = {OverSteps(history, "loss", 0, kDeepPalette[0])};
    gradients.title = absl::StrCat("Gradient norms", condition);
    gradients.y_label = "Gradient norm";
    gradients.log_y = true;
    gradients.curves = {
        OverSteps(history, "values_gradient_norm", 0, colors[1], "‖∇W L‖"),
        OverSteps(history, "attention_gradient_norm", 0, colors[2],
                  kGradientA)};
    if (run == runs.front()) gradients.legend = Legend::kUpperRight;
    attention.title = absl::StrCat("Evolution of a", condition);
    attention.y_label = "Parameter value";
    AddEntries(history, "a", &attention);
    for (Panel* panel : {&loss, &gradients, &attention}) {
      panel->x_label = kIteration;
      chart.panels.push_back(std::move(*panel));
    }
  }
  return chart;
}

// The first and the last condition.
PanelChart SmallConditionPicture(const std::vector<const RunResult*>& runs) {
  PanelChart chart = MakeChart("condition_numbers_small", 3.375, 1.3, 1, 2);
  chart.line_width = 0.7;
  for (const RunResult* run : {runs.front(), runs.back()}) {
    Panel panel;
    panel.title = ConditionText(*run);
    AddEntries(*run->history, "a", &panel);
    chart.panels.push_back(std::move(panel));
  }
  return chart;
}

PanelChart KlPicture(const RunResult& run) {
  PanelChart chart = MakeChart("kl", kPageWidth, 2, 1, 3);
  const History& history = *run.history;
  Panel loss, gradients, attention;
  loss.title = "Loss";
  loss.y_label = "Loss";
  loss.log_y = true;
  loss.curves = {OverSteps(history, "loss", 0, kDeepPalette[0])};
  gradients.title = "Gradient norms";
  gradients.y_label = "Norm";
  gradients.log_y = true;
  gradients.legend = Legend::kLowerLeft;
  gradients.curves = {OverSteps(history, "values_gradient_norm", 0,
                                kDeepPalette[1], kGradientV),
                      OverSteps(history, "attention_gradient_norm", 0,
                                kDeepPalette[2], kGradientA)};
  attention.title = "Evolution of a";
  AddEntries(history, "a", &attention);
  for (Panel* panel : {&loss, &gradients, &attention}) {
    panel->x_label = kIteration;
    panel->log_x = true;
    chart.panels.push_back(std::move(*panel));
  }
  return chart;
}

// ---- What the reference does not draw ----

// A column over time; the first row of a flow is at time 0, which a log axis
// leaves out.
Curve OverTime(const RunResult& run, const char* column, size_t entry,
               const std::string& color, std::string label) {
  return MakeCurve(std::move(label), run.history->times(),
                   run.history->Over(column, entry), color);
}

std::vector<double> LargestWeights(const History& history) {
  std::vector<double> largest;
  for (size_t row = 0; row < history.rows(); ++row) {
    largest.push_back(LargestWeight(history, row));
  }
  return largest;
}

// The run's label; of tied models, which differ in size, "D = 10".
std::string LegendText(const RunResult& run) {
  if (!run.config.model().tied() ||
      run.label != absl::StrCat(run.config.model().features())) {
    return run.label;
  }
  return absl::StrCat("D = ", run.label);
}

PanelChart EntropyPicture(const std::vector<const RunResult*>& runs) {
  PanelChart chart = MakeChart("entropy", kPageWidth, 2.2, 1, 2);
  const std::vector<std::string> colors = HuslPalette(runs.size());
  Panel entropy, largest;
  entropy.title = "Entropy of s (nats)";
  largest.title = "Largest entry of s";
  entropy.legend = Legend::kLowerLeft;
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunResult& run = *runs[i];
    entropy.curves.push_back(
        OverTime(run, "entropy", 0, colors[i], LegendText(run)));
    largest.curves.push_back(MakeCurve(
        "", run.history->times(), LargestWeights(*run.history), colors[i]));
    if (run.kind != RunResult::kFlow) continue;
    entropy.curves.back().dashed = largest.curves.back().dashed = true;
  }
  const size_t latent = runs[0]->problem->model().form.latent;
  const bool same = std::all_of(runs.begin(), runs.end(), [&](const auto* run) {
    return run->problem->model().form.latent == latent;
  });
  if (same) {
    entropy.references = {{"uniform", std::log(static_cast<double>(latent))}};
  }
  for (Panel* panel : {&entropy, &largest}) {
    panel->x_label = kTime;
    panel->log_x = true;
    chart.panels.push_back(std::move(*panel));
  }
  return chart;
}

// Some of a descent's rows, evenly spread in the logarithm of time: markers.
Curve Markers(const RunResult& run, const char* column, size_t entry,
              const std::string& color) {
  Curve curve = OverTime(run, column, entry, color, "");
  constexpr double kRatio = 1.6;
  double next = 0;
  size_t kept = 0;
  for (size_t i = 0; i < curve.x.size(); ++i) {
    if (curve.x[i] < next) continue;
    next = curve.x[i] * kRatio;
    curve.x[kept] = curve.x[i];
    curve.y[kept++] = curve.y[i];
  }
  curve.x.resize(kept);
  curve.y.resize(kept);
  curve.markers = true;
  return curve;
}

// Lines: the flow. Markers: the descent.
PanelChart FlowPicture(const RunResult& flow, const RunResult* descent) {
  const bool projections = flow.history->Has("u");
  PanelChart chart = MakeChart("", kPageWidth, 2.4, 1, projections ? 2 : 1);
  chart.name = flow.label;
  const size_t n = flow.history->At("s", 0).size();
  const std::vector<std::string> colors = LogisticColors(n);
  const auto add = [&](const char* column, const char* title, bool log_y) {
    Panel panel;
    panel.title = title;
    panel.x_label = kTime;
    panel.log_x = true;
    panel.log_y = log_y;
    for (size_t i = 0; i < n; ++i) {
      panel.curves.push_back(OverTime(flow, column, i, colors[i], ""));
      if (descent != nullptr) {
        panel.curves.push_back(Markers(*descent, column, i, colors[i]));
      }
    }
    chart.panels.push_back(std::move(panel));
  };
  add("s", "s: flow (lines) and descent (dots)", true);
  if (projections) add("u", "u: flow (lines) and descent (dots)", false);
  return chart;
}

// The largest difference of s between a descent and the flow, where both are
// recorded at the same time.
Curve DistanceCurve(const History& descent, const History& flow,
                    const std::string& color) {
  Curve curve = MakeCurve("", {}, {}, color);
  size_t i = 0;
  for (size_t row = 0; row < flow.rows(); ++row) {
    while (i < descent.rows() && descent.times()[i] < flow.times()[row]) ++i;
    if (i == descent.rows()) break;
    if (descent.times()[i] != flow.times()[row]) continue;
    curve.x.push_back(flow.times()[row]);
    curve.y.push_back(DistanceOfWeights(descent, i, flow, row));
  }
  return curve;
}

// The loss at each rate over time, and how far s is from the flow's.
PanelChart RatesPicture(const std::vector<const RunResult*>& runs) {
  PanelChart chart = MakeChart("step_size", kPageWidth, 2.2, 1, 2);
  const std::vector<std::string> colors = HuslPalette(runs.size());
  Panel loss, distance;
  loss.title = "Loss";
  loss.legend = Legend::kLowerLeft;
  distance.title = "Largest difference of s from the flow";
  const auto flow = std::find_if(
      runs.begin(), runs.end(),
      [](const RunResult* run) { return run->kind == RunResult::kFlow; });
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunResult& run = *runs[i];
    const bool is_flow = run.kind == RunResult::kFlow;
    loss.curves.push_back(OverTime(
        run, "loss", 0, colors[i],
        is_flow ? "flow"
                : absl::StrFormat("rate %g", run.config.descent().lr())));
    loss.curves.back().dashed = is_flow;
    if (is_flow || flow == runs.end()) continue;
    distance.curves.push_back(
        DistanceCurve(*run.history, *(*flow)->history, colors[i]));
  }
  for (Panel* panel : {&loss, &distance}) {
    panel->x_label = kTime;
    panel->log_x = panel->log_y = true;
    chart.panels.push_back(std::move(*panel));
  }
  return chart;
}

}  // namespace

std::vector<PanelChart> ReferencePictures(const std::string& figure,
                                          absl::Span<const RunResult> runs) {
  const std::vector<const RunResult*> descents = Descents(runs);
  if (descents.empty()) return {};
  const bool projections = descents[0]->history->Has("u");
  if (figure == "logistic" && projections) {
    return {LogisticPicture(*descents[0])};
  }
  if (figure == "normalisations") return {NormalisationPicture(descents)};
  if (figure == "tied" && descents[0]->history->Has("column_norm")) {
    return {TiedPicture(descents)};
  }
  if (figure == "condition_numbers") {
    return {ConditionPicture(descents), SmallConditionPicture(descents)};
  }
  if (figure == "kl") return {KlPicture(*descents[0])};
  return {};
}

std::vector<PanelChart> StandardPictures(absl::Span<const RunResult> runs) {
  std::vector<const RunResult*> drawn, first;  // first: of the first variant
  bool several_rates = false;
  for (const RunResult& run : runs) {
    if (run.history->rows() == 0) continue;
    if (run.variant == 0) first.push_back(&run);
    several_rates |= run.kind == RunResult::kComparison;
    if (run.kind != RunResult::kComparison) drawn.push_back(&run);
  }
  std::vector<PanelChart> charts;
  if (drawn.empty()) return charts;
  charts.push_back(EntropyPicture(drawn));
  for (const RunResult* flow : drawn) {
    if (flow->kind != RunResult::kFlow) continue;
    const RunResult* descent = nullptr;
    for (const RunResult* run : drawn) {
      const bool same = run->variant == flow->variant;
      if (same && run->kind == RunResult::kDescent) descent = run;
    }
    charts.push_back(FlowPicture(*flow, descent));
  }
  if (several_rates) {
    // The flow, whose rate is 0, last.
    const auto rate = [](const RunResult* run) {
      return run->kind == RunResult::kFlow ? 0 : run->config.descent().lr();
    };
    std::stable_sort(first.begin(), first.end(),
                     [&](const RunResult* x, const RunResult* y) {
                       return rate(x) > rate(y);
                     });
    charts.push_back(RatesPicture(first));
  }
  return charts;
}

}  // namespace polarize
