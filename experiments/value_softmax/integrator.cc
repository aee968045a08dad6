#include "experiments/value_softmax/integrator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "experiments/value_softmax/dormand_prince.h"
#include "hwy/base.h"

namespace polarize {
namespace {

using dormand_prince::kStages;
using dormand_prince::Row;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The controller: exponents as in DOPRI5, beta = 0.04 and 1/5 - 3/4 beta.
constexpr double kBeta = 0.04, kAlpha = 0.2 - 0.75 * kBeta;
constexpr double kSafety = 0.9, kShrinkMost = 0.2, kGrowMost = 10;
// How far h times the curvature may go: |R(-2.5)| = 0.24, |R(-3.3)| = 1.
constexpr double kDamped = 2.5;

// The variable of the steps, x = t or x = ln(1 + t).
struct TimeScale {
  double X(double t) const { return logarithmic ? std::log1p(t) : t; }
  double T(double x) const { return logarithmic ? std::expm1(x) : x; }
  double Rate(double x) const {
    return logarithmic ? std::exp(x) : 1;
  }  // dt/dx
  bool logarithmic;
};

bool AllFinite(const double* x, size_t n) {
  bool finite = true;
  for (size_t i = 0; i < n; ++i) finite &= std::isfinite(x[i]);
  return finite;
}

double RootMean(double sum, size_t n) {
  return n == 0 ? 0 : std::sqrt(sum / static_cast<double>(n));
}

// out = y + h sum_J c_J k_J, in one pass.
template <size_t... J>
void Combine(std::index_sequence<J...>, const double* y,
             const std::array<double*, kStages>& k, const Row& c, double h,
             size_t n, double* HWY_RESTRICT out) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = y[i] + h * (... + (c[J] * k[J][i]));
  }
}

class Integration {
 public:
  Integration(absl::FunctionRef<void(const double*, double*)> f, double from,
              double to, absl::Span<const double> times,
              const IntegratorOptions& options, IntegratorScratch& scratch,
              double* y, absl::FunctionRef<bool(double, const double*)> output)
      : f_(f),
        output_(output),
        times_(times),
        options_(options),
        scale_{options.log_time},
        n_(scratch.n),
        k_(scratch.k),
        stage_(scratch.stage),
        next_(scratch.next),
        y_(y),
        to_(to),
        x_(scale_.X(from)),
        x_end_(scale_.X(to)) {
    statistics_.t = from;
  }

  absl::StatusOr<IntegratorStatistics> Run() {
    if (!Evaluate(x_, y_, k_[0])) return NotFinite("at");
    OutputAtStart();
    while (x_ < x_end_ && !statistics_.stopped) {
      if (Stationary()) {
        statistics_.stationary_from = statistics_.t;
        break;
      }
      const absl::Status status = Step();
      if (!status.ok()) return status;
    }
    OutputRest();
    return statistics_;
  }

 private:
  // k = dy/dx; whether it is finite.
  bool Evaluate(double x, const double* y, double* k) {
    f_(y, k);
    ++statistics_.evaluations;
    if (scale_.logarithmic) {
      const double rate = scale_.Rate(x);
      for (size_t i = 0; i < n_; ++i) k[i] *= rate;
    }
    return AllFinite(k, n_);
  }

  double Weight(double y) const {
    return options_.absolute_tolerance +
           options_.relative_tolerance * std::abs(y);
  }

  // Of (a - b) / w, or of a / w without b.
  double WeightedNorm(const double* a, const double* b) const {
    double sum = 0;
    for (size_t i = 0; i < n_; ++i) {
      const double scaled = (b ? a[i] - b[i] : a[i]) / Weight(y_[i]);
      sum += scaled * scaled;
    }
    return RootMean(sum, n_);
  }

  // Section II.4, "Starting step size".
  double FirstStep() {
    const double d0 = WeightedNorm(y_, nullptr);
    const double d1 = WeightedNorm(k_[0], nullptr);
    double h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * (d0 / d1);
    h0 = std::min(h0, x_end_ - x_);
    for (size_t i = 0; i < n_; ++i) stage_[i] = y_[i] + h0 * k_[0][i];
    if (!Evaluate(x_ + h0, stage_, k_[1])) return h0;
    const double d2 = WeightedNorm(k_[1], k_[0]) / h0;
    const double largest = std::max(d1, d2);
    const double h1 = largest <= 1e-15 ? std::max(1e-6, h0 * 1e-3)
                                       : std::pow(0.01 / largest, 0.2);
    return std::min(100 * h0, h1);
  }

