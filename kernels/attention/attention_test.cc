#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/attention/attention_ref.h"
#include "kernels/base/bounds.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

// One call's arrays, random. Query rows: `queries` per context, seeing all keys
// or, if causal, one more each.
template <typename T>
struct Problem {
  Problem(size_t contexts, size_t keys, size_t queries, size_t heads,
          size_t width, bool causal, size_t misalign = 0)
      : rows(contexts * queries),
        stride(heads * width),
        q(rows * stride, misalign),
        k(contexts * keys * stride, misalign),
        v(contexts * keys * stride, misalign),
        o(rows * stride, misalign),
        d_o(rows * stride, misalign),
        dq(rows * stride, misalign),
        dk(contexts * keys * stride, misalign),
        dv(contexts * keys * stride, misalign),
        raw(rows * heads * PaddedKeys(keys), misalign),
        sum(rows * heads, misalign),
        sink_logit(heads, misalign),
        sink_term(rows * heads, misalign),
        d_sink_logit(heads, misalign),
        scratch(AttentionScratch(keys, queries, heads, width), misalign) {
    for (size_t c = 0; c <= contexts; ++c) begin.push_back(c * queries);
    for (size_t r = 0; r < rows; ++r) {
      visible.push_back(causal ? std::min(keys, r % queries + 1) : keys);
    }
    plan = {contexts, keys, heads, width, begin.data(), visible.data()};
    std::mt19937 random(5);
    std::normal_distribution<double> normal;
    for (auto* x : {&q, &k, &v, &d_o, &sink_logit}) {
      for (T& y : *x) y = static_cast<T>(normal(random));
    }
  }

  void Forward(size_t kind, ParallelFor& parallel) {
    AttentionForward<T>(
        kind,
        {plan, q.data(), k.data(), v.data(), o.data(), raw.data(), sum.data(),
         scratch.data(), sink_logit.data(), sink_term.data()},
        parallel);
  }
  void Backward(size_t kind, ParallelFor& parallel) {
    AttentionBackward<T>(
        kind,
        {plan, q.data(), k.data(), v.data(), raw.data(), sum.data(), d_o.data(),
         dq.data(), dk.data(), dv.data(), scratch.data(), sink_term.data(),
         d_sink_logit.data()},
        parallel);
  }
  std::vector<T> Weights(size_t kind, size_t row, size_t head) {
    std::vector<T> weights(plan.keys);
    const size_t at = row * plan.heads + head;
    AttentionWeights(kind, raw.data() + at * PaddedKeys(plan.keys), sum[at],
                     plan.keys, weights.data());
    return weights;
  }

  size_t rows, stride;
  GuardedArray<T> q, k, v, o, d_o, dq, dk, dv, raw, sum;
  GuardedArray<T> sink_logit, sink_term, d_sink_logit, scratch;
  std::vector<uint32_t> begin, visible;
  AttentionPlan plan;
};

size_t KindNamed(const std::string& name) {
  for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
    if (name == AttentionKinds()[kind].name) return kind;
  }
  ADD_FAILURE() << "no kind " << name;
  return 0;
}

