#include "experiments/pretrained/model/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "experiments/model/attention_statistics.h"
#include "experiments/pretrained/model/head_statistics.h"
#include "experiments/pretrained/model/reference_testing.h"
#include "experiments/pretrained/model/residual_statistics.h"
#include "experiments/run/thread_team.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/heap_calls.h"
#include "tests/support/kernel_testing.h"

namespace polarize {
namespace {

using testing::HasSubstr;

constexpr PretrainedSizes kSizes = {/*layers=*/3,   /*embed_dim=*/48,
                                    /*heads=*/4,    /*head_dim=*/12,
                                    /*ffn_dim=*/70, /*vocab=*/90};

struct TestModel {
  explicit TestModel(bool bf16 = false, const PretrainedSizes& sizes = kSizes)
      : sizes(sizes),
        random(1),
        embedding(random, sizes.vocab, sizes.embed_dim, bf16) {
    // As large as what a layer adds.
    for (float& v : embedding.values) v *= bf16 ? 1 : 10;
    for (size_t l = 0; l < sizes.layers; ++l) {
      layers.emplace_back(random, sizes, bf16);
    }
  }
  PretrainedSizes sizes;
  std::mt19937 random;
  OwnedMatrix embedding;
  std::vector<OwnedLayer> layers;
};

// One of every length that matters, also none; an id 0 inside the last.
std::vector<std::vector<int32_t>> TestIds() {
  std::mt19937 random(2);
  std::vector<std::vector<int32_t>> ids;
  for (const size_t length : {1, 33, 0, 7, 24, 60}) {
    ids.emplace_back();
    for (size_t i = 0; i < length; ++i) {
      ids.back().push_back(static_cast<int32_t>(1 + random() % 89));
    }
  }
  ids.back()[20] = 0;
  return ids;
}

Prompts PromptsOf(const std::vector<std::vector<int32_t>>& ids) {
  absl::StatusOr<Prompts> prompts = Prompts::Create(ids, kSizes.vocab);
  EXPECT_TRUE(prompts.ok()) << prompts.status();
  return *std::move(prompts);
}

std::unique_ptr<PretrainedForward> ForwardOf(const TestModel& model,
                                             const ForwardOptions& options,
                                             const Prompts& prompts) {
  absl::StatusOr<std::unique_ptr<PretrainedForward>> forward =
      PretrainedForward::Create(model.sizes, options, prompts);
  EXPECT_TRUE(forward.ok()) << forward.status();
  SerialFor serial;
  EXPECT_TRUE((*forward)->Embed(model.embedding.View(), serial).ok());
  return *std::move(forward);
}

// Keeps all weights, [layer][prompt] as the reference has them.
class KeepingObserver : public AttentionObserver<float> {
 public:
  explicit KeepingObserver(const Prompts& prompts, size_t layers)
      : prompts_(prompts), kept_(layers) {
    for (std::vector<Doubles>& layer : kept_) {
      for (size_t p = 0; p < prompts.size(); ++p) {
        const size_t n = prompts.length(p);
        layer.emplace_back(kSizes.heads * n * n, -1.0);
      }
    }
  }
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const float> weights) override {
    const size_t n = prompts_.length(row.sequence);
    EXPECT_EQ(row.count, 1u);
    ASSERT_EQ(weights.size(), n);
    std::copy(weights.begin(), weights.end(),
              kept_[layer][row.sequence].begin() +
                  static_cast<ptrdiff_t>((head * n + row.position) * n));
  }
  const Doubles& Of(size_t layer, size_t prompt) const {
    return kept_[layer][prompt];
  }

 private:
  const Prompts& prompts_;
  std::vector<std::vector<Doubles>> kept_;
};

double Norm(absl::Span<const double> x) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  return std::sqrt(squares);
}

// |a - b| / |b|.
double RelativeError(absl::Span<const float> a, const Doubles& b) {
  Doubles difference;
  for (size_t i = 0; i < b.size(); ++i) difference.push_back(a[i] - b[i]);
  return b.empty() ? 0 : Norm(difference) / Norm(b);
}

class ForwardTest : public testing::TestWithParam<AlibiActivation> {
 protected:
  bool sigmoid() const { return GetParam() == AlibiActivation::kSigmoid; }
};
INSTANTIATE_TEST_SUITE_P(Both, ForwardTest,
                         testing::Values(AlibiActivation::kSoftmax,
                                         AlibiActivation::kSigmoid));

