// Plans that compute equal rows once, only the rows that are used, or rows in
// another order give what the identity plan gives.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "experiments/model/model_config.h"
#include "experiments/model/parameters.h"
#include "experiments/model/row_plan.h"
#include "experiments/model/transformer.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

constexpr size_t kSequences = 6;
// Norm-wise. Gradients add up in another order, logits do not.
constexpr double kDouble = 1e-12;
constexpr double kFloat = 1e-6;
constexpr double kFloatGradient = 3e-6;
constexpr double kZero = 1e-7;  // gradients that cancel to 0, absolute

struct PlanKind {
  const char* name;
  bool share_first;     // one row per (token, position) before the first layer
  bool share_prefixes;  // one row per beginning of a sequence in every layer
  bool last_only;       // the last layer computes the last position alone
  bool shuffle;         // rows, contexts and outputs in a random order
};

constexpr PlanKind kPlans[] = {
    {"first layer shared", true, false, false, false},
    {"prefixes shared", false, true, false, false},
    {"last position", false, false, true, false},
    {"shuffled", false, false, false, true},
    {"first layer shared, last position, shuffled", true, false, true, true},
    {"prefixes shared, last position, shuffled", false, true, true, true},
};

// A plan, and which (sequence, position) each of its outputs stands for.
struct Planned {
  RowPlan plan;
  std::vector<size_t> output_of;
};

constexpr uint32_t kNone = ~0u;

class PlanMaker {
 public:
  PlanMaker(const ModelConfig& config, const Batch& batch, const PlanKind& kind)
      : config_(config), batch_(batch), kind_(kind) {}

  Planned Make() {
    Planned made;
    made.plan.contexts = batch_.sequences;
    std::vector<uint32_t> row_of = FirstRows(made.plan);
    size_t rows = made.plan.token.size();
    for (size_t l = 0; l < config_.layers; ++l) {
      made.plan.layers.push_back(NextLayer(l, rows, row_of));
      rows = made.plan.layers.back().rows_out;
    }
    for (size_t i : Order(row_of.size())) {
      if (row_of[i] == kNone || !IsOutput(i)) continue;
      made.output_of.push_back(i);
      made.plan.output.row.push_back(row_of[i]);
      made.plan.target.push_back(batch_.target[i]);
      made.plan.weight.push_back(batch_.weight[i]);
    }
    made.plan.output.Finish(rows);
    made.plan.target_row.row.resize(made.plan.target.size());
    std::iota(made.plan.target_row.row.begin(), made.plan.target_row.row.end(),
              0u);
    made.plan.target_row.Finish(made.plan.output.row.size());
    return made;
  }

 private:
  // 0 .. n - 1, shuffled if asked for.
  std::vector<size_t> Order(size_t n) {
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    if (kind_.shuffle) std::shuffle(order.begin(), order.end(), random_);
    return order;
  }
  bool IsLastPosition(size_t i) const {
    return i % config_.positions + 1 == config_.positions;
  }
  bool IsOutput(size_t i) const {
    return !kind_.last_only || IsLastPosition(i);
  }
  // Equal where (sequence, position) i gives an equal row by sharing.
  std::vector<int32_t> KeyOf(size_t i, bool first_layer) const {
    const size_t position = i % config_.positions;
    if (kind_.share_prefixes) {
      return {batch_.token.begin() + (i - position),
              batch_.token.begin() + i + 1};
    }
    if (kind_.share_first && first_layer) {
      return {batch_.token[i], static_cast<int32_t>(position)};
    }
    return {static_cast<int32_t>(i)};
  }

  // Rows of the embedding; which one each (sequence, position) reads.
  std::vector<uint32_t> FirstRows(RowPlan& plan) {
    std::map<std::vector<int32_t>, uint32_t> seen;
    std::vector<uint32_t> row_of(batch_.token.size());
    for (size_t i : Order(row_of.size())) {
      const auto [at, fresh] =
          seen.emplace(KeyOf(i, /*first_layer=*/true), seen.size());
      row_of[i] = at->second;
      if (!fresh) continue;
      plan.token.push_back(batch_.token[i]);
      plan.position.push_back(static_cast<int32_t>(i % config_.positions));
    }
    return row_of;
  }

