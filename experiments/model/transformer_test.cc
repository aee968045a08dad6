#include "experiments/model/transformer.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "experiments/model/model_config.h"
#include "experiments/model/observer.h"
#include "experiments/model/parameters.h"
#include "experiments/model/row_plan.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/model_testing.h"
#include "tests/support/reference_model.h"

namespace polarize {
namespace {

constexpr size_t kSequences = 3;

struct Variant {
  const char* name;
  ModelConfig (*make)(ModelConfig config);
};

// Every option off its default at least once, alone or with others.
constexpr Variant kVariants[] = {
    {"default", [](ModelConfig c) { return c; }},
    {"add_full_one_head",
     [](ModelConfig c) {
       c.positional = Positional::kAdd;
       c.causal = false;
       c.heads = 1;
       return c;
     }},
    {"no_positions_no_mlp_three_layers",
     [](ModelConfig c) {
       c.layers = 3;
       c.positional = Positional::kNone;
       c.use_mlp = false;
       return c;
     }},
    {"no_layernorm_full",
     [](ModelConfig c) {
       c.use_layernorm = false;
       c.causal = false;
       return c;
     }},
    {"bare",
     [](ModelConfig c) {
       c.use_layernorm = c.use_mlp = false;
       c.positional = Positional::kAdd;
       c.heads = 4;
       return c;
     }},
    {"temperature",
     [](ModelConfig c) {
       c.attention_temperature *= 0.6;
       return c;
     }},
    {"qk_norm_full",
     [](ModelConfig c) {
       c.causal = false;
       c.qk_norm = AttentionKinds()[c.attention_kind].uses_scores;
       return c;
     }},
    {"attention_gate",
     [](ModelConfig c) {
       c.attention_gate = true;
       return c;
     }},
    {"qk_norm_attention_gate", WithNormAndGate},
    {"qk_norm_attention_gate_bare",
     [](ModelConfig c) {
       c.use_layernorm = c.use_mlp = false;
       return WithNormAndGate(c);
     }},
};

// bfloat16 keeps 8 bits. Most gradients of these models are off by 1 to 3
// percent then, those of raw_dotproduct_norm, which divides by sums near 0, by
// up to 12; after a product for the wrong direction by 100.
constexpr double kBF16Relative = 0x1p-3;
// Of relu_norm: with its only positive score rounded to below 0, a row loses
// all of its weight.
constexpr double kBF16ReluNorm = 0x1p-1;

// Calls body(config) for every attention kind and variant.
template <class Body>
void ForEachConfig(const Body& body) {
  for (const AttentionKind& kind : AttentionKinds()) {
    for (const Variant& variant : kVariants) {
      SCOPED_TRACE(testing::Message() << kind.name << ", " << variant.name);
      body(variant.make(TinyModel(kind.name)));
    }
  }
}

// A model, a batch, and what belongs to one run of them.
template <typename T>
struct Trial {
  Trial(const ModelConfig& config, uint32_t seed,
        ParallelFor* parallel = nullptr)
      : batch(RandomBatch(config, kSequences, seed)),
        plan(IdentityPlan(config, batch)),
        model(config, kSequences, parallel != nullptr ? *parallel : serial) {
    std::vector<double> values(model.parameters().array_size());
    FillParameters(model.parameters(), seed, values.data());
    std::copy(values.begin(), values.end(), model.values());
  }

  std::vector<double> Logits() {
    model.Pack(/*backward=*/false);
    const T* logits = model.Forward(plan);
    return {logits, logits + plan.target.size() * model.config().outputs};
  }
  double Loss() {
    model.Pack(/*backward=*/false);
    model.Forward(plan);
    model.Loss(plan, /*backward=*/false);
    double loss = 0;
    for (size_t r = 0; r < plan.target.size(); ++r) {
      loss += plan.weight[r] * model.loss()[r];
    }
    return loss;
  }
  std::vector<T> Gradients() {
    model.Pack(/*backward=*/true);
    model.Forward(plan);
    model.Loss(plan, /*backward=*/true);
    model.Backward(plan);
    return {model.gradients(),
            model.gradients() + model.parameters().array_size()};
  }