  template <size_t kStage>
  bool Stage(double h, double* y) {
    Combine(std::make_index_sequence<kStage>(), y_, k_,
            dormand_prince::kA[kStage], h, n_, y);
    return Evaluate(x_ + dormand_prince::kC[kStage] * h, y, k_[kStage]);
  }

  // The error of a step of h, relative to the tolerance.
  double Try(double h) {
    if (!(Stage<1>(h, stage_) && Stage<2>(h, stage_) && Stage<3>(h, stage_) &&
          Stage<4>(h, stage_) && Stage<5>(h, stage_) && Stage<6>(h, next_))) {
      return kInfinity;
    }
    const Row& e = dormand_prince::kError;
    double sum = 0;
    for (size_t i = 0; i < n_; ++i) {
      const double error =
          h * (e[0] * k_[0][i] + e[2] * k_[2][i] + e[3] * k_[3][i] +
               e[4] * k_[4][i] + e[5] * k_[5][i] + e[6] * k_[6][i]);
      const double scaled = error / std::max(Weight(y_[i]), Weight(next_[i]));
      sum += scaled * scaled;
    }
    // A state that overflows has infinite weights: no error, but no step.
    return AllFinite(next_, n_) ? RootMean(sum, n_) : kInfinity;
  }

  // Tries until a step counts, and takes it.
  absl::Status Step() {
    if (h_ == 0) h_ = FirstStep();
    double error = 0;
    for (bool again = false;; again = true) {
      if (h_ <= std::max(10 * kEpsilon * std::abs(x_), 1e-290)) {
        return std::isfinite(error) ? TooShort() : NotFinite("right after");
      }
      if (statistics_.accepted + statistics_.rejected >= options_.max_steps) {
        return TooManySteps();
      }
      // No tiny step is left for the end.
      const bool last = x_ + 1.01 * h_ >= x_end_;
      const double h = last ? x_end_ - x_ : h_;
      error = Try(h);
      if (error <= 1) {
        Accept(h, last ? x_end_ : x_ + h, error, again);
        return absl::OkStatus();
      }
      ++statistics_.rejected;
      h_ = h * std::max(kShrinkMost, kSafety * std::pow(error, -kAlpha));
    }
  }

  void Accept(double h, double x, double error, bool again) {
    ++statistics_.accepted;
    statistics_.smallest_step = std::min(statistics_.smallest_step, h);
    statistics_.largest_step = std::max(statistics_.largest_step, h);
    const double rate = scale_.Rate(x);
    MeasureCurvature(rate);
    OutputUntil(x, h);
    if (statistics_.stopped) return;
    std::copy(next_, next_ + n_, y_);
    std::swap(k_[0], k_[6]);
    x_ = x;
    statistics_.t = x == x_end_ ? to_ : scale_.T(x);

    const double factor =
        kSafety * std::pow(error, -kAlpha) * std::pow(accepted_error_, kBeta);
    h_ = h * std::min(again ? 1 : kGrowMost, std::max(kShrinkMost, factor));
    accepted_error_ = std::max(error, 1e-4);
    const double limit = kDamped / (curvature_ * rate);
    if (limit < h_) {
      h_ = limit;
      ++statistics_.stability_limited;
    }
  }

  // |k_6 - k_5| / |y_6 - y_5|, as a rate in t. What is rounding alone tells
  // nothing: the last curvature known is kept then, so that the steps in a
  // minimum do not grow until they leave it.
  void MeasureCurvature(double rate) {
    double slopes = 0, states = 0, size = 0;
    for (size_t i = 0; i < n_; ++i) {
      const double slope = k_[6][i] - k_[5][i], state = next_[i] - stage_[i];
      slopes += slope * slope;
      states += state * state;
      size += next_[i] * next_[i];
    }
    const double noise = 100 * options_.rhs_rounding * rate;
    if (std::sqrt(states) > 100 * kEpsilon * std::sqrt(size) &&
        RootMean(slopes, n_) > noise) {
      curvature_ = std::sqrt(slopes / states) / rate;
    }
  }

  // Whether what is left of the way is too short to matter; see the header.
  bool Stationary() const {
    const double rate = scale_.Rate(x_);
    double sum = 0, weight = kInfinity;
    for (size_t i = 0; i < n_; ++i) {
      const double e = std::abs(k_[0][i]) / rate - options_.rhs_rounding;
      if (e > 0) sum += e * e;
      weight = std::min(weight, Weight(y_[i]));
    }
    return RootMean(sum, n_) * (to_ - statistics_.t) <=
           options_.stationary_fraction * weight;
  }