  LayerPlan NextLayer(size_t l, size_t rows_in, std::vector<uint32_t>& row_of) {
    const size_t positions = config_.positions;
    std::map<std::vector<int32_t>, uint32_t> seen;
    std::vector<uint32_t> next(row_of.size(), kNone);
    LayerPlan layer;
    layer.rows_in = rows_in;
    layer.query_begin = {0};
    for (size_t sequence : Order(batch_.sequences)) {
      for (size_t t = 0; t < positions; ++t) {
        layer.key.row.push_back(row_of[sequence * positions + t]);
      }
      for (size_t t : Order(positions)) {
        const size_t i = sequence * positions + t;
        if (l + 1 == config_.layers && !IsOutput(i)) continue;
        const auto [at, fresh] =
            seen.emplace(KeyOf(i, /*first_layer=*/false), seen.size());
        next[i] = at->second;
        if (!fresh) continue;
        layer.query.row.push_back(row_of[i]);
        layer.visible.push_back(config_.causal ? t + 1 : positions);
      }
      layer.query_begin.push_back(layer.query.row.size());
    }
    layer.rows_out = layer.query.row.size();
    layer.key.Finish(rows_in);
    layer.query.Finish(rows_in);
    row_of = next;
    return layer;
  }

  const ModelConfig& config_;
  const Batch& batch_;
  const PlanKind kind_;
  std::mt19937 random_{7};
};

// What a plan leaves to compare, outputs in the identity plan's order.
struct Results {
  std::vector<double> logits, loss, correct;
  std::vector<double> gradients;
};

template <typename T>
Results Run(Transformer<T>& model, const Planned& planned) {
  const size_t outputs = model.config().outputs;
  std::vector<size_t> order(planned.output_of.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return planned.output_of[a] < planned.output_of[b];
  });
  Results results;
  model.Pack(/*backward=*/true);
  const T* logits = model.Forward(planned.plan);
  for (size_t i : order) {
    results.logits.insert(results.logits.end(), logits + i * outputs,
                          logits + (i + 1) * outputs);
  }
  model.Loss(planned.plan, /*backward=*/true);
  for (size_t i : order) {
    results.loss.push_back(model.loss()[i]);
    results.correct.push_back(model.correct()[i]);
  }
  model.Backward(planned.plan);
  results.gradients.assign(model.gradients(),
                           model.gradients() + model.parameters().array_size());
  return results;
}

Planned Identity(const ModelConfig& config, const Batch& batch) {
  Planned planned = {IdentityPlan(config, batch), {}};
  for (size_t i = 0; i < batch.token.size(); ++i) {
    planned.output_of.push_back(i);
  }
  return planned;
}

// The identity plan's results, cut to the outputs that the other plan has.
template <typename T>
Results RunIdentity(Transformer<T>& model, Batch batch, bool last_only) {
  const size_t positions = model.config().positions;
  const auto is_output = [&](size_t i) {
    return !last_only || i % positions + 1 == positions;
  };
  for (size_t i = 0; i < batch.weight.size(); ++i) {
    if (!is_output(i)) batch.weight[i] = 0;
  }
  const Results all = Run(model, Identity(model.config(), batch));
  Results results;
  results.gradients = all.gradients;
  const size_t outputs = model.config().outputs;
  for (size_t i = 0; i < batch.weight.size(); ++i) {
    if (!is_output(i)) continue;
    results.loss.push_back(all.loss[i]);
    results.correct.push_back(all.correct[i]);
    results.logits.insert(results.logits.end(),
                          all.logits.begin() + i * outputs,
                          all.logits.begin() + (i + 1) * outputs);
  }
  return results;
}

template <typename T>
void ExpectEqualGradients(const Parameters& parameters, const Results& actual,
                          const Results& expected, double tolerance) {
  for (const Parameter& p : parameters.list()) {
    const auto part = [&](const std::vector<double>& array) {
      return std::vector<double>(array.begin() + p.offset,
                                 array.begin() + p.offset + p.size);
    };
    const std::vector<double> a = part(actual.gradients),
                              b = part(expected.gradients);
    const double largest =
        std::abs(*std::max_element(b.begin(), b.end(), [](double x, double y) {
          return std::abs(x) < std::abs(y);
        }));
    if (largest < kZero) {
      for (double x : a) EXPECT_NEAR(x, 0, kZero) << p.name;
    } else {
      EXPECT_LT(NormWiseError(a, b), tolerance) << p.name;
    }
  }
}

template <typename T>
void ExpectSameAsIdentity(const ModelConfig& config, const PlanKind& kind,
                          double tolerance, double gradient_tolerance) {
  SerialFor serial;
  Transformer<T> model(config, kSequences, serial);
  std::vector<double> values(model.parameters().array_size());
  FillParameters(model.parameters(), 1, values.data());
  std::copy(values.begin(), values.end(), model.values());
  const Batch batch = RandomBatch(config, kSequences, 5);
  const Planned planned = PlanMaker(config, batch, kind).Make();
  // Memory that is not fresh, for a plan to overwrite.
  Run(model, Identity(config, RandomBatch(config, kSequences, 6)));
  const Results actual = Run(model, planned);
  const Results expected = RunIdentity(model, batch, kind.last_only);
  EXPECT_LT(NormWiseError(actual.logits, expected.logits), tolerance);
  EXPECT_LT(NormWiseError(actual.loss, expected.loss), tolerance);
  EXPECT_EQ(actual.correct, expected.correct);
  ExpectEqualGradients<T>(model.parameters(), actual, expected,
                          gradient_tolerance);
}

