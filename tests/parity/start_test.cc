// The state of a recorded run before its first step: every initial parameter,
// then the order of the batches, which follows them in the same stream.
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "experiments/model/init.h"
#include "experiments/run/batch_order.h"
#include "gtest/gtest.h"
#include "kernels/base/random/torch_random.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

using Ints = std::vector<int64_t>;

struct Parameter {
  std::string name;
  Ints shape;
  std::vector<float> values;
};

// The parameters of the recorded transformer, in the order of its creation.
class Model {
 public:
  Model(const Golden& config, TorchRandom& random) : random_(random) {
    const int64_t embed = config["embed_dim"].Int();
    const std::string positions = config["positional_type"].String();
    const int64_t token_width = positions == "concat" ? embed / 2 : embed;
    constexpr int64_t kPositions = 512;  // the reference's, whatever the length
    const int64_t vocab = config["vocab_size"].Int() *
                          (config["shift_query_token"].Bool() ? 2 : 1);
    if (positions != "no") {
      Embedding("pos_embedding", kPositions, token_width);
    }
    Embedding("embedding", vocab, token_width);
    for (int64_t l = 0; l < config["num_layers"].Int(); ++l) {
      Layer(config, absl::StrCat("layers.", l, "."));
    }
    if (config["use_layernorm"].Bool()) LayerNorm("final_norm", embed);
    Linear("output_proj", embed, vocab);
  }

  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  void Layer(const Golden& config, const std::string& layer) {
    const int64_t embed = config["embed_dim"].Int();
    const int64_t head = embed / config["num_heads"].Int();
    const bool norms = config["use_layernorm"].Bool();
    for (const char* projection : {"q", "k", "v", "o"}) {
      Linear(absl::StrCat(layer, projection, "_proj"), embed, embed);
    }
    if (norms) LayerNorm(layer + "norm1", embed);
    if (norms) LayerNorm(layer + "norm2", embed);
    if (config["use_mlp"].Bool()) Mlp(layer + "mlp", embed);
    if (absl::StartsWith(config["attention_type"].String(), "mlp_")) {
      Mlp(layer + "attn_mlp", head);
    }
  }

  void Mlp(const std::string& name, int64_t width) {
    Linear(name + ".0", width, 4 * width);
    Linear(name + ".2", 4 * width, width);
  }

  void Linear(const std::string& name, int64_t fan_in, int64_t fan_out) {
    float* const weight = Add(name + ".weight", {fan_out, fan_in});
    float* const bias = Add(name + ".bias", {fan_out});
    InitLinear(random_, fan_in, fan_out, weight, bias);
  }

  void Embedding(const std::string& name, int64_t rows, int64_t width) {
    InitEmbedding(random_, rows, width, Add(name + ".weight", {rows, width}));
  }

  void LayerNorm(const std::string& name, int64_t width) {
    Add(name + ".weight", {width});
    parameters_.back().values.assign(width, 1.0f);
    Add(name + ".bias", {width});
  }

  // The new parameter's values: they stay where they are when others follow.
  float* Add(std::string name, Ints shape) {
    int64_t size = 1;
    for (const int64_t s : shape) size *= s;
    parameters_.push_back(
        {std::move(name), std::move(shape), std::vector<float>(size)});
    return parameters_.back().values.data();
  }

  TorchRandom& random_;
  std::vector<Parameter> parameters_;
};

void ExpectRecorded(const Parameter& parameter, const Golden& recorded) {
  SCOPED_TRACE(parameter.name);
  const std::vector<float>& values = parameter.values;
  EXPECT_EQ(parameter.shape, recorded["shape"].Ints());
  // Compared as doubles, which hold the recorded floats exactly.
  const std::vector<double> all(values.begin(), values.end());
  EXPECT_EQ(std::vector<double>(all.begin(), all.begin() + 8),
            recorded["first8"].Numbers());
  EXPECT_EQ(std::vector<double>(all.end() - 2, all.end()),
            recorded["last2"].Numbers());
  double sum = 0, abs_sum = 0;
  for (const double v : all) {
    sum += v;
    abs_sum += std::abs(v);
  }
  // Only the order of the sums differs.
  const double tolerance = 1e-13 * abs_sum;
  EXPECT_NEAR(sum, recorded["sum"].Number(), tolerance);
  EXPECT_NEAR(abs_sum, recorded["abs_sum"].Number(), tolerance);
}

void ExpectRecordedParameters(const Model& model, const Golden& file) {
  std::vector<std::string> names;
  int64_t count = 0;
  for (const Parameter& p : model.parameters()) {
    names.push_back(p.name);
    count += static_cast<int64_t>(p.values.size());
  }
  ASSERT_EQ(names, file["param_order"].Strings());
  EXPECT_EQ(count, file["n_params"].Int());
  for (const Parameter& p : model.parameters()) {
    ExpectRecorded(p, file["params"][p.name]);
  }
}

// The first elements of batch b, as many as `recorded` has.
void ExpectBatchStarts(const BatchOrder& order, size_t b,
                       const Golden& recorded) {
  const absl::Span<const uint32_t> batch =
      order.Batch(b).subspan(0, recorded.size());
  EXPECT_EQ(Ints(batch.begin(), batch.end()), recorded.Ints());
}

void ExpectRecordedBatches(const Golden& file, TorchRandom& random) {
  const Golden config = file["config"], recorded = file["batches"];
  const size_t num_train = config["num_train"].Int();
  std::vector<uint32_t> memory(num_train);
  BatchOrder order(random, absl::MakeSpan(memory), config["batch_size"].Int());
  EXPECT_EQ(order.StartTrainingEpoch(num_train),
            recorded["epoch0_base_seed"].Int());
  ASSERT_EQ(order.num_batches(), recorded["n_batches"].Int());
  ExpectBatchStarts(order, 0, recorded["epoch0_batch0"]);
  ExpectBatchStarts(order, 1, recorded["epoch0_batch1_first16"]);
  const size_t last = order.num_batches() - 1;
  EXPECT_EQ(order.Batch(last).size(), recorded["epoch0_lastbatch_len"].Int());
  ExpectBatchStarts(order, last, recorded["epoch0_lastbatch_first16"]);
  EXPECT_EQ(order.StartEvaluation(), recorded["eval0_base_seed"].Int());
  EXPECT_EQ(order.StartTrainingEpoch(num_train),
            recorded["epoch1_base_seed"].Int());
  ExpectBatchStarts(order, 0, recorded["epoch1_batch0_first32"]);
}

void ExpectRecordedStart(const char* name) {
  const Golden file = Golden::Load(name);
  TorchRandom random(file["config"]["seed"].Int());
  const Model model(file["config"], random);
  ExpectRecordedParameters(model, file);
  ExpectRecordedBatches(file, random);
}

TEST(StartTest, InductionDefault) {
  ExpectRecordedStart("init_induction_default_seed0");
}

TEST(StartTest, InductionWithAddedPositionsAndAttentionMlp) {
  ExpectRecordedStart("init_induction_mlpnorm_add_seed0");
}

}  // namespace
}  // namespace polarize