void ExpectReference(const TestModel& model, const ForwardOptions& options) {
  const auto ids = TestIds();
  const Prompts prompts = PromptsOf(ids);
  const auto forward = ForwardOf(model, options, prompts);
  const bool sigmoid = options.activation == AlibiActivation::kSigmoid;
  std::vector<ReferenceForward> reference;
  for (const auto& prompt : ids) {
    reference.emplace_back(kSizes, sigmoid, model.embedding, prompt);
  }
  KeepingObserver observer(prompts, kSizes.layers);
  SerialFor serial;
  for (size_t l = 0; l < kSizes.layers; ++l) {
    for (size_t p = 0; p < ids.size(); ++p) {
      EXPECT_LT(RelativeError(forward->Hidden(p), reference[p].hidden()), 2e-6)
          << "layer " << l << " prompt " << p;
      reference[p].RunLayer(model.layers[l]);
    }
    ASSERT_TRUE(
        forward->RunLayer(l, model.layers[l].View(), &observer, serial).ok());
    for (size_t p = 0; p < ids.size(); ++p) {
      const Doubles& exact = reference[p].weights();
      const Doubles& seen = observer.Of(l, p);
      ASSERT_EQ(seen.size(), exact.size());
      for (size_t i = 0; i < exact.size(); ++i) {
        ASSERT_NEAR(seen[i], exact[i], 2e-6 + 1e-5 * exact[i])
            << "layer " << l << " prompt " << p << " element " << i;
      }
    }
  }
}

TEST_P(ForwardTest, EqualsTheReference) {
  const TestModel model;
  ForEachTarget([&] { ExpectReference(model, {GetParam()}); });
}

TEST_P(ForwardTest, TakesWeightsInBF16) {
  const TestModel model(/*bf16=*/true);
  ForEachTarget([&] { ExpectReference(model, {GetParam()}); });
}

struct Everything {
  std::vector<HeadScores> heads;
  std::vector<ResidualSize> residual;
  std::vector<std::vector<float>> hidden;
};

Everything RunAll(const TestModel& model, const ForwardOptions& options,
                  const Prompts& prompts, ParallelFor& parallel) {
  const auto forward = ForwardOf(model, options, prompts);
  HeadStatistics heads(kSizes, prompts);
  ResidualStatistics residual(kSizes.layers, prompts);
  for (size_t l = 0; l < kSizes.layers; ++l) {
    residual.Look(l, *forward, parallel);
    EXPECT_TRUE(
        forward->RunLayer(l, model.layers[l].View(), &heads, parallel).ok());
    heads.FinishLayer(l);
  }
  Everything all;
  for (size_t l = 0; l < kSizes.layers; ++l) {
    for (size_t n = 0; n < kSizes.heads; ++n) {
      all.heads.push_back(heads.Scores(l, n));
    }
    for (size_t i = 0; i < prompts.longest(); ++i) {
      all.residual.push_back(residual.At(l, i));
    }
  }
  for (size_t p = 0; p < prompts.size(); ++p) {
    const absl::Span<const float> hidden = forward->Hidden(p);
    all.hidden.emplace_back(hidden.begin(), hidden.end());
  }
  return all;
}

void ExpectSameBits(const Everything& a, const Everything& b) {
  EXPECT_EQ(a.hidden, b.hidden);
  ASSERT_EQ(a.heads.size(), b.heads.size());
  for (size_t i = 0; i < a.heads.size(); ++i) {
    EXPECT_EQ(std::memcmp(&a.heads[i], &b.heads[i], sizeof(HeadScores)), 0);
  }
  for (size_t i = 0; i < a.residual.size(); ++i) {
    EXPECT_EQ(a.residual[i].norm, b.residual[i].norm);
    EXPECT_EQ(a.residual[i].mean_abs, b.residual[i].mean_abs);
  }
}

TEST_P(ForwardTest, ThreadsChangeNoBit) {
  const TestModel model;
  const Prompts prompts = PromptsOf(TestIds());
  for (const ProductPrecision precision :
       {ProductPrecision::kF32, ProductPrecision::kBF16}) {
    SerialFor serial;
    const Everything one =
        RunAll(model, {GetParam(), precision, 1}, prompts, serial);
    ReversedFor reversed;
    ExpectSameBits(RunAll(model, {GetParam(), precision, 3}, prompts, reversed),
                   one);
    const auto team = ThreadTeam::Create(4);
    ASSERT_TRUE(team.ok());
    ExpectSameBits(RunAll(model, {GetParam(), precision, 4}, prompts, **team),
                   one);
  }
}

TEST_P(ForwardTest, APromptDoesNotFeelOthersNorPadding) {
  const TestModel model;
  auto ids = TestIds();
  SerialFor serial;
  const Everything all = RunAll(model, {GetParam()}, PromptsOf(ids), serial);
  for (auto& prompt : ids) prompt.resize(64, 0);
  ExpectSameBits(RunAll(model, {GetParam()}, PromptsOf(ids), serial), all);
  const Everything alone =
      RunAll(model, {GetParam()}, PromptsOf({ids[4]}), serial);
  EXPECT_EQ(alone.hidden[0], all.hidden[4]);
}

