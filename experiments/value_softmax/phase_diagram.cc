#include "experiments/value_softmax/phase_diagram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/vary.h"
#include "experiments/value_softmax/fixed_descents.h"
#include "experiments/value_softmax/form.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/problem.h"

namespace polarize {
namespace {

// Of a cell's history: the first steps and the last.
constexpr size_t kRows = 3;

// The numbers of an axis; places where the values are names.
HeatMap::Axis AxisOf(const VaryConfig& vary) {
  HeatMap::Axis axis;
  axis.label = vary.field();
  axis.log = vary.log();
  const std::vector<std::string> values = AxisValues(vary);
  for (size_t i = 0; i < values.size(); ++i) {
    double number = 0;
    axis.values.push_back(
        absl::SimpleAtod(values[i], &number) ? number : static_cast<double>(i));
  }
  return axis;
}

// gnuplot wants axes that rise: sorts the values, and returns where each was.
std::vector<size_t> Sort(HeatMap::Axis* axis) {
  std::vector<size_t> places(axis->values.size());
  std::iota(places.begin(), places.end(), size_t{0});
  const std::vector<double> values = axis->values;
  std::stable_sort(places.begin(), places.end(),
                   [&](size_t i, size_t j) { return values[i] < values[j]; });
  for (size_t i = 0; i < places.size(); ++i) {
    axis->values[i] = values[places[i]];
  }
  return places;
}

}  // namespace

PhaseDiagram::PhaseDiagram(const ValueSoftmaxConfig& config)
    : config_(config), variants_(Variants(config)), cells_(variants_.size()) {
  for (PhaseCell& cell : cells_) {
    cell.entropy = cell.largest = cell.loss = std::nan("");
    cell.end.state = RunEnd::kInterrupted;  // until it has run
  }
}

// Of the largest, if an axis varies sizes.
size_t PhaseDiagram::bytes_per_run() const {
  size_t bytes = 0, latent = 0, features = 0;
  for (const Variant& variant : variants_) {
    const ValueSoftmaxForm form = FormOf(variant.config);
    if (form.latent <= latent && form.features <= features) continue;
    latent = std::max(latent, form.latent);
    features = std::max(features, form.features);
    const Problem problem(variant.config);
    const size_t row = 2 + History(problem, 0).row_width();
    bytes =
        std::max(bytes, problem.planned_bytes() + sizeof(double) * kRows * row);
  }
  return bytes;
}

void PhaseDiagram::Run(size_t i, RunProgress& progress) {
  ValueSoftmaxConfig config = variants_[i].config;
  // Only the last step is of interest.
  config.mutable_history()->set_spacing("log");
  config.mutable_history()->set_points(2);
  config.mutable_history()->set_weights("after");
  Problem problem(config);
  History history(problem, kRows);
  PhaseCell& cell = cells_[i];
  cell.end = RunDescent(config, FixedDescents(), problem, history, progress);
  if (cell.end.state != RunEnd::kFinished) return;
  const size_t last = history.rows() - 1;
  cell.entropy = history.Number("entropy", last);
  cell.largest = LargestWeight(history, last);
  cell.loss = history.Number("loss", last);
}

std::string PhaseDiagram::Csv() const {
  std::string csv =
      absl::StrCat(config_.vary(0).field(), ",", config_.vary(1).field(),
                   ",entropy,largest_s,loss,state\n");
  const auto number = [](double x) {
    return std::isfinite(x) ? absl::StrFormat("%.17g", x) : std::string();
  };
  for (size_t i = 0; i < size(); ++i) {
    const PhaseCell& cell = cells_[i];
    absl::StrAppend(&csv, variants_[i].label, ",", number(cell.entropy), ",",
                    number(cell.largest), ",", number(cell.loss), ",",
                    RunStateText(cell.end.state), "\n");
  }
  return csv;
}

std::vector<HeatMap> PhaseDiagram::Maps() const {
  HeatMap map;
  map.y = AxisOf(config_.vary(0));
  map.x = AxisOf(config_.vary(1));
  map.width = 4;
  map.height = 3.2;
  map.text.serif = true;
  const std::vector<size_t> rows = Sort(&map.y), columns = Sort(&map.x);
  std::vector<HeatMap> maps;
  const auto add = [&](const char* name, const char* title, const char* label,
                       double PhaseCell::*value) {
    map.name = name;
    map.title = title;
    map.cell_label = label;
    map.cells.clear();
    for (const size_t row : rows) {
      for (const size_t column : columns) {
        map.cells.push_back(cells_[row * columns.size() + column].*value);
      }
    }
    maps.push_back(map);
  };
  const std::string steps =
      absl::StrCat(" after ", config_.descent().steps(), " steps");
  add("phase_entropy", absl::StrCat("Entropy of s", steps).c_str(), "nats",
      &PhaseCell::entropy);
  add("phase_largest_s", absl::StrCat("Largest entry of s", steps).c_str(), "",
      &PhaseCell::largest);
  return maps;
}

size_t PhaseDiagram::Count(RunEnd::State state) const {
  return static_cast<size_t>(std::count_if(
      cells_.begin(), cells_.end(),
      [&](const PhaseCell& cell) { return cell.end.state == state; }));
}

}  // namespace polarize
