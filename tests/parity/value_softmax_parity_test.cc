// The section 3 experiments against recordings of the reference: starting
// values to the last bit, the first 100 steps to 1e-12, all others to 1e-9.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "experiments/value_softmax/descent.h"
#include "experiments/value_softmax/fixed_descents.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/problem.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gtest/gtest.h"
#include "protos/value_softmax.pb.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

constexpr int64_t kEarly = 100;
constexpr double kEarlyRelative = 1e-12, kRelative = 1e-9;
// Below is rounding noise.
constexpr double kLossFloor = 1e-15, kGradientFloor = 1e-12;
// L1 under the logistic loss is chaotic: swapping BLAS builds under the
// reference moves its losses by 1.1e-4 and its a by 1.2e-3 (the goldens'
// README). Here, moving one entry of a by one ULP at the start moves the
// largest error of the loss between 0.6e-4 and 4.3e-4 (13 starts, each with the
// dynamic and with the compiled form; a stays within 5.4e-4).
constexpr double kChaoticLoss = 1e-3, kChaotic = 2e-3;

// How far a recording was met, relative to each tolerance's own scale.
struct Worst {
  double early = 0, late = 0;
};

// Compares numbers of one step; keeps the largest error that is not below the
// floor, relative to the number or, of a vector, to its largest.
class Comparison {
 public:
  explicit Comparison(std::string name) : name_(std::move(name)) {}
  ~Comparison() {
    std::cout << name_ << ": worst relative error " << worst_.early
              << " in the first " << kEarly << " steps, " << worst_.late
              << " after\n";
  }

  void Expect(const char* what, int64_t step, absl::Span<const double> actual,
              absl::Span<const double> expected, double floor,
              double relative = kRelative) {
    ASSERT_EQ(actual.size(), expected.size()) << what;
    double scale = 0;
    for (const double x : expected) scale = std::max(scale, std::abs(x));
    const bool early = step < kEarly;
    const double allowed = early ? kEarlyRelative : relative;
    for (size_t i = 0; i < actual.size(); ++i) {
      const double error = std::abs(actual[i] - expected[i]);
      if (error <= floor) continue;
      double& worst = early ? worst_.early : worst_.late;
      if (relative == kRelative) worst = std::max(worst, error / scale);
      EXPECT_LE(error, allowed * scale)
          << name_ << ", " << what << "[" << i << "] at step " << step << ": "
          << actual[i] << ", not " << expected[i];
    }
  }
  void Expect(const char* what, int64_t step, double actual, double expected,
              double floor, double relative = kRelative) {
    Expect(what, step, absl::MakeConstSpan(&actual, 1),
           absl::MakeConstSpan(&expected, 1), floor, relative);
  }

 private:
  const std::string name_;
  Worst worst_;
};

std::string Setting(const char* path, double value) {
  return absl::StrFormat("%s=%.17g", path, value);
}
std::string Setting(const char* path, int64_t value) {
  return absl::StrCat(path, "=", value);
}
std::string Setting(const char* path, const std::string& value) {
  return absl::StrCat(path, "=", value);
}

// Steps from record to record, for recordings hold steps of their own, and
// calls at_step(history of that step, problem, row). With the descent for any
// form first, then with the one that was compiled for this form, if any.
template <class AtStep>
void Follow(const ValueSoftmaxConfig& config,
            const std::vector<int64_t>& iterations, const AtStep& at_step) {
  for (const auto& compiled :
       {absl::Span<const FixedDescent>(), FixedDescents()}) {
    Problem problem(config);
    ValueSoftmax& model = problem.model();
    const FixedDescent descent = DescentFor(model.form, compiled);
    if (!compiled.empty() && descent.descend == &Descend) return;
    SCOPED_TRACE(compiled.empty() ? "dynamic" : "compiled");
    Recorder recorder(problem);
    const ValueSoftmaxRates rates = RatesOf(config.descent());
    std::vector<double> attention(model.form.latent);
    int64_t row = 0;
    for (const int64_t step : iterations) {
      const size_t gap = static_cast<size_t>(step - int64_t(model.step));
      ASSERT_EQ(descent.descend(model, rates, gap), gap);
      History history(problem, 1);
      if (config.history().weights() == "before") recorder.MeasureWeights();
      std::copy_n(model.attention(), attention.size(), attention.begin());
      ASSERT_EQ(descent.descend(model, rates, 1), 1u);
      recorder.MeasureGradient(attention);
      if (config.history().weights() == "after") recorder.MeasureWeights();
      ASSERT_TRUE(recorder.AddTo(history, step, 0));
      at_step(history, problem, row++);
    }
  }
}

