#include "experiments/model/init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/random/torch_random.h"

namespace polarize {
namespace {

// Whole models against the reference: tests/parity/start_test.cc.

TEST(InitTest, LinearDrawsWeightThenBiasWithinTheBound) {
  for (const size_t fan_in : {1, 16, 32, 64, 128, 256, 512}) {
    SCOPED_TRACE(fan_in);
    constexpr size_t kFanOut = 40;
    std::vector<float> weight(fan_in * kFanOut), bias(kFanOut);
    TorchRandom random(3), expected(3);
    InitLinear(random, fan_in, kFanOut, weight.data(), bias.data());
    const float bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
    std::vector<float> both((fan_in + 1) * kFanOut);
    expected.UniformFill(-bound, bound, both.size(), both.data());
    EXPECT_EQ(weight, std::vector<float>(both.begin(), both.end() - kFanOut));
    EXPECT_EQ(bias, std::vector<float>(both.end() - kFanOut, both.end()));
    EXPECT_LE(*std::max_element(weight.begin(), weight.end()), bound);
    EXPECT_GE(*std::min_element(weight.begin(), weight.end()), -bound);
    EXPECT_EQ(random.U32(), expected.U32());
  }
}

TEST(InitTest, EmbeddingIsStandardNormal) {
  std::vector<float> table(5 * 64), normals(5 * 64);
  TorchRandom random(3), expected(3);
  InitEmbedding(random, 5, 64, table.data());
  expected.NormalFill(normals.size(), normals.data());
  EXPECT_EQ(table, normals);
  EXPECT_EQ(random.U32(), expected.U32());
}

}  // namespace
}  // namespace polarize
