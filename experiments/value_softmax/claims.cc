#include "experiments/value_softmax/claims.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/value_softmax/names.h"

namespace polarize {
namespace {

// Sums and differences of recorded numbers may be off by this, relatively:
// roundings of up to 1e7 steps.
constexpr double kRounding = 1e-10;

double Sum(absl::Span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

double Largest(absl::Span<const double> x) {
  return *std::max_element(x.begin(), x.end());
}

size_t PlaceOfLargest(absl::Span<const double> x) {
  return static_cast<size_t>(std::max_element(x.begin(), x.end()) - x.begin());
}

bool AllEqual(absl::Span<const double> x) {
  return std::all_of(x.begin(), x.end(), [&](double v) { return v == x[0]; });
}

bool Distinct(absl::Span<const double> x) {
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
}

// The claims of one run, gathered.
class RunClaims {
 public:
  RunClaims(const RunResult& run, std::vector<Claim>& claims)
      : run_(run),
        history_(*run.history),
        model_(run.problem->model()),
        claims_(claims) {}

  void Check();

 private:
  const ValueSoftmaxModelConfig& model_config() const {
    return run_.config.model();
  }
  size_t rows() const { return history_.rows(); }
  size_t last() const { return rows() - 1; }
  size_t latent() const { return model_.form.latent; }
  double Number(const char* column, size_t row) const {
    return history_.Number(column, row);
  }
  absl::Span<const double> a(size_t row) const { return history_.At("a", row); }
  absl::Span<const double> s(size_t row) const { return history_.At("s", row); }
  absl::Span<const double> u(size_t row) const { return history_.At("u", row); }
  absl::Span<const double> StartAttention() const {
    return {&run_.start[model_.attention_at()], latent()};
  }
  bool StartsWithoutValues() const {
    return std::all_of(
        run_.start.begin(),
        run_.start.begin() + static_cast<std::ptrdiff_t>(model_.attention_at()),
        [](double v) { return v == 0; });
  }
  // The first row of times within the last factor of ten.
  size_t LastDecade() const;

  bool IsPlainDescent() const;
  bool HasSoftmax() const { return model_config().map() == "softmax"; }

  void Add(std::string claim, std::string predicted, std::string measured,
           bool holds) {
    claims_.push_back({run_.label, std::move(claim), std::move(predicted),
                       std::move(measured),
                       holds ? Claim::kHolds : Claim::kFails});
  }
  void AddNotApplicable(std::string claim, std::string predicted,
                        std::string why) {
    claims_.push_back({run_.label, std::move(claim), std::move(predicted),
                       std::move(why), Claim::kNotApplicable});
  }

  // For every pair i before j of `order`, value(row, i, j) grows from row to
  // row but for roundings of the size `scale` times the largest there is.
  template <class Value>
  void CheckGrowth(const char* claim, const std::string& predicted,
                   const std::vector<size_t>& order, const Value& value);

  void CheckAttentionSum();
  void CheckProjectionSum();
  void CheckLossFalls();
  void CheckOrders(const std::vector<size_t>& order);
  void CheckGaps(const std::vector<size_t>& order);
  void CheckPotential(const std::vector<size_t>& order);
  void CheckBound(const std::vector<size_t>& order);
  void CheckLogarithmicGrowth();
  void CheckOneHot(size_t winner);
  void CheckRankOne();
  void CheckBoundedResponse();
  void CheckLossLimit();
  void CheckColumnGrowth();
  void CheckHomogeneousNorm();

  void CheckLogisticTheorems();
  void CheckRegressionLemma();

  const RunResult& run_;
  const History& history_;
  const ValueSoftmax& model_;
  std::vector<Claim>& claims_;
};

size_t RunClaims::LastDecade() const {
  const std::vector<double>& times = history_.times();
  const auto first =
      std::lower_bound(times.begin(), times.end(), times.back() / 10);
  return static_cast<size_t>(first - times.begin());
}

// What the theorems are about: the gradient itself, of the loss itself.
bool RunClaims::IsPlainDescent() const {
  return (run_.kind == RunResult::kFlow ||
          run_.config.descent().optimiser() == "gradient_descent") &&
         model_config().entropy_penalty() == 0;
}

// The indices by falling value.
std::vector<size_t> FallingOrder(absl::Span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t i, size_t j) { return x[i] > x[j]; });
  return order;
}

void RunClaims::CheckAttentionSum() {
  // Softmax does not feel a common shift of z, so the gradient of a sums to 0;
  // every optimiser that adds gradients up keeps that.
  const double start = Sum(StartAttention());
  double drift = 0, size = 1;
  for (size_t row = 0; row < rows(); ++row) {
    drift = std::max(drift, std::abs(Sum(a(row)) - start));
    for (const double x : a(row)) size = std::max(size, std::abs(x));
  }
  Add("sum of a is conserved", "0", absl::StrFormat("drift %.1e", drift),
      drift <= kRounding * size);
}

void RunClaims::CheckProjectionSum() {
  const double start = Sum(StartProjections(run_));
  double worst = 0;
  for (size_t row = 0; row < rows(); ++row) {
    const double grown = Sum(u(row)) - start;
    const double expected = model_.target_square * Number("response", row);
    worst = std::max(
        worst, std::abs(grown - expected) / std::max(1.0, std::abs(expected)));
  }
  Add("sum of u(t) - u(0) is |b|^2 Gamma(t)", "0",
      absl::StrFormat("off by %.1e", worst), worst <= kRounding);
}

void RunClaims::CheckLossFalls() {
  size_t rises = 0;
  for (size_t row = 1; row < rows(); ++row) {
    const double before = Number("loss", row - 1), now = Number("loss", row);
    rises += now > before + kRounding * std::abs(before) && now > 1e-15;
  }
  Add("the loss falls (3.3(a): to 0)", "always",
      absl::StrFormat(
          "%s; %.3g at the end",
          rises == 0 ? "always" : absl::StrFormat("%d rises", rises),
          Number("loss", last())),
      rises == 0);
}

void RunClaims::CheckOrders(const std::vector<size_t>& order) {
  size_t changes_u = 0, changes_s = 0;
  for (size_t row = 0; row < rows(); ++row) {
    if (history_.times()[row] == 0) continue;
    for (size_t k = 0; k + 1 < order.size(); ++k) {
      changes_u += !(u(row)[order[k]] > u(row)[order[k + 1]]);
      // s by its logits: shares that are too small for a double are equal.
      changes_s += !(a(row)[order[k]] > a(row)[order[k + 1]]);
    }
  }
  const auto count = [&](size_t changes) {
    return changes == 0 ? absl::StrFormat("0 changes in %d rows", rows())
                        : absl::StrFormat("%d changes", changes);
  };
  Add("3.2(a) u keeps its order", "u_0 > ... > u_p-1", count(changes_u),
      changes_u == 0);
  Add("3.2(a) s keeps that order", "s_0 > ... > s_p-1", count(changes_s),
      changes_s == 0);
}

template <class Value>
void RunClaims::CheckGrowth(const char* claim, const std::string& predicted,
                            const std::vector<size_t>& order,
                            const Value& value) {
  size_t shrinks = 0;
  double least = INFINITY;  // the smallest growth of a pair, start to end
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t j = i + 1; j < order.size(); ++j) {
      double before = value(0, order[i], order[j]);
      const double first = before;
      for (size_t row = 1; row < rows(); ++row) {
        const double now = value(row, order[i], order[j]);
        shrinks += now < before - kRounding * std::abs(before);
        before = now;
      }
      least = std::min(least, before - first);
    }
  }
  Add(claim, predicted,
      shrinks == 0 ? absl::StrFormat("all do, by %.2g or more", least)
                   : absl::StrFormat("%d times not", shrinks),
      shrinks == 0 && least > 0);
}