  SerialFor serial;
  Batch batch;
  RowPlan plan;
  Transformer<T> model;
};

ReferenceOutputs ReferenceOf(const Trial<double>& trial) {
  auto& model = const_cast<Transformer<double>&>(trial.model);
  return ReferenceForward(model.config(), model.parameters(), model.values(),
                          trial.batch.token);
}

// ---------------------------------------------------------------- forward

TEST(Transformer, ForwardEqualsTheReference) {
  ForEachTarget([] {
    ForEachConfig([](const ModelConfig& config) {
      Trial<double> trial(config, 1);
      const ReferenceOutputs reference = ReferenceOf(trial);
      EXPECT_LT(NormWiseError(trial.Logits(), reference.logits), 1e-13);
      trial.Loss();
      const std::vector<double> losses =
          ReferenceLosses(reference.logits, trial.batch.target, config.outputs);
      EXPECT_LT(
          NormWiseError(
              {trial.model.loss(), trial.model.loss() + losses.size()}, losses),
          1e-13);
      for (size_t r = 0; r < losses.size(); ++r) {
        const auto row = reference.logits.begin() + r * config.outputs;
        const auto best = std::max_element(row, row + config.outputs);
        EXPECT_EQ(trial.model.correct()[r],
                  best - row == trial.batch.target[r]);
      }
    });
  });
}

TEST(Transformer, ForwardInFloatEqualsTheReference) {
  ForEachConfig([](const ModelConfig& config) {
    Trial<double> exact(config, 1);
    Trial<float> trial(config, 1);
    EXPECT_LT(NormWiseError(trial.Logits(), exact.Logits()), 1e-5);
  });
}

// The last layer's rows are the embedding's.
TEST(Transformer, NoLayersAtAll) {
  ModelConfig config = TinyModel("softmax");
  config.layers = 0;
  Trial<double> trial(config, 1);
  EXPECT_LT(NormWiseError(trial.Logits(), ReferenceOf(trial).logits), 1e-13);
  trial.Gradients();
  EXPECT_EQ(trial.model.parameters().list().size(), 6u);
}

// What a large plan leaves in the memory does not reach a smaller one.
TEST(Transformer, SmallerPlanAfterLarger) {
  ForEachConfig([](const ModelConfig& config) {
    Trial<double> used(config, 1), fresh(config, 1);
    used.Gradients();
    const Batch small = RandomBatch(config, 1, 8);
    used.plan = fresh.plan = IdentityPlan(config, small);
    EXPECT_EQ(used.Gradients(), fresh.Gradients());
    EXPECT_EQ(used.Logits(), fresh.Logits());
  });
}

// --------------------------------------------------------------- gradients

// Spacings of the differences. The rounding of a loss weighs 1 / spacing, what
// the formula leaves out spacing^4: the better of two is free of both, where a
// wrong gradient is wrong at either. And how far a kink must be for the smooth
// formula to hold on both sides of every entry.
constexpr double kSteps[] = {1e-4, 4e-4};
constexpr double kKinkMargin = 2e-3;
constexpr double kGradientError = 1e-7;
constexpr size_t kEntries = 8;  // of each parameter, and a direction

// The first seed whose rows keep away from every kink; for max(|sum|, 1) there
// are also rows on both sides of it.
uint32_t SeedAwayFromKinks(const ModelConfig& config) {
  for (uint32_t seed = 1; seed < 1000; ++seed) {
    const ReferenceOutputs reference = ReferenceOf(Trial<double>(config, seed));
    const size_t sums = reference.sums_above_one + reference.sums_below_one;
    if (reference.kink_distance > kKinkMargin &&
        (sums == 0 || (reference.sums_above_one * 10 > sums &&
                       reference.sums_below_one * 10 > sums))) {
      return seed;
    }
  }
  ADD_FAILURE() << "every seed has rows near a kink";
  return 0;
}

// d loss / dt along values + t * direction, by fourth-order differences.
double Difference(Trial<double>& trial, double* values,
                  const std::vector<double>& direction, double step) {
  const std::vector<double> at(values, values + direction.size());
  const auto loss = [&](double t) {
    for (size_t i = 0; i < at.size(); ++i) values[i] = at[i] + t * direction[i];
    return trial.Loss();
  };
  const double slope =
      (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) /
      (12 * step);
  std::copy(at.begin(), at.end(), values);
  return slope;
}

// Some single entries with a gradient, then one direction across all entries.
std::vector<std::vector<double>> Directions(const double* gradient, size_t size,
                                            std::mt19937& random) {
  std::vector<size_t> reached;
  for (size_t i = 0; i < size; ++i) {
    if (gradient[i] != 0) reached.push_back(i);
  }
  std::vector<std::vector<double>> directions;
  for (size_t i = 0; i < kEntries && !reached.empty(); ++i) {
    directions.emplace_back(size);
    directions.back()[reached[random() % reached.size()]] = 1;
  }
  directions.emplace_back(size);
  double square = 0;
  for (double& x : directions.back()) {
    x = RandomUnit(random);
    square += x * x;
  }
  for (double& x : directions.back()) x /= std::sqrt(square);
  return directions;
}

// A softmax does not change when all scores of a row move together.
bool CancelsInSoftmax(const ModelConfig& config, const std::string& name) {
  return !config.qk_norm &&
         config.attention_kind == AttentionKindNamed("softmax") &&
         absl::EndsWith(name, "k_proj.bias");
}

void CheckGradients(const ModelConfig& config) {
  Trial<double> trial(config, SeedAwayFromKinks(config));
  const std::vector<double> gradients = trial.Gradients();
  std::mt19937 random(2);
  for (const Parameter& p : trial.model.parameters().list()) {
    SCOPED_TRACE(p.name);
    const double* gradient = gradients.data() + p.offset;
    std::vector<double> numeric[2], analytic;
    for (const auto& direction : Directions(gradient, p.size, random)) {
      for (size_t k = 0; k < 2; ++k) {
        numeric[k].push_back(Difference(trial, trial.model.values() + p.offset,
                                        direction, kSteps[k]));
      }
      analytic.push_back(0);
      for (size_t i = 0; i < p.size; ++i) {
        analytic.back() += direction[i] * gradient[i];
      }
    }
    if (!p.trained || CancelsInSoftmax(config, p.name)) {
      for (double x : numeric[0]) EXPECT_NEAR(x, 0, 1e-10);
      for (double x : analytic) EXPECT_NEAR(x, 0, 1e-14);
    } else {
      EXPECT_LT(std::min(NormWiseError(numeric[0], analytic),
                         NormWiseError(numeric[1], analytic)),
                kGradientError);
      EXPECT_NE(analytic.back(), 0);
    }
  }
}

class TransformerGradient : public testing::TestWithParam<size_t> {};

TEST_P(TransformerGradient, EqualsDifferences) {
  for (const Variant& variant : kVariants) {
    SCOPED_TRACE(variant.name);
    CheckGradients(variant.make(TinyModel(AttentionKinds()[GetParam()].name)));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TransformerGradient,
                         testing::Range<size_t>(0, AttentionKinds().size()),
                         [](const auto& info) {
                           return AttentionKinds()[info.param].name;
                         });

TEST(Transformer, GradientsInFloatEqualThoseInDouble) {
  ForEachTarget([] {
    ForEachConfig([](const ModelConfig& config) {
      const uint32_t seed = SeedAwayFromKinks(config);
      Trial<float> trial(config, seed);
      Trial<double> exact(config, seed);
      const std::vector<float> a = trial.Gradients();
      const std::vector<double> b = exact.Gradients();
      for (const Parameter& p : trial.model.parameters().list()) {
        if (!p.trained || CancelsInSoftmax(config, p.name)) continue;
        const size_t end = p.offset + p.size;
        EXPECT_LT(NormWiseError({a.begin() + p.offset, a.begin() + end},
                                {b.begin() + p.offset, b.begin() + end}),
                  5e-5)
            << p.name;
      }
    });
  });
}

TEST(Transformer, WhatIsNotTrainedHasNoGradient) {
  ForEachConfig([](const ModelConfig& config) {
    Trial<float> trial(config, 1);
    std::vector<float> gradients = trial.Gradients();
    const bool scores = AttentionKinds()[config.attention_kind].uses_scores;
    for (const Parameter& p : trial.model.parameters().list()) {
      EXPECT_EQ(p.trained, scores || !(absl::StrContains(p.name, "q_proj") ||
                                       absl::StrContains(p.name, "k_proj")))
          << p.name;
      if (p.trained) std::fill_n(gradients.begin() + p.offset, p.size, 0.0f);
    }
    // What is left: those and the gaps between parameters.
    EXPECT_EQ(gradients, std::vector<float>(gradients.size()));
  });
}

TEST(Transformer, BackwardOverwrites) {
  ForEachConfig([](const ModelConfig& config) {
    Trial<float> trial(config, 1);
    const std::vector<float> first = trial.Gradients();
    EXPECT_EQ(trial.Gradients(), first);
  });
}

// ------------------------------------------------- limits of the options

// With sigmoid(40) = 1 in every lane, and no gradient: the same bits.
template <typename T>
void ExpectOpenGateIsNoGate(const ModelConfig& plain) {
  ModelConfig config = plain;
  config.attention_gate = true;
  Trial<T> with(config, 1), without(plain, 1);
  T* values = with.model.values();
  const Parameters& parameters = with.model.parameters();
  std::vector<const Parameter*> shared;
  for (const Parameter& p : parameters.list()) {
    if (!absl::StrContains(p.name, "gate_proj")) shared.push_back(&p);
  }
  const std::vector<Parameter>& list = without.model.parameters().list();
  ASSERT_EQ(shared.size(), list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(shared[i]->name, list[i].name);
    std::copy_n(without.model.values() + list[i].offset, list[i].size,
                values + shared[i]->offset);
  }
  for (const LayerParameters& p : parameters.layers) {
    std::fill_n(values + p.gate.weight, p.gate.inner * p.gate.outer, T(0));
    std::fill_n(values + p.gate.bias, p.gate.outer, T(40));
  }
  EXPECT_EQ(with.Logits(), without.Logits());
  const std::vector<T> a = with.Gradients(), b = without.Gradients();
  for (size_t i = 0; i < list.size(); ++i) {
    EXPECT_TRUE(std::equal(b.begin() + list[i].offset,
                           b.begin() + list[i].offset + list[i].size,
                           a.begin() + shared[i]->offset))
        << list[i].name;
  }
  for (const LayerParameters& p : parameters.layers) {
    for (size_t i = 0; i < p.gate.outer; ++i) {
      EXPECT_EQ(a[p.gate.bias + i], 0);
    }
  }
}

TEST(AttentionGate, ThatIsOpenChangesNothing) {
  ForEachTarget([] {
    ForEachConfig([](const ModelConfig& config) {
      if (config.attention_gate) return;
      ExpectOpenGateIsNoGate<float>(config);
      ExpectOpenGateIsNoGate<double>(config);
    });
  });
}

// A closed gate leaves the residual stream alone: what attention reads has no
// gradient.
TEST(AttentionGate, ThatIsClosedLeavesNothing) {
  ForEachConfig([](const ModelConfig& config) {
    if (!config.attention_gate) return;
    Trial<double> trial(config, 1);
    for (const LayerParameters& p : trial.model.parameters().layers) {
      double* values = trial.model.values();
      std::fill_n(values + p.gate.weight, p.gate.inner * p.gate.outer, 0.0);
      std::fill_n(values + p.gate.bias, p.gate.outer, -800.0);
    }
    const std::vector<double> gradients = trial.Gradients();
    for (const LayerParameters& p : trial.model.parameters().layers) {
      for (const LinearParameters& linear : {p.q, p.k, p.v, p.o}) {
        for (size_t i = 0; i < linear.inner * linear.outer; ++i) {
          ASSERT_EQ(gradients[linear.weight + i], 0);
        }
      }
    }
  });
}

// ----------------------------------------------------------- observers

template <typename T>
class Recorder : public AttentionObserver<T> {
 public:
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const T> weights) override {
    order.emplace_back(layer, row.sequence * weights.size() + row.position,
                       head);
    all.insert(all.end(), weights.begin(), weights.end());
  }
  std::vector<std::tuple<size_t, size_t, size_t>> order;
  std::vector<double> all;  // as they came
};

template <typename T>
void ExpectObserverChangesNothing(const ModelConfig& config) {
  Trial<T> trial(config, 1);
  const std::vector<double> logits = trial.Logits();
  const std::vector<T> gradients = trial.Gradients();
  Recorder<T> recorder;
  trial.model.SetObserver(&recorder);
  EXPECT_EQ(trial.Logits(), logits);
  EXPECT_EQ(trial.Gradients(), gradients);
  EXPECT_EQ(recorder.order.size(),
            2 * config.layers * trial.plan.token.size() * config.heads);
  trial.model.SetObserver(nullptr);
  trial.Logits();
  EXPECT_EQ(recorder.order.size(),
            2 * config.layers * trial.plan.token.size() * config.heads);
}

TEST(Observer, ChangesNothing) {
  ForEachConfig([](const ModelConfig& config) {
    ExpectObserverChangesNothing<float>(config);
    ExpectObserverChangesNothing<double>(config);
  });
}

TEST(Observer, SeesTheWeightsOfEveryRowInOrder) {
  ForEachConfig([](const ModelConfig& config) {
    Trial<double> trial(config, 1);
    Recorder<double> recorder;
    trial.model.SetObserver(&recorder);
    trial.Logits();
    EXPECT_LT(NormWiseError(recorder.all, ReferenceOf(trial).weights), 1e-13);
    EXPECT_TRUE(std::is_sorted(recorder.order.begin(), recorder.order.end()));
    EXPECT_EQ(recorder.order.back(),
              std::make_tuple(config.layers - 1, trial.plan.token.size() - 1,
                              config.heads - 1));
  });
}

// A normaliser adds 1e-9 to a sum that may be as small as 0.001.
constexpr double kRowSum = 1e-6;

template <typename T>
void ExpectRowsSumToOne(const ModelConfig& config) {
  Trial<T> trial(config, 1);
  Recorder<T> recorder;
  trial.model.SetObserver(&recorder);
  trial.Logits();
  const size_t keys = config.positions;
  for (size_t i = 0; i < recorder.order.size(); ++i) {
    const size_t q = std::get<1>(recorder.order[i]) % keys;
    double sum = 0;
    for (size_t j = 0; j < keys; ++j) {
      const double weight = recorder.all[i * keys + j];
      if (config.causal && j > q) {
        EXPECT_EQ(weight, 0);
      }
      sum += weight;
    }
    // A row of no positive score has no weight.
    if (AttentionKinds()[config.attention_kind].normalised && sum != 0) {
      EXPECT_NEAR(sum, 1, kRowSum);
    }
  }
}

TEST(Observer, RowsOfNormalisedKindsSumToOne) {
  ForEachConfig([](const ModelConfig& config) {
    ExpectRowsSumToOne<float>(config);
    ExpectRowsSumToOne<double>(config);
  });
}

// Token rows plus attention's output, laid bare: one layer of nothing else,
// between identities.
ModelConfig BareAttention(const AttentionKind& kind) {
  ModelConfig config = TinyModel(kind.name);
  config.layers = 1;
  config.use_mlp = config.use_layernorm = false;
  config.positional = Positional::kNone;
  config.outputs = config.width;
  return config;
}

template <typename T>
void MakeIdentity(const LinearParameters& p, T* values) {
  std::fill_n(values + p.weight, p.inner * p.outer, T(0));
  std::fill_n(values + p.bias, p.outer, T(0));
  for (size_t i = 0; i < p.inner; ++i) values[p.weight + i * p.inner + i] = 1;
}

// The weights it sees times v are what attention added, in T's precision.
template <typename T>
void ExpectWeightsReproduceAttended(const AttentionKind& kind,
                                    double tolerance) {
  const ModelConfig config = BareAttention(kind);
  Trial<T> trial(config, 1);
  const Parameters& parameters = trial.model.parameters();
  const LayerParameters& layer = parameters.layers[0];
  T* values = trial.model.values();
  MakeIdentity(layer.o, values);
  MakeIdentity(layer.v, values);
  MakeIdentity(parameters.output, values);
  Recorder<T> recorder;
  trial.model.SetObserver(&recorder);
  const std::vector<double> logits = trial.Logits();
  const size_t width = config.width, keys = config.positions;
  for (size_t r = 0; r < trial.batch.token.size(); ++r) {
    for (size_t i = 0; i < width; ++i) {
      const auto x = [&](size_t row) {
        return values[parameters.token_table + trial.batch.token[row] * width +
                      i];
      };
      const size_t head = i / config.head_width();
      double expected = x(r);
      for (size_t j = 0; j < keys; ++j) {
        expected += recorder.all[(r * config.heads + head) * keys + j] *
                    x(r - r % keys + j);
      }
      EXPECT_NEAR(logits[r * width + i], expected,
                  tolerance * std::max(1.0, std::abs(expected)));
    }
  }
}

TEST(Observer, WeightsReproduceWhatAttentionAdds) {
  for (const AttentionKind& kind : AttentionKinds()) {
    SCOPED_TRACE(kind.name);
    ExpectWeightsReproduceAttended<float>(kind, 3e-6);
    ExpectWeightsReproduceAttended<double>(kind, 1e-14);
  }
}

// ---------------------------------------------------- orders and instances

template <typename T>
void ExpectSameBitsInAnyOrder(const ModelConfig& config) {
  Trial<T> in_order(config, 1);
  const std::vector<T> gradients = in_order.Gradients();
  const std::vector<double> logits = in_order.Logits();
  ReversedFor reversed;
  ShuffledFor shuffled(4);
  for (ParallelFor* order : {static_cast<ParallelFor*>(&reversed),
                             static_cast<ParallelFor*>(&shuffled)}) {
    Trial<T> trial(config, 1, order);
    EXPECT_EQ(trial.Gradients(), gradients);
    EXPECT_EQ(trial.Logits(), logits);
  }
}

TEST(Transformer, SameBitsInAnyOrderOfTasks) {
  ForEachConfig([](const ModelConfig& config) {
    ExpectSameBitsInAnyOrder<float>(config);
    ExpectSameBitsInAnyOrder<double>(config);
  });
}

// An instance that counts its calls and does what the dynamic one does.
int forward_calls = 0, backward_calls = 0;
size_t instance_kind = 0;
void InstanceForward(const AttentionForwardArgs<float>& args,
                     ParallelFor& parallel) {
  ++forward_calls;
  AttentionForward(instance_kind, args, parallel);
}
void InstanceBackward(const AttentionBackwardArgs<float>& args,
                      ParallelFor& parallel) {
  ++backward_calls;
  AttentionBackward(instance_kind, args, parallel);
}

TEST(Transformer, UsesTheFixedInstanceThatFits) {
  const ModelConfig config = TinyModel("sigmoid_norm");
  instance_kind = config.attention_kind;
  const FixedAttention fits = {instance_kind, config.positions,
                               config.head_width(), InstanceForward,
                               InstanceBackward};
  std::vector<FixedAttention> others(3, fits);
  ++others[0].kind;
  ++others[1].keys;
  ++others[2].head_width;

  Trial<float> trial(config, 1);
  const std::vector<float> gradients = trial.Gradients();
  trial.model.UseFixedAttention(others);
  EXPECT_FALSE(trial.model.has_fixed_attention());
  EXPECT_EQ(trial.Gradients(), gradients);
  EXPECT_EQ(forward_calls, 0);

  std::vector<FixedAttention> all = others;
  all.insert(all.begin() + 1, fits);
  trial.model.UseFixedAttention(all);
  EXPECT_TRUE(trial.model.has_fixed_attention());
  EXPECT_EQ(trial.Gradients(), gradients);
  EXPECT_EQ(forward_calls, 2);
  EXPECT_EQ(backward_calls, 2);
}

// Projections that multiply by a gain: W = diag(gain of its place in a head).
template <typename T>
void MakeDiagonal(const LinearParameters& p, const std::vector<T>& gain,
                  T* values) {
  MakeIdentity(p, values);
  for (size_t i = 0; i < p.inner; ++i) {
    values[p.weight + i * p.inner + i] = gain[i % gain.size()];
  }
}

// Divides every head of a row of tokens by its root mean square.
void NormHeads(const ModelConfig& config, double* row) {
  const size_t width = config.head_width();
  for (double* head = row; head < row + config.width; head += width) {
    double squares = 0;
    for (size_t i = 0; i < width; ++i) squares += head[i] * head[i];
    const double root = std::sqrt(squares / width + kQkNormEpsilon);
    for (size_t i = 0; i < width; ++i) head[i] /= root;
  }
}

// Attention weights of tokens whose heads are normed here, by hand, and of the
// tokens themselves with QK norm. Gains become factors of q and k.
TEST(QkNorm, IsAttentionOfNormedHeads) {
  for (const AttentionKind& kind : AttentionKinds()) {
    // Behind the shared MLP nothing can be normed by hand.
    if (!kind.uses_scores || kind.shared_mlp) continue;
    SCOPED_TRACE(kind.name);
    ModelConfig config = BareAttention(kind);
    Trial<double> plain(config, 1);
    config.qk_norm = true;
    Trial<double> normed(config, 1);
    const std::vector<double> q_gain = {0.5, 2, -1, 0.25};
    const std::vector<double> k_gain = {1, 3, 0.75, -2};
    ASSERT_EQ(q_gain.size(), config.head_width());

    const Parameters& of_plain = plain.model.parameters();
    double* values = plain.model.values();
    MakeDiagonal(of_plain.layers[0].q, q_gain, values);
    MakeDiagonal(of_plain.layers[0].k, k_gain, values);
    const Parameters& parameters = normed.model.parameters();
    const LayerParameters& layer = parameters.layers[0];
    MakeIdentity(layer.q, normed.model.values());
    MakeIdentity(layer.k, normed.model.values());
    std::copy(q_gain.begin(), q_gain.end(),
              normed.model.values() + layer.q_norm);
    std::copy(k_gain.begin(), k_gain.end(),
              normed.model.values() + layer.k_norm);
    for (size_t v = 0; v < config.vocabulary; ++v) {
      double* token = values + of_plain.token_table + v * config.width;
      std::copy_n(
          token, config.width,
          normed.model.values() + parameters.token_table + v * config.width);
      NormHeads(config, token);
    }
    Recorder<double> expected, actual;
    plain.model.SetObserver(&expected);
    normed.model.SetObserver(&actual);
    plain.Logits();
    normed.Logits();
    EXPECT_LT(NormWiseError(actual.all, expected.all), 1e-13);
  }
}

TEST(QkNormDeathTest, NeedsScores) {
  ModelConfig config = TinyModel("uniform");
  config.qk_norm = true;
  SerialFor serial;
  EXPECT_DEATH(Transformer<float>(config, 1, serial),
               "qk_norm with uniform attention, which has no scores");
}

TEST(Transformer, BF16IsCloseToFloatAndNotTheSame) {
  ForEachConfig([](ModelConfig config) {
    Trial<float> exact(config, 3);
    config.bf16 = true;
    Trial<float> rounded(config, 3);
    EXPECT_NEAR(rounded.Loss(), exact.Loss(), kBF16Relative * exact.Loss());
    EXPECT_NE(rounded.Loss(), exact.Loss());
    const std::vector<float> a = exact.Gradients(), b = rounded.Gradients();
    double size = 0, difference = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      size += double{a[i]} * a[i];
      difference += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    }
    const bool relu = config.attention_kind == AttentionKindNamed("relu_norm");
    EXPECT_LT(std::sqrt(difference),
              (relu ? kBF16ReluNorm : kBF16Relative) * std::sqrt(size));
    EXPECT_GT(std::sqrt(difference), 0x1p-14 * std::sqrt(size));
  });
}

}  // namespace
}  // namespace polarize