// Weights and outputs of every row and head against the reference, within what
// attention.h promises.
template <typename T>
void ExpectMatchesReference(Problem<T>& p, size_t kind) {
  const std::string name = AttentionKinds()[kind].name;
  SCOPED_TRACE(testing::Message()
               << name << ": " << p.plan.keys << " keys, " << p.rows
               << " rows, width " << p.plan.head_width);
  SerialFor serial;
  p.Forward(kind, serial);
  const size_t keys = p.plan.keys, width = p.plan.head_width;
  const double unit = std::numeric_limits<T>::epsilon();
  for (size_t r = 0; r < p.rows; ++r) {
    const size_t c = r / (p.rows / p.plan.contexts);
    for (size_t h = 0; h < p.plan.heads; ++h) {
      std::vector<double> q(width), k(keys * width);
      double largest_dot = 0, largest_weight = 1;
      for (size_t w = 0; w < width; ++w) {
        q[w] = p.q[r * p.stride + h * width + w];
      }
      for (size_t j = 0; j < keys; ++j) {
        double dot = 0;
        for (size_t w = 0; w < width; ++w) {
          k[j * width + w] = p.k[(c * keys + j) * p.stride + h * width + w];
          dot += std::abs(q[w] * k[j * width + w]);
        }
        if (j < p.visible[r]) largest_dot = std::max(largest_dot, dot);
      }
      const auto reference = [&](const std::string& kind_name) {
        return AttentionWeightsRef(kind_name, q, k, keys, p.visible[r],
                                   p.plan.temperature, p.sink_logit[h]);
      };
      const auto exact = reference(name);
      for (double a : exact) {
        largest_weight = std::max(largest_weight, std::abs(a));
      }
      double bound = unit * kAttentionTerms * (width + keys) *
                     (1 + largest_dot / p.plan.temperature) * largest_weight;
      if (name == "relu_norm") {
        const auto raw = reference("relu_unnorm");
        bound /=
            std::min(1.0, std::accumulate(raw.begin(), raw.end(), 0.0) + 1e-9);
      }
      const auto weights = p.Weights(kind, r, h);
      for (size_t j = 0; j < keys; ++j) {
        ASSERT_NEAR(weights[j], exact[j], bound) << "row " << r << " key " << j;
        if (j >= p.visible[r]) {
          ASSERT_EQ(weights[j], 0);
        }
      }
      for (size_t w = 0; w < width; ++w) {
        double o = 0, size = 1;
        for (size_t j = 0; j < keys; ++j) {
          const double v = p.v[(c * keys + j) * p.stride + h * width + w];
          o += exact[j] * v;
          if (j < p.visible[r]) size += std::abs(v);
        }
        ASSERT_NEAR(p.o[r * p.stride + h * width + w], o, bound * size);
      }
    }
  }
}

template <typename T>
class AttentionTest : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(AttentionTest, Scalars);

TYPED_TEST(AttentionTest, EveryKindMatchesReference) {
  ForEachTarget([] {
    for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
      for (bool causal : {true, false}) {
        Problem<TypeParam> p(18, 12, 12, 4, 32, causal);
        ExpectMatchesReference(p, kind);
        p.plan.temperature = causal ? 0.4 : 2.5;
        ExpectMatchesReference(p, kind);
      }
    }
  });
}

TYPED_TEST(AttentionTest, EverySizeMatchesReference) {
  ForEachTarget([] {
    for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
      for (size_t keys = 1; keys < 36; keys += kind % 3 + 1) {
        Problem<TypeParam> p(2, keys, keys, 2, keys % 19 + 1, true, keys % 5);
        ExpectMatchesReference(p, kind);
      }
      Problem<TypeParam> few(3, 9, 2, 1, 5, false, 1);  // some positions only
      ExpectMatchesReference(few, kind);
    }
  });
}

// Rows that see keys in no order, and blocks of four that see few or none.
TYPED_TEST(AttentionTest, AnyVisibilityMatchesReference) {
  ForEachTarget([] {
    for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
      for (size_t keys : {3, 12, 16, 21}) {
        Problem<TypeParam> p(3, keys, 23, 2, 17, false, 1);
        for (size_t r = 0; r < p.rows; ++r) {
          p.visible[r] = r % 23 < 8 ? 1 : (r * 7 + r / 3) % keys + 1;
        }
        ExpectMatchesReference(p, kind);
      }
    }
  });
}

TYPED_TEST(AttentionTest, NoContexts) {
  SerialFor serial;
  Problem<TypeParam> p(0, 4, 4, 1, 3, true);
  p.Forward(0, serial);
  p.Backward(0, serial);
  EXPECT_EQ(p.rows, 0u);
}

