#include "experiments/value_softmax/claims.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/run_claims.h"

namespace polarize {
namespace {

// Whether s is one-hot, nearly: the largest near 1, the others near 0.
bool IsPolarized(absl::Span<const double> s) {
  double others = -Largest(s);
  for (const double x : s) others += std::abs(x);
  return Largest(s) > 0.9 && others < 0.1;
}

// The figures of the appendix: which maps polarize under which loss. Theirs end
// at the times 500 (square) and 50000 (logistic). Before 1000 a map that is to
// polarize may not have done so yet; one that is not to never does.
void CheckMaps(absl::Span<const RunResult> runs, std::vector<Claim>& claims) {
  for (const RunResult& run : runs) {
    const ValueSoftmaxModelConfig& model = run.config.model();
    const bool logistic = model.loss() == "logistic";
    if (run.kind != RunResult::kDescent || model.tied() ||
        model.map() == "softmax1" ||  // not in the figures
        run.config.figure() != "normalisations" || !IsPlainDescent(run) ||
        run.end.state != RunEnd::kFinished) {
      continue;
    }
    const bool expected =
        logistic && model.map() != "sum" && model.map() != "sigmoid";
    const History& history = *run.history;
    const absl::Span<const double> s = history.At("s", history.rows() - 1);
    const double time = history.times().back();
    Claim claim = {run.label, "the map polarizes (figures of the appendix)",
                   expected ? "yes" : "no",
                   absl::StrFormat("%s: largest s %.4f",
                                   IsPolarized(s) ? "yes" : "no", Largest(s)),
                   IsPolarized(s) == expected ? Claim::kHolds : Claim::kFails};
    if (LosesNorm(run)) {
      claim.verdict = Claim::kNotApplicable;
      claim.measured = "the norm is 0";
    } else if (expected && time < 1000) {
      claim.verdict = Claim::kNotApplicable;
      absl::StrAppend(&claim.measured, ", too early to say");
    }
    claims.push_back(std::move(claim));
  }
}

// Figures 3 and 12: the worse the condition, the sparser s; and V is of rank
// one as long as X turns nothing.
void CheckConditions(absl::Span<const RunResult> runs,
                     std::vector<Claim>& claims) {
  const RunResult* before = nullptr;
  for (const RunResult& run : runs) {
    if (run.kind != RunResult::kDescent || run.history->rows() < 2 ||
        run.end.state != RunEnd::kFinished || !IsPlainDescent(run) ||
        run.config.model().loss() != "regression" ||
        run.config.model().map() != "softmax" || run.config.model().tied()) {
      continue;
    }
    const History& history = *run.history;
    const size_t last = history.rows() - 1;
    const absl::Span<const double> values = history.At("singular_values", last);
    if (run.config.model().condition_number() == 1 && values.size() > 1) {
      const double ratio = values[1] / values[0];
      // V began with this size in all directions, and none but one grows.
      const double allowed = std::max(
          1e-6, 20 * std::abs(run.config.init().value_scale()) / values[0]);
      claims.push_back({run.label, "3.5(a) V of rank one at condition 1",
                        "second singular value 0",
                        absl::StrFormat("%.1e of the first", ratio),
                        ratio <= allowed ? Claim::kHolds : Claim::kFails});
    }
    const double now = LargestWeight(history, last);
    const bool converged = history.Number("loss", last) < 1e-3;
    if (before != nullptr && before->config.model().condition_number() <
                                 run.config.model().condition_number()) {
      const double then =
          LargestWeight(*before->history, before->history->rows() - 1);
      claims.push_back({run.label, "s is sparser than at the condition before",
                        absl::StrFormat("above %.4f", then),
                        absl::StrFormat("largest s %.4f", now),
                        !converged   ? Claim::kNotApplicable
                        : now > then ? Claim::kHolds
                                     : Claim::kFails});
    }
    before = &run;
  }
}

// The largest difference of s between a descent's end and the flow at its time;
// negative if the flow has no such time.
double DistanceFromFlow(const RunResult& descent, const RunResult& flow) {
  const double time =
      descent.config.descent().lr() * static_cast<double>(descent.end.steps);
  const std::vector<double>& times = flow.history->times();
  for (size_t row = 0; row < times.size(); ++row) {
    if (times[row] != time) continue;
    return DistanceOfWeights(*descent.history, descent.history->rows() - 1,
                             *flow.history, row);
  }
  return -1;
}

// Descents at ever smaller rates end ever nearer to the flow.
void CheckFlow(absl::Span<const RunResult> runs, std::vector<Claim>& claims) {
  for (const RunResult& flow : runs) {
    if (flow.kind != RunResult::kFlow || flow.history->rows() < 2 ||
        flow.config.descent().optimiser() != "gradient_descent") {
      continue;
    }
    std::vector<std::pair<double, double>> distances;  // rate, distance
    for (const RunResult& run : runs) {
      if (run.kind == RunResult::kFlow || run.variant != flow.variant ||
          run.end.state != RunEnd::kFinished || run.history->rows() == 0 ||
          run.config.history().weights() != "after") {
        continue;
      }
      const double distance = DistanceFromFlow(run, flow);
      if (distance >= 0) {
        distances.emplace_back(run.config.descent().lr(), distance);
      }
    }
    if (distances.empty()) continue;
    std::sort(distances.rbegin(), distances.rend());
    std::string measured;
    bool falls = true;
    for (size_t i = 0; i < distances.size(); ++i) {
      absl::StrAppendFormat(&measured, "%s%.1e at rate %g", i > 0 ? ", " : "",
                            distances[i].second, distances[i].first);
      // Below is the integrator's own error.
      falls &= i == 0 || distances[i].second <= distances[i - 1].second ||
               distances[i].second < std::max(1e-8, FlowError(flow));
    }
    const bool near = distances.back().second < 0.01 + FlowError(flow);
    claims.push_back({flow.label, "descent ends where the flow is",
                      "difference of s goes to 0 with the rate",
                      std::move(measured),
                      falls && near ? Claim::kHolds : Claim::kFails});
  }
}

}  // namespace

const char* VerdictName(Claim::Verdict verdict) {
  switch (verdict) {
    case Claim::kHolds:
      return "holds";
    case Claim::kFails:
      return "fails";
    case Claim::kNotApplicable:
      break;
  }
  return "n/a";
}

std::vector<Claim> CheckClaims(absl::Span<const RunResult> runs) {
  std::vector<Claim> claims;
  for (const RunResult& run : runs) AppendRunClaims(run, &claims);
  CheckMaps(runs, claims);
  CheckConditions(runs, claims);
  CheckFlow(runs, claims);
  return claims;
}

std::string ClaimsTable(absl::Span<const Claim> claims) {
  const auto texts = [](const Claim& c) {
    return std::array<std::string, 5>{c.run, c.claim, c.predicted, c.measured,
                                      VerdictName(c.verdict)};
  };
  std::vector<std::array<std::string, 5>> lines = {
      {"run", "claim", "predicted", "measured", "verdict"}};
  for (const Claim& c : claims) lines.push_back(texts(c));
  std::array<size_t, 5> widths = {};
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  std::string table;
  for (const auto& line : lines) {
    for (size_t i = 0; i + 1 < line.size(); ++i) {
      absl::StrAppend(&table, line[i],
                      std::string(widths[i] - line[i].size() + 2, ' '));
    }
    absl::StrAppend(&table, line.back(), "\n");
  }
  return table;
}

}  // namespace polarize
