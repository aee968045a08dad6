#include "experiments/induction/data.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/random/python_random.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

using Ints = std::vector<int64_t>;

Ints Row(const InductionSequences& sequences, size_t i) {
  const int32_t* const row = sequences.Row(i);
  return Ints(row, row + sequences.seq_length());
}

int64_t Sum(const InductionSequences& sequences) {
  int64_t sum = 0;
  for (size_t i = 0; i < sequences.num(); ++i) {
    for (const int64_t token : Row(sequences, i)) sum += token;
  }
  return sum;
}

void ExpectRecorded(const InductionSequences& sequences, const Golden& first,
                    const Golden& last, const Golden& sum) {
  ASSERT_GT(first.size(), 0u);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(Row(sequences, i), first[static_cast<int64_t>(i)].Ints());
  }
  EXPECT_EQ(Row(sequences, sequences.num() - 1), last.Ints());
  EXPECT_EQ(Sum(sequences), sum.Int());
}

void ExpectRecordedFile(const std::string& name) {
  const Golden file = Golden::Load(name);
  const Golden config = file["config"];
  InductionTask task;
  task.num_train = config["num_train"].Int();
  task.num_eval = config["num_eval"].Int();
  task.vocab_size = config["vocab_size"].Int();
  task.seq_length = config["seq_length"].Int();
  task.shift_query_token = config["shift_query_token"].Bool();
  task.seed = config["seed"].Int();
  PythonRandom random(task.seed);
  const InductionData data = MakeInductionData(task, random);
  const Golden recorded = file["data"];
  ASSERT_EQ(data.train.num(), task.num_train);
  ASSERT_EQ(data.eval.num(), task.num_eval);
  ExpectRecorded(data.train, recorded["train_first"], recorded["train_last"],
                 recorded["train_sum"]);
  ExpectRecorded(data.eval, recorded["eval_first"], recorded["eval_last"],
                 recorded["eval_sum"]);
  EXPECT_EQ(random.GetRandBits(32), file["random_state_next"].Int());
}

TEST(InductionDataTest, EqualsTheReference) {
  for (const std::string& name : Golden::Names("init_induction_")) {
    SCOPED_TRACE(name);
    ExpectRecordedFile(name);
  }
}

void ExpectInductionSequence(const InductionTask& task, const Ints& row,
                             std::set<int64_t>* repeated) {
  const size_t distinct = task.seq_length - 3;
  EXPECT_EQ(row[0], 0);
  const std::set<int64_t> tokens(row.begin() + 1, row.begin() + 1 + distinct);
  EXPECT_EQ(tokens.size(), distinct);
  EXPECT_GE(*tokens.begin(), 1);
  EXPECT_LT(*tokens.rbegin(), task.vocab_size);
  const int64_t query = row[distinct + 1];
  const int64_t shift = task.shift_query_token ? task.vocab_size : 0;
  size_t r = 1;
  while (r <= distinct && row[r] != query - shift) ++r;
  ASSERT_LE(r, distinct);
  EXPECT_EQ(row[distinct + 2], r == distinct ? query : row[r + 1]);
  EXPECT_LT(query, task.num_tokens());
  repeated->insert(r);
}

// The definition, for both methods by which CPython samples, the shortest
// sequences, and sequences that use up the whole vocabulary.
TEST(InductionDataTest, SequencesAreWhatTheTaskSays) {
  for (const bool shift : {false, true}) {
    for (const InductionTask& task : {
             InductionTask{2000, 10, 50, 13, shift, 3},
             InductionTask{2000, 10, 1000, 13, shift, 4},
             InductionTask{200, 10, 11, 13, shift, 5},
             InductionTask{200, 10, 2, 4, shift, 6},
         }) {
      SCOPED_TRACE(task.vocab_size);
      const InductionData data = MakeInductionData(task);
      std::set<int64_t> repeated;
      for (size_t i = 0; i < task.num_train; ++i) {
        ExpectInductionSequence(task, Row(data.train, i), &repeated);
      }
      EXPECT_EQ(repeated.size(), task.seq_length - 3);  // every place occurs
      for (size_t i = 0; i < task.num_eval; ++i) {
        ExpectInductionSequence(task, Row(data.eval, i), &repeated);
      }
    }
  }
}

// Shifting draws nothing: the same sequences with larger queries.
TEST(InductionDataTest, ShiftChangesTheQueryAlone) {
  InductionTask task = {100, 1, 50, 13, false, 9};
  const InductionData plain = MakeInductionData(task);
  task.shift_query_token = true;
  const InductionData shifted = MakeInductionData(task);
  EXPECT_EQ(task.num_tokens(), 100u);
  for (size_t i = 0; i < task.num_train; ++i) {
    Ints row = Row(plain.train, i);
    if (row[12] == row[11]) row[12] += 50;
    row[11] += 50;
    EXPECT_EQ(Row(shifted.train, i), row);
  }
}

