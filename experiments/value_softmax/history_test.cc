#include "experiments/value_softmax/history.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "experiments/value_softmax/singular_values.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/aligned_allocator.h"
#include "kernels/value_softmax/value_softmax.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::Pointwise;

using Strings = std::vector<std::string>;
using Numbers = std::vector<double>;

std::vector<int64_t> Steps(const char* spacing, int points, int64_t steps) {
  HistoryConfig config;
  config.set_spacing(spacing);
  config.set_points(points);
  return RecordedSteps(config, steps);
}

TEST(RecordedSteps, OfFewSteps) {
  for (const char* spacing : {"every", "log", "log_count"}) {
    SCOPED_TRACE(spacing);
    EXPECT_THAT(Steps(spacing, 2, 0), ElementsAre());
    EXPECT_THAT(Steps(spacing, 2, 1), ElementsAre(0));
    EXPECT_THAT(Steps(spacing, 2, 2), ElementsAre(0, 1));
    EXPECT_THAT(Steps(spacing, 50, 2), ElementsAre(0, 1));
  }
  EXPECT_THAT(Steps("every", 2, 10), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  // 1, 3.2, 10 steps taken; 1, 3, 9 counted from 0.
  EXPECT_THAT(Steps("log_count", 3, 10), ElementsAre(0, 2, 9));
  EXPECT_THAT(Steps("log", 3, 10), ElementsAre(0, 1, 3, 9));
  EXPECT_THAT(Steps("log_count", 2, 10), ElementsAre(0, 9));
  EXPECT_THAT(Steps("log", 2, 10), ElementsAre(0, 1, 9));
}

TEST(RecordedSteps, AscendFromTheFirstToTheLast) {
  for (const char* spacing : {"log", "log_count"}) {
    for (const int points : {2, 7, 100, 2000}) {
      for (const int64_t steps : {3, 99, 1000, 12345, 10000000}) {
        const std::vector<int64_t> at = Steps(spacing, points, steps);
        EXPECT_EQ(at.front(), 0);
        EXPECT_EQ(at.back(), steps - 1);
        EXPECT_LE(at.size(), size_t(points) + 2);
        for (size_t i = 1; i < at.size(); ++i) ASSERT_LT(at[i - 1], at[i]);
      }
    }
  }
}

TEST(RecordedSteps, AreAsManyAsTheRecordingsHave) {
  size_t recordings = 0;
  const auto expect = [&](const char* prefix, const char* spacing,
                          const char* points) {
    for (const std::string& name : Golden::Names(prefix)) {
      const Golden g = Golden::Load(name);
      const Golden c = g["config"];
      EXPECT_EQ(
          static_cast<int64_t>(Steps(spacing, static_cast<int>(c[points].Int()),
                                     c["num_iterations"].Int())
                                   .size()),
          g["n_history"].Int())
          << name;
      ++recordings;
    }
  };
  expect("toy_logistic_", "log_count", "num_samples");
  expect("toy_cond_", "log", "num_history_samples");
  expect("toy_kl_", "log", "num_samples");
  EXPECT_GE(recordings, 7u);
}

TEST(History, RefusesRowsThatAreNotFinite) {
  const Problem problem(ConfigOfFamily("logistic", {}));
  History history(problem, 2);
  Numbers row(history.row_width(), 1);
  EXPECT_TRUE(history.Add(0, 0.5, row));
  for (const double bad : {NAN, INFINITY, -INFINITY}) {
    for (const size_t at : {size_t{0}, row.size() / 2, row.size() - 1}) {
      const double before = row[at];
      row[at] = bad;
      EXPECT_FALSE(history.Add(1, 1, row));
      row[at] = before;
    }
  }
  EXPECT_EQ(history.rows(), 1u);
  EXPECT_THAT(history.steps(), ElementsAre(0));
  EXPECT_THAT(history.times(), ElementsAre(0.5));
}

TEST(History, GivesBackWhatWasAdded) {
  const Problem problem(ConfigOfFamily("logistic", {"latent=2"}));
  History history(problem, 2);
  Numbers row;
  for (size_t i = 0; i < history.row_width(); ++i) row.push_back(double(i));
  ASSERT_TRUE(history.Add(0, 0.5, row));
  for (double& x : row) x += 100;
  ASSERT_TRUE(history.Add(3, 2, row));
  // loss, s, a, ...
  EXPECT_EQ(history.Number("loss", 1), 100);
  EXPECT_THAT(history.At("a", 0), ElementsAre(3, 4));
  EXPECT_THAT(history.At("s", 1), ElementsAre(101, 102));
  EXPECT_THAT(history.Over("s", 1), ElementsAre(2, 102));
  EXPECT_TRUE(history.Has("u"));
  EXPECT_FALSE(history.Has("column_norm"));
  EXPECT_FALSE(history.Has("singular_values"));
  EXPECT_FALSE(history.Has("sink_logit"));
}

double Inner(const Numbers& x, const Numbers& y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}
double Norm(const Numbers& x) { return std::sqrt(Inner(x, x)); }

// A model's row at its start, and the same made anew from V, a and b.
class RecorderTest : public ::testing::Test {
 protected:
  void Record(const std::string& family, Strings settings) {
    settings.push_back("features=4");
    settings.push_back("latent=4");
    for (const char* more : {"attention_scale=0.7", "value_scale=0.9"}) {
      settings.push_back(more);
    }
    problem_ = std::make_unique<Problem>(ConfigOfFamily(family, settings));
    ValueSoftmax& model = problem_->model();
    a_.assign(model.attention(), model.attention() + 4);
    history_ = std::make_unique<History>(*problem_, 1);
    Recorder recorder(*problem_);
    recorder.MeasureWeights();
    recorder.MeasureGradient(a_);
    ASSERT_TRUE(recorder.AddTo(*history_, 7, 0.25));
    b_ = problem_->target();
    for (size_t j = 0; j < 4; ++j) {
      columns_.emplace_back(model.column(j), model.column(j) + 4);
    }
    // s and beta.
    const absl::Span<const double> s = history_->At("s", 0);
    s_.assign(s.begin(), s.end());
    beta_.assign(4, 0);
    for (size_t j = 0; j < 4; ++j) {
      for (size_t i = 0; i < 4; ++i) beta_[i] += columns_[j][i] * s_[j];
    }
  }
  double Number(const char* column) const {
    return history_->Number(column, 0);
  }

  std::unique_ptr<Problem> problem_;
  std::unique_ptr<History> history_;
  Numbers a_, b_, s_, beta_;
  std::vector<Numbers> columns_;
};

TEST_F(RecorderTest, LogisticSoftmax) {
  Record("logistic", {});
  EXPECT_EQ(history_->steps()[0], 7);
  EXPECT_EQ(history_->times()[0], 0.25);
  EXPECT_THAT(history_->At("a", 0), Pointwise(testing::Eq(), a_));
  double sum = 0, entropy = 0;
  for (const double x : a_) sum += std::exp(x);
  for (size_t j = 0; j < 4; ++j) {
    EXPECT_NEAR(s_[j], std::exp(a_[j]) / sum, 1e-15);
    entropy -= s_[j] * std::log(s_[j]);
  }
  EXPECT_NEAR(Number("entropy"), entropy, 1e-15);
  const double margin = Inner(b_, beta_);
  EXPECT_NEAR(Number("loss"), std::log1p(std::exp(-margin)), 1e-15);
  EXPECT_NEAR(Number("output_norm"), Norm(beta_), 1e-15);
  EXPECT_NEAR(Number("alignment"), margin / (Norm(beta_) + 1e-8), 1e-15);
  EXPECT_EQ(Number("response"), 0);
  Numbers u;
  for (const Numbers& column : columns_) u.push_back(Inner(column, b_));
  EXPECT_THAT(history_->At("u", 0), Pointwise(testing::DoubleEq(), u));
  // dL/dV = -gamma b s', dL/da_j = -gamma s_j (u_j - <s, u>).
  const double gamma = 1 / (1 + std::exp(margin));
  EXPECT_NEAR(Number("values_gradient_norm"), gamma * Norm(b_) * Norm(s_),
              1e-15);
  Numbers da;
  for (size_t j = 0; j < 4; ++j) {
    da.push_back(gamma * s_[j] * (u[j] - Inner(s_, u)));
  }
  EXPECT_NEAR(Number("attention_gradient_norm"), Norm(da), 1e-15);
}

// Signs and another sum: the entropy is that of shares.
TEST_F(RecorderTest, EntropyOfWeightsThatAreNoDistribution) {
  Record("logistic", {"map=sum", "attention_mean=-0.3"});
  double sum = 0, entropy = 0;
  size_t negative = 0;
  for (const double s : s_) {
    sum += std::abs(s);
    negative += s < 0;
  }
  ASSERT_TRUE(negative > 0 && negative < 4);
  for (const double s : s_) {
    entropy -= std::abs(s) / sum * std::log(std::abs(s) / sum);
  }
  EXPECT_NEAR(Number("entropy"), entropy, 1e-14);
}

// No weight at all: 0, not 0 / 0.
TEST_F(RecorderTest, EntropyOfNoWeight) {
  Record("logistic", {"map=relu", "attention_mean=-100"});
  EXPECT_THAT(s_, ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(Number("entropy"), 0);
}

// Of a loss of a matrix that is used twice; norms by differences of the loss.
TEST_F(RecorderTest, TiedNormsAreThoseOfDifferences) {
  Record("tied", {"values=normal"});
  ValueSoftmax& model = problem_->model();
  const auto loss = [&] {
    // Vector code wants its lines of 64 bytes.
    const auto aligned = hwy::AllocateAligned<double>(model.point_size());
    Gradient(model, model.point, aligned.get());
    return LossAt(model, model.point, model.weights);
  };
  const auto square_of = [&](double* x) {
    const double h = 1e-5, before = *x;
    *x = before + h;
    const double up = loss();
    *x = before - h;
    const double down = loss();
    *x = before;
    return std::pow((up - down) / (2 * h), 2);
  };
  double values = 0, attention = 0;
  for (size_t j = 0; j < 4; ++j) {
    for (size_t i = 0; i < 4; ++i) {
      values += square_of(model.point + j * model.value_stride() + i);
    }
    attention += square_of(model.attention() + j);
  }
  EXPECT_NEAR(Number("values_gradient_norm"), std::sqrt(values), 1e-8);
  EXPECT_NEAR(Number("attention_gradient_norm"), std::sqrt(attention), 1e-8);
  // The column at the largest s.
  size_t largest = 0;
  for (size_t j = 1; j < 4; ++j) largest = s_[j] > s_[largest] ? j : largest;
  EXPECT_NE(Norm(columns_[0]), Norm(columns_[1]));
  EXPECT_DOUBLE_EQ(Number("column_norm"), Norm(columns_[largest]));
}

TEST_F(RecorderTest, ALearnedSinkHasAColumn) {
  Record("logistic",
         {"map=softmax1", "learn_sink_logit=true", "sink_logit=1.5"});
  EXPECT_EQ(Number("sink_logit"), 1.5);
}

TEST_F(RecorderTest, ARegressionHasSingularValuesAndNoProjections) {
  Record("condition_numbers", {});
  EXPECT_FALSE(history_->Has("u"));
  EXPECT_FALSE(history_->Has("response"));
  const absl::Span<const double> values = history_->At("singular_values", 0);
  // Their squares sum to |V|^2, of their products is |det V|: both wrong with
  // any wrong value.
  double square = 0, sum = 0;
  for (const Numbers& column : columns_) square += Inner(column, column);
  for (const double v : values) sum += v * v;
  EXPECT_NEAR(sum, square, 1e-14 * square);
  EXPECT_GT(values[0], values[3]);
  const Numbers residual = [&] {
    Numbers r = b_;
    for (size_t k = 0; k < r.size(); ++k) {
      for (size_t i = 0; i < 4; ++i) {
        r[k] -= problem_->design()[k * 4 + i] * beta_[i];
      }
    }
    return r;
  }();
  EXPECT_NEAR(Number("loss"), Inner(residual, residual), 1e-14);
}

TEST(SingularValues, OfAKnownMatrix) {
  // Columns 4 apart: [3 0; 4 5], whose values are sqrt(45) and sqrt(5).
  const double matrix[] = {3, 4, NAN, NAN, 0, 5, NAN, NAN};
  const Numbers values = SingularValues(matrix, 2, 2, 4);
  ASSERT_EQ(values.size(), 2u);
  EXPECT_NEAR(values[0], std::sqrt(45.0), 1e-14);
  EXPECT_NEAR(values[1], std::sqrt(5.0), 1e-14);
  // A wide one: [1 0 2], whose only value is its norm.
  const double row[] = {1, 0, 2};
  EXPECT_THAT(SingularValues(row, 1, 3, 1),
              ElementsAre(testing::DoubleEq(std::sqrt(5.0))));
}

}  // namespace
}  // namespace polarize
