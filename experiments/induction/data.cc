#include "experiments/induction/data.h"

#include "hwy/base.h"

namespace polarize {
namespace {

constexpr int32_t kBeginning = 0;
constexpr uint32_t kVocabEnd = 1u << 30;
// Tokens of a sequence beside the distinct ones: beginning, query, answer.
constexpr size_t kOtherTokens = 3;

// Draws sequences one after the other, with scratch made once.
class SequenceMaker {
 public:
  SequenceMaker(const InductionTask& task, PythonRandom& random)
      : random_(random),
        vocab_size_(task.vocab_size),
        shift_(task.shift_query_token ? task.vocab_size : 0),
        scratch_(task.vocab_size - 1),
        chosen_(task.seq_length - kOtherTokens) {}

  void Make(int32_t* row) {
    const size_t distinct = chosen_.size();
    random_.Sample(vocab_size_ - 1, distinct, scratch_.data(), chosen_.data());
    row[0] = kBeginning;
    int32_t* const tokens = row + 1;
    for (size_t i = 0; i < distinct; ++i) {
      tokens[i] = static_cast<int32_t>(chosen_[i] + 1);  // index 0 is token 1
    }
    const size_t repeated = static_cast<size_t>(
        random_.RandInt(0, static_cast<int64_t>(distinct) - 1));
    tokens[distinct] = tokens[repeated] + static_cast<int32_t>(shift_);
    // The query itself when the last one is repeated: it follows that one.
    tokens[distinct + 1] = tokens[repeated + 1];
  }

  void MakeAll(InductionSequences& sequences) {
    for (size_t i = 0; i < sequences.num(); ++i) Make(sequences.Row(i));
  }

 private:
  PythonRandom& random_;
  uint32_t vocab_size_;
  uint32_t shift_;
  std::vector<uint32_t> scratch_;
  std::vector<uint32_t> chosen_;
};

void Check(const InductionTask& task) {
  if (task.seq_length <= kOtherTokens || task.vocab_size >= kVocabEnd ||
      task.seq_length - kOtherTokens + 1 > task.vocab_size) {
    HWY_ABORT(
        "induction: seq_length %zu and vocab_size %u; a sequence has 3 tokens "
        "beside at least 1 and at most vocab_size - 1 distinct ones",
        task.seq_length, task.vocab_size);
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
  InductionData data = {InductionSequences(task.num_train, task.seq_length),
                        InductionSequences(task.num_eval, task.seq_length)};
  SequenceMaker maker(task, random);
  maker.MakeAll(data.train);
  maker.MakeAll(data.eval);
  return data;
}

}  // namespace polarize