void RunClaims::CheckGaps(const std::vector<size_t>& order) {
  CheckGrowth(
      "3.2(b) gaps of u grow", "u_i - u_j, i < j", order,
      [&](size_t row, size_t i, size_t j) { return u(row)[i] - u(row)[j]; });
}

void RunClaims::CheckPotential(const std::vector<size_t>& order) {
  CheckGrowth("potential Phi_ij of the proof grows",
              "-(e^-a_i - e^-a_j)(u_i - u_j)", order,
              [&](size_t row, size_t i, size_t j) {
                return -(std::exp(-a(row)[i]) - std::exp(-a(row)[j])) *
                       (u(row)[i] - u(row)[j]);
              });
}

void RunClaims::CheckBound(const std::vector<size_t>& order) {
  const std::vector<double> start = StartProjections(run_);
  double delta = INFINITY;
  for (size_t k = 0; k + 1 < order.size(); ++k) {
    delta = std::min(delta, start[order[k]] - start[order[k + 1]]);
  }
  double closest = 0;  // the largest share of the bound that is used up
  for (size_t row = 0; row < rows(); ++row) {
    const double bound = 1 / (1 + delta / static_cast<double>(latent()) *
                                      Number("response", row));
    for (size_t k = 1; k < order.size(); ++k) {
      closest = std::max(closest, s(row)[order[k]] / s(row)[order[0]] / bound);
    }
  }
  Add("3.3(b) s_j / s_0 <= 1 / (1 + delta Gamma / p)", "at most 1 of it",
      absl::StrFormat("at most %.6f (delta %.3g)", closest, delta),
      closest <= 1 + kRounding);
}