TEST(InductionDataTest, SeedsDiffer) {
  const InductionData a = MakeInductionData({10, 1, 50, 13, true, 0});
  const InductionData b = MakeInductionData({10, 1, 50, 13, true, 1});
  EXPECT_NE(Row(a.train, 0), Row(b.train, 0));
}

TEST(InductionDataTest, InputAndTargetAreOneTokenApart) {
  const InductionData data = MakeInductionData({3, 2, 50, 13, true, 0});
  const InductionSequences& train = data.train;
  EXPECT_EQ(train.num_positions(), 12u);
  const Ints row = Row(train, 2);
  EXPECT_EQ(Ints(train.Input(2), train.Input(2) + 12),
            Ints(row.begin(), row.end() - 1));
  EXPECT_EQ(Ints(train.Target(2), train.Target(2) + 12),
            Ints(row.begin() + 1, row.end()));
}

InductionTask WithoutStart(InductionTask task) {
  --task.seq_length;
  task.begin_token = false;
  return task;
}

TEST(InductionDataTest, WithoutStartTheSequencesLackTheirFirstToken) {
  const InductionTask task = {50, 3, 50, 13, true, 7};
  const InductionData with = MakeInductionData(task);
  const InductionData without = MakeInductionData(WithoutStart(task));
  EXPECT_EQ(without.train.num_positions(), 11u);
  for (size_t i = 0; i < task.num_train; ++i) {
    const Ints row = Row(with.train, i);
    EXPECT_EQ(Row(without.train, i), Ints(row.begin() + 1, row.end()));
    EXPECT_EQ(without.train.AnswerAt(i), 10u);
    EXPECT_EQ(with.train.AnswerAt(i), 11u);
  }
}

// The trigger stands behind the token that the induction task of the same draws
// repeats.
TEST(InductionDataTest, TriggersAreWhatTheTaskSays) {
  for (const bool begin : {true, false}) {
    InductionTask task = {2000, 10, 50, 13, false, 7};
    if (!begin) task = WithoutStart(task);
    const InductionData induction = MakeInductionData(task);
    task.kind = TaskKind::kTrigger;
    const InductionData trigger = MakeInductionData(task);
    EXPECT_EQ(task.num_tokens(), 51u);
    const size_t positions = task.positions();
    std::set<size_t> places;
    for (size_t i = 0; i < task.num_train; ++i) {
      Ints tokens = Row(induction.train, i);
      const int64_t repeated = tokens[tokens.size() - 2];
      tokens.resize(positions - 1);
      const auto at = std::find(tokens.begin(), tokens.end(), repeated) + 1;
      const size_t answer = static_cast<size_t>(at - tokens.begin());
      tokens.insert(at, 50);
      const int32_t* const input = trigger.train.Input(i);
      const int32_t* const target = trigger.train.Target(i);
      EXPECT_EQ(Ints(input, input + positions), tokens);
      EXPECT_EQ(trigger.train.AnswerAt(i), answer);
      for (size_t t = 0; t < positions; ++t) {
        EXPECT_EQ(target[t], t == answer ? repeated : 0);
      }
      places.insert(answer);
    }
    EXPECT_EQ(places.size(), 10u);
    EXPECT_EQ(*places.begin(), begin ? 2u : 1u);
    EXPECT_EQ(*places.rbegin(), positions - 1);
  }
}

// 126 distinct tokens out of 127, and the shortest without a start.
TEST(InductionDataTest, LongAndShortSequences) {
  for (const TaskKind kind : {TaskKind::kInduction, TaskKind::kTrigger}) {
    const InductionData data =
        MakeInductionData({20, 1, 127, 129, true, 0, true, kind});
    for (size_t i = 0; i < 20; ++i) {
      const int32_t* const input = data.train.Input(i);
      EXPECT_EQ(std::set<int32_t>(input, input + 127).size(), 127u);
    }
    const InductionData shortest =
        MakeInductionData({5, 1, 2, 3, true, 0, false, kind});
    const int32_t* const input = shortest.train.Input(4);
    EXPECT_EQ(Ints(input, input + 2),
              (kind == TaskKind::kTrigger ? Ints{1, 2} : Ints{1, 3}));
  }
}

TEST(InductionDataTest, ImpossibleTasksAbort) {
  EXPECT_DEATH(MakeInductionData({1, 1, 50, 3, true, 0}), "seq_length 3");
  EXPECT_DEATH(MakeInductionData({1, 1, 50, 2, true, 0, false}), "length 2");
  EXPECT_DEATH(MakeInductionData({1, 1, 11, 13, true, 0, false}), "size 11");
  EXPECT_DEATH(MakeInductionData({1, 1, 10, 13, true, 0}), "vocab_size 10");
  EXPECT_DEATH(MakeInductionData({1, 1, 1u << 30, 13, true, 0}), "vocab_size");
}

}  // namespace
}  // namespace polarize
