#include "experiments/induction/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

constexpr size_t kLayers = 2, kHeads = 3, kMaps = 2;

// Attention weights of every (sequence, layer, head, q, k).
template <typename T>
struct Weights {
  Weights(size_t sequences, size_t positions)
      : sequences(sequences),
        positions(positions),
        all(sequences * kLayers * kHeads * positions * positions) {}

  T* Row(size_t sequence, size_t layer, size_t head, size_t q) {
    const size_t map = (sequence * kLayers + layer) * kHeads + head;
    return &all[(map * positions + q) * positions];
  }

  size_t sequences, positions;
  std::vector<T> all;
};

// Causal, with negative entries if asked for.
template <typename T>
Weights<T> RandomWeights(size_t sequences, size_t positions, bool with_signs) {
  Weights<T> weights(sequences, positions);
  std::mt19937 random(11);
  std::uniform_real_distribution<double> uniform(with_signs ? -1 : 0, 1);
  for (size_t row = 0; row < weights.all.size() / positions; ++row) {
    for (size_t k = 0; k <= row % positions; ++k) {
      weights.all[row * positions + k] = static_cast<T>(uniform(random));
    }
  }
  return weights;
}

// As a model would: batches of at most `batch` sequences; layer, row, head.
template <typename T>
void Feed(Weights<T>& weights, size_t batch, StatisticsObserver<T>& observer) {
  const size_t positions = weights.positions;
  for (size_t first = 0; first < weights.sequences; first += batch) {
    const size_t n = std::min(batch, weights.sequences - first);
    for (size_t l = 0; l < kLayers; ++l) {
      for (size_t row = 0; row < n * positions; ++row) {
        for (size_t h = 0; h < kHeads; ++h) {
          const T* values =
              weights.Row(first + row / positions, l, h, row % positions);
          observer.Row(l, h,
                       {static_cast<uint32_t>(first + row / positions),
                        static_cast<uint32_t>(row % positions), 1},
                       absl::MakeConstSpan(values, positions));
        }
      }
    }
  }
}

