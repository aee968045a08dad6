#include "tests/parity/recorded.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "experiments/run/batch_order.h"
#include "gtest/gtest.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

// Entries of a gradient, in mean absolute gradients of their tensor.
constexpr double kGradient = 1e-4;

// Softmax does not change when all scores of a row move together, which is all
// that k_proj.bias does.
bool GradientIsZero(absl::string_view attention_type, absl::string_view name) {
  return attention_type == "softmax" && absl::EndsWith(name, "k_proj.bias");
}

template <typename T>
void ExpectRecordedEntries(const Golden& recorded, const T* values, size_t size,
                           double tolerance) {
  const std::vector<double> first = recorded["first8"].Numbers();
  double sum = 0, abs_sum = 0;
  for (size_t i = 0; i < size; ++i) {
    sum += values[i];
    abs_sum += std::abs(static_cast<double>(values[i]));
  }
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_NEAR(values[i], first[i], tolerance) << "entry " << i;
  }
  // The recording's sums were taken in another order.
  const double order = 1e-13 * abs_sum;
  EXPECT_NEAR(sum, recorded["sum"].Number(), tolerance * size + order);
  EXPECT_NEAR(abs_sum, recorded["abs_sum"].Number(), tolerance * size + order);
}

// The first elements of batch b, as many as `recorded` has.
void ExpectBatchStarts(const BatchOrder& order, size_t b,
                       const Golden& recorded) {
  const absl::Span<const uint32_t> batch =
      order.Batch(b).subspan(0, recorded.size());
  EXPECT_EQ(std::vector<int64_t>(batch.begin(), batch.end()), recorded.Ints());
}

}  // namespace

Positional RecordedPositional(absl::string_view name) {
  if (name == "concat") return Positional::kConcat;
  return name == "add" ? Positional::kAdd : Positional::kNone;
}

ModelConfig RecordedModel(const Golden& config, size_t vocabulary,
                          size_t outputs, size_t positions) {
  ModelConfig model;
  model.vocabulary = vocabulary;
  model.outputs = outputs;
  model.positions = positions;
  model.width = config["embed_dim"].Int();
  model.layers = config["num_layers"].Int();
  model.heads = config["num_heads"].Int();
  model.hidden = std::lround(model.width * config["mlp_ratio"].Number());
  model.use_mlp = config["use_mlp"].Bool();
  model.use_layernorm = config["use_layernorm"].Bool();
  model.causal = config["is_causal"].Bool();
  model.attention_kind = AttentionKindNamed(config["attention_type"].String());
  model.positional = RecordedPositional(config["positional_type"].String());
  return model;
}

OptimiserConfig RecordedOptimiser(const Golden& config) {
  return {config["lr"].Number(), 0.9, 0.999, 1e-8, 0.01};
}

void ExpectInitialWeights(const Golden& file, const Parameters& parameters,
                          const float* values) {
  EXPECT_EQ(parameters.count(), size_t(file["n_params"].Int()));
  std::vector<std::string> names;
  for (const Parameter& p : parameters.list()) {
    names.push_back(p.name);
    SCOPED_TRACE(p.name);
    const Golden recorded = file["params"][p.name];
    EXPECT_EQ(std::vector<int64_t>(p.shape.begin(), p.shape.end()),
              recorded["shape"].Ints());
    ExpectRecordedEntries(recorded, values + p.offset, p.size, 0);
    const std::vector<double> last = recorded["last2"].Numbers();
    EXPECT_EQ(values[p.offset + p.size - 2], last[0]);
    EXPECT_EQ(values[p.offset + p.size - 1], last[1]);
  }
  EXPECT_EQ(names, file["param_order"].Strings());
}

void ExpectRecordedBatches(const Golden& file, TorchRandom& random) {
  const Golden config = file["config"], recorded = file["batches"];
  const size_t num_train = config["num_train"].Int();
  std::vector<uint32_t> memory(num_train);
  BatchOrder order(random, absl::MakeSpan(memory), config["batch_size"].Int());
  EXPECT_EQ(order.StartTrainingEpoch(num_train),
            recorded["epoch0_base_seed"].Int());
  ASSERT_EQ(static_cast<int64_t>(order.num_batches()),
            recorded["n_batches"].Int());
  ExpectBatchStarts(order, 0, recorded["epoch0_batch0"]);
  ExpectBatchStarts(order, 1, recorded["epoch0_batch1_first16"]);
  const size_t last = order.num_batches() - 1;
  EXPECT_EQ(static_cast<int64_t>(order.Batch(last).size()),
            recorded["epoch0_lastbatch_len"].Int());
  ExpectBatchStarts(order, last, recorded["epoch0_lastbatch_first16"]);
  EXPECT_EQ(order.StartEvaluation(), recorded["eval0_base_seed"].Int());
  EXPECT_EQ(order.StartTrainingEpoch(num_train),
            recorded["epoch1_base_seed"].Int());
  ExpectBatchStarts(order, 0, recorded["epoch1_batch0_first32"]);
}

template <typename T>
void ExpectGradients(const Golden& grads, const std::string& attention_type,
                     const Parameters& parameters, const T* gradients) {
  for (const Parameter& p : parameters.list()) {
    if (!p.trained || GradientIsZero(attention_type, p.name)) continue;
    SCOPED_TRACE(p.name);
    const double mean = grads[p.name]["abs_sum"].Number() / p.size;
    ExpectRecordedEntries(grads[p.name], gradients + p.offset, p.size,
                          kGradient * mean);
  }
}

template void ExpectGradients(const Golden&, const std::string&,
                              const Parameters&, const float*);
template void ExpectGradients(const Golden&, const std::string&,
                              const Parameters&, const double*);

// Adam divides by the root of the mean square: a gradient entry near zero may
// move by a visible part of the rate for a rounding error. Entries are compared
// to 1 percent of the way that five steps can go; sums much more closely.
void ExpectParametersAfterFiveSteps(const Golden& file,
                                    const std::string& attention_type,
                                    double lr, const Parameters& parameters,
                                    const float* values) {
  const std::vector<std::string> untouched = file["grad_none"].Strings();
  for (const Parameter& p : parameters.list()) {
    SCOPED_TRACE(p.name);
    EXPECT_EQ(p.trained, std::find(untouched.begin(), untouched.end(),
                                   p.name) == untouched.end());
    if (GradientIsZero(attention_type, p.name)) continue;
    ExpectRecordedEntries(file["params_after"][p.name], values + p.offset,
                          p.size, 0.01 * 5 * lr);
  }
}

}  // namespace polarize
