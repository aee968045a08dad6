#include "experiments/model/batch_plan.h"

#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "experiments/model/id_table.h"
#include "experiments/model/plan_cost.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Tokens = std::vector<int32_t>;

// ----------------------------------------------------------------- IdTable

TEST(IdTable, NumbersKeysInOrderOfAppearance) {
  IdTable table(100);
  std::mt19937 random(1);
  for (int round = 0; round < 3; ++round) {
    table.Clear();
    std::map<uint64_t, uint32_t> expected;
    for (int i = 0; i < 300; ++i) {
      // Keys that differ in high bits only, in low bits only, and both.
      const uint64_t key = uint64_t{random() % 10} << 32 | random() % 10;
      const auto [at, fresh] = expected.emplace(key, expected.size());
      const IdTable::Found found = table.Insert(key);
      EXPECT_EQ(found.id, at->second);
      EXPECT_EQ(found.fresh, fresh);
    }
    EXPECT_EQ(table.size(), expected.size());
  }
}

// --------------------------------------------------------------- BatchPlan

// Two layers, three positions.
ModelConfig Model(bool causal, Positional positional) {
  ModelConfig model = TinyModel("softmax");
  model.positions = 3;
  model.causal = causal;
  model.positional = positional;
  return model;
}

constexpr Scoring kAll = {0, 0.25, 0.5};
constexpr Scoring kLast = {2, 0, 0.5};

void AddAll(const std::vector<Tokens>& sequences, const Scoring& scoring,
            const ObserverInterest* interest, BatchPlan& plan) {
  plan.Start(scoring, interest, 10);
  for (const Tokens& tokens : sequences) {
    // Every target is the token itself.
    ASSERT_TRUE(plan.Add(tokens.data(), tokens.data() + scoring.first));
  }
  plan.Finish();
}

TEST(BatchPlan, CausalRowsAreDistinctPrefixes) {
  BatchPlan batch(Model(true, Positional::kConcat), 4, true);
  AddAll({{0, 1, 2}, {0, 1, 3}, {0, 2, 2}, {0, 1, 2}}, kAll, nullptr, batch);
  const RowPlan& plan = batch.plan();
  EXPECT_EQ(plan.contexts, 3u);  // the fourth sequence is the first
  // By token and position: 0 at 0, 1 and 2 at 1, 2 and 3 at 2.
  EXPECT_THAT(plan.token, ElementsAre(0, 1, 2, 3, 2));
  EXPECT_THAT(plan.position, ElementsAre(0, 1, 2, 2, 1));
  const LayerPlan &first = plan.layers[0], &last = plan.layers[1];
  // Prefixes: 0, 01, 012; 013; 02, 022.
  EXPECT_EQ(first.rows_out, 6u);
  EXPECT_THAT(first.query.row, ElementsAre(0, 1, 2, 3, 4, 2));
  EXPECT_THAT(first.visible, ElementsAre(1, 2, 3, 3, 2, 3));
  EXPECT_THAT(first.query_begin, ElementsAre(0, 3, 4, 6));
  EXPECT_THAT(first.key.row, ElementsAre(0, 1, 2, 0, 1, 3, 0, 4, 2));
  EXPECT_THAT(last.key.row, ElementsAre(0, 1, 2, 0, 1, 3, 0, 4, 5));
  EXPECT_TRUE(last.query.identity);
  EXPECT_TRUE(plan.output.identity);
  // Equal targets of equal rows are one, with the sum of their weights.
  EXPECT_THAT(plan.target, ElementsAre(0, 1, 2, 3, 2, 2));
  EXPECT_THAT(plan.weight, ElementsAre(1.0, 0.75, 1.0, 0.5, 0.25, 0.5));
  EXPECT_EQ(batch.Target(1, 0), batch.Target(0, 0));
  EXPECT_EQ(batch.Target(3, 2), batch.Target(0, 2));
  EXPECT_NE(batch.Target(2, 2), batch.Target(0, 2));
}

TEST(BatchPlan, DifferentTargetsOfOneRowShareItsLogits) {
  BatchPlan batch(Model(true, Positional::kConcat), 2, true);
  batch.Start(kLast, nullptr, 0);
  const Tokens tokens = {0, 1, 2};
  for (int32_t target : {5, 6}) batch.Add(tokens.data(), &target);
  const RowPlan& plan = batch.Finish();
  EXPECT_THAT(plan.output.row, ElementsAre(0));
  EXPECT_THAT(plan.target, ElementsAre(5, 6));
  EXPECT_THAT(plan.target_row.row, ElementsAre(0, 0));
  EXPECT_EQ(batch.LogitsRow(0, 2), batch.LogitsRow(1, 2));
}