// From the formulas of head_statistics.h and whole rows, in double.
TEST_P(ForwardTest, StatisticsAreTheirDefinitions) {
  const TestModel model;
  const auto ids = TestIds();
  const Prompts prompts = PromptsOf(ids);
  SerialFor serial;
  const Everything all = RunAll(model, {GetParam()}, prompts, serial);
  std::vector<ReferenceForward> reference;
  for (const auto& prompt : ids) {
    reference.emplace_back(kSizes, sigmoid(), model.embedding, prompt);
  }
  for (size_t l = 0; l < kSizes.layers; ++l) {
    for (ReferenceForward& r : reference) r.RunLayer(model.layers[l]);
    for (size_t head = 0; head < kSizes.heads; ++head) {
      HeadScores exact;
      double n = 0, squares = 0, firsts = 0, non_empty = 0;
      for (size_t p = 0; p < ids.size(); ++p) {
        const size_t length = ids[p].size();
        Doubles received(length);
        for (size_t i = 0; i < length; ++i) {
          if (ids[p][i] == 0) continue;
          const double* const w =
              reference[p].weights().data() + (head * length + i) * length;
          const double sum = std::accumulate(w, w + length, 0.0);
          const double largest = *std::max_element(w, w + length);
          n += 1;
          exact.max_proportion += largest;
          exact.max_share += largest / (sum + 1e-9);
          exact.first_token_proportion += w[0] / (sum + 1e-9);
          exact.entropy += RowEntropy<double>({w, length}, sum);
          exact.row_sum += sum;
          squares += sum * sum;
          for (size_t j = 0; j < length; ++j) {
            received[j] += w[j] / (sum + 1e-9);
          }
        }
        if (length == 0) continue;
        const auto most = std::max_element(received.begin(), received.end());
        exact.largest_key_share += *most;
        firsts += most == received.begin();
        non_empty += 1;
      }
      const HeadScores& seen = all.heads[l * kSizes.heads + head];
      EXPECT_NEAR(seen.max_proportion, exact.max_proportion / n, 1e-6);
      EXPECT_NEAR(seen.max_share, exact.max_share / n, 1e-6);
      EXPECT_NEAR(seen.first_token_proportion, exact.first_token_proportion / n,
                  1e-6);
      EXPECT_NEAR(seen.largest_key_share, exact.largest_key_share / n, 1e-6);
      EXPECT_EQ(seen.largest_key_is_first, firsts / non_empty);
      EXPECT_NEAR(seen.entropy, exact.entropy / n, 1e-5);
      EXPECT_NEAR(seen.row_sum, exact.row_sum / n, 1e-6);
      EXPECT_NEAR(seen.row_sum_deviation,
                  DeviationOfSums(exact.row_sum, squares, n), 1e-4);
    }
  }
}

TEST_P(ForwardTest, BF16ProductsAreNear) {
  const TestModel model;
  const Prompts prompts = PromptsOf(TestIds());
  SerialFor serial;
  const Everything exact = RunAll(model, {GetParam()}, prompts, serial);
  const Everything rounded =
      RunAll(model, {GetParam(), ProductPrecision::kBF16}, prompts, serial);
  double largest = 0;
  for (size_t i = 0; i < exact.heads.size(); ++i) {
    largest = std::max(largest, std::abs(rounded.heads[i].max_proportion -
                                         exact.heads[i].max_proportion));
  }
  EXPECT_LT(largest, 0.02);
  EXPECT_GT(largest, 0);
}

TEST(ResidualStatisticsTest, AreTheirDefinitions) {
  const TestModel model;
  const Prompts prompts = PromptsOf({{3, 4}, {5}, {7, 8, 9}});
  const auto forward = ForwardOf(model, {}, prompts);
  ResidualStatistics residual(1, prompts);
  SerialFor serial;
  residual.Look(0, *forward, serial);
  EXPECT_EQ(residual.positions(), 3u);
  const size_t d = kSizes.embed_dim;
  double mean = 0, largest = 0, largests = 0, norm = 0;
  for (const int32_t id : {4, 8}) {
    double sum = 0, squares = 0, most = 0;
    for (size_t c = 0; c < d; ++c) {
      const double x = std::abs(model.embedding.values[id * d + c]);
      sum += x;
      squares += x * x;
      most = std::max(most, x);
    }
    mean += sum / static_cast<double>(d) / 2;
    largests += most / 2;
    largest = std::max(largest, most);
    norm += std::sqrt(squares) / 2;
  }
  const ResidualSize at = residual.At(0, 1);
  EXPECT_EQ(at.prompts, 2u);
  EXPECT_NEAR(at.mean_abs, mean, 1e-12);
  EXPECT_NEAR(at.max_abs, largests, 1e-12);
  EXPECT_EQ(at.largest, largest);
  EXPECT_NEAR(at.norm, norm, 1e-12);
  EXPECT_EQ(residual.At(0, 0).prompts, 3u);
  EXPECT_EQ(residual.At(0, 2).prompts, 1u);
}

