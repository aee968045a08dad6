#include "experiments/model/intervention.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "experiments/model/activation_means.h"
#include "experiments/model/batch_plan.h"
#include "experiments/model/model_config.h"
#include "experiments/model/parameters.h"
#include "experiments/model/row_plan.h"
#include "experiments/model/transformer.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/model_testing.h"
#include "tests/support/reference_model.h"

namespace polarize {
namespace {

constexpr size_t kSequences = 4;
constexpr int32_t kToken = 2;

std::vector<ModelConfig> Configs(std::string_view kind) {
  std::vector<ModelConfig> configs(4, TinyModel(kind));
  configs[1].positional = Positional::kAdd;
  configs[1].causal = false;
  configs[2].positional = Positional::kNone;
  configs[2].use_mlp = false;
  configs[2].layers = 3;
  configs[3].positional = Positional::kNone;
  configs[3].causal = false;
  configs[3].heads = 4;
  return configs;
}

// A model with the parameters of the tests, and a batch for it.
template <typename T>
struct Trial {
  explicit Trial(const ModelConfig& c)
      : config(c),
        model(c, kSequences, serial),
        values(model.parameters().array_size()),
        batch(RandomBatch(c, kSequences, 5)) {
    FillParameters(model.parameters(), 9, values.data());
    std::copy(values.begin(), values.end(), model.values());
  }

  // Of every (sequence, position), with equal rows shared or not.
  std::vector<T> Logits(bool sharing = false) {
    const size_t positions = config.positions, outputs = config.outputs;
    BatchPlan plan(config, kSequences, sharing);
    plan.Start({0}, nullptr, 0);
    for (uint32_t s = 0; s < kSequences; ++s) {
      EXPECT_TRUE(plan.Add(&batch.token[s * positions], nullptr, s));
    }
    model.Pack(/*backward=*/false);
    const T* const logits = model.Forward(plan.Finish());
    std::vector<T> all;
    for (size_t r = 0; r < kSequences * positions; ++r) {
      const T* const row =
          logits + plan.LogitsRow(r / positions, r % positions) * outputs;
      all.insert(all.end(), row, row + outputs);
    }
    return all;
  }
  std::vector<T> LogitsUnder(const Intervention<T>& intervention,
                             bool sharing = false) {
    model.SetIntervention(&intervention);
    std::vector<T> logits = Logits(sharing);
    model.SetIntervention(nullptr);
    return logits;
  }
  T* Value(size_t offset) { return model.values() + offset; }

  ModelConfig config;
  SerialFor serial;
  Transformer<T> model;
  std::vector<double> values;
  Batch batch;
};

// Every part of the model.
template <typename T>
std::vector<Intervention<T>> Parts(const ModelConfig& config, const T* patch) {
  std::vector<Intervention<T>> parts = {
      {InterventionSite::kToken, 0, 0, kToken, patch}};
  for (size_t l = 0; l < config.layers; ++l) {
    parts.push_back({InterventionSite::kFirstValue, l, 0, 0, patch});
    for (size_t h = 0; h < config.heads; ++h) {
      parts.push_back({InterventionSite::kHead, l, h, 0, patch});
    }
  }
  return parts;
}

template <typename T>
double Largest(const std::vector<T>& a, const std::vector<T>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(double(a[i]) - double(b[i])));
  }
  return largest;
}

TEST(Intervention, EqualsTheReferenceWithRowsSharedOrNot) {
  const double patch[] = {0.3, -1.2, 0.7, 2.0, -0.1, 0.4, 1.1, -0.6};
  for (const AttentionKind& kind : AttentionKinds()) {
    for (const ModelConfig& config : Configs(kind.name)) {
      Trial<double> trial(config);
      const std::vector<double> plain = trial.Logits();
      for (const double* with : {static_cast<const double*>(nullptr), patch}) {
        for (const Intervention<double>& part : Parts(config, with)) {
          SCOPED_TRACE(testing::Message()
                       << kind.name << ", site " << static_cast<int>(part.site)
                       << ", layer " << part.layer << ", head " << part.head);
          const std::vector<double> expected =
              ReferenceForward(config, trial.model.parameters(),
                               trial.values.data(), trial.batch.token, &part)
                  .logits;
          EXPECT_GT(Largest(expected, plain), 1e-6);
          EXPECT_LT(Largest(trial.LogitsUnder(part), expected), 1e-9);
          EXPECT_LT(Largest(trial.LogitsUnder(part, true), expected), 1e-9);
        }
      }
    }
  }
}

TEST(Intervention, LeavesNothingBehind) {
  for (const bool sharing : {false, true}) {
    Trial<float> trial(TinyModel("softmax"));
    const std::vector<float> plain = trial.Logits(sharing);
    for (const Intervention<float>& part :
         Parts<float>(trial.config, nullptr)) {
      EXPECT_NE(trial.LogitsUnder(part, sharing), plain);
      EXPECT_EQ(trial.Logits(sharing), plain);
    }
  }
}

TEST(Intervention, ZeroHeadIsZeroColumnsOfTheProjection) {
  for (const ModelConfig& config : Configs("softmax")) {
    for (size_t l = 0; l < config.layers; ++l) {
      Trial<float> trial(config);
      const size_t h = config.heads - 1, columns = config.head_width();
      const std::vector<float> ablated =
          trial.LogitsUnder({InterventionSite::kHead, l, h});
      float* const weight =
          trial.Value(trial.model.parameters().layers[l].o.weight);
      for (size_t o = 0; o < config.width; ++o) {
        std::fill_n(weight + o * config.width + h * columns, columns, 0.0f);
      }
      EXPECT_EQ(trial.Logits(), ablated);
    }
  }
}

