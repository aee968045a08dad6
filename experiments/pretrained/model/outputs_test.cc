#include "experiments/pretrained/model/outputs.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "experiments/pretrained/model/npy.h"
#include "experiments/run/csv.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using testing::HasSubstr;

// What numpy.save wrote, but for the numbers.
TEST(NpyTest, IsNumPysFormat) {
  const std::vector<double> values = {1, -2.5, 3, 0};
  const std::string text = NpyText(values, 2, 2);
  EXPECT_EQ(text.size(), 128u + 32u);
  EXPECT_EQ(text.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(text.substr(10, 118),
              HasSubstr("{'descr': '<f8', 'fortran_order': False, 'shape': "
                        "(2, 2), }"));
  EXPECT_EQ(text[127], '\n');
  double second;
  std::memcpy(&second, text.data() + 136, sizeof(second));
  EXPECT_EQ(second, -2.5);
}

constexpr PretrainedSizes kSizes = {2, 4, 2, 2, 4, 10};

struct FakeRun {
  Prompts prompts;
  HeadStatistics heads;
  ResidualStatistics residual;

  // Every row of head h in layer l sees key 0 with weight (1 + h + l) / 8.
  explicit FakeRun(double factor)
      : prompts(*Prompts::Create({{1, 2}}, 10)),
        heads(kSizes, prompts),
        residual(kSizes.layers, prompts) {
    for (size_t l = 0; l < 2; ++l) {
      for (size_t h = 0; h < 2; ++h) {
        for (uint32_t i = 0; i < 2; ++i) {
          Observation row = {};
          row.position = i;
          row.count = 1;
          const float weights[2] = {
              static_cast<float>(factor * static_cast<double>(1 + h + l) / 8),
              0};
          heads.Row(l, h, row, weights);
        }
      }
      heads.FinishLayer(l);
    }
  }
};

TEST(OutputsTest, TwoModelsShareTheTables) {
  TestFolder folder;
  const FakeRun softmax(1), again(0.5), sigmoid(0.25);
  ASSERT_TRUE(
      WriteOutputs(folder.path(), "softmax", softmax.heads, softmax.residual)
          .ok());
  ASSERT_TRUE(
      WriteOutputs(folder.path(), "sigmoid", sigmoid.heads, sigmoid.residual)
          .ok());
  ASSERT_TRUE(
      WriteOutputs(folder.path(), "softmax", again.heads, again.residual).ok());
  const auto table = ReadCsv(folder.path() + "/pretrained.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->rows.size(), 8u);
  const int score = ColumnOf(*table, "score");
  const int share = ColumnOf(*table, "max_share");
  const int entropy = ColumnOf(*table, "entropy");
  const int first = ColumnOf(*table, "largest_key_is_first");
  EXPECT_EQ(table->rows[3][0], "sigmoid");
  EXPECT_EQ(table->rows[3][1], "1");
  EXPECT_EQ(table->rows[3][2], "1");
  EXPECT_EQ(table->rows[3][score], "0.09375");
  EXPECT_EQ(table->rows[5][0], "softmax");
  EXPECT_EQ(table->rows[5][score], "0.125");
  EXPECT_EQ(table->rows[5][share].substr(0, 7), "0.99999");
  EXPECT_NEAR(std::stod(table->rows[5][entropy]), 0, 1e-6);
  EXPECT_EQ(table->rows[5][first], "1");
  const auto residual = ReadCsv(folder.path() + "/residual.csv");
  ASSERT_TRUE(residual.ok());
  EXPECT_EQ(residual->rows.size(), 8u);
  EXPECT_EQ(residual->rows[0][ColumnOf(*residual, "norm")], "");  // not looked
  EXPECT_THAT(NamesIn(folder.path()),
              testing::ElementsAre("first_token_proportion_sigmoid.npy",
                                   "first_token_proportion_softmax.npy",
                                   "max_proportion_sigmoid.npy",
                                   "max_proportion_softmax.npy",
                                   "pretrained.csv", "residual.csv"));
}

TEST(OutputsTest, ATableOfOtherColumnsIsNotOverwritten) {
  TestFolder folder;
  const std::string path = folder.path() + "/pretrained.csv";
  ASSERT_TRUE(WriteFileWhole(path, "model,score\nsoftmax,1\n").ok());
  const FakeRun run(1);
  EXPECT_THAT(std::string(WriteOutputs(folder.path(), "softmax", run.heads,
                                       run.residual)
                              .message()),
              HasSubstr("pretrained.csv: other columns"));
  EXPECT_EQ(*ReadFile(path, 100), "model,score\nsoftmax,1\n");
}

TEST(OutputsTest, DrawsMaps) {
  TestFolder folder;
  const FakeRun run(1);
  auto figures = Figures::Create(folder.path());
  ASSERT_TRUE(figures.ok());
  figures->Postpone();  // data and scripts alone
  const absl::Status status =
      DrawOutputs("sigmoid", run.heads, run.residual, *figures);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(
      NamesIn(folder.path() + "/figures"),
      testing::IsSupersetOf({"sigmoid_score.gp", "sigmoid_max_share.gp",
                             "sigmoid_first_token.gp", "sigmoid_residual.gp"}));
}

}  // namespace
}  // namespace polarize