TYPED_TEST(AttentionTest, NoQueries) {
  SerialFor serial;
  for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
    Problem<TypeParam> p(2, 4, 0, 1, 3, true);
    for (auto* gradient : {&p.dk, &p.dv}) {
      std::fill(gradient->begin(), gradient->end(), TypeParam(77));
    }
    p.Forward(kind, serial);
    p.Backward(kind, serial);
    const TypeParam untouched = AttentionKinds()[kind].uses_scores ? 0 : 77;
    for (TypeParam g : p.dk) EXPECT_EQ(g, untouched);
    for (TypeParam g : p.dv) EXPECT_EQ(g, 0);
  }
}

TEST(AttentionDeathTest, UnknownKindsAbort) {
  SerialFor serial;
  Problem<float> p(1, 4, 4, 1, 3, true);
  const size_t kinds = AttentionKinds().size();
  const std::string message = "attention kind 99 of " + std::to_string(kinds);
  EXPECT_DEATH(p.Forward(99, serial), message);
  EXPECT_DEATH(p.Backward(99, serial), message);
  EXPECT_DEATH(p.Weights(99, 0, 0), message);
  EXPECT_DEATH(p.Weights(kinds, 0, 0), "attention kind");
}

TEST(AttentionKinds, AreTheReferencesTwelveAndOurs) {
  std::set<std::string> names;
  for (const AttentionKind& kind : AttentionKinds()) names.insert(kind.name);
  EXPECT_EQ(names, (std::set<std::string>{
                       "softmax", "uniform", "sigmoid_norm", "sigmoid_unnorm",
                       "linear", "linear_unnorm", "coupled_linear_norm",
                       "coupled_linear_unnorm", "raw_dotproduct_norm",
                       "raw_dotproduct_unnorm", "mlp_norm", "mlp_unnorm",
                       "softmax_1", "softmax_sink", "exp_unnorm",
                       "sigmoid_bias", "relu_norm", "relu_unnorm"}));
}

TYPED_TEST(AttentionTest, PropertiesOfKindsHold) {
  SerialFor serial;
  for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
    const AttentionKind& what = AttentionKinds()[kind];
    SCOPED_TRACE(what.name);
    Problem<TypeParam> p(4, 12, 12, 2, 8, true);
    p.Forward(kind, serial);
    bool negative = false;
    double farthest = 0;
    for (size_t r = 0; r < p.rows; ++r) {
      double sum = 0;
      for (TypeParam a : p.Weights(kind, r, 1)) {
        sum += a;
        negative |= a < 0;
      }
      if (sum == 0) continue;  // no score is positive
      farthest = std::max(farthest, std::abs(sum - 1));
    }
    EXPECT_EQ(negative, what.signed_weights);
    EXPECT_EQ(farthest < 1e-6, what.normalised);
    EXPECT_EQ(what.learned_sink, std::string(what.name) == "softmax_sink");
  }
}

// ------------------------------------------------- what kinds have in common

// Everything that forward and backward of a kind leave, d_sink_logit apart.
template <typename T>
std::vector<T> Results(Problem<T>& p, const std::string& kind) {
  SerialFor serial;
  p.Forward(KindNamed(kind), serial);
  p.Backward(KindNamed(kind), serial);
  std::vector<T> results;
  for (auto* x : {&p.o, &p.raw, &p.sum, &p.dq, &p.dk, &p.dv}) {
    results.insert(results.end(), x->begin(), x->end());
  }
  return results;
}

// Short rows, long ones.
constexpr size_t kCommonKeys[] = {5, 21};

TYPED_TEST(AttentionTest, SinkOfVerySmallLogitIsSoftmax) {
  ForEachTarget([] {
    constexpr TypeParam kInfinity = std::numeric_limits<TypeParam>::infinity();
    for (size_t keys : kCommonKeys) {
      for (TypeParam logit : {TypeParam(-1e4), -kInfinity}) {
        Problem<TypeParam> p(2, keys, keys, 2, 5, true);
        std::fill(p.sink_logit.begin(), p.sink_logit.end(), logit);
        EXPECT_EQ(Results(p, "softmax_sink"), Results(p, "softmax"));
        for (TypeParam g : p.d_sink_logit) EXPECT_EQ(g, 0);
      }
    }
  });
}