TEST(Intervention, ZeroTokenIsAZeroRowOfTheTable) {
  for (const ModelConfig& config : Configs("sigmoid_unnorm")) {
    Trial<float> trial(config);
    const std::vector<float> ablated =
        trial.LogitsUnder({InterventionSite::kToken, 0, 0, kToken});
    const size_t columns = config.token_width();
    std::fill_n(trial.Value(trial.model.parameters().token_table) +
                    static_cast<size_t>(kToken) * columns,
                columns, 0.0f);
    EXPECT_EQ(trial.Logits(), ablated);
  }
}

// Of what is the same everywhere, the mean is what is there.
TEST(Intervention, MeanOfAConstantChangesNothing) {
  for (const ModelConfig& config : Configs("softmax")) {
    Trial<float> trial(config);
    const Parameters& p = trial.model.parameters();
    const size_t columns = config.token_width();
    for (size_t v = 1; v < config.vocabulary; ++v) {
      std::copy_n(trial.Value(p.token_table), columns,
                  trial.Value(p.token_table) + v * columns);
    }
    for (const LayerParameters& layer : p.layers) {
      std::fill_n(trial.Value(layer.v.weight), config.width * config.width,
                  0.0f);
    }
    const std::vector<float> plain = trial.Logits();
    ActivationMeans<float> means(config);
    for (int i = 0; i < 3; ++i) {
      means.Add(trial.model, IdentityPlan(config, trial.batch));
    }
    means.Finish();
    for (Intervention<float>& part : Parts<float>(config, nullptr)) {
      part.patch = means.Of(part.site, part.layer, part.head);
      const std::vector<float> patched = trial.LogitsUnder(part);
      if (part.site == InterventionSite::kHead) {
        // Weights of a row sum to 1 but for rounding.
        EXPECT_LT(Largest(patched, plain), 1e-5);
      } else {
        EXPECT_EQ(patched, plain);
      }
    }
  }
}

// One layer without norm: its values are linear in the embedded rows; under
// `uniform` without mask a head's output is the mean of its context's values.
TEST(ActivationMeans, AreTheMeansOverRows) {
  ModelConfig config = TinyModel("uniform");
  config.layers = 1;
  config.causal = config.use_layernorm = false;
  config.positional = Positional::kNone;
  Trial<double> trial(config);
  trial.Logits();
  ActivationMeans<double> means(config);
  const RowPlan plan = IdentityPlan(config, trial.batch);
  means.Add(trial.model, plan);
  means.Add(trial.model, plan);
  means.Finish();
  const size_t width = config.width;
  const Parameters& p = trial.model.parameters();
  std::vector<double> token(width);
  for (const int32_t id : trial.batch.token) {
    for (size_t c = 0; c < width; ++c) {
      token[c] += trial.values[p.token_table + id * width + c] /
                  static_cast<double>(trial.batch.token.size());
    }
  }
  for (size_t c = 0; c < width; ++c) {
    EXPECT_NEAR(means.Of(InterventionSite::kToken, 0, 0)[c], token[c], 1e-14);
    double value = trial.values[p.layers[0].v.bias + c];
    for (size_t i = 0; i < width; ++i) {
      value += trial.values[p.layers[0].v.weight + c * width + i] * token[i];
    }
    EXPECT_NEAR(means.Of(InterventionSite::kFirstValue, 0, 0)[c], value, 1e-13);
    const size_t h = c / config.head_width();
    EXPECT_NEAR(
        means.Of(InterventionSite::kHead, 0, h)[c % config.head_width()], value,
        1e-8);  // the normaliser adds 1e-9
  }
}

TEST(ActivationMeansDeathTest, RefuseRowsThatStandForSeveral) {
  Trial<float> trial(TinyModel("softmax"));
  BatchPlan plan(trial.config, kSequences, /*sharing=*/true);
  plan.Start({0}, nullptr, 0);
  for (uint32_t s = 0; s < kSequences; ++s) {
    plan.Add(trial.batch.token.data(), nullptr, s);
  }
  trial.model.Pack(/*backward=*/false);
  trial.model.Forward(plan.Finish());
  ActivationMeans<float> means(trial.config);
  plan.Start({trial.config.positions - 1}, nullptr, 0);
  plan.Add(trial.batch.token.data(), nullptr, 0);
  plan.Finish();
  EXPECT_DEATH(means.Add(trial.model, plan.plan()), "means: a layer of");
}

TEST(InterventionDeathTest, NonsenseAborts) {
  Trial<float> trial(TinyModel("softmax"));
  const auto set = [&](const Intervention<float>& i) {
    trial.model.SetIntervention(&i);
  };
  EXPECT_DEATH(set({InterventionSite::kToken, 0, 0, 7}), "token 7 of 7");
  EXPECT_DEATH(set({InterventionSite::kToken, 0, 0, -1}), "token -1 of 7");
  EXPECT_DEATH(set({InterventionSite::kFirstValue, 2}), "layer 2 of 2");
  EXPECT_DEATH(set({InterventionSite::kHead, 2, 0}), "layer 2 of 2");
  EXPECT_DEATH(set({InterventionSite::kHead, 1, 2}), "head 2 of 2");
}

TEST(InterventionDeathTest, ThereIsNoBackward) {
  Trial<float> trial(TinyModel("softmax"));
  const RowPlan plan = IdentityPlan(trial.config, trial.batch);
  const Intervention<float> part = {InterventionSite::kHead};
  trial.model.SetIntervention(&part);
  trial.model.Pack(/*backward=*/true);
  trial.model.Forward(plan);
  trial.model.Loss(plan, /*backward=*/true);
  EXPECT_DEATH(trial.model.Backward(plan), "no gradients");
}

}  // namespace
}  // namespace polarize