void ExpectSameBits(const std::string& what, absl::Span<const double> actual,
                    absl::Span<const double> expected) {
  ASSERT_LE(expected.size(), actual.size()) << what;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(std::memcmp(&actual[i], &expected[i], sizeof(double)), 0)
        << what << "[" << i << "]: " << actual[i] << ", not " << expected[i];
  }
}

// V, row after row as the reference has it.
std::vector<double> RowMajor(const ValueSoftmax& model) {
  std::vector<double> values;
  for (size_t i = 0; i < model.form.features; ++i) {
    for (size_t j = 0; j < model.form.latent; ++j) {
      values.push_back(model.column(j)[i]);
    }
  }
  return values;
}

std::vector<std::string> LogisticSettings(const Golden& g) {
  const Golden c = g["config"];
  return {Setting("seed", c["seed"].Int()),
          Setting("features", c["dim"].Int()),
          Setting("latent", c["dim"].Int()),
          Setting("lr", c["learning_rate"].Number()),
          Setting("steps", c["num_iterations"].Int()),
          Setting("history.points", c["num_samples"].Int())};
}

TEST(ValueSoftmaxParity, LogisticFlow) {
  for (const std::string& name : Golden::Names("toy_logistic_")) {
    const Golden g = Golden::Load(name);
    const ValueSoftmaxConfig config =
        ConfigOfFamily("logistic", LogisticSettings(g));
    const Problem start(config);
    ExpectSameBits("W", RowMajor(start.model()), g["W0"].Numbers());
    ExpectSameBits("b", start.target(), g["beta"].Numbers());
    Comparison compare(name);
    const std::vector<int64_t> iterations = g["iterations"].Ints();
    std::vector<double> last;
    Follow(config, iterations,
           [&](const History& h, const Problem& p, int64_t row) {
             const int64_t step = h.steps()[0];
             const auto number = [&](const char* recorded, const char* column,
                                     double floor) {
               compare.Expect(recorded, step, h.Number(column, 0),
                              g[recorded][row].Number(), floor);
             };
             number("loss", "loss", kLossFloor);
             number("grad_W_norm", "values_gradient_norm", kGradientFloor);
             number("grad_a_norm", "attention_gradient_norm", kGradientFloor);
             number("alignment", "alignment", kLossFloor);
             number("predictor_norm", "output_norm", kLossFloor);
             for (const auto& [recorded, column] :
                  {std::pair{"a", "a"}, std::pair{"softmax", "s"},
                   std::pair{"u", "u"}}) {
               compare.Expect(recorded, step, h.At(column, 0),
                              g[recorded][row].Numbers(), 0);
             }
             last = RowMajor(p.model());
           });
    compare.Expect("W_final", iterations.back(), last, g["W_final"].Numbers(),
                   kLossFloor);
  }
}

TEST(ValueSoftmaxParity, RecordedSteps) {
  for (const std::string& name : Golden::Names("toy_logistic_")) {
    const Golden g = Golden::Load(name);
    const ValueSoftmaxConfig config =
        ConfigOfFamily("logistic", LogisticSettings(g));
    const std::vector<int64_t> steps =
        RecordedSteps(config.history(), config.descent().steps());
    EXPECT_EQ(static_cast<int64_t>(steps.size()), g["n_history"].Int());
    int64_t sum = 0;
    for (const int64_t step : steps) sum += step;
    EXPECT_EQ(sum, g["history_iterations_sum"].Int());
    const std::vector<int64_t> first = g["history_iterations_first40"].Ints();
    EXPECT_TRUE(std::equal(first.begin(), first.end(), steps.begin()));
  }
}