TYPED_TEST(AttentionTest, SinkOfLogitZeroIsSoftmaxOne) {
  ForEachTarget([] {
    for (size_t keys : kCommonKeys) {
      Problem<TypeParam> p(2, keys, keys, 2, 5, true);
      std::fill(p.sink_logit.begin(), p.sink_logit.end(), TypeParam(0));
      EXPECT_EQ(Results(p, "softmax_sink"), Results(p, "softmax_1"));
    }
  });
}

// Its weight is what a row lacks, and no logit overflows.
TYPED_TEST(AttentionTest, SinkTakesWhatTheRowLacks) {
  ForEachTarget([] {
    SerialFor serial;
    const size_t kind = KindNamed("softmax_sink");
    for (size_t keys : kCommonKeys) {
      for (double logit : {-30.0, -2.0, 0.0, 3.0, 40.0, 3e4}) {
        Problem<TypeParam> p(2, keys, keys, 2, 5, true);
        std::fill(p.sink_logit.begin(), p.sink_logit.end(), logit);
        p.Forward(kind, serial);
        for (size_t r = 0; r < p.rows; ++r) {
          double sum = p.sink_term[2 * r + 1] / double{p.sum[2 * r + 1]};
          for (TypeParam a : p.Weights(kind, r, 1)) sum += a;
          EXPECT_NEAR(sum, 1, 1e-6);
        }
        if (logit > 1e4) {
          EXPECT_TRUE(std::all_of(p.o.begin(), p.o.end(),
                                  [](TypeParam o) { return o == 0; }));
        }
      }
    }
  });
}

// exp(s) over its sum.
TYPED_TEST(AttentionTest, ExpOverItsSumIsSoftmax) {
  ForEachTarget([] {
    SerialFor serial;
    Problem<TypeParam> p(2, 12, 12, 2, 5, true);
    Problem<TypeParam> exact(2, 12, 12, 2, 5, true);
    p.Forward(KindNamed("exp_unnorm"), serial);
    exact.Forward(KindNamed("softmax"), serial);
    for (size_t r = 0; r < p.rows; ++r) {
      const auto softmax = exact.Weights(KindNamed("softmax"), r, 1);
      for (size_t j = 0; j < 12; ++j) {
        EXPECT_NEAR(p.raw[(2 * r + 1) * 16 + j] / p.sum[2 * r + 1], softmax[j],
                    16 * std::numeric_limits<TypeParam>::epsilon());
      }
    }
  });
}

// Scores of positive q and k are positive.
TYPED_TEST(AttentionTest, ReluOfPositiveScoresIsTheRawProduct) {
  ForEachTarget([] {
    for (size_t keys : kCommonKeys) {
      Problem<TypeParam> p(2, keys, keys, 2, 5, true);
      for (auto* x : {&p.q, &p.k}) {
        for (TypeParam& y : *x) y = std::abs(y);
      }
      EXPECT_EQ(Results(p, "relu_unnorm"), Results(p, "raw_dotproduct_unnorm"));
    }
  });
}

// J keys with a score of 0: each has 1 / (1 + J).
TYPED_TEST(AttentionTest, BiasedSigmoidStartsNearTheMean) {
  SerialFor serial;
  for (size_t keys : kCommonKeys) {
    Problem<TypeParam> p(1, keys, keys, 1, 5, true);
    std::fill(p.q.begin(), p.q.end(), TypeParam(0));
    p.Forward(KindNamed("sigmoid_bias"), serial);
    for (TypeParam a : p.Weights(KindNamed("sigmoid_bias"), keys - 1, 0)) {
      EXPECT_NEAR(a, 1.0 / (1 + keys), 1e-7);
    }
  }
}