TEST(BatchPlan, TheLastLayerComputesWhatHasTargets) {
  BatchPlan batch(Model(true, Positional::kConcat), 4, true);
  AddAll({{0, 1, 2}, {0, 1, 3}, {0, 2, 2}}, kLast, nullptr, batch);
  const RowPlan& plan = batch.plan();
  const LayerPlan& last = plan.layers[1];
  EXPECT_EQ(plan.layers[0].rows_out, 6u);
  EXPECT_EQ(last.rows_in, 6u);
  EXPECT_EQ(last.rows_out, 3u);
  EXPECT_THAT(last.query.row, ElementsAre(2, 3, 5));
  EXPECT_THAT(last.asked.row, ElementsAre(2, 3, 5));
  EXPECT_TRUE(last.asked_by.identity);
  EXPECT_THAT(last.query_begin, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(plan.output.row, ElementsAre(0, 1, 2));
}

TEST(BatchPlan, WithoutPositionsAContextIsAMultiset) {
  BatchPlan batch(Model(false, Positional::kNone), 4, true);
  AddAll({{4, 5, 0}, {5, 4, 0}, {5, 5, 0}, {4, 0, 5}}, kLast, nullptr, batch);
  const RowPlan& plan = batch.plan();
  EXPECT_EQ(plan.contexts, 2u);
  EXPECT_THAT(plan.token, ElementsAre(4, 5, 0));
  // 4, 5, 0; then the two 5 are one row.
  EXPECT_THAT(plan.layers[0].query_begin, ElementsAre(0, 3, 5));
  EXPECT_THAT(plan.layers[1].key.row, ElementsAre(0, 1, 2, 3, 3, 4));
  // 0 and, of the fourth sequence, 5; 0.
  EXPECT_THAT(plan.layers[1].query.row, ElementsAre(1, 2, 4));
  EXPECT_THAT(plan.layers[1].asked.row, ElementsAre(1, 2, 4));
  EXPECT_EQ(batch.Target(1, 2), batch.Target(0, 2));
  EXPECT_THAT(plan.weight, ElementsAre(1.0, 0.5, 0.5));
}

TEST(BatchPlan, WithPositionsOrderMatters) {
  BatchPlan batch(Model(false, Positional::kAdd), 4, true);
  AddAll({{4, 5, 0}, {5, 4, 0}, {4, 5, 0}}, kAll, nullptr, batch);
  EXPECT_EQ(batch.plan().contexts, 2u);
  EXPECT_EQ(batch.plan().layers[0].rows_out, 6u);
  EXPECT_THAT(batch.plan().token, ElementsAre(4, 5, 0, 5, 4));
}

// One query in the first layer, asked by every context.
TEST(BatchPlan, QueriesOfOneRowAreProjectedOnce) {
  ModelConfig model = Model(false, Positional::kNone);
  model.layers = 1;
  BatchPlan batch(model, 3, true);
  AddAll({{4, 5, 0}, {6, 4, 0}, {5, 6, 0}}, kLast, nullptr, batch);
  const LayerPlan& layer = batch.plan().layers[0];
  EXPECT_EQ(layer.rows_in, 4u);
  EXPECT_EQ(layer.rows_out, 3u);
  EXPECT_THAT(layer.asked.row, ElementsAre(2));
  EXPECT_THAT(layer.asked_by.row, ElementsAre(0, 0, 0));
  EXPECT_EQ(layer.QueryRows(), 1u);
}

TEST(BatchPlan, NumbersStandForSequences) {
  BatchPlan batch(Model(false, Positional::kNone), 4, true);
  batch.Start(kLast, nullptr, 0);
  const Tokens a = {4, 5, 0}, b = {5, 4, 0}, c = {5, 6, 0};
  batch.Add(a.data(), nullptr, 77);
  batch.Add(c.data(), nullptr, 3);
  batch.Add(b.data(), nullptr, 77);
  EXPECT_EQ(batch.Finish().contexts, 2u);
  EXPECT_EQ(batch.LogitsRow(0, 2), batch.LogitsRow(2, 2));
  EXPECT_NE(batch.LogitsRow(0, 2), batch.LogitsRow(1, 2));
}

TEST(BatchPlan, TakesAsManySequencesAsThereIsRoomFor) {
  BatchPlan batch(Model(false, Positional::kNone), 2, true);
  const Tokens a = {4, 5, 0}, b = {5, 4, 0}, c = {5, 6, 0};
  batch.Start(kLast, nullptr, 0);
  for (int i = 0; i < 6; ++i) {  // targets of 2 sequences of 3
    EXPECT_TRUE(batch.Add((i % 2 == 0 ? a : b).data(), nullptr));
  }
  EXPECT_FALSE(batch.Add(a.data(), nullptr));
  EXPECT_EQ(batch.sequences(), 6u);
  EXPECT_EQ(batch.Finish().contexts, 1u);
  batch.Start(kLast, nullptr, 0);
  EXPECT_TRUE(batch.Add(a.data(), nullptr));
  EXPECT_TRUE(batch.Add(c.data(), nullptr));
  EXPECT_FALSE(batch.Add(b.data(), nullptr));
}

// ------------------------------------------------------------ observations

class Wants : public ObserverInterest {
 public:
  explicit Wants(std::map<std::pair<size_t, size_t>, Interest> wanted)
      : wanted_(std::move(wanted)) {}
  Interest InterestIn(size_t sequence, size_t position) const override {
    const auto at = wanted_.find({sequence, position});
    return at == wanted_.end() ? Interest::kNone : at->second;
  }

 private:
  std::map<std::pair<size_t, size_t>, Interest> wanted_;
};

TEST(BatchPlan, ObservesWhatIsWanted) {
  const auto own = ObserverInterest::Interest::kOwn;
  const auto counted = ObserverInterest::Interest::kCounted;
  const Wants wants(
      {{{10, 2}, counted}, {{11, 0}, own}, {{11, 2}, counted}, {{12, 2}, own}});
  BatchPlan batch(Model(false, Positional::kNone), 3, true);
  AddAll({{4, 5, 0}, {5, 4, 0}, {4, 5, 0}}, kLast, &wants, batch);
  const RowPlan& plan = batch.plan();
  ASSERT_EQ(plan.observations.size(), 3u);
  const Observation &cls = plan.observations[0], &five = plan.observations[1],
                    &again = plan.observations[2];
  EXPECT_EQ(cls.sequence, 10u);
  EXPECT_EQ(cls.position, 2u);
  EXPECT_EQ(cls.count, 2u);
  EXPECT_EQ(cls.order, kContextOrder);
  EXPECT_EQ(cls.row, 2u);
  // The last layer has the rows of 5, which is observed, and of 0.
  EXPECT_EQ(plan.layers[1].rows_out, 2u);
  EXPECT_EQ(cls.last_row, 1u);
  EXPECT_EQ(five.sequence, 11u);
  EXPECT_EQ(five.row, 1u);
  EXPECT_EQ(five.last_row, 0u);
  const auto order = plan.key_order.begin() + five.order * 3;
  EXPECT_THAT(std::vector<uint32_t>(order, order + 3), ElementsAre(1, 0, 2));
  EXPECT_EQ(again.sequence, 12u);
  EXPECT_EQ(again.count, 1u);
  EXPECT_EQ(again.row, 2u);
  // Logits are of rows with targets alone.
  EXPECT_THAT(plan.output.row, ElementsAre(1));
}

// -------------------------------------------------------- without sharing

void ExpectSameIndex(const RowIndex& a, const RowIndex& b) {
  EXPECT_EQ(a.row, b.row);
  EXPECT_EQ(a.identity, b.identity);
}

TEST(BatchPlan, WithoutSharingIsTheIdentityPlan) {
  for (bool causal : {true, false}) {
    for (Positional positional : {Positional::kConcat, Positional::kNone}) {
      const ModelConfig model = Model(causal, positional);
      BatchPlan batch(model, 5, false);
      const std::vector<Tokens> sequences = {
          {0, 1, 1}, {0, 1, 1}, {1, 1, 0}, {0, 1, 2}};
      AddAll(sequences, kAll, nullptr, batch);
      RowPlan expected;
      MakeIdentityPlan(model.layers, 4, 3, causal, expected);
      const RowPlan& plan = batch.plan();
      EXPECT_EQ(plan.contexts, 4u);
      EXPECT_THAT(plan.token, ElementsAre(0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 2));
      EXPECT_EQ(plan.position, expected.position);
      for (size_t l = 0; l < model.layers; ++l) {
        const LayerPlan &a = plan.layers[l], &b = expected.layers[l];
        EXPECT_EQ(a.rows_in, b.rows_in);
        EXPECT_EQ(a.rows_out, b.rows_out);
        ExpectSameIndex(a.key, b.key);
        ExpectSameIndex(a.query, b.query);
        EXPECT_TRUE(a.asked.identity);
        EXPECT_EQ(a.query_begin, b.query_begin);
        EXPECT_EQ(a.visible, b.visible);
      }
      ExpectSameIndex(plan.output, expected.output);
      ExpectSameIndex(plan.target_row, expected.target_row);
      EXPECT_EQ(plan.target, plan.token);
      EXPECT_THAT(plan.observations, IsEmpty());
      for (size_t i = 0; i < 12; ++i) {
        EXPECT_EQ(plan.weight[i], i % 3 == 2 ? 0.5 : 0.25);
        EXPECT_EQ(batch.Target(i / 3, i % 3), i);
      }
    }
  }
}

// Rows that nobody needs are computed, too.
TEST(BatchPlan, WithoutSharingEveryRowIsComputed) {
  BatchPlan batch(Model(true, Positional::kConcat), 2, false);
  AddAll({{0, 1, 2}, {0, 1, 2}}, kLast, nullptr, batch);
  EXPECT_EQ(batch.plan().layers[1].rows_out, 6u);
  EXPECT_THAT(batch.plan().output.row, ElementsAre(2, 5));
}

// ------------------------------------------------------------------ memory

// The worst case (nothing to share) and the next batches take what was taken.
TEST(BatchPlan, TakesNoMemoryAfterItsMaking) {
  for (bool sharing : {true, false}) {
    for (bool causal : {true, false}) {
      ModelConfig model = Model(causal, Positional::kConcat);
      BatchPlan batch(model, 5, sharing);
      const size_t bytes = batch.bytes();
      std::vector<Tokens> sequences;
      for (int32_t i = 0; i < 5; ++i) {
        sequences.push_back({3 * i, 3 * i + 1, 3 * i + 2});
      }
      const ObserverInterest all;
      for (const Scoring& scoring : {kAll, kLast}) {
        AddAll(sequences, scoring, &all, batch);
        EXPECT_EQ(batch.plan().layers[0].rows_out, 15u);
        EXPECT_EQ(batch.bytes(), bytes);
        AddAll({{0, 1, 2}, {0, 0, 1}}, scoring, &all, batch);
        EXPECT_EQ(batch.bytes(), bytes);
      }
    }
  }
}

// --------------------------------------------------------------- its cost

// Induction's default of the paper in shape: 256 sequences of BOS, ten distinct
// tokens of 49 and one of them again.
double InductionGigaFlops(const Scoring& scoring, bool sharing) {
  ModelConfig model = TinyModel("softmax");
  model.vocabulary = model.outputs = 100;
  model.positions = 12;
  model.width = 128;
  model.heads = 4;
  model.hidden = 512;
  BatchPlan batch(model, 256, sharing);
  batch.Start(scoring, nullptr, 0);
  std::mt19937 random(5);
  for (int i = 0; i < 256; ++i) {
    Tokens tokens = {0};
    std::set<int32_t> seen;
    while (tokens.size() < 11) {
      const auto token = static_cast<int32_t>(1 + random() % 49);
      if (seen.insert(token).second) tokens.push_back(token);
    }
    tokens.push_back(50 + tokens[1 + random() % 10]);
    tokens.push_back(0);
    batch.Add(tokens.data(), tokens.data() + 1 + scoring.first);
  }
  return StepFlops(model, batch.Finish()) * 1e-9;
}

TEST(BatchPlan, SavesTheProductsThatTheIdentitiesPromise) {
  const Scoring all = {0, 1, 1}, last = {11, 0, 1};
  EXPECT_NEAR(InductionGigaFlops(all, false), 7.55, 0.01);
  EXPECT_NEAR(InductionGigaFlops(all, true), 5.77, 0.02);
  EXPECT_NEAR(InductionGigaFlops(last, true), 3.27, 0.02);
}

}  // namespace
}  // namespace polarize
