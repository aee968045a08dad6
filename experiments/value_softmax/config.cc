#include "experiments/value_softmax/config.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "experiments/run/config.h"
#include "experiments/run/config_checker.h"
#include "experiments/run/vary.h"
#include "experiments/value_softmax/names.h"

namespace polarize {
namespace {

constexpr double kMostEntries = 1024;  // of a or beta
constexpr double kMostSteps = 1e12;
constexpr double kMostPoints = 1e7;
constexpr int kMostAxes = 2;
constexpr double kMostHistories = 100;  // of one axis, each kept whole
constexpr double kMostCells = 1e5;      // of two axes

void CheckModel(const ValueSoftmaxModelConfig& model, ConfigChecker* checker) {
  checker->InRange("model.features", 2, kMostEntries);
  checker->InRange("model.latent", 2, kMostEntries);
  checker->OneOf("model.map", kMapNames);
  checker->Above("model.temperature", 0);
  checker->InRange("model.sink_logit", -1e3, 1e3);
  checker->OneOf("model.loss", kLossNames);
  checker->InRange("model.samples", 1, kMostEntries);
  checker->InRange("model.condition_number", 1, 1e12);
  checker->InRange("model.entropy_penalty", -1e6, 1e6);
  if (model.tied() && checker->Holds("model.latent") &&
      model.latent() != model.features()) {
    checker->Fail("model.latent",
                  absl::StrCat("must equal model.features, ", model.features(),
                               ", if model.tied"));
  }
  if (model.learn_sink_logit() && model.map() != "softmax1") {
    checker->Fail("model.learn_sink_logit",
                  "needs model.map softmax1: no other map has a sink");
  }
}

void CheckInit(const ValueSoftmaxConfig& config, ConfigChecker* checker) {
  const ValueSoftmaxInitConfig& init = config.init();
  checker->OneOf("init.order", kOrderNames);
  checker->OneOf("init.values", kValuesNames);
  checker->OneOf("init.target", kTargetNames);
  checker->InRange("init.seed", 0, 4294967295.0);
  checker->InRange("init.value_scale", -1e6, 1e6);
  checker->InRange("init.attention_mean", -1e6, 1e6);
  checker->InRange("init.attention_scale", -1e6, 1e6);
  checker->InRange("init.target_scale", -1e3, 1e3);
  if (config.model().loss() == "kl" && checker->Holds("init.target") &&
      init.target() != "softmax_uniform") {
    checker->Fail("init.target",
                  "must be softmax_uniform with model.loss kl, which compares "
                  "distributions");
  }
  if (config.model().loss() == "regression" && checker->Holds("init.order") &&
      init.order() != "values_first") {
    checker->Fail("init.order",
                  "must be values_first with model.loss regression");
  }
}

void CheckDescent(const ValueSoftmaxConfig& config, ConfigChecker* checker) {
  checker->OneOf("descent.optimiser", kOptimiserNames);
  checker->InRange("descent.steps", 0, kMostSteps);
  checker->Above("descent.lr", 0);
  checker->InRangeBelow("descent.momentum", 0, 1);
  checker->InRangeBelow("descent.beta1", 0, 1);
  checker->InRangeBelow("descent.beta2", 0, 1);
  checker->Above("descent.epsilon", 0);
  const double time =
      config.descent().lr() * static_cast<double>(config.descent().steps());
  const double most_steps =
      config.history().spacing() == "every" ? kMostPoints : kMostSteps;
  const bool holds =
      checker->Holds("descent.lr") && checker->Holds("descent.steps");
  const auto fail = [&](const std::string& rule) {
    checker->Fail("descent.compare_lr",
                  absl::StrCat(rule, " (--set compare_lr= clears it)"));
  };
  std::set<double> rates = {config.descent().lr()};
  for (const double lr : config.descent().compare_lr()) {
    if (!(lr > 0 && std::isfinite(lr))) {
      checker->Fail("descent.compare_lr", "every rate must be above 0");
    } else if (lr == config.descent().lr()) {
      fail(absl::StrFormat("%g is descent.lr itself", lr));
    } else if (!rates.insert(lr).second) {
      fail(absl::StrFormat("%g is there twice", lr));
    } else if (holds && time / lr > most_steps) {
      fail(absl::StrFormat(
          "%g would take %.3g steps to lr * steps, more than %.3g", lr,
          time / lr, most_steps));
    } else if (holds && time > 0 && lr > time) {
      fail(absl::StrFormat("a step of %g is longer than lr * steps, %g", lr,
                           time));
    }
  }
}

void CheckFlow(const ValueSoftmaxConfig& config, ConfigChecker* checker) {
  const FlowConfig& flow = config.flow();
  checker->InRange("flow.end_time", 0, 1e18);
  checker->InRange("flow.relative_tolerance", 1e-14, 0.1);
  checker->InRange("flow.absolute_tolerance", 1e-300, 0.1);
  checker->InRange("flow.points_per_decade", 1, 10000);
  checker->Above("flow.first_time", 0);
  checker->InRange("flow.max_steps", 1, kMostSteps);
  if (flow.end_time() > 0 && checker->Holds("flow.first_time") &&
      flow.first_time() > flow.end_time()) {
    checker->Fail(
        "flow.first_time",
        absl::StrFormat("must be at most flow.end_time, %g", flow.end_time()));
  }
  if (checker->Holds("descent.steps") && checker->Holds("flow.end_time") &&
      config.descent().steps() == 0 && flow.end_time() == 0) {
    checker->Fail("descent.steps",
                  "0 with flow.end_time 0 leaves nothing to run");
  }
}

void CheckHistory(const ValueSoftmaxConfig& config, ConfigChecker* checker) {
  checker->OneOf("history.spacing", kSpacingNames);
  checker->InRange("history.points", 2, kMostPoints);
  checker->OneOf("history.weights", kWhenNames);
  if (config.history().spacing() == "every" &&
      checker->Holds("descent.steps") &&
      static_cast<double>(config.descent().steps()) > kMostPoints) {
    checker->Fail(
        "history.spacing",
        absl::StrFormat("every keeps at most %.0f steps", kMostPoints));
  }
}

// The memory of the histories, whose rows hold some numbers per entry of a.
void CheckMemory(const ValueSoftmaxConfig& config, ConfigChecker* checker) {
  if (!checker->status().ok()) return;
  const double rows = config.history().spacing() == "every"
                          ? static_cast<double>(config.descent().steps())
                          : config.history().points();
  const auto check = [&](const char* field, double n) {
    const double bytes = 8 * n * (10 + 4.0 * config.model().latent());
    if (bytes <= 8e9) return;
    checker->Fail(field,
                  absl::StrFormat("the history would take %.1f GB, more than 8",
                                  bytes / 1e9));
  };
  check("history.points", rows);
  const FlowConfig& flow = config.flow();
  if (flow.end_time() > 0) {
    check("flow.points_per_decade",
          flow.points_per_decade() *
              (std::log10(flow.end_time()) - std::log10(flow.first_time())));
  }
}

// What the axes themselves must be; whether their values fit is for the
// variants to say.
void CheckAxes(const ValueSoftmaxConfig& config, ConfigChecker* checker) {
  const auto fail = [&](const std::string& rule) {
    checker->Fail("vary", rule);
  };
  if (config.vary_size() > kMostAxes) {
    fail(absl::StrCat("at most ", kMostAxes, " axes"));
  }
  double runs = 1;
  for (const VaryConfig& axis : config.vary()) {
    for (const std::string& rule : BrokenAxisRules(axis)) fail(rule);
    for (const std::string& field : AxisFields(axis)) {
      if (absl::StartsWith(field, "vary") || field == "name" ||
          field == "figure") {
        fail(absl::StrCat(field, " cannot be varied"));
      }
    }
    runs *= AxisSize(axis);
  }
  if (config.vary_size() == 2) {
    if (runs > kMostCells)
      fail(absl::StrFormat("%.0f runs are too many", runs));
    if (config.vary(0).field() == config.vary(1).field()) {
      fail(absl::StrCat(config.vary(0).field(), " is on both axes"));
    }
  } else if (runs > kMostHistories) {
    fail(absl::StrFormat("%.0f runs on one axis, more than %.0f", runs,
                         kMostHistories));
  }
}

// A cell of two axes keeps its last step alone.
void CheckHistoryOfTwoAxes(const ValueSoftmaxConfig& config,
                           const FieldPlaces& places, ConfigChecker* checker) {
  if (config.vary_size() != 2) return;
  for (const char* field : {"spacing", "points", "weights"}) {
    const std::string path = absl::StrCat("history.", field);
    if (!absl::StartsWith(places.Of(path), "--set ")) continue;
    checker->Fail(path,
                  "has no effect with two axes, of which only the last step "
                  "of each run is kept");
  }
}

// No two runs may write the same file.
void CheckLabels(const std::vector<Variant>& variants, ConfigChecker* checker) {
  if (variants[0].place.size() == 2) return;  // cells have no files
  std::set<std::string> labels;
  const auto add = [&](const std::string& label) {
    if (labels.insert(label).second || !checker->Holds("vary")) return;
    checker->Fail("vary",
                  absl::StrCat("two runs would write history_", label,
                               ".safetensors: write their values otherwise"));
  };
  for (const Variant& variant : variants) {
    const DescentConfig& descent = variant.config.descent();
    add(RunLabel(variant.label, ""));
    add(RunLabel(variant.label, "flow"));
    for (const double lr : descent.compare_lr()) {
      add(RunLabel(variant.label, RateLabel(descent, lr)));
    }
  }
}

// The rules for one run.
absl::Status CheckVariant(const ValueSoftmaxConfig& config,
                          const FieldPlaces& places) {
  ConfigChecker checker(config, places);
  CheckName(config.name(), &checker);
  checker.OneOf("figure", kFigureNames);
  CheckModel(config.model(), &checker);
  CheckInit(config, &checker);
  CheckDescent(config, &checker);
  CheckFlow(config, &checker);
  CheckHistory(config, &checker);
  CheckMemory(config, &checker);
  return checker.status();
}

// The config with the field of each axis set. `places`: of the config, for
// messages.
absl::StatusOr<ValueSoftmaxConfig> WithSettings(
    const ValueSoftmaxConfig& config, FieldPlaces places,
    const std::vector<std::string>& settings) {
  const std::string here = absl::StrCat(places.Of("vary"), " (vary)");
  ValueSoftmaxConfig base = config;
  base.clear_vary();
  ValueSoftmaxConfig varied;
  const absl::StatusOr<FieldPlaces> set =
      LoadConfig({"", ResolvedText(base)}, settings, &varied);
  if (!set.ok()) {
    absl::string_view message = set.status().message();
    absl::ConsumePrefix(&message, "--set ");
    return absl::InvalidArgumentError(absl::StrCat(here, ": ", message));
  }
  absl::Status status = places.TakeSettings(*set, here);
  if (status.ok()) status = CheckVariant(varied, places);
  if (!status.ok()) return status;
  return varied;
}

absl::StatusOr<std::vector<Variant>> Expand(const ValueSoftmaxConfig& config,
                                            const FieldPlaces& places) {
  Grid grid({config.vary().begin(), config.vary().end()});
  std::vector<Variant> variants;
  do {
    absl::StatusOr<ValueSoftmaxConfig> varied =
        WithSettings(config, places, grid.Settings());
    if (!varied.ok()) return varied.status();
    if (config.vary_size() == 2 && varied->descent().steps() == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(places.Of("descent.steps"),
                       ": descent.steps = 0: must be above 0 "
                       "with two axes, which have no flows"));
    }
    variants.push_back(
        {absl::StrJoin(grid.Values(), ","), grid.place(), *std::move(varied)});
  } while (grid.Next());
  return variants;
}

}  // namespace