// Of a power of two, to the bit, with and without scale in the score: the kind
// on q / temperature. (Features of q / temperature are others.)
TYPED_TEST(AttentionTest, TemperatureDividesScores) {
  ForEachTarget([] {
    for (const AttentionKind& kind : AttentionKinds()) {
      SCOPED_TRACE(kind.name);
      if (std::string(kind.name).rfind("linear", 0) == 0) continue;
      for (size_t keys : kCommonKeys) {
        for (double temperature : {4.0, 0.5}) {
          Problem<TypeParam> p(2, keys, keys, 2, 5, true);
          p.plan.temperature = temperature;
          Results(p, kind.name);
          const std::vector<TypeParam> o(p.o.begin(), p.o.end());
          const std::vector<TypeParam> dk(p.dk.begin(), p.dk.end());
          const std::vector<TypeParam> dq(p.dq.begin(), p.dq.end());
          for (TypeParam& x : p.q) x /= temperature;
          p.plan.temperature = 1;
          Results(p, kind.name);
          EXPECT_TRUE(std::equal(o.begin(), o.end(), p.o.begin()));
          EXPECT_TRUE(std::equal(dk.begin(), dk.end(), p.dk.begin()));
          for (TypeParam& x : p.dq) x /= temperature;
          EXPECT_TRUE(std::equal(dq.begin(), dq.end(), p.dq.begin()));
        }
      }
    }
  });
}

// Both branches of max(|sum|, 1), each with either sign.
TEST(AttentionTest, AbsSumAtLeastOneMeetsEveryBranch) {
  const size_t kind = KindNamed("raw_dotproduct_norm");
  Problem<double> p(8, 12, 12, 1, 4, false);
  SerialFor serial;
  p.Forward(kind, serial);
  int branch[4] = {};
  for (double s : p.sum) ++branch[s < -1 ? 0 : s < 0 ? 1 : s <= 1 ? 2 : 3];
  for (int count : branch) EXPECT_GT(count, 0);
}

// d(o . g) / dx against finite differences.
void ExpectGradient(Problem<double>& p, size_t kind, GuardedArray<double>& x,
                    GuardedArray<double>& gradient, const char* name) {
  SerialFor serial;
  const auto objective = [&] {
    p.Forward(kind, serial);
    double sum = 0;
    for (size_t i = 0; i < p.o.size(); ++i) sum += p.o[i] * p.d_o[i];
    return sum;
  };
  const AttentionKind& what = AttentionKinds()[kind];
  const bool reached =
      &x == &p.sink_logit ? what.learned_sink : what.uses_scores || &x == &p.v;
  EXPECT_EQ(std::any_of(gradient.begin(), gradient.end(),
                        [](double g) { return g != 0; }),
            reached)
      << name;
  EXPECT_LT(GradientError(x.data(), gradient.data(), x.size(), objective), 1e-7)
      << name;
}

// Of all that is seen.
double NearestScoreToZero(Problem<double>& p) {
  SerialFor serial;
  p.Forward(KindNamed("raw_dotproduct_unnorm"), serial);
  double nearest = std::numeric_limits<double>::infinity();
  for (double s : p.raw) {
    if (s != 0) nearest = std::min(nearest, std::abs(s));
  }
  return nearest;
}

// Kinks: max(|sum|, 1) at |sum| = 1, elu'' at 0 (elu' is continuous there),
// relu at 0. The seed keeps every sum farther from 1, and every score of relu
// farther from 0, than the steps reach; relu_norm's sums stay where 1 / sum is
// smooth.
TEST(AttentionGradient, EveryKindMatchesFiniteDifferences) {
  SerialFor serial;
  ForEachTarget([&] {
    for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
      SCOPED_TRACE(AttentionKinds()[kind].name);
      for (bool causal : {true, false}) {
        Problem<double> p(2, 5, 5, 2, 3, causal);
        // Any rows see any keys.
        if (!causal) p.visible = {2, 5, 1, 4, 3, 4, 2, 1, 5, 5};
        if (!causal) p.plan.temperature = 0.7;
        const std::string name = AttentionKinds()[kind].name;
        if (name.rfind("relu_", 0) == 0) {
          ASSERT_GT(NearestScoreToZero(p), 0.003);
        }
        p.Forward(kind, serial);
        if (name == "raw_dotproduct_norm" || name == "mlp_norm") {
          for (double s : p.sum) ASSERT_GT(std::abs(std::abs(s) - 1), 0.003);
        }
        for (auto* g : {&p.dq, &p.dk, &p.d_sink_logit}) {
          for (double& v : *g) v = 0;
        }
        p.Backward(kind, serial);
        ExpectGradient(p, kind, p.q, p.dq, "dq");
        ExpectGradient(p, kind, p.k, p.dk, "dk");
        ExpectGradient(p, kind, p.v, p.dv, "dv");
        ExpectGradient(p, kind, p.sink_logit, p.d_sink_logit, "d_sink_logit");
      }
    }
  });
}

