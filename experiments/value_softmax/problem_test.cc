#include "experiments/value_softmax/problem.h"

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "experiments/value_softmax/form.h"
#include "experiments/value_softmax/singular_values.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gtest/gtest.h"
#include "kernels/base/random/numpy_random.h"

namespace polarize {
namespace {

using Strings = std::vector<std::string>;

std::vector<double> Normals(NumpyRandom& random, size_t n) {
  std::vector<double> x(n);
  for (double& v : x) v = random.Randn();
  return x;
}

// V's entry of row i and column j.
double ValueAt(const ValueSoftmax& model, size_t i, size_t j) {
  return model.column(j)[i];
}

// Sizes that all differ.
const Strings kSizes = {"features=3", "latent=5", "seed=11"};

Strings Sized(Strings settings) {
  settings.insert(settings.end(), kSizes.begin(), kSizes.end());
  return settings;
}

TEST(Problem, DrawsValuesThenAttentionThenTarget) {
  const Problem problem(ConfigOfFamily(
      "logistic", Sized({"value_scale=0.5", "attention_scale=0.25",
                         "attention_mean=3", "target=normal"})));
  NumpyRandom random(11);
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 5; ++j) {
      EXPECT_EQ(ValueAt(problem.model(), i, j), 0.5 * random.Randn());
    }
  }
  for (size_t j = 0; j < 5; ++j) {
    EXPECT_EQ(problem.model().attention()[j], 3 + 0.25 * random.Randn());
  }
  EXPECT_EQ(problem.target(), Normals(random, 3));
}

TEST(Problem, DrawsTheTargetFirstAndBeginsAgain) {
  const Problem problem(ConfigOfFamily(
      "logistic",
      Sized({"order=target_first", "value_scale=1", "target=normal"})));
  NumpyRandom first(11), again(11);
  EXPECT_EQ(problem.target(), Normals(first, 3));
  EXPECT_EQ(ValueAt(problem.model(), 0, 0), again.Randn());
}

TEST(Problem, AUnitTargetHasNormOneAndTheSameDirection) {
  const Problem unit(ConfigOfFamily("logistic", Sized({"target=unit_normal"})));
  const Problem free(ConfigOfFamily("logistic", Sized({"target=normal"})));
  EXPECT_NEAR(unit.model().target_square, 1, 1e-15);
  const double norm = std::sqrt(free.model().target_square);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(unit.target()[i], free.target()[i] / norm);
    EXPECT_EQ(unit.model().target[i], unit.target()[i]);
  }
}

// 0 times a negative normal, as NumPy keeps it.
TEST(Problem, KeepsTheSignOfZeros) {
  const Problem problem(ConfigOfFamily(
      "logistic", Sized({"attention_scale=0", "value_scale=0"})));
  NumpyRandom random(11);
  size_t negative = 0;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 5; ++j) {
      const double v = ValueAt(problem.model(), i, j);
      EXPECT_EQ(v, 0);
      EXPECT_EQ(std::signbit(v), std::signbit(random.Randn()));
    }
  }
  for (size_t j = 0; j < 5; ++j) {
    const bool sign = std::signbit(random.Randn());
    EXPECT_EQ(std::signbit(problem.model().attention()[j]), sign);
    negative += sign;
  }
  EXPECT_GT(negative, 0u);
  EXPECT_LT(negative, 5u);
}

TEST(Problem, TheIdentityTakesItsNumbersFromTheStreamToo) {
  const Strings same = {"attention_scale=1", "target=normal"};
  Strings identity = Sized(same);
  identity.push_back("values=identity");
  const Problem problem(ConfigOfFamily("logistic", identity));
  const Problem drawn(ConfigOfFamily("logistic", Sized(same)));
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 5; ++j) {
      EXPECT_EQ(ValueAt(problem.model(), i, j), i == j ? 1 : 0);
    }
  }
  for (size_t j = 0; j < 5; ++j) {
    EXPECT_EQ(problem.model().attention()[j], drawn.model().attention()[j]);
  }
  EXPECT_EQ(problem.target(), drawn.target());
}

TEST(Problem, TheCrossEntropysValuesAreDrawnTransposed) {
  const Problem problem(ConfigOfFamily("kl", Sized({"value_scale=1"})));
  NumpyRandom random(11);
  for (size_t j = 0; j < 5; ++j) {
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(ValueAt(problem.model(), i, j), random.Randn());
    }
  }
  for (size_t j = 0; j < 5; ++j) random.Randn();
  // b: the softmax of uniforms.
  std::vector<double> b(3);
  double sum = 0;
  for (double& x : b) sum += x = std::exp(10 * random.Rand());
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(problem.target()[i], b[i] / sum, 1e-15);
  }
  EXPECT_FALSE(problem.has_projections());
}

class DesignTest : public ::testing::TestWithParam<int> {
 protected:
  DesignTest()
      : problem_(ConfigOfFamily(
            "condition_numbers",
            {"features=6", "latent=5", "seed=11", "condition_number=4",
             "samples=" + std::to_string(GetParam())})) {}
  double X(size_t row, size_t column) const {
    return problem_.design()[row * 6 + column];
  }
  size_t samples() const { return static_cast<size_t>(GetParam()); }

