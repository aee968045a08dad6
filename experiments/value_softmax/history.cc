#include "experiments/value_softmax/history.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/log/check.h"
#include "experiments/value_softmax/singular_values.h"

namespace polarize {
namespace {

// floor(10^x) for `points` evenly spaced x from 0 to log10(last), each once:
// the reference's unique(logspace(0, log10(last), points).astype(int)).
std::vector<int64_t> LogSpaced(int64_t last, int points) {
  std::vector<int64_t> values;
  const double end = std::log10(static_cast<double>(last));
  const double step = end / (points - 1);
  for (int i = 0; i < points; ++i) {
    const double x = i + 1 == points ? end : i * step;
    const auto value = static_cast<int64_t>(std::pow(10.0, x));
    if (values.empty() || value > values.back()) values.push_back(value);
  }
  return values;
}

double Norm(absl::Span<const double> x) {
  return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

double Inner(absl::Span<const double> x, absl::Span<const double> y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

// The entropy, in nats, of |s| / sum |s|: maps may give signs and other sums.
double Entropy(absl::Span<const double> s) {
  double sum = 0, entropy = 0;
  for (const double x : s) sum += std::abs(x);
  for (const double x : s) {
    const double p = std::abs(x) / sum;
    if (p > 0) entropy -= p * std::log(p);
  }
  return entropy;
}

// Where the paper looks at V's rank.
bool HasSingularValues(const ValueSoftmaxForm& form) {
  return form.loss == ValueSoftmaxLoss::kRegression;
}

// The reference adds this to a norm that it divides by.
constexpr double kAlignmentEpsilon = 1e-8;

}  // namespace

std::vector<int64_t> RecordedSteps(const HistoryConfig& history,
                                   int64_t steps) {
  std::vector<int64_t> recorded;
  if (steps <= 0) return recorded;
  if (history.spacing() == "every") {
    recorded.resize(static_cast<size_t>(steps));
    std::iota(recorded.begin(), recorded.end(), int64_t{0});
    return recorded;
  }
  if (history.spacing() == "log_count") {
    recorded = LogSpaced(steps, history.points());
    for (int64_t& step : recorded) --step;
    if (recorded.back() != steps - 1) recorded.push_back(steps - 1);
    return recorded;
  }
  recorded = {0};
  if (steps == 1) return recorded;
  for (const int64_t step : LogSpaced(steps - 1, history.points())) {
    recorded.push_back(step);
  }
  if (recorded.back() != steps - 1) recorded.push_back(steps - 1);
  return recorded;
}

History::History(const Problem& problem, size_t rows) {
  const ValueSoftmaxForm& form = problem.model().form;
  const auto add = [&](std::string name, size_t width) {
    columns_.push_back({std::move(name), width, {}});
    columns_.back().values.reserve(rows * width);
  };
  add("loss", 1);
  add("s", form.latent);
  add("a", form.latent);
  add("entropy", 1);
  add("values_gradient_norm", 1);
  add("attention_gradient_norm", 1);
  add("output_norm", 1);
  if (problem.model().learns_sink) add("sink_logit", 1);
  if (problem.has_projections()) {
    add("u", form.latent);
    add("alignment", 1);
    add("response", 1);
  }
  if (form.tied) add("column_norm", 1);
  if (HasSingularValues(form)) {
    add("singular_values", std::min(form.features, form.latent));
  }
  steps_.reserve(rows);
  times_.reserve(rows);
}

size_t History::row_width() const {
  size_t width = 0;
  for (const Column& column : columns_) width += column.width;
  return width;
}

bool History::Has(std::string_view name) const {
  return std::any_of(columns_.begin(), columns_.end(),
                     [&](const Column& c) { return c.name == name; });
}

const History::Column& History::Find(std::string_view name) const {
  const auto column =
      std::find_if(columns_.begin(), columns_.end(),
                   [&](const Column& c) { return c.name == name; });
  CHECK(column != columns_.end()) << "no column " << name;
  return *column;
}

absl::Span<const double> History::At(std::string_view name, size_t row) const {
  const Column& column = Find(name);
  CHECK_LT(row, rows());
  return {&column.values[row * column.width], column.width};
}

std::vector<double> History::Over(std::string_view name, size_t entry) const {
  const Column& column = Find(name);
  CHECK_LT(entry, column.width);
  std::vector<double> values(rows());
  for (size_t row = 0; row < rows(); ++row) {
    values[row] = column.values[row * column.width + entry];
  }
  return values;
}

bool History::Add(int64_t step, double time,
                  const std::vector<double>& values) {
  CHECK_EQ(values.size(), row_width());
  if (!std::all_of(values.begin(), values.end(),
                   [](double x) { return std::isfinite(x); })) {
    return false;
  }
  steps_.push_back(step);
  times_.push_back(time);
  const double* next = values.data();
  for (Column& column : columns_) {
    column.values.insert(column.values.end(), next, next + column.width);
    next += column.width;
  }
  return true;
}

double LargestWeight(const History& history, size_t row) {
  const absl::Span<const double> s = history.At("s", row);
  return *std::max_element(s.begin(), s.end());
}

double DistanceOfWeights(const History& x, size_t row, const History& y,
                         size_t other) {
  const absl::Span<const double> s = x.At("s", row), t = y.At("s", other);
  CHECK_EQ(s.size(), t.size());
  double most = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    most = std::max(most, std::abs(s[i] - t[i]));
  }
  return most;
}

Recorder::Recorder(Problem& problem)
    : problem_(problem),
      gradient_(hwy::AllocateAligned<double>(problem.model().point_size())),
      weights_(problem.model().form.latent) {
  row_.reserve(History(problem, 0).row_width());
}

void Recorder::MeasureWeights() {
  ValueSoftmax& model = problem_.model();
  Gradient(model, model.point, gradient_.get());
  loss_ = LossAt(model, model.point, model.weights);
  std::copy_n(model.weights, weights_.size(), weights_.begin());
  const absl::Span<const double> beta(model.output, model.form.features);
  output_norm_ = Norm(beta);
  alignment_ = Inner(beta, {model.target, model.form.features}) /
               (output_norm_ + kAlignmentEpsilon);
}

void Recorder::MeasureGradient(absl::Span<const double> attention) {
  const ValueSoftmax& model = problem_.model();
  const absl::Span<const double> g(model.output_gradient, model.form.features);
  const absl::Span<const double> s(model.weights, model.form.latent);
  double square = Inner(g, g) * Inner(s, s);
  if (model.form.tied) {
    // |g s' + dz a'|^2
    const absl::Span<const double> dz(model.logit_gradient, model.form.latent);
    square += Inner(dz, dz) * Inner(attention, attention) +
              2 * Inner(g, dz) * Inner(s, attention);
  }
  values_gradient_norm_ = std::sqrt(std::max(square, 0.0));
  attention_gradient_norm_ =
      Norm({model.attention_gradient, model.form.latent});
}

bool Recorder::AddTo(History& history, int64_t step, double time) {
  const ValueSoftmax& model = problem_.model();
  const ValueSoftmaxForm& form = model.form;
  row_.clear();
  row_.push_back(loss_);
  row_.insert(row_.end(), weights_.begin(), weights_.end());
  row_.insert(row_.end(), model.attention(), model.attention() + form.latent);
  row_.push_back(Entropy(weights_));
  row_.push_back(values_gradient_norm_);
  row_.push_back(attention_gradient_norm_);
  row_.push_back(output_norm_);
  if (model.learns_sink) row_.push_back(model.sink());
  if (problem_.has_projections()) {
    for (size_t j = 0; j < form.latent; ++j) {
      row_.push_back(Inner({model.column(j), form.features},
                           {model.target, form.features}));
    }
    row_.push_back(alignment_);
    row_.push_back(model.response());
  }
  if (form.tied) {
    const auto largest = std::max_element(weights_.begin(), weights_.end());
    row_.push_back(
        Norm({model.column(static_cast<size_t>(largest - weights_.begin())),
              form.features}));
  }
  if (HasSingularValues(form)) {
    const std::vector<double> values = SingularValues(
        model.point, form.features, form.latent, model.value_stride());
    row_.insert(row_.end(), values.begin(), values.end());
  }
  return history.Add(step, time, row_);
}

}  // namespace polarize
