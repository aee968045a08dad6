#include "experiments/pretrained/model/score_histogram.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;

// numpy.histogram([0, .1, .25, .5, 1, 1], 4)
TEST(HistogramTest, TheLastBinHasBothEnds) {
  const std::vector<double> values = {1, 0.1, 0.25, 1, 0.5, 0};
  const Histogram histogram = HistogramOf(values, 4);
  EXPECT_THAT(histogram.edges, ElementsAre(0, 0.25, 0.5, 0.75, 1));
  EXPECT_THAT(histogram.counts, ElementsAre(2, 1, 1, 2));
}

// numpy.histogram([3, 3], 2)
TEST(HistogramTest, EqualValuesHaveRoom) {
  const Histogram histogram = HistogramOf(std::vector<double>{3, 3}, 2);
  EXPECT_THAT(histogram.edges, ElementsAre(2.5, 3, 3.5));
  EXPECT_THAT(histogram.counts, ElementsAre(0, 2));
}

TEST(ScoreHistogramTest, ModelsHaveTheirPlaces) {
  EXPECT_EQ(PretrainedModelIndex("softmax"), 0u);
  EXPECT_EQ(PretrainedModelIndex("sigmoid"), 1u);
  EXPECT_EQ(PretrainedModelIndex("relu"), kPretrainedModels);
  EXPECT_EQ(CountsOfScores({{{0.5, 1}, {}}}),
            "2 of Softmax, 0 of Sigmoid (w/o norm.)");
}

}  // namespace
}  // namespace polarize