TEST(ValueSoftmaxParity, Normalisations) {
  for (const std::string& name : Golden::Names("toy_norm_")) {
    const Golden g = Golden::Load(name);
    const Golden c = g["config"];
    const bool logistic = absl::StrContains(name, "logistic");
    for (const std::string& map : g["results"].Keys()) {
      const ValueSoftmaxConfig config = ConfigOfFamily(
          logistic ? "normalisations_logistic" : "normalisations_square",
          {Setting("model.map", absl::AsciiStrToLower(map)),
           Setting("seed", c["seed"].Int()),
           Setting("features", c["n_features"].Int()),
           Setting("latent", c["n_latent"].Int()),
           Setting("value_scale", c["V_scale"].Number()),
           Setting("lr", c["lr"].Number()),
           Setting("steps", c["n_iter"].Int())});
      const Problem start(config);
      ExpectSameBits("V", RowMajor(start.model()), g["V0_first8"].Numbers());
      ExpectSameBits("b", start.target(), g["target_beta"].Numbers());
      ExpectSameBits("a",
                     {start.model().attention(), start.model().form.latent},
                     g["a0"].Numbers());
      const bool chaotic = logistic && map == "L1";
      Comparison compare(absl::StrCat(name, " ", map));
      const Golden results = g["results"][map];
      Follow(config, g["iterations"].Ints(),
             [&](const History& h, const Problem&, int64_t row) {
               const int64_t step = h.steps()[0];
               compare.Expect("loss", step, h.Number("loss", 0),
                              results["loss"][row].Number(), kLossFloor,
                              chaotic ? kChaoticLoss : kRelative);
               compare.Expect("alpha", step, h.At("s", 0),
                              results["alpha"][row].Numbers(), 0,
                              chaotic ? kChaotic : kRelative);
               compare.Expect("a", step, h.At("a", 0),
                              results["a"][row].Numbers(), 0,
                              chaotic ? kChaotic : kRelative);
             });
    }
  }
}

TEST(ValueSoftmaxParity, Tied) {
  for (const std::string& name : Golden::Names("toy_tied_")) {
    const Golden g = Golden::Load(name);
    const Golden c = g["config"];
    const ValueSoftmaxConfig config = ConfigOfFamily(
        "tied",
        {Setting("seed", c["seed"].Int()), Setting("features", c["D"].Int()),
         Setting("latent", c["D"].Int()), Setting("lr", c["lr"].Number()),
         Setting("steps", c["n_iter"].Int())});
    const Problem start(config);
    ExpectSameBits("b", start.target(), g["target_beta"].Numbers());
    ExpectSameBits("a", {start.model().attention(), start.model().form.latent},
                   g["a0"].Numbers());
    Comparison compare(name);
    Follow(config, g["iterations"].Ints(),
           [&](const History& h, const Problem& p, int64_t row) {
             const int64_t step = h.steps()[0];
             compare.Expect("loss", step, h.Number("loss", 0),
                            g["loss"][row].Number(), kLossFloor);
             compare.Expect("alpha", step, h.At("s", 0),
                            g["alpha"][row].Numbers(), 0);
             compare.Expect("a", step, h.At("a", 0), g["a"][row].Numbers(), 0);
             compare.Expect("u_col_norm", step, h.Number("column_norm", 0),
                            g["u_col_norm"][row].Number(), kLossFloor);
             double square = 0;
             for (const double u : RowMajor(p.model())) square += u * u;
             compare.Expect("U_fro", step, std::sqrt(square),
                            g["U_fro"][row].Number(), kLossFloor);
           });
  }
}