// |a - b| / |b| in the Euclidean norm.
double RelativeDistance(const GuardedArray<float>& a,
                        const GuardedArray<double>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

TEST(AttentionGradient, OfFloatFollowsDouble) {
  struct Shape {
    size_t keys, queries, width;
    bool causal;
  };
  constexpr Shape kShapes[] = {
      {19, 19, 17, true}, {19, 7, 17, false}, {5, 23, 32, false}};
  ForEachTarget([&] {
    SerialFor serial;
    for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
      for (const Shape& s : kShapes) {
        SCOPED_TRACE(testing::Message()
                     << AttentionKinds()[kind].name << ": " << s.keys
                     << " keys, " << s.queries << " queries");
        Problem<float> p(3, s.keys, s.queries, 2, s.width, s.causal);
        Problem<double> exact(3, s.keys, s.queries, 2, s.width, s.causal);
        std::copy(p.q.begin(), p.q.end(), exact.q.begin());
        std::copy(p.k.begin(), p.k.end(), exact.k.begin());
        std::copy(p.v.begin(), p.v.end(), exact.v.begin());
        std::copy(p.d_o.begin(), p.d_o.end(), exact.d_o.begin());
        std::copy(p.sink_logit.begin(), p.sink_logit.end(),
                  exact.sink_logit.begin());
        p.Forward(kind, serial);
        p.Backward(kind, serial);
        exact.Forward(kind, serial);
        exact.Backward(kind, serial);
        EXPECT_LE(RelativeDistance(p.dv, exact.dv), kAttentionGradientNorm);
        if (!AttentionKinds()[kind].uses_scores) continue;
        EXPECT_LE(RelativeDistance(p.dq, exact.dq), kAttentionGradientNorm);
        EXPECT_LE(RelativeDistance(p.dk, exact.dk), kAttentionGradientNorm);
        if (!AttentionKinds()[kind].learned_sink) continue;
        EXPECT_LE(RelativeDistance(p.d_sink_logit, exact.d_sink_logit),
                  kAttentionGradientNorm);
      }
    }
  });
}

TYPED_TEST(AttentionTest, RowWithoutKeys) {
  ForEachTarget([] {
    SerialFor serial;
    for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
      SCOPED_TRACE(AttentionKinds()[kind].name);
      Problem<TypeParam> p(1, 5, 5, 1, 3, true);
      p.visible[2] = p.visible[4] = 0;  // in a block of rows, and alone
      p.Forward(kind, serial);
      const bool softmax =
          std::string(AttentionKinds()[kind].name) == "softmax";
      for (size_t w = 0; w < 3; ++w) {
        for (size_t r : {2, 4}) {
          if (softmax) {
            EXPECT_TRUE(std::isnan(p.o[r * 3 + w]));
          } else {
            EXPECT_EQ(p.o[r * 3 + w], 0);
          }
        }
        EXPECT_FALSE(std::isnan(p.o[1 * 3 + w]));
      }
    }
  });
}