void RunClaims::CheckLogarithmicGrowth() {
  const double low = 1 / model_.target_square;
  const double high = static_cast<double>(latent()) / model_.target_square;
  const std::string predicted =
      absl::StrFormat("slope in [%.3g, %.3g]", low, high);
  const char* const claim = "3.3(c) Gamma grows like ln t";
  const size_t from = LastDecade();
  // The slope is the theorem's in the end: where the loss is small.
  if (Number("loss", from) > 0.05 || from == last()) {
    AddNotApplicable(claim, predicted, "the loss is not small yet");
    return;
  }
  const double slope =
      (Number("response", last()) - Number("response", from)) /
      std::log(history_.times().back() / history_.times()[from]);
  // The constants of the two bounds fade: a few percent are left in a decade.
  Add(claim, predicted,
      absl::StrFormat("%.3f in the last decade; Gamma %.4f", slope,
                      Number("response", last())),
      slope >= 0.9 * low && slope <= 1.1 * high);
}

void RunClaims::CheckOneHot(size_t winner) {
  const size_t from = LastDecade();
  const bool grows = s(last())[winner] >= s(from)[winner];
  Add("3.3(c) s goes to one-hot at argmax u(0)", "s_0 -> 1",
      absl::StrFormat("s_%d = %.6f, %s", winner, s(last())[winner],
                      grows ? "growing" : "falling"),
      grows && PlaceOfLargest(s(last())) == winner);
}

void RunClaims::CheckLogisticTheorems() {
  const std::vector<double> start = StartProjections(run_);
  if (!AllEqual(StartAttention()) || !Distinct(start)) return;
  const std::vector<size_t> order = FallingOrder(start);
  CheckOrders(order);
  CheckGaps(order);
  CheckPotential(order);
  CheckBound(order);
  CheckLogarithmicGrowth();
  CheckOneHot(order[0]);
}

void RunClaims::CheckRankOne() {
  // V = b u' / |b|^2 (lemma 3.5): what is left of V beside it.
  double rest = 0, whole = 0;
  for (size_t j = 0; j < latent(); ++j) {
    for (size_t i = 0; i < model_.form.features; ++i) {
      const double v = model_.column(j)[i];
      const double part =
          model_.target[i] * u(last())[j] / model_.target_square;
      rest += (v - part) * (v - part);
      whole += v * v;
    }
  }
  const double share = std::sqrt(rest / whole);
  Add("3.5(a) V stays of rank one, b u' / |b|^2", "0 beside it",
      absl::StrFormat("%.1e of |V| beside it", share), share <= kRounding);
}

void RunClaims::CheckBoundedResponse() {
  const char* const claim = "3.2 Gamma stays bounded, s not one-hot";
  const char* const predicted = "Gamma = Theta(1)";
  const size_t from = LastDecade();
  if (Number("loss", from) > 1e-6 || from == last()) {
    AddNotApplicable(claim, predicted, "the loss is not small yet");
    return;
  }
  const double grown =
      Number("response", last()) / Number("response", from) - 1;
  Add(claim, predicted,
      absl::StrFormat("%.4f, %.1e more in the last decade; largest s %.3f",
                      Number("response", last()), grown, Largest(s(last()))),
      std::abs(grown) < 1e-2 && Largest(s(last())) < 0.99);
}

void RunClaims::CheckRegressionLemma() {
  if (!StartsWithoutValues() || !Distinct(StartAttention())) return;
  const std::vector<size_t> order = FallingOrder(StartAttention());
  CheckOrders(order);
  CheckGaps(order);
  CheckRankOne();
  CheckBoundedResponse();
}

// The least that the cross entropy can be: the entropy of b.
void RunClaims::CheckLossLimit() {
  double entropy = 0;
  for (const double p : run_.problem->target()) {
    if (p > 0) entropy -= p * std::log(p);
  }
  const double above = Number("loss", last()) - entropy;
  const std::string predicted = absl::StrFormat("%.7f", entropy);
  const char* const claim = "the loss goes to the entropy of b";
  if (Number("values_gradient_norm", last()) > 1e-6) {
    AddNotApplicable(claim, predicted, "the gradient is not small yet");
    return;
  }
  Add(claim, predicted,
      absl::StrFormat("%.7f, s at most %.4f", Number("loss", last()),
                      Largest(s(last()))),
      above > -1e-10 && above < 1e-6);
}

void RunClaims::CheckColumnGrowth() {
  const double start = Number("column_norm", 0);
  const double end = Number("column_norm", last());
  Add("tied: the column that s settles on grows", "above 1",
      absl::StrFormat("|U_m| %.3f -> %.3f, largest s %.4f", start, end,
                      Largest(s(last()))),
      end > start && Largest(s(last())) > Largest(s(0)));
}

