#include "experiments/induction/data.h"

#include <algorithm>

#include "hwy/base.h"

namespace polarize {
namespace {

constexpr uint32_t kVocabEnd = 1u << 30;

// Draws sequences one after the other, with scratch made once.
class SequenceMaker {
 public:
  SequenceMaker(const InductionTask& task, PythonRandom& random)
      : random_(random),
        task_(task),
        scratch_(task.vocab_size - 1),
        chosen_(task.distinct()) {}

  void MakeAll(InductionSequences& sequences) {
    for (size_t i = 0; i < sequences.num(); ++i) Make(sequences, i);
  }

 private:
  void Make(InductionSequences& sequences, size_t i) {
    int32_t* const row = sequences.Row(i);
    const size_t begin = task_.begin_token ? 1 : 0;
    if (task_.begin_token) row[0] = kBeginToken;
    const size_t place = Draw(row + begin);
    if (task_.kind == TaskKind::kTrigger) {
      const size_t trigger = begin + place + 1;
      PutTrigger(trigger, row);
      sequences.SetAnswerAt(i, trigger);
    } else {
      PutQuery(place, row + begin);
    }
  }

  // The distinct tokens, and the place that comes up again.
  size_t Draw(int32_t* tokens) {
    const size_t distinct = chosen_.size();
    random_.Sample(task_.vocab_size - 1, distinct, scratch_.data(),
                   chosen_.data());
    for (size_t i = 0; i < distinct; ++i) {
      tokens[i] = static_cast<int32_t>(chosen_[i] + 1);  // index 0 is token 1
    }
    return static_cast<size_t>(
        random_.RandInt(0, static_cast<int64_t>(distinct) - 1));
  }

  void PutQuery(size_t repeated, int32_t* tokens) const {
    const size_t distinct = chosen_.size();
    const uint32_t shift = task_.shift_query_token ? task_.vocab_size : 0;
    tokens[distinct] = tokens[repeated] + static_cast<int32_t>(shift);
    // The query itself when the last one is repeated: it follows that one.
    tokens[distinct + 1] = tokens[repeated + 1];
  }

  // What stands at `at` and behind it moves on by one.
  void PutTrigger(size_t at, int32_t* row) const {
    int32_t* const targets = row + task_.positions();
    std::copy_backward(row + at, targets - 1, targets);
    row[at] = static_cast<int32_t>(task_.vocab_size);
    std::fill_n(targets, task_.positions(), kBeginToken);
    targets[at] = row[at - 1];
  }

  PythonRandom& random_;
  const InductionTask& task_;
  std::vector<uint32_t> scratch_;
  std::vector<uint32_t> chosen_;
};

void Check(const InductionTask& task) {
  const size_t others = task.begin_token ? 3 : 2;
  if (task.seq_length <= others || task.vocab_size >= kVocabEnd ||
      task.distinct() + 1 > task.vocab_size) {
    HWY_ABORT(
        "induction: seq_length %zu and vocab_size %u; a sequence has %zu "
        "tokens beside at least 1 and at most vocab_size - 1 distinct ones",
        task.seq_length, task.vocab_size, others);
  }
}

}  // namespace

InductionData MakeInductionData(const InductionTask& task) {
  PythonRandom random(task.seed);
  return MakeInductionData(task, random);
}

InductionData MakeInductionData(const InductionTask& task,
                                PythonRandom& random) {
  Check(task);
  InductionData data = {
      InductionSequences(task.kind, task.num_train, task.seq_length),
      InductionSequences(task.kind, task.num_eval, task.seq_length)};
  SequenceMaker maker(task, random);
  maker.MakeAll(data.train);
  maker.MakeAll(data.eval);
  return data;
}

}  // namespace polarize
