#include "experiments/run/batch_order.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "kernels/base/random/torch_random.h"

namespace polarize {
namespace {

// Recorded batches of the reference: tests/parity/start_test.cc.

using Indices = std::vector<uint32_t>;

Indices AllBatches(const BatchOrder& order, size_t batch_size) {
  Indices all;
  for (size_t b = 0; b < order.num_batches(); ++b) {
    const absl::Span<const uint32_t> batch = order.Batch(b);
    if (b + 1 < order.num_batches()) {
      EXPECT_EQ(batch.size(), batch_size);
    }
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

TEST(BatchOrderTest, DrawsBaseSeedThenSamplerSeed) {
  TorchRandom random(8), expected(8);
  Indices memory(100), permutation(100);
  BatchOrder order(random, absl::MakeSpan(memory), 32);
  for (int epoch = 0; epoch < 3; ++epoch) {
    EXPECT_EQ(order.StartTrainingEpoch(100), expected.Random63());
    TorchRandom sampler(expected.Random63());
    sampler.RandPerm(100, permutation.data());
    EXPECT_EQ(AllBatches(order, 32), permutation);
    EXPECT_EQ(order.StartEvaluation(), expected.Random63());
    EXPECT_EQ(AllBatches(order, 32), permutation);  // evaluation changes none
  }
}

// Every sequence once, whatever the rest of the division.
TEST(BatchOrderTest, BatchesCoverTheSequences) {
  TorchRandom random(8);
  Indices memory(70);
  for (const size_t batch_size : {1, 7, 32, 64, 100}) {
    BatchOrder order(random, absl::MakeSpan(memory), batch_size);
    EXPECT_EQ(order.num_batches(), 0u);
    for (const size_t n : {0, 1, 31, 32, 33, 64, 70}) {
      order.StartTrainingEpoch(n);
      EXPECT_EQ(order.num_batches(), (n + batch_size - 1) / batch_size);
      Indices all = AllBatches(order, batch_size);
      std::sort(all.begin(), all.end());
      Indices numbers(n);
      std::iota(numbers.begin(), numbers.end(), 0u);
      EXPECT_EQ(all, numbers);
    }
  }
}

TEST(BatchOrderTest, BrokenRequirementsAbort) {
  TorchRandom random(8);
  Indices memory(5);
  EXPECT_DEATH(BatchOrder(random, absl::MakeSpan(memory), 0), "batch size 0");
  BatchOrder order(random, absl::MakeSpan(memory), 2);
  EXPECT_DEATH(order.StartTrainingEpoch(6), "6 sequences, memory for 5");
}

}  // namespace
}  // namespace polarize
