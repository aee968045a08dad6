#include "experiments/classification/data.h"

#include <algorithm>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace polarize {
namespace {

ClassificationData Make(const ClassificationTask& task) {
  TorchRandom random(task.seed);
  return MakeClassificationData(task, random);
}

void ExpectSample(const ClassificationTask& task,
                  const ClassificationSamples& samples, size_t i) {
  const int32_t* tokens = samples.Tokens(i);
  const auto group = static_cast<int32_t>(task.group_size());
  const int32_t label = samples.label(i);
  EXPECT_GE(label, 0);
  EXPECT_LT(label, static_cast<int32_t>(task.num_labels));
  std::set<int32_t> seen;
  for (size_t t = 0; t + 1 < task.seq_length; ++t) {
    EXPECT_EQ((tokens[t] - 1) / group, label);
    EXPECT_GE(tokens[t], 1);
    seen.insert(tokens[t]);
  }
  EXPECT_EQ(seen.size(), task.seq_length - 1);
  EXPECT_EQ(tokens[task.seq_length - 1], 0);
}

TEST(ClassificationDataTest, SamplesAreWhatTheTaskSays) {
  for (const ClassificationTask& task : {
           ClassificationTask{500, 50, 41, 11, 4, 1},
           ClassificationTask{500, 50, 161, 11, 4, 2},
           ClassificationTask{100, 10, 7, 3, 3, 3},
           ClassificationTask{100, 10, 3, 2, 2, 4},
       }) {
    SCOPED_TRACE(task.vocab_size);
    const ClassificationData data = Make(task);
    ASSERT_EQ(data.train.num(), task.num_train);
    ASSERT_EQ(data.eval.num(), task.num_eval);
    std::set<int32_t> labels;
    for (size_t i = 0; i < task.num_train; ++i) {
      ExpectSample(task, data.train, i);
      labels.insert(data.train.label(i));
    }
    EXPECT_EQ(labels.size(), task.num_labels);
    for (size_t i = 0; i < task.num_eval; ++i) ExpectSample(task, data.eval, i);
  }
}

// With groups as large as a sample only the label matters.
TEST(ClassificationDataTest, DefaultDataHaveFourInputsWithoutOrder) {
  const ClassificationData data = Make({10000, 1000, 41, 11, 4, 0});
  EXPECT_EQ(DistinctInputs(data.train, /*ordered=*/false), 4u);
  EXPECT_EQ(DistinctInputs(data.eval, /*ordered=*/false), 4u);
  EXPECT_GT(DistinctInputs(data.eval, /*ordered=*/true), 990u);
  const std::vector<size_t> first = FirstOfEachInput(data.eval, false);
  ASSERT_EQ(first.size(), 4u);
  EXPECT_EQ(first[0], 0u);
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  const ClassificationData more = Make({10, 1000, 161, 11, 4, 0});
  EXPECT_GT(DistinctInputs(more.eval, /*ordered=*/false), 990u);
}

TEST(ClassificationDataTest, SeedsDiffer) {
  const ClassificationData a = Make({50, 1, 41, 11, 4, 0});
  const ClassificationData b = Make({50, 1, 41, 11, 4, 1});
  EXPECT_FALSE(
      std::equal(a.train.Tokens(0), a.train.Tokens(50), b.train.Tokens(0)));
}

TEST(ClassificationDataTest, ImpossibleTasksAbort) {
  EXPECT_DEATH(Make({1, 1, 41, 12, 4, 0}), "seq_length 12");
  EXPECT_DEATH(Make({1, 1, 40, 11, 4, 0}), "vocab_size 40");
  EXPECT_DEATH(Make({1, 1, 41, 11, 1, 0}), "num_labels 1");
  EXPECT_DEATH(Make({1, 1, 41, 1, 4, 0}), "seq_length 1");
}

}  // namespace
}  // namespace polarize