double Mean(const std::vector<double>& x) {
  double sum = 0;
  for (double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

// From the definitions in the header, over whole matrices.
template <typename T>
HeadStatistics Naive(Weights<T>& weights, size_t layer, size_t head) {
  std::vector<double> bos_means, sum_means, ratios, globals, abs_globals;
  std::vector<double> row_sums, entropies;
  for (size_t s = 0; s < weights.sequences; ++s) {
    std::vector<double> bos, sums, ratio, abs_bos, abs_sums;
    for (size_t q = 1; q <= weights.positions - 3; ++q) {
      const T* row = weights.Row(s, layer, head, q);
      double sum = 0, size = 0, entropy = 0;
      for (size_t k = 0; k < weights.positions; ++k) {
        sum += row[k];
        size += std::abs(static_cast<double>(row[k]));
      }
      for (size_t k = 0; k < weights.positions; ++k) {
        const double p = std::abs(static_cast<double>(row[k])) / size;
        if (p > 0) entropy -= p * std::log(p);
      }
      bos.push_back(row[0]);
      sums.push_back(sum);
      ratio.push_back(row[0] / (sum + 1e-9));
      abs_bos.push_back(std::abs(static_cast<double>(row[0])));
      abs_sums.push_back(size);
      row_sums.push_back(sum);
      if (size > 0) entropies.push_back(entropy);
    }
    const double rows = static_cast<double>(bos.size());
    bos_means.push_back(Mean(bos));
    sum_means.push_back(Mean(sums));
    ratios.push_back(Mean(ratio));
    globals.push_back(rows * Mean(bos) / (rows * Mean(sums) + 1e-9));
    abs_globals.push_back(rows * Mean(abs_bos) /
                          (rows * Mean(abs_sums) + 1e-9));
  }
  std::vector<double> squares;
  for (double sum : row_sums) {
    squares.push_back((sum - Mean(row_sums)) * (sum - Mean(row_sums)));
  }
  return {Mean(bos_means), Mean(sum_means),   Mean(ratios),
          Mean(globals),   Mean(abs_globals), std::sqrt(Mean(squares)),
          Mean(entropies)};
}

template <typename T>
void ExpectNaive(Weights<T>& weights, const StatisticsObserver<T>& observer) {
  for (size_t l = 0; l < kLayers; ++l) {
    for (size_t h = 0; h < kHeads; ++h) {
      const HeadStatistics actual = observer.Get(l, h);
      const HeadStatistics expected = Naive(weights, l, h);
      for (const HeadStatistic& s : kHeadStatistics) {
        const double value = expected.*s.value;
        EXPECT_NEAR(actual.*s.value, value,
                    1e-11 * std::max(1.0, std::abs(value)))
            << StatisticKey(l, h, s.name);
      }
    }
  }
}

template <typename T>
void ExpectNaiveForBatches(bool with_signs) {
  for (size_t positions : {4, 5, 12}) {
    Weights<T> weights = RandomWeights<T>(7, positions, with_signs);
    StatisticsObserver<T> observer(kLayers, kHeads, positions, kMaps);
    for (size_t batch : {1, 3, 7}) {
      observer.Clear();
      Feed(weights, batch, observer);
      ExpectNaive(weights, observer);
    }
  }
}

TEST(Statistics, EqualTheirDefinitions) {
  ExpectNaiveForBatches<float>(false);
  ExpectNaiveForBatches<double>(false);
}

TEST(Statistics, EqualTheirDefinitionsWithNegativeWeights) {
  ExpectNaiveForBatches<float>(true);
  ExpectNaiveForBatches<double>(true);
}

TEST(Statistics, AreRightForWeightsThatAreKnown) {
  // Every row that counts: 1/4 on the first key, 3/4 on its own, sum 1.
  Weights<float> weights(2, 6);
  for (size_t row = 0; row < weights.all.size() / 6; ++row) {
    weights.all[row * 6] = 0.25f;
    weights.all[row * 6 + std::max<size_t>(row % 6, 1)] = 0.75f;
  }
  // Those that do not: first position, last content token, query token.
  for (size_t q : {0, 4, 5}) {
    weights.Row(0, 0, 0, q)[0] = 100;
  }
  StatisticsObserver<float> observer(kLayers, kHeads, 6, 0);
  Feed(weights, 2, observer);
  const HeadStatistics s = observer.Get(0, 0);
  EXPECT_DOUBLE_EQ(s.abs_attn_bos, 0.25);
  EXPECT_DOUBLE_EQ(s.abs_attn_all, 1);
  EXPECT_NEAR(s.rel_attn_bos, 0.25, 1e-9);
  EXPECT_NEAR(s.rel_attn_bos_global, 0.25, 1e-9);
  EXPECT_NEAR(s.abs_rel_attn_bos_global, 0.25, 1e-9);
  EXPECT_NEAR(s.row_sum_sd, 0, 1e-12);
  EXPECT_DOUBLE_EQ(s.entropy, -0.25 * std::log(0.25) - 0.75 * std::log(0.75));
}

// Row 0 and the trigger's, another one in each sequence, do not count.
TEST(Statistics, OfTheTriggerTaskLeaveTheTriggerOut) {
  Weights<float> weights(2, 6);
  const std::vector<uint32_t> triggers = {5, 2};
  for (size_t s = 0; s < 2; ++s) {
    for (size_t q = 0; q < 6; ++q) {
      float* const row = weights.Row(s, 0, 0, q);
      const bool counts = q >= 1 && q != triggers[s];
      row[0] = counts ? 0.25f * static_cast<float>(s + 1) : 100;
      row[1] = counts ? 0.5f : 100;
    }
  }
  StatisticsObserver<float> observer(kLayers, kHeads, 6, 0, triggers);
  Feed(weights, 2, observer);
  const HeadStatistics s = observer.Get(0, 0);
  EXPECT_DOUBLE_EQ(s.abs_attn_bos, (0.25 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(s.abs_attn_all, (0.75 + 1) / 2);
  EXPECT_NEAR(s.rel_attn_bos_global, (1.0 / 3 + 0.5) / 2, 1e-9);
  EXPECT_NEAR(s.row_sum_sd, 0.125, 1e-12);
}

TEST(Statistics, KeepTheMapsOfTheFirstSequences) {
  Weights<double> weights = RandomWeights<double>(5, 6, true);
  StatisticsObserver<double> observer(kLayers, kHeads, 6, kMaps);
  for (size_t batch : {1, 4}) {
    Feed(weights, batch, observer);
    for (size_t s = 0; s < kMaps; ++s) {
      for (size_t l = 0; l < kLayers; ++l) {
        for (size_t h = 0; h < kHeads; ++h) {
          const absl::Span<const float> map = observer.maps().Map(s, l, h);
          const double* expected = weights.Row(s, l, h, 0);
          EXPECT_EQ(std::vector<float>(map.begin(), map.end()),
                    std::vector<float>(expected, expected + map.size()));
        }
      }
    }
  }
}

TEST(Statistics, SharesAndEntropyAreUndefinedIfEveryRowIsZero) {
  Weights<float> weights(3, 6);
  StatisticsObserver<float> observer(kLayers, kHeads, 6, 0);
  Feed(weights, 3, observer);
  const HeadStatistics s = observer.Get(1, 2);
  EXPECT_TRUE(std::isnan(s.entropy));
  EXPECT_TRUE(std::isnan(s.rel_attn_bos));  // the reference has 0 / 1e-9
  EXPECT_TRUE(std::isnan(s.rel_attn_bos_global));
  EXPECT_TRUE(std::isnan(s.abs_rel_attn_bos_global));
  EXPECT_EQ(s.abs_attn_bos, 0);
  EXPECT_EQ(s.abs_attn_all, 0);
  EXPECT_EQ(s.row_sum_sd, 0);
}

TEST(Statistics, EntropyLeavesZeroRowsOut) {
  Weights<float> weights = RandomWeights<float>(3, 6, false);
  std::fill_n(weights.Row(0, 1, 2, 2), 6, 0.0f);
  StatisticsObserver<float> observer(kLayers, kHeads, 6, 0);
  Feed(weights, 3, observer);
  ExpectNaive(weights, observer);
}

// Nothing hides a weight that is no number, and other heads do not see it.
TEST(Statistics, NanReachesEveryStatisticOfItsHead) {
  for (size_t k : {0, 1}) {
    Weights<float> weights = RandomWeights<float>(3, 6, false);
    weights.Row(1, 0, 1, 2)[k] = std::numeric_limits<float>::quiet_NaN();
    StatisticsObserver<float> observer(kLayers, kHeads, 6, 0);
    Feed(weights, 2, observer);
    for (const HeadStatistic& s : kHeadStatistics) {
      const bool only_first = std::string(s.name) == "abs_attn_bos";
      EXPECT_EQ(std::isnan(observer.Get(0, 1).*s.value), !only_first || k == 0)
          << s.name;
      EXPECT_FALSE(std::isnan(observer.Get(0, 0).*s.value)) << s.name;
    }
  }
}

TEST(Statistics, AreUndefinedWhereNoRowCounts) {
  Weights<float> weights = RandomWeights<float>(3, 3, false);
  StatisticsObserver<float> observer(kLayers, kHeads, 3, 0);
  for (bool fed : {false, true}) {
    if (fed) Feed(weights, 3, observer);
    for (const HeadStatistic& s : kHeadStatistics) {
      EXPECT_TRUE(std::isnan(observer.Get(0, 0).*s.value)) << s.name;
    }
  }
}

TEST(Statistics, ClearForgets) {
  Weights<float> weights = RandomWeights<float>(4, 6, true);
  Weights<float> others = RandomWeights<float>(3, 6, false);
  StatisticsObserver<float> observer(kLayers, kHeads, 6, 0);
  Feed(weights, 4, observer);
  observer.Clear();
  EXPECT_TRUE(std::isnan(observer.Get(0, 0).abs_attn_all));
  Feed(others, 3, observer);
  ExpectNaive(others, observer);
}

TEST(Statistics, HaveTheReferencesKeys) {
  EXPECT_EQ(StatisticKey(1, 3, "rel_attn_bos_global"),
            "1_3_rel_attn_bos_global");
}

}  // namespace
}  // namespace polarize
