#include "experiments/induction/levels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <vector>

#include "experiments/induction/data.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

constexpr InductionTask kDefault = {100000, 1000, 50, 13, true, 0};

TEST(InductionLevels, OfTheDefaultTask) {
  const InductionLevels levels = LevelsOf(kDefault, 0.2, true);
  EXPECT_NEAR(levels.loss_floor, 0.7316, 5e-5);
  EXPECT_NEAR(levels.loss_floor_repeating, 0.7495, 5e-5);
  EXPECT_DOUBLE_EQ(levels.accuracy_guess, 0.1);
  EXPECT_NEAR(levels.sink_normalised, 0.2143, 5e-5);
  EXPECT_NEAR(levels.sink_unnormalised, 0.1667, 5e-5);
}

TEST(InductionLevels, WithoutAuxiliaryLossTheFloorIsZero) {
  EXPECT_EQ(LevelsOf(kDefault, 0, true).loss_floor, 0);
  EXPECT_EQ(LevelsOf(kDefault, 0, true).loss_floor_repeating, 0);
}

TEST(InductionLevels, WithoutMaskTheTargetsAreSeen) {
  const InductionLevels levels = LevelsOf(kDefault, 0.2, false);
  EXPECT_EQ(levels.loss_floor, 0);
  EXPECT_NEAR(levels.sink_normalised, 1.0 / 12, 1e-12);
  EXPECT_NEAR(levels.sink_unnormalised, 1.0 / 12, 1e-12);
}

// Every sequence of a small task, each as probable as any other.
struct Example {
  std::vector<int> input, target;
  size_t answer;
};

