#include "experiments/model/row_plan.h"

#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace polarize {
namespace {

using Index = std::vector<uint32_t>;

TEST(Segments, InvertListsTheMembersOfEachTargetInOrder) {
  std::mt19937 random(3);
  for (size_t targets : {1, 2, 5, 40}) {
    for (size_t members : {0, 1, 7, 100}) {
      Index index;
      for (size_t m = 0; m < members; ++m) index.push_back(random() % targets);
      Segments segments;
      segments.begin = {9, 9, 9};  // what was there is overwritten
      segments.member = {9};
      segments.Invert(index, targets);
      ASSERT_EQ(segments.begin.size(), targets + 1);
      EXPECT_EQ(segments.begin.front(), 0u);
      EXPECT_EQ(segments.begin.back(), members);
      EXPECT_EQ(segments.member.size(), members);
      for (size_t t = 0; t < targets; ++t) {
        Index expected;
        for (size_t m = 0; m < members; ++m) {
          if (index[m] == t) expected.push_back(m);
        }
        EXPECT_EQ(Index(segments.member.begin() + segments.begin[t],
                        segments.member.begin() + segments.begin[t + 1]),
                  expected);
      }
    }
  }
}

TEST(RowIndex, FinishFindsTheIdentity) {
  RowIndex index;
  index.row = {0, 1, 2};
  index.Finish(3);
  EXPECT_TRUE(index.identity);
  EXPECT_TRUE(index.readers.begin.empty());
  index.row = {};
  index.Finish(0);
  EXPECT_TRUE(index.identity);
}

TEST(RowIndex, FinishInvertsEverythingElse) {
  RowIndex index;
  for (const Index& row : {Index{0, 1}, Index{0, 2, 1}, Index{1, 1, 0},
                           Index{0, 1, 2, 2}, Index{}}) {
    index.row = row;
    index.Finish(3);
    EXPECT_FALSE(index.identity);
    EXPECT_EQ(index.readers.begin.size(), 4u);
    EXPECT_EQ(index.readers.member.size(), row.size());
  }
  // Back again: nothing of the inverse is left.
  index.row = {0, 1, 2};
  index.Finish(3);
  EXPECT_TRUE(index.identity);
  EXPECT_TRUE(index.readers.member.empty());
}

void ExpectIota(const RowIndex& index, size_t n) {
  EXPECT_TRUE(index.identity);
  ASSERT_EQ(index.row.size(), n);
  for (size_t i = 0; i < n; ++i) EXPECT_EQ(index.row[i], i);
}

void ExpectIdentityPlan(const RowPlan& plan, size_t layers, size_t sequences,
                        size_t positions, bool causal) {
  const size_t rows = sequences * positions;
  EXPECT_EQ(plan.contexts, sequences);
  EXPECT_EQ(plan.token.size(), rows);
  EXPECT_EQ(plan.target.size(), rows);
  EXPECT_EQ(plan.weight.size(), rows);
  ASSERT_EQ(plan.position.size(), rows);
  ExpectIota(plan.output, rows);
  ASSERT_EQ(plan.layers.size(), layers);
  for (const LayerPlan& layer : plan.layers) {
    EXPECT_EQ(layer.rows_in, rows);
    EXPECT_EQ(layer.rows_out, rows);
    ExpectIota(layer.key, rows);
    ExpectIota(layer.query, rows);
    ASSERT_EQ(layer.query_begin.size(), sequences + 1);
    ASSERT_EQ(layer.visible.size(), rows);
    for (size_t c = 0; c <= sequences; ++c) {
      EXPECT_EQ(layer.query_begin[c], c * positions);
    }
    for (size_t r = 0; r < rows; ++r) {
      EXPECT_EQ(plan.position[r], static_cast<int32_t>(r % positions));
      EXPECT_EQ(layer.visible[r], causal ? r % positions + 1 : positions);
    }
  }
}

TEST(MakeIdentityPlan, EveryRowReadsItself) {
  for (bool causal : {true, false}) {
    for (size_t positions : {1, 4}) {
      RowPlan plan;
      MakeIdentityPlan(2, 3, positions, causal, plan);
      ExpectIdentityPlan(plan, 2, 3, positions, causal);
    }
  }
}

TEST(MakeIdentityPlan, TakesNoNewMemoryForFewerSequences) {
  RowPlan plan;
  MakeIdentityPlan(2, 5, 3, true, plan);
  const void* const token = plan.token.data();
  const void* const key = plan.layers[1].key.row.data();
  for (size_t sequences : {2, 5, 1, 0}) {
    MakeIdentityPlan(2, sequences, 3, true, plan);
    ExpectIdentityPlan(plan, 2, sequences, 3, true);
    EXPECT_EQ(plan.token.data(), token);
    EXPECT_EQ(plan.layers[1].key.row.data(), key);
  }
}

}  // namespace
}  // namespace polarize