  // Rounding must not put an output behind the end.
  double NextOutput() const {
    return given_ == times_.size() ? kInfinity
                                   : std::min(scale_.X(times_[given_]), x_end_);
  }

  void Give(const double* state) {
    const double t = times_[given_++];
    if (output_(t, state)) return;
    statistics_.stopped = true;
    statistics_.t = t;
    if (state != y_) std::copy(state, state + n_, y_);
  }

  void OutputAtStart() {
    while (!statistics_.stopped && NextOutput() <= x_) Give(y_);
  }

  // Those of the step of h that ends at x.
  void OutputUntil(double x, double h) {
    while (!statistics_.stopped && NextOutput() <= x) {
      const double at = NextOutput();
      if (at == x) {
        Give(next_);
        continue;
      }
      const Row b = dormand_prince::ContinuousWeights((at - x_) / h);
      Combine(std::make_index_sequence<kStages>(), y_, k_, b, h, n_, stage_);
      Give(stage_);
    }
  }

  // What is left over when the state stays as it is.
  void OutputRest() {
    while (!statistics_.stopped && given_ < times_.size()) Give(y_);
    if (!statistics_.stopped) statistics_.t = to_;
  }

  absl::Status NotFinite(const char* where) const {
    return absl::OutOfRangeError(absl::StrFormat(
        "the right-hand side is not finite %s t = %g", where, statistics_.t));
  }
  absl::Status TooShort() const {
    return absl::AbortedError(absl::StrFormat(
        "the step at t = %g is too short to move the time: %g%s", statistics_.t,
        h_, scale_.logarithmic ? " of ln(1 + t)" : ""));
  }
  absl::Status TooManySteps() const {
    return absl::ResourceExhaustedError(
        absl::StrFormat("max_steps = %d reached at t = %g, before %g",
                        options_.max_steps, statistics_.t, to_));
  }

  const absl::FunctionRef<void(const double*, double*)> f_;
  const absl::FunctionRef<bool(double, const double*)> output_;
  const absl::Span<const double> times_;
  const IntegratorOptions& options_;
  const TimeScale scale_;
  const size_t n_;
  std::array<double*, kStages> k_;
  double* const stage_;
  double* const next_;
  double* const y_;  // at x_
  const double to_;
  double x_;
  const double x_end_;
  double h_ = 0;                  // the next step's; 0: none yet
  double accepted_error_ = 1e-4;  // of the last step
  double curvature_ = 0;          // per t
  size_t given_ = 0;              // outputs
  IntegratorStatistics statistics_;
};

bool IsTolerance(double x) { return std::isfinite(x) && x >= 0; }

// What of the requirements is broken, or nullptr.
const char* BrokenRule(double from, double to, absl::Span<const double> times,
                       const IntegratorOptions& options, const double* y,
                       size_t n) {
  if (!std::isfinite(from) || !std::isfinite(to) || from > to) {
    return "from <= to, both finite";
  }
  if (options.log_time && from <= -1) return "from > -1 in log time";
  double before = from;
  for (const double t : times) {
    if (!(before <= t && t <= to)) return "times ascend within [from, to]";
    before = t;
  }
  if (!IsTolerance(options.absolute_tolerance) ||
      options.absolute_tolerance == 0) {
    return "absolute_tolerance > 0";
  }
  if (!IsTolerance(options.relative_tolerance)) {
    return "relative_tolerance >= 0";
  }
  if (!IsTolerance(options.stationary_fraction)) {
    return "stationary_fraction >= 0";
  }
  if (!IsTolerance(options.rhs_rounding)) return "rhs_rounding >= 0";
  return AllFinite(y, n) ? nullptr : "y finite at the start";
}

}  // namespace

IntegratorScratch::IntegratorScratch(size_t n, Arena& arena) : n(n) {
  for (double*& stage_slope : k) stage_slope = arena.Take<double>(n);
  stage = arena.Take<double>(n);
  next = arena.Take<double>(n);
}

absl::StatusOr<IntegratorStatistics> Integrate(
    absl::FunctionRef<void(const double* y, double* dydt)> f, double from,
    double to, absl::Span<const double> times, const IntegratorOptions& options,
    IntegratorScratch& scratch, double* y,
    absl::FunctionRef<bool(double t, const double* y)> output) {
  const char* const broken = BrokenRule(from, to, times, options, y, scratch.n);
  if (broken != nullptr) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "from %g to %g with tolerances %g (relative) and %g: must be: %s", from,
        to, options.relative_tolerance, options.absolute_tolerance, broken));
  }
  return Integration(f, from, to, times, options, scratch, y, output).Run();
}

}  // namespace polarize