  const Problem problem_;
};

TEST_P(DesignTest, HasTheSingularValuesAsked) {
  ASSERT_EQ(problem_.design().size(), samples() * 6);
  // Its transpose, column after column.
  const std::vector<double> values =
      SingularValues(problem_.design().data(), 6, samples(), 6);
  const size_t n = std::min<size_t>(samples(), 6);
  ASSERT_EQ(values.size(), n);
  for (size_t i = 0; i < n; ++i) {
    const double at = n == 1 ? 0 : double(i) / double(n - 1);
    EXPECT_NEAR(values[i], 1 + (0.25 - 1) * at, 1e-14);
  }
}

// The directions of the normals that were drawn: X' N is symmetric, and so is
// X N', only if X and N share their singular vectors.
TEST_P(DesignTest, KeepsTheSingularVectorsOfWhatWasDrawn) {
  NumpyRandom random(11);
  Normals(random, 6 * 5 + 5);
  const std::vector<double> n = Normals(random, samples() * 6);
  for (size_t i = 0; i < 6; ++i) {
    for (size_t j = 0; j < 6; ++j) {
      double ij = 0, ji = 0;
      for (size_t k = 0; k < samples(); ++k) {
        ij += X(k, i) * n[k * 6 + j];
        ji += X(k, j) * n[k * 6 + i];
      }
      EXPECT_NEAR(ij, ji, 1e-13);
    }
  }
  for (size_t k = 0; k < samples(); ++k) {
    for (size_t l = 0; l < samples(); ++l) {
      double kl = 0, lk = 0;
      for (size_t i = 0; i < 6; ++i) {
        kl += X(k, i) * n[l * 6 + i];
        lk += X(l, i) * n[k * 6 + i];
      }
      EXPECT_NEAR(kl, lk, 1e-13);
    }
  }
}

TEST_P(DesignTest, GivesTheModelItsProductsAndItself) {
  const ValueSoftmax& model = problem_.model();
  const std::vector<double>& b = problem_.target();
  ASSERT_EQ(b.size(), samples());
  EXPECT_EQ(model.sample_count, samples());
  EXPECT_EQ(model.design, problem_.design().data());
  EXPECT_EQ(model.samples, b.data());
  for (size_t i = 0; i < 6; ++i) {
    double xb = 0;
    for (size_t k = 0; k < samples(); ++k) xb += X(k, i) * b[k];
    EXPECT_NEAR(model.target[i], xb, 1e-15);
    for (size_t j = 0; j < 6; ++j) {
      double xx = 0;
      for (size_t k = 0; k < samples(); ++k) xx += X(k, i) * X(k, j);
      EXPECT_NEAR(model.gram[j * model.value_stride() + i], xx, 1e-15);
    }
  }
  EXPECT_FALSE(problem_.has_projections());
}

INSTANTIATE_TEST_SUITE_P(Samples, DesignTest, ::testing::Values(1, 4, 6, 9));

TEST(Problem, AtConditionOneTheDesignKeepsLengths) {
  const Problem problem(
      ConfigOfFamily("condition_numbers", {"condition_number=1"}));
  const ValueSoftmax& model = problem.model();
  for (size_t i = 0; i < 20; ++i) {
    for (size_t j = 0; j < 20; ++j) {
      EXPECT_NEAR(model.gram[j * model.value_stride() + i], i == j, 1e-14);
    }
  }
}

TEST(Problem, FormsAndRatesAreTheConfigs) {
  const ValueSoftmaxConfig config = ConfigOfFamily(
      "tied", {"optimiser=adam", "map=softmax1", "loss=square", "lr=0.125",
               "momentum=0.5", "beta1=0.25", "beta2=0.75", "epsilon=0.01",
               "sink_logit=-2", "temperature=3", "entropy_penalty=0.5",
               "learn_sink_logit=true"});
  const ValueSoftmaxForm expected = {ValueSoftmaxMap::kSoftmax1,
                                     ValueSoftmaxLoss::kSquare,
                                     ValueSoftmaxOptimiser::kAdam,
                                     true,
                                     10,
                                     10};
  EXPECT_TRUE(FormOf(config) == expected);
  const ValueSoftmaxRates rates = RatesOf(config.descent());
  EXPECT_EQ(rates.lr, 0.125);
  EXPECT_EQ(rates.momentum, 0.5);
  EXPECT_EQ(rates.beta1, 0.25);
  EXPECT_EQ(rates.beta2, 0.75);
  EXPECT_EQ(rates.epsilon, 0.01);
  const Problem problem(config);
  EXPECT_EQ(problem.model().sink(), -2);
  EXPECT_EQ(problem.model().temperature, 3);
  EXPECT_EQ(problem.model().entropy_penalty, 0.5);
  EXPECT_TRUE(problem.model().learns_sink);
  EXPECT_TRUE(problem.has_projections());
}

}  // namespace
}  // namespace polarize