TEST(ForwardPlanTest, LayersAllocateNothing) {
  const TestModel model;
  const Prompts prompts = PromptsOf(TestIds());
  const auto forward = ForwardOf(model, {}, prompts);
  HeadStatistics heads(kSizes, prompts);
  SerialFor serial;
  ASSERT_TRUE(
      forward->RunLayer(0, model.layers[0].View(), &heads, serial).ok());
  const LayerWeights second = model.layers[1].View();
  absl::Status status;
  const size_t calls =
      HeapCalls([&] { status = forward->RunLayer(1, second, &heads, serial); });
  EXPECT_TRUE(status.ok());
  if (CountsHeapCalls()) {
    EXPECT_EQ(calls, 0u);
  }
}

TEST(ForwardPlanTest, TheLargeModelsFitTheirMemory) {
  PretrainedSizes sizes = {32, 4096, 32, 128, 11008, 32768};
  const std::vector<std::vector<int32_t>> ids(1000,
                                              std::vector<int32_t>(256, 5));
  const auto prompts = Prompts::Create(ids, sizes.vocab);
  ASSERT_TRUE(prompts.ok());
  ForwardOptions options;
  options.threads = 2;
  const double bytes = static_cast<double>(
      PretrainedForward::PlannedBytes(sizes, options, *prompts));
  EXPECT_LT(bytes, 5.2e9);
  EXPECT_GT(bytes, 4.9e9);
  options.threads = 64;
  EXPECT_LT(PretrainedForward::PlannedBytes(sizes, options, *prompts), 7e9);
}

TEST(ForwardErrorsTest, NameWhatIsWrong) {
  const TestModel model;
  const Prompts prompts = PromptsOf({{1, 2}});
  const auto forward = ForwardOf(model, {}, prompts);
  SerialFor serial;
  const auto message = [&](LayerWeights layer, size_t index) {
    return std::string(
        forward->RunLayer(index, layer, nullptr, serial).message());
  };
  LayerWeights layer = model.layers[0].View();
  layer.down = layer.up;
  EXPECT_EQ(message(layer, 1),
            "layer 1: down: shape [48, 70] in place of [70, 48]");
  EXPECT_EQ(message(layer, 2), "");  // the last layer has no use for it
  layer = model.layers[0].View();
  layer.key_norm = layer.key_norm.subspan(1);
  EXPECT_EQ(message(layer, 2), "layer 2: key_norm: 11 elements in place of 12");
  layer = model.layers[0].View();
  layer.q.f32 = layer.q.f32.subspan(1);
  EXPECT_EQ(message(layer, 0), "layer 0: q: 2303 elements in place of 2304");
  EXPECT_THAT(std::string(forward->Embed(layer.q, serial).message()),
              HasSubstr("embedding: shape [48, 48] in place of [90, 48]"));
  PretrainedSizes sizes = kSizes;
  sizes.heads = 3;
  EXPECT_THAT(
      std::string(
          PretrainedForward::Create(sizes, {}, prompts).status().message()),
      HasSubstr("3 heads"));
  sizes.heads = 0;
  EXPECT_THAT(std::string(CheckSizes(sizes).message()),
              HasSubstr("heads is 0"));
  EXPECT_EQ(Prompts::Create({{1}, {1, 90}}, 90).status().message(),
            "prompt 1, position 1: token 90 is not one of 90");
  EXPECT_FALSE(Prompts::Create({{-1, 3}}, 90).ok());
}

TEST(SizesTest, SlopesOfTheLargeModels) {
  const std::vector<float> slopes = AlibiSlopes(32);
  EXPECT_FLOAT_EQ(slopes[0], 0.8408964f);
  EXPECT_FLOAT_EQ(slopes[1], 0.7071068f);
  EXPECT_FLOAT_EQ(slopes[3], 0.5f);
  EXPECT_FLOAT_EQ(slopes[31], 0.00390625f);
  EXPECT_FLOAT_EQ(AlibiSlopes(1)[0], 0.00390625f);
}

}  // namespace
}  // namespace polarize
