#include "experiments/value_softmax/run_claims.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "experiments/value_softmax/history.h"
#include "kernels/value_softmax/value_softmax.h"
#include "protos/value_softmax.pb.h"

namespace polarize {
namespace {

// Sums and differences of recorded numbers may be off by this, relatively:
// roundings of up to 1e7 steps. A flow may be off by its tolerance too.
constexpr double kRounding = 1e-10;

constexpr char kNoNorm[] = "the norm is 0";

bool DividesByNorm(const std::string& map) {
  return map == "l1" || map == "l2" || map == "relu" || map == "sum";
}

double Sum(absl::Span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

// A number, and of which size the numbers are that it is a difference of.
struct Difference {
  double value;
  double size;
};

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
        error_(FlowError(run)),
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

  // For every pair i before j of `order`, value(row, i, j), a Difference, grows
  // from row to row but for roundings and the error of a flow.
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
  const double error_;  // of a flow, see FlowError
  std::vector<Claim>& claims_;
};

size_t RunClaims::LastDecade() const {
  const std::vector<double>& times = history_.times();
  const auto first =
      std::lower_bound(times.begin(), times.end(), times.back() / 10);
  return static_cast<size_t>(first - times.begin());
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
      drift <= (kRounding + error_) * size);
}

void RunClaims::CheckProjectionSum() {
  const char* const claim = "sum of u(t) - u(0) is |b|^2 Gamma(t)";
  if (LosesNorm(run_)) return AddNotApplicable(claim, "0", kNoNorm);
  const double start = Sum(StartProjections(run_));
  double worst = 0;
  for (size_t row = 0; row < rows(); ++row) {
    const double grown = Sum(u(row)) - start;
    const double expected = model_.target_square * Number("response", row);
    worst = std::max(
        worst, std::abs(grown - expected) / std::max(1.0, std::abs(expected)));
  }
  Add(claim, "0", absl::StrFormat("off by %.1e", worst),
      worst <= kRounding + error_);
}

void RunClaims::CheckLossFalls() {
  size_t rises = 0;
  for (size_t row = 1; row < rows(); ++row) {
    const double before = Number("loss", row - 1), now = Number("loss", row);
    rises += now > before + (kRounding + error_) * std::abs(before) + error_ &&
             now > 1e-15;
  }
  Add("the loss falls", "always",
      absl::StrFormat(
          "%s; %.3g at the end",
          rises == 0 ? "always" : absl::StrFormat("%d rises", rises),
          Number("loss", last())),
      rises == 0);
}

void RunClaims::CheckOrders(const std::vector<size_t>& order) {
  size_t changes_u = 0, changes_s = 0;
  const auto falls = [&](double first, double second) {
    return first > second - error_ * std::max(1.0, std::abs(second));
  };
  for (size_t row = 0; row < rows(); ++row) {
    if (history_.times()[row] == 0) continue;
    for (size_t k = 0; k + 1 < order.size(); ++k) {
      changes_u += !falls(u(row)[order[k]], u(row)[order[k + 1]]);
      // s by its logits: shares that are too small for a double are equal.
      changes_s += !falls(a(row)[order[k]], a(row)[order[k + 1]]);
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
  bool grow = true;         // every pair, start to end
  double least = INFINITY;  // the smallest growth of a pair, start to end
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t j = i + 1; j < order.size(); ++j) {
      Difference before = value(0, order[i], order[j]);
      const double first = before.value;
      for (size_t row = 1; row < rows(); ++row) {
        const Difference now = value(row, order[i], order[j]);
        shrinks += now.value < before.value -
                                   kRounding * std::abs(before.value) -
                                   error_ * std::max(before.size, now.size);
        before = now;
      }
      least = std::min(least, before.value - first);
      grow &= before.value - first + error_ * before.size > 0;
    }
  }
  Add(claim, predicted,
      shrinks == 0 ? absl::StrFormat("all do, by %.2g or more", least)
                   : absl::StrFormat("%d times not", shrinks),
      shrinks == 0 && grow);
}

void RunClaims::CheckGaps(const std::vector<size_t>& order) {
  CheckGrowth("3.2(b) gaps of u grow", "u_i - u_j, i < j", order,
              [&](size_t row, size_t i, size_t j) -> Difference {
                const double first = u(row)[i], second = u(row)[j];
                return {first - second, 1 + std::abs(first) + std::abs(second)};
              });
}

void RunClaims::CheckPotential(const std::vector<size_t>& order) {
  CheckGrowth(
      "potential Phi_ij of the proof grows", "-(e^-a_i - e^-a_j)(u_i - u_j)",
      order, [&](size_t row, size_t i, size_t j) -> Difference {
        const double e_i = std::exp(-a(row)[i]);
        const double e_j = std::exp(-a(row)[j]);
        const double u_i = u(row)[i], u_j = u(row)[j];
        const double of_a =
            1 + std::max(std::abs(a(row)[i]), std::abs(a(row)[j]));
        return {-(e_i - e_j) * (u_i - u_j),
                (e_i + e_j) * of_a * (1 + std::abs(u_i) + std::abs(u_j))};
      });
}

void RunClaims::CheckBound(const std::vector<size_t>& order) {
  const std::vector<double> start = StartProjections(run_);
  double delta = INFINITY;
  for (size_t k = 0; k + 1 < order.size(); ++k) {
    delta = std::min(delta, start[order[k]] - start[order[k + 1]]);
  }
  // The largest share of the bound that is used up, and the last row's: near
  // the start all s are equal and the bound is 1.
  double most = 0, end = 0;
  for (size_t row = 0; row < rows(); ++row) {
    if (history_.times()[row] == 0) continue;
    const double bound = 1 / (1 + delta / static_cast<double>(latent()) *
                                      Number("response", row));
    end = 0;
    for (size_t k = 1; k < order.size(); ++k) {
      end = std::max(end, s(row)[order[k]] / s(row)[order[0]] / bound);
    }
    most = std::max(most, end);
  }
  Add("3.3(b) s_j / s_0 <= 1 / (1 + delta Gamma / p), t > 0", "at most 1 of it",
      absl::StrFormat("at most %.6f, %.3g at the end (delta %.3g)", most, end,
                      delta),
      most <= 1 + kRounding + error_);
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
  const bool grows = s(last())[winner] >= s(from)[winner] - error_;
  // Entries count from 1, as they do in the pictures.
  Add("3.3(c) s goes to one-hot at argmax u(0)", "s_0 -> 1",
      absl::StrFormat("%.6f in entry %d, %s", s(last())[winner], winner + 1,
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
      absl::StrFormat("%.1e of |V| beside it", share),
      share <= kRounding + error_);
}

void RunClaims::CheckBoundedResponse() {
  const char* const claim = "section 3.2: Gamma stays bounded, s not one-hot";
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
      above > -1e-10 - error_ && above < 1e-6 + error_);
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
  const char* const claim =
      "|a|^2 does not fall (a gradient at a right angle to a)";
  if (LosesNorm(run_)) return AddNotApplicable(claim, "0 or more", kNoNorm);
  const auto square = [](absl::Span<const double> x) {
    return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
  };
  double least = 0;  // the largest loss of |a|^2 from row to row, relative
  for (size_t row = 1; row < rows(); ++row) {
    least = std::min(least, square(a(row)) / square(a(row - 1)) - 1);
  }
  const double grown = square(a(last())) / square(StartAttention()) - 1;
  // The reference's 1e-10 in the norms spoils the right angle by as much.
  Add(claim, "0 or more", absl::StrFormat("%+.1e", grown),
      least >= -1e-7 - error_);
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
  if (!IsPlainDescent(run_)) return;
  const bool sums_to_one = map != "sigmoid" && map != "softmax1";
  if (run_.problem->has_projections() && !model_.form.tied && sums_to_one) {
    CheckProjectionSum();
  }
  if (HasSoftmax() && !model_.form.tied && loss == "logistic") {
    CheckLossFalls();
    CheckLogisticTheorems();
  }
  if (HasSoftmax() && !model_.form.tied && loss == "square") {
    CheckRegressionLemma();
  }
  if (HasSoftmax() && loss == "kl") CheckLossLimit();
  if (model_.form.tied && HasSoftmax()) CheckColumnGrowth();
  if (!model_.form.tied && DividesByNorm(map)) CheckHomogeneousNorm();
}

}  // namespace

double Largest(absl::Span<const double> x) {
  return *std::max_element(x.begin(), x.end());
}

double FlowError(const RunResult& run) {
  if (run.kind != RunResult::kFlow) return 0;
  const FlowConfig& flow = run.config.flow();
  return 100 * (flow.absolute_tolerance() + flow.relative_tolerance());
}

bool LosesNorm(const RunResult& run) {
  if (!DividesByNorm(run.config.model().map())) return false;
  for (size_t row = 0; row < run.history->rows(); ++row) {
    double sum = 0;
    for (const double x : run.history->At("s", row)) sum += std::abs(x);
    if (sum < 0.5) return true;
  }
  return false;
}

void AppendRunClaims(const RunResult& run, std::vector<Claim>* claims) {
  RunClaims(run, *claims).Check();
}

}  // namespace polarize