// A map that a factor of a does not change has a gradient at a right angle to
// a: a flow keeps |a|, a step of descent lengthens it.
void RunClaims::CheckHomogeneousNorm() {
  const auto square = [](absl::Span<const double> x) {
    return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
  };
  double least = 0;  // the largest loss of |a|^2 from row to row, relative
  for (size_t row = 1; row < rows(); ++row) {
    least = std::min(least, square(a(row)) / square(a(row - 1)) - 1);
  }
  const double grown = square(a(last())) / square(StartAttention()) - 1;
  // The reference's 1e-10 in the norms spoils the right angle by as much.
  Add("|a|^2 does not fall (a gradient at a right angle to a)", "0 or more",
      absl::StrFormat("%+.1e", grown), least >= -1e-7);
}

void RunClaims::Check() {
  if (run_.end.state != RunEnd::kFinished || rows() < 2) return;
  const std::string& loss = model_config().loss();
  const std::string& map = model_config().map();
  const std::string& optimiser = run_.config.descent().optimiser();
  const bool adds_gradients = run_.kind == RunResult::kFlow ||
                              optimiser == "gradient_descent" ||
                              optimiser == "momentum";
  if (HasSoftmax() && !model_.form.tied && adds_gradients) CheckAttentionSum();
  if (!IsPlainDescent()) return;
  const bool sums_to_one = map != "sigmoid" && map != "softmax1";
  if (run_.problem->has_projections() && !model_.form.tied && sums_to_one) {
    CheckProjectionSum();
  }
  if (HasSoftmax() && !model_.form.tied && loss == "logistic") {
    CheckLossFalls();
    // The theorems are about s = softmax(a).
    if (model_config().temperature() == 1) CheckLogisticTheorems();
  }
  if (HasSoftmax() && !model_.form.tied && loss == "square") {
    CheckRegressionLemma();
  }
  if (HasSoftmax() && loss == "kl") CheckLossLimit();
  if (model_.form.tied && HasSoftmax()) CheckColumnGrowth();
  if (!model_.form.tied && model_config().temperature() == 1 &&
      (map == "l1" || map == "l2" || map == "relu" || map == "sum")) {
    CheckHomogeneousNorm();
  }
}

// Whether s is one-hot, nearly: the largest near 1, the others near 0.
bool IsPolarized(absl::Span<const double> s) {
  double others = -Largest(s);
  for (const double x : s) others += std::abs(x);
  return Largest(s) > 0.9 && others < 0.1;
}

// The figures of the appendix: which maps polarize under which loss. Only for a
// run as long as theirs, whose lr * steps is 500 and 50000.
void CheckMaps(absl::Span<const RunResult> runs, std::vector<Claim>& claims) {
  for (const RunResult& run : runs) {
    const ValueSoftmaxModelConfig& model = run.config.model();
    const bool logistic = model.loss() == "logistic";
    if (run.kind != RunResult::kDescent || model.tied() ||
        run.config.figure() != "normalisations" ||
        run.end.state != RunEnd::kFinished) {
      continue;
    }
    const bool expected = logistic && model.map() != "sum" &&
                          model.map() != "sigmoid" && model.map() != "softmax1";
    const History& history = *run.history;
    const absl::Span<const double> s = history.At("s", history.rows() - 1);
    const double time = history.times().back();
    Claim claim = {run.label, "the map polarizes (figures of the appendix)",
                   expected ? "yes" : "no",
                   absl::StrFormat("%s: largest s %.4f",
                                   IsPolarized(s) ? "yes" : "no", Largest(s)),
                   IsPolarized(s) == expected ? Claim::kHolds : Claim::kFails};
    if (expected && time < 1000) {
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
        run.end.state != RunEnd::kFinished ||
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
    const double now = Largest(history.At("s", last));
    const bool converged = history.Number("loss", last) < 1e-3;
    if (before != nullptr && before->config.model().condition_number() <
                                 run.config.model().condition_number()) {
      const double then =
          Largest(before->history->At("s", before->history->rows() - 1));
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
    const absl::Span<const double> s =
        descent.history->At("s", descent.history->rows() - 1);
    const absl::Span<const double> t = flow.history->At("s", row);
    double most = 0;
    for (size_t i = 0; i < s.size(); ++i) {
      most = std::max(most, std::abs(s[i] - t[i]));
    }
    return most;
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
               distances[i].second < 1e-8;
    }
    const bool near = distances.back().second < 0.01;
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
  for (const RunResult& run : runs) RunClaims(run, claims).Check();
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
      {"run", "claim", "predicted", "measured", ""}};
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