struct Variant {
  const char* name;
  ModelConfig (*make)(ModelConfig config);
};

constexpr Variant kVariants[] = {
    {"default", [](ModelConfig c) { return c; }},
    {"full, no mlp, one layer",
     [](ModelConfig c) {
       c.causal = c.use_mlp = false;
       c.layers = 1;
       return c;
     }},
    {"no layernorm, add, three layers",
     [](ModelConfig c) {
       c.use_layernorm = false;
       c.positional = Positional::kAdd;
       c.layers = 3;
       return c;
     }},
    {"bare, no positions",
     [](ModelConfig c) {
       c.use_layernorm = c.use_mlp = false;
       c.positional = Positional::kNone;
       return c;
     }},
    {"qk norm and gate", WithNormAndGate},
    {"bare, qk norm and gate",
     [](ModelConfig c) {
       c.use_layernorm = c.use_mlp = false;
       return WithNormAndGate(c);
     }},
};

class TransformerPlan : public testing::TestWithParam<size_t> {};

TEST_P(TransformerPlan, GivesWhatTheIdentityPlanGives) {
  for (const Variant& variant : kVariants) {
    const ModelConfig config =
        variant.make(TinyModel(AttentionKinds()[GetParam()].name));
    for (const PlanKind& plan : kPlans) {
      // With full attention a row depends on what comes behind it.
      if (plan.share_prefixes && !config.causal) continue;
      SCOPED_TRACE(testing::Message() << variant.name << ": " << plan.name);
      ExpectSameAsIdentity<double>(config, plan, kDouble, kDouble);
      ExpectSameAsIdentity<float>(config, plan, kFloat, kFloatGradient);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TransformerPlan,
                         testing::Range<size_t>(0, AttentionKinds().size()),
                         [](const auto& info) {
                           return AttentionKinds()[info.param].name;
                         });

// That the plans above are not the identity in disguise.
TEST(TransformerPlan, SharedPlansHaveFewerRows) {
  const ModelConfig config = TinyModel("softmax");
  const Batch batch = RandomBatch(config, kSequences, 5);
  const size_t rows = batch.token.size();
  const RowPlan first = PlanMaker(config, batch, kPlans[0]).Make().plan;
  EXPECT_LT(first.token.size(), rows);
  EXPECT_EQ(first.layers[0].rows_out, rows);
  EXPECT_FALSE(first.layers[0].key.identity);
  const RowPlan prefixes = PlanMaker(config, batch, kPlans[1]).Make().plan;
  for (const LayerPlan& layer : prefixes.layers) {
    EXPECT_LT(layer.rows_out, rows);
    EXPECT_FALSE(layer.key.identity);
  }
  EXPECT_FALSE(prefixes.output.identity);
  const RowPlan last = PlanMaker(config, batch, kPlans[2]).Make().plan;
  EXPECT_EQ(last.layers[1].rows_out, kSequences);
  EXPECT_FALSE(last.layers[1].query.identity);
  EXPECT_TRUE(last.output.identity);
  const RowPlan shuffled = PlanMaker(config, batch, kPlans[3]).Make().plan;
  EXPECT_EQ(shuffled.layers[1].rows_out, rows);
  EXPECT_FALSE(shuffled.layers[0].query.identity);
  EXPECT_FALSE(shuffled.output.identity);
}

// Memory is planned for so many sequences.
TEST(TransformerPlanDeathTest, MustFitIntoThePlannedMemory) {
  const ModelConfig config = TinyModel("softmax");
  SerialFor serial;
  Transformer<float> model(config, kSequences, serial);
  model.Pack(/*backward=*/false);
  const Batch large = RandomBatch(config, kSequences + 1, 5);
  EXPECT_DEATH(model.Forward(IdentityPlan(config, large)),
               "35 rows of the embedding, room for 30");

  const RowPlan fits = IdentityPlan(config, RandomBatch(config, kSequences, 5));
  RowPlan plan = fits;
  plan.output.row.push_back(0);
  EXPECT_DEATH(model.Forward(plan), "31 outputs, room for 30");
  plan = fits;
  plan.contexts = kSequences + 1;
  EXPECT_DEATH(model.Forward(plan), "35 keys, room for 30");
  plan = fits;
  plan.layers[1].rows_out = 31;
  EXPECT_DEATH(model.Forward(plan), "31 rows of a layer, room for 30");
  plan = fits;
  --plan.layers[1].query_begin[3];
  EXPECT_DEATH(model.Forward(plan), "6 queries of a context, room for 5");
}

}  // namespace
}  // namespace polarize