std::vector<Example> AllExamples(const InductionTask& task) {
  const int vocabulary = static_cast<int>(task.vocab_size);
  const size_t n = task.distinct();
  const int shift = task.shift_query_token ? vocabulary : 0;
  std::vector<int> order(task.vocab_size - 1);
  std::iota(order.begin(), order.end(), 1);
  std::vector<Example> all;
  do {  // each choice of n comes up equally often
    for (size_t r = 0; r < n; ++r) {
      std::vector<int> tokens(order.begin(), order.begin() + n);
      if (task.begin_token) tokens.insert(tokens.begin(), 0);
      const size_t repeated = tokens.size() - n + r;
      Example e;
      if (task.kind == TaskKind::kTrigger) {
        e.answer = repeated + 1;
        const int copied = tokens[repeated];
        tokens.insert(tokens.begin() + e.answer, vocabulary);
        e.input = tokens;
        e.target.assign(tokens.size(), 0);
        e.target[e.answer] = copied;
      } else {
        tokens.push_back(tokens[repeated] + shift);
        tokens.push_back(tokens[repeated + 1]);
        e.input.assign(tokens.begin(), tokens.end() - 1);
        e.target.assign(tokens.begin() + 1, tokens.end());
        e.answer = e.input.size() - 1;
      }
      all.push_back(e);
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return all;
}

// What a predictor knows at a position.
using Known = std::function<std::vector<int>(const Example&, size_t)>;

// Of the best predictor that knows no more than that.
double LossKnowing(const std::vector<Example>& all, double aux,
                   const Known& known) {
  std::map<std::vector<int>, std::map<int, double>> counts;
  const auto key = [&](const Example& e, size_t t) {
    std::vector<int> k = known(e, t);
    k.push_back(static_cast<int>(t));
    return k;
  };
  for (const Example& e : all) {
    for (size_t t = 0; t < e.input.size(); ++t)
      ++counts[key(e, t)][e.target[t]];
  }
  double loss = 0;
  for (const Example& e : all) {
    for (size_t t = 0; t < e.input.size(); ++t) {
      const std::map<int, double>& seen = counts[key(e, t)];
      double total = 0;
      for (const auto& [target, count] : seen) total += count;
      const double others = static_cast<double>(e.input.size() - 1);
      const double weight = t == e.answer ? 1 : aux / others;
      loss -= weight * std::log(seen.at(e.target[t]) / total) /
              static_cast<double>(all.size());
    }
  }
  return loss;
}

std::vector<int> Prefix(const Example& e, size_t t) {
  return {e.input.begin(), e.input.begin() + t + 1};
}

// Its own token, and which precede it in no order.
std::vector<int> OwnAndSetBefore(const Example& e, size_t t) {
  std::vector<int> known = Prefix(e, t);
  std::sort(known.begin(), known.end() - 1);
  return known;
}

std::vector<int> Own(const Example& e, size_t t) { return {e.input[t]}; }

constexpr InductionTask kSmallTasks[] = {
    {1, 1, 6, 6, true, 0, true, TaskKind::kInduction},
    {1, 1, 6, 6, false, 0, false, TaskKind::kInduction},
    {1, 1, 6, 7, true, 0, true, TaskKind::kTrigger},
    {1, 1, 6, 5, true, 0, false, TaskKind::kTrigger},
};

TEST(InductionLevels, LossesAreThoseOfTheBestPredictors) {
  for (const InductionTask& task : kSmallTasks) {
    const std::vector<Example> all = AllExamples(task);
    const InductionLevels levels = LevelsOf(task, 0.3, true);
    EXPECT_NEAR(levels.loss_floor, LossKnowing(all, 0.3, Prefix), 1e-12);
    if (task.kind == TaskKind::kTrigger) {
      EXPECT_NEAR(levels.loss_floor_repeating,
                  LossKnowing(all, 0.3, OwnAndSetBefore), 1e-12);
      EXPECT_NEAR(levels.loss_alone, LossKnowing(all, 0.3, Own), 1e-12);
    } else {
      EXPECT_TRUE(std::isnan(levels.loss_alone));
    }
  }
}

// Rows that the statistics read (statistics.h).
std::vector<size_t> RowsRead(const InductionTask& task, const Example& e) {
  std::vector<size_t> rows;
  for (size_t q = 1; q < e.input.size(); ++q) {
    const bool read = task.kind == TaskKind::kTrigger ? q != e.answer
                                                      : q + 2 < e.input.size();
    if (read) rows.push_back(q);
  }
  return rows;
}

TEST(InductionLevels, SinksAreThoseOfEqualWeights) {
  for (const InductionTask& task : kSmallTasks) {
    for (const bool causal : {true, false}) {
      const std::vector<Example> all = AllExamples(task);
      double normalised = 0, unnormalised = 0, guess = 0;
      for (const Example& e : all) {
        const std::vector<size_t> rows = RowsRead(task, e);
        const double n = static_cast<double>(rows.size());
        double share = 0, seen = 0;
        for (const size_t q : rows) {
          const double keys =
              static_cast<double>(causal ? q + 1 : e.input.size());
          share += 1 / keys;
          seen += keys;
        }
        normalised += share / n;
        unnormalised += n / seen;
        const double before =
            static_cast<double>(e.answer) - (task.begin_token ? 1 : 0);
        guess += task.kind == TaskKind::kTrigger
                     ? 1 / before
                     : 1 / static_cast<double>(task.distinct());
      }
      const double n = static_cast<double>(all.size());
      const InductionLevels levels = LevelsOf(task, 0.3, causal);
      EXPECT_NEAR(levels.sink_normalised, normalised / n, 1e-12);
      EXPECT_NEAR(levels.sink_unnormalised, unnormalised / n, 1e-12);
      EXPECT_NEAR(levels.accuracy_guess, guess / n, 1e-12);
    }
  }
}

// Three positions leave no row for the statistics.
TEST(InductionLevels, ShortestSequences) {
  const InductionLevels levels = LevelsOf({1, 1, 2, 4, false, 0}, 1.0, true);
  EXPECT_EQ(levels.loss_floor, 0);  // one token to choose from
  EXPECT_TRUE(std::isnan(levels.sink_normalised));
}

}  // namespace
}  // namespace polarize