TEST(ValueSoftmaxParity, ConditionNumbers) {
  for (const std::string& name : Golden::Names("toy_cond_")) {
    const Golden g = Golden::Load(name);
    const Golden c = g["config"];
    const ValueSoftmaxConfig config = ConfigOfFamily(
        "condition_numbers",
        {Setting("seed", c["seed"].Int()), Setting("features", c["dim"].Int()),
         Setting("latent", c["dim"].Int()),
         Setting("samples", c["n_samples"].Int()),
         Setting("condition_number", c["condition_number"].Number()),
         Setting("lr", c["lr"].Number()),
         Setting("steps", c["num_iterations"].Int()),
         Setting("history.points", c["num_history_samples"].Int())});
    const Problem start(config);
    ExpectSameBits("W", RowMajor(start.model()), g["W0_first8"].Numbers());
    ExpectSameBits("a", {start.model().attention(), start.model().form.latent},
                   g["a0"].Numbers());
    ExpectSameBits("b", start.target(), g["beta"].Numbers());
    Comparison compare(name);
    // Made of singular vectors, which libraries round differently.
    compare.Expect("X", 0, start.design(), g["X"].Numbers(), kLossFloor);
    const std::vector<int64_t> steps =
        RecordedSteps(config.history(), config.descent().steps());
    EXPECT_EQ(static_cast<int64_t>(steps.size()), g["n_history"].Int());
    Follow(config, g["iterations"].Ints(),
           [&](const History& h, const Problem&, int64_t row) {
             const int64_t step = h.steps()[0];
             const auto number = [&](const char* recorded, const char* column,
                                     double floor) {
               compare.Expect(recorded, step, h.Number(column, 0),
                              g[recorded][row].Number(), floor);
             };
             number("loss", "loss", kLossFloor);
             number("grad_W_norm", "values_gradient_norm", kGradientFloor);
             number("grad_a_norm", "attention_gradient_norm", kGradientFloor);
             compare.Expect("a", step, h.At("a", 0), g["a"][row].Numbers(), 0);
             compare.Expect("softmax", step, h.At("s", 0),
                            g["softmax"][row].Numbers(), 0);
             compare.Expect("W_svd", step, h.At("singular_values", 0),
                            g["W_svd"][row].Numbers(), 0);
           });
  }
}

TEST(ValueSoftmaxParity, Kl) {
  for (const std::string& name : Golden::Names("toy_kl_")) {
    const Golden g = Golden::Load(name);
    const Golden c = g["config"];
    const ValueSoftmaxConfig config = ConfigOfFamily(
        "kl",
        {Setting("seed", c["seed"].Int()), Setting("features", c["k"].Int()),
         Setting("latent", c["d"].Int()), Setting("lr", c["lr"].Number()),
         Setting("steps", c["num_iterations"].Int()),
         Setting("history.points", c["num_samples"].Int())});
    const Problem start(config);
    const std::vector<double> values = RowMajor(start.model());
    const size_t k = start.model().form.features, d = start.model().form.latent;
    std::vector<double> transposed;  // the reference's V: a row per entry of a
    for (size_t j = 0; j < d; ++j) {
      for (size_t i = 0; i < k; ++i) transposed.push_back(values[i * d + j]);
    }
    ExpectSameBits("V", transposed, g["V0"].Numbers());
    ExpectSameBits("p*", start.target(), g["p_star"].Numbers());
    const std::vector<int64_t> steps =
        RecordedSteps(config.history(), config.descent().steps());
    EXPECT_EQ(static_cast<int64_t>(steps.size()), g["n_history"].Int());
    Comparison compare(name);
    Follow(config, g["iterations"].Ints(),
           [&](const History& h, const Problem&, int64_t row) {
             const int64_t step = h.steps()[0];
             compare.Expect("loss", step, h.Number("loss", 0),
                            g["loss"][row].Number(), kLossFloor);
             compare.Expect("grad_V_norm", step,
                            h.Number("values_gradient_norm", 0),
                            g["grad_V_norm"][row].Number(), kGradientFloor);
             compare.Expect("grad_a_norm", step,
                            h.Number("attention_gradient_norm", 0),
                            g["grad_a_norm"][row].Number(), kGradientFloor);
             compare.Expect("a", step, h.At("a", 0), g["a"][row].Numbers(), 0);
             compare.Expect("softmax", step, h.At("s", 0),
                            g["softmax"][row].Numbers(), 0);
           });
  }
}

}  // namespace
}  // namespace polarize