// Under exp only a sink has a weight then.
TYPED_TEST(AttentionTest, ScoresOfMinusInfinity) {
  ForEachTarget([] {
    SerialFor serial;
    for (const char* kind : {"softmax_1", "softmax_sink", "exp_unnorm",
                             "sigmoid_bias", "relu_norm", "relu_unnorm"}) {
      SCOPED_TRACE(kind);
      for (size_t keys : kCommonKeys) {
        Problem<TypeParam> p(1, keys, keys, 1, 3, true);
        for (TypeParam& x : p.k) x = 1;
        for (TypeParam& x : p.q) {
          x = -std::numeric_limits<TypeParam>::infinity();
        }
        p.Forward(KindNamed(kind), serial);
        for (TypeParam o : p.o) EXPECT_EQ(o, 0);
      }
    }
  });
}

TYPED_TEST(AttentionTest, ExpWithoutNormaliserOverflowsToInfinity) {
  ForEachTarget([] {
    SerialFor serial;
    for (size_t keys : kCommonKeys) {
      Problem<TypeParam> p(1, keys, keys, 1, 3, true);
      for (auto* x : {&p.q, &p.k}) std::fill(x->begin(), x->end(), 100);
      p.Forward(KindNamed("exp_unnorm"), serial);
      for (TypeParam o : p.o) EXPECT_FALSE(std::isfinite(o));
    }
  });
}

// A head's logit is its own.
TYPED_TEST(AttentionTest, LogitThatIsNoNumberMakesItsHeadNan) {
  ForEachTarget([] {
    SerialFor serial;
    using Limits = std::numeric_limits<TypeParam>;
    for (TypeParam logit : {Limits::quiet_NaN(), Limits::infinity()}) {
      for (size_t keys : kCommonKeys) {
        Problem<TypeParam> p(2, keys, keys, 2, 3, true);
        p.sink_logit[1] = logit;
        p.Forward(KindNamed("softmax_sink"), serial);
        p.Backward(KindNamed("softmax_sink"), serial);
        for (size_t i = 0; i < p.o.size(); ++i) {
          EXPECT_EQ(std::isnan(p.o[i]), i % 6 >= 3);
        }
        EXPECT_FALSE(std::isnan(p.d_sink_logit[0]));
        EXPECT_TRUE(std::isnan(p.d_sink_logit[1]));
      }
    }
  });
}

TYPED_TEST(AttentionTest, NanStaysInItsContextAndHead) {
  ForEachTarget([] {
    SerialFor serial;
    for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
      if (!AttentionKinds()[kind].uses_scores) continue;
      SCOPED_TRACE(AttentionKinds()[kind].name);
      Problem<TypeParam> p(3, 5, 5, 2, 3, true);
      p.q[(5 + 4) * 6 + 3] = std::numeric_limits<TypeParam>::quiet_NaN();
      p.Forward(kind, serial);
      for (size_t r = 0; r < p.rows; ++r) {
        for (size_t i = 0; i < 6; ++i) {
          EXPECT_EQ(std::isnan(p.o[r * 6 + i]), r == 9 && i >= 3);
        }
      }
    }
  });
}

TYPED_TEST(AttentionTest, OrderOfTasksDoesNotChangeABit) {
  SerialFor serial;
  ReversedFor backwards;
  const size_t kind = KindNamed("softmax_sink");
  Problem<TypeParam> a(37, 12, 12, 2, 8, true), b(37, 12, 12, 2, 8, true);
  a.Forward(kind, serial);
  a.Backward(kind, serial);
  b.Forward(kind, backwards);
  b.Backward(kind, backwards);
  EXPECT_TRUE(std::equal(a.o.begin(), a.o.end(), b.o.begin()));
  EXPECT_TRUE(std::equal(a.dq.begin(), a.dq.end(), b.dq.begin()));
  EXPECT_TRUE(std::equal(a.dk.begin(), a.dk.end(), b.dk.begin()));
  EXPECT_TRUE(std::equal(a.dv.begin(), a.dv.end(), b.dv.begin()));
  EXPECT_TRUE(std::equal(a.d_sink_logit.begin(), a.d_sink_logit.end(),
                         b.d_sink_logit.begin()));
}

}  // namespace
}  // namespace polarize
