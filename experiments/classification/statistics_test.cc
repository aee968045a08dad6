#include "experiments/classification/statistics.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kTiny = 1e-14;

// One layer, one head, three positions; every row of a sample is `other`, but
// for the last one.
ClsStatistics Of(const std::vector<std::vector<double>>& cls_rows) {
  ClsObserver<double> observer(1, 1, 3, 0);
  const std::vector<double> other = {7, -7, 7};
  for (uint32_t s = 0; s < cls_rows.size(); ++s) {
    observer.Row(0, 0, {s, 0, 1}, other);
    observer.Row(0, 0, {s, 1, 1}, other);
    observer.Row(0, 0, {s, 2, 1}, cls_rows[s]);
  }
  return observer.Get(0, 0);
}

TEST(ClsStatisticsTest, FollowTheirDefinitions) {
  const ClsStatistics s = Of({{0.5, 0.25, 0.25}, {0.0, 3.0, 1.0}});
  EXPECT_NEAR(s.abs_attn_max, (0.5 + 3) / 2, kTiny);
  EXPECT_NEAR(s.abs_attn_sum, (1.0 + 4) / 2, kTiny);
  EXPECT_NEAR(s.rel_attn_max, (0.5 + 0.75) / 2, kTiny);
  EXPECT_NEAR(s.abs_rel_attn_max, (0.5 + 0.75) / 2, kTiny);
  EXPECT_NEAR(s.row_sum_sd, 1.5, kTiny);
  const double first = 0.5 * std::log(2) + 0.5 * std::log(4);
  const double second = -0.75 * std::log(0.75) - 0.25 * std::log(0.25);
  EXPECT_NEAR(s.entropy, (first + second) / 2, kTiny);
}

TEST(ClsStatisticsTest, ACountStandsForEqualRows) {
  const std::vector<double> a = {0.5, 0.25, 0.25}, b = {0.0, 3.0, 1.0};
  ClsObserver<double> counted(1, 1, 3, 0);
  counted.Row(0, 0, {0, 2, 3}, a);
  counted.Row(0, 0, {1, 2, 2}, b);
  const ClsStatistics s = counted.Get(0, 0), expected = Of({a, b, a, b, a});
  for (const ClsStatistic& name : kClsStatistics) {
    EXPECT_NEAR(s.*name.value, expected.*name.value, kTiny) << name.name;
  }
}

// By itself where a map is kept, all its rows; else CLS alone.
TEST(ClsStatisticsTest, AsksForTheRowsThatItNeeds) {
  using Interest = ObserverInterest::Interest;
  const ClsObserver<float> observer(1, 1, 3, 2);
  for (size_t sample : {0, 1, 2, 9}) {
    for (size_t t = 0; t < 3; ++t) {
      const Interest other = t == 2 ? Interest::kCounted : Interest::kNone;
      EXPECT_EQ(observer.InterestIn(sample, t),
                sample < 2 ? Interest::kOwn : other);
    }
  }
}

// The reference's ratio leaves [0, 1]; the one of |A| does not.
TEST(ClsStatisticsTest, SignedWeights) {
  const ClsStatistics s = Of({{2.0, -1.5, 0.0}});
  EXPECT_NEAR(s.rel_attn_max, 4, kTiny);
  EXPECT_NEAR(s.abs_rel_attn_max, 2 / 3.5, kTiny);
  const ClsStatistics negative = Of({{-1.0, -2.0, -1.0}});
  EXPECT_NEAR(negative.abs_attn_max, -1, kTiny);
  EXPECT_NEAR(negative.rel_attn_max, 0.25, kTiny);
  EXPECT_NEAR(negative.abs_rel_attn_max, 0.5, kTiny);
}

TEST(ClsStatisticsTest, SpecialValues) {
  EXPECT_TRUE(std::isnan(Of({}).rel_attn_max));
  const ClsStatistics zero = Of({{0, 0, 0}});
  EXPECT_EQ(zero.abs_attn_sum, 0);
  EXPECT_TRUE(std::isnan(zero.rel_attn_max));
  EXPECT_TRUE(std::isnan(zero.entropy));
  for (size_t at = 0; at < 3; ++at) {
    std::vector<double> row = {1, 2, 3};
    row[at] = kNan;
    const ClsStatistics s = Of({row});
    for (const ClsStatistic& name : kClsStatistics) {
      EXPECT_TRUE(std::isnan(s.*name.value)) << name.name << " " << at;
    }
  }
  // A row of zeros has no entropy, and takes no part in the mean.
  EXPECT_NEAR(Of({{0, 0, 0}, {1, 1, 0}}).entropy, std::log(2), kTiny);
}

TEST(ClsStatisticsTest, KeepsHeadsLayersAndMapsApart) {
  ClsObserver<float> observer(2, 2, 2, 1);
  for (size_t l = 0; l < 2; ++l) {
    for (uint32_t row = 0; row < 4; ++row) {
      for (size_t h = 0; h < 2; ++h) {
        const auto value = static_cast<float>(100 * l + 10 * h + row);
        observer.Row(l, h, {row / 2, row % 2, 1},
                     std::vector<float>{value, -value});
      }
    }
  }
  EXPECT_EQ(observer.Get(1, 0).abs_attn_max, (101.0 + 103) / 2);
  EXPECT_EQ(observer.Get(0, 1).abs_attn_max, (11.0 + 13) / 2);
  const absl::Span<const float> map = observer.maps().Map(0, 1, 1);
  EXPECT_EQ(std::vector<float>(map.begin(), map.end()),
            (std::vector<float>{110, -110, 111, -111}));
  // Maps of later samples are not kept.
  observer.Row(1, 1, {1, 0, 1}, std::vector<float>{5, 5});
  EXPECT_EQ(observer.maps().Map(0, 1, 1)[0], 110);
  observer.Clear();
  EXPECT_TRUE(std::isnan(observer.Get(1, 1).abs_attn_max));
}

TEST(ClsStatisticsTest, KeysAreTheReferences) {
  EXPECT_EQ(StatisticKey(1, 3, kClsStatistics[0].name), "1_3_abs_attn_max");
  EXPECT_EQ(std::string(kClsStatistics[1].name), "abs_attn_sum");
  EXPECT_EQ(std::string(kClsStatistics[2].name), "rel_attn_max");
}

}  // namespace
}  // namespace polarize