absl::StatusOr<ValueSoftmaxConfig> LoadValueSoftmaxConfig(
    const ConfigText& text, absl::Span<const std::string> settings) {
  ValueSoftmaxConfig config;
  const absl::StatusOr<FieldPlaces> places =
      LoadConfig(text, settings, &config);
  if (!places.ok()) return places.status();
  ConfigChecker axes(config, *places);
  CheckAxes(config, &axes);
  CheckHistoryOfTwoAxes(config, *places, &axes);
  if (!axes.status().ok()) return axes.status();
  // The config itself, so that messages name the lines of its file; what an
  // axis varies may break a rule where it stands.
  if (config.vary_size() == 0) {
    const absl::Status status = CheckVariant(config, *places);
    if (!status.ok()) return status;
    return config;
  }
  const absl::StatusOr<std::vector<Variant>> variants = Expand(config, *places);
  if (!variants.ok()) return variants.status();
  CheckLabels(*variants, &axes);
  if (!axes.status().ok()) return axes.status();
  return config;
}

std::string RateLabel(const DescentConfig& descent, double lr) {
  const auto same = [&](const std::string& text, int digits) {
    const auto is = [&](double other) {
      return other != lr && absl::StrFormat("%.*g", digits, other) == text;
    };
    return is(descent.lr()) || std::any_of(descent.compare_lr().begin(),
                                           descent.compare_lr().end(), is);
  };
  for (int digits = 6;; ++digits) {
    const std::string text = absl::StrFormat("%.*g", digits, lr);
    if (digits == 17 || !same(text, digits)) return absl::StrCat("lr", text);
  }
}

std::string RunLabel(const std::string& variant, const std::string& kind) {
  if (variant.empty()) return kind.empty() ? "descent" : kind;
  std::string label = kind.empty() ? variant : absl::StrCat(variant, "_", kind);
  for (char& c : label) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' &&
        c != '-' && c != '+') {
      c = '_';
    }
  }
  return label;
}

std::vector<Variant> Variants(const ValueSoftmaxConfig& config) {
  return *Expand(config, FieldPlaces(config.name()));
}

}  // namespace polarize
