#include "tools/figures/trends/attention_pictures.h"

#include <cstdint>

#include "experiments/run/figures_testing.h"
#include "experiments/run/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Names(const Drawn& drawn) {
  std::vector<std::string> names;
  for (const DrawnPicture& picture : drawn.pictures) {
    names.push_back(picture.name);
  }
  return names;
}

class AttentionPicturesTest : public FiguresFixture {
 protected:
  // Weight i of the file is i / 100.
  void WriteAttention(const std::vector<int64_t>& shape,
                      const std::vector<int64_t>& token_shape) {
    size_t n = 1;
    for (const int64_t size : shape) n *= static_cast<size_t>(size);
    std::vector<float> weights(n);
    for (size_t i = 0; i < n; ++i) weights[i] = static_cast<float>(i) / 100;
    n = 1;
    for (const int64_t size : token_shape) n *= static_cast<size_t>(size);
    std::vector<int32_t> tokens(n);
    for (size_t i = 0; i < n; ++i) tokens[i] = static_cast<int32_t>(i % 3 * 10);
    ASSERT_TRUE(WriteSafetensors(folder_.path() + "/attention.safetensors",
                                 {{"attention", shape, weights.data()},
                                  {"tokens", token_shape, tokens.data()}})
                    .ok());
  }
  absl::StatusOr<Drawn> Draw(const AttentionChoice& choice) {
    return DrawAttentionMaps({{"sigmoid", folder_.path()}}, choice, figures_);
  }
};

TEST_F(AttentionPicturesTest, DrawsHeadsOfALayerAndGrids) {
  WriteAttention({2, 2, 2, 3, 3}, {2, 3});
  AttentionChoice choice;
  choice.samples = 3;
  choice.token_zero = "CLS";
  const auto drawn = Draw(choice);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_THAT(
      Names(*drawn),
      ElementsAre("attention_map_sigmoid_0_1_0", "attention_map_sigmoid_0_1_1",
                  "attention_grid_sigmoid_0", "attention_map_sigmoid_1_1_0",
                  "attention_map_sigmoid_1_1_1", "attention_grid_sigmoid_1"));
  ASSERT_EQ(drawn->missing.size(), 1u);
  EXPECT_EQ(drawn->missing[0].name, "attention_map_sigmoid_2_*");
  EXPECT_THAT(drawn->missing[0].why, HasSubstr("holds 2 samples"));
  // Sample 1, layer 1, head 0 starts at ((1 * 2 + 1) * 2 + 0) * 9 = 54.
  EXPECT_THAT(Read("attention_map_sigmoid_1_1_0.dat"),
              HasSubstr("# layer 0, head 0\n0.54"));
  const std::string map = Read("attention_map_sigmoid_1_1_0.gp");
  EXPECT_THAT(map, HasSubstr("size 1.000in,1.000in"));
  EXPECT_THAT(map, HasSubstr("set cbrange [-1:1]"));
  EXPECT_THAT(map, HasSubstr("'#de337d'"));
  const std::string grid = Read("attention_grid_sigmoid_0.gp");
  EXPECT_THAT(grid, HasSubstr("size 12.000in,10.000in"));
  EXPECT_THAT(grid, HasSubstr("('CLS' 0, '10' 1, '20' 2)"));
  EXPECT_THAT(grid, HasSubstr("'#440154'"));
}

TEST_F(AttentionPicturesTest, OtherLayersAndFewerSamples) {
  WriteAttention({2, 1, 1, 2, 2}, {2, 2});
  AttentionChoice choice;
  choice.samples = 1;
  auto drawn = Draw(choice);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_THAT(Names(*drawn), ElementsAre("attention_grid_sigmoid_0"));
  ASSERT_EQ(drawn->missing.size(), 1u);
  EXPECT_THAT(drawn->missing[0].why, HasSubstr("the model has 1 layers"));
  choice.layer = 0;
  drawn = Draw(choice);
  EXPECT_THAT(Names(*drawn), ElementsAre("attention_map_sigmoid_0_0_0",
                                         "attention_grid_sigmoid_0"));
  EXPECT_THAT(Read("attention_grid_sigmoid_0.gp"), HasSubstr("'BOS' 0"));
}

TEST_F(AttentionPicturesTest, ARunWithoutAFileIsMissing) {
  const auto drawn = Draw({});
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_TRUE(drawn->pictures.empty());
  ASSERT_EQ(drawn->missing.size(), 1u);
  EXPECT_EQ(drawn->missing[0].name, "attention_map_sigmoid_*");
  EXPECT_THAT(drawn->missing[0].why, HasSubstr("not run"));
}

TEST_F(AttentionPicturesTest, OtherShapesAreErrors) {
  WriteAttention({2, 1, 1, 2, 3}, {2, 2});
  EXPECT_THAT(Draw({}).status().message(), HasSubstr("[2, 1, 1, 2, 3]"));
  WriteAttention({2, 1, 1, 2, 2}, {2, 3});
  EXPECT_THAT(Draw({}).status().message(), HasSubstr("'tokens' [2, 3]"));
  WriteAttention({2, 1, 2, 2}, {2, 2});
  EXPECT_FALSE(Draw({}).ok());
  WriteAttention({0, 1, 1, 2, 2}, {0, 2});
  EXPECT_FALSE(Draw({}).ok());
  const float one = 1;
  ASSERT_TRUE(WriteSafetensors(folder_.path() + "/attention.safetensors",
                               {{"attention", {1, 1, 1, 1, 1}, &one}})
                  .ok());
  EXPECT_THAT(Draw({}).status().message(), HasSubstr("no tensors"));
}

}  // namespace
}  // namespace polarize
