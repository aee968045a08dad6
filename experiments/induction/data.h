// The sequences of the tasks: what the model reads at T = L - 1 positions (L =
// seq_length, V = vocab_size) and what it is to predict at each of them.
//
// Both tasks draw n distinct tokens m_0 .. m_(n-1) of 1 .. V - 1 (sample), then
// one of their places, r, uniformly (randint); a sequence begins with token 0
// (BOS), or with m_0 if begin_token is false: n = L - 3 or L - 2. One position
// is the answer's.
//
// Induction (section 4.1 of the paper; with begin_token equal to the
// reference's token by token): L tokens
//   0, m_0 .. m_(n-1), q, c
// q is m_r again (m_r + V if shifted), c what followed it: m_(r+1), or q if r =
// n - 1. A position's target is the token after it. The answer is c, at the
// last position. Without begin_token they are the same sequences without their
// first token, if L is one less.
//
// Trigger: T tokens
//   0, m_0 .. m_r, V, m_(r+1) .. m_(n-1)
// The answer, m_r, is due at the trigger, V; at every other position the target
// is 0: do nothing. After the trigger-conditional task of Ran-Milo 2026
// (arXiv:2603.11487: at the trigger the average of what precedes it, else
// zero), with the copy of the token before the trigger, as in the
// bigram-backcopy task of Guo et al. 2024 (arXiv:2410.13835), in place of the
// average: of tokens, which have no average, it can be told whether the answer
// is right.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_DATA_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_DATA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/base/random/python_random.h"

namespace polarize {

enum class TaskKind { kInduction, kTrigger };

// BOS where it is read; to do nothing where it is the trigger task's target.
inline constexpr int32_t kBeginToken = 0;

struct InductionTask {
  size_t num_train;
  size_t num_eval;
  uint32_t vocab_size;  // V > distinct(), below 2^30
  size_t seq_length;    // L, with distinct() >= 1
  bool shift_query_token;
  uint64_t seed;
  bool begin_token = true;
  TaskKind kind = TaskKind::kInduction;

  // Tokens are below this: rows of the embedding, outputs of the model.
  uint32_t num_tokens() const {
    if (kind == TaskKind::kTrigger) return vocab_size + 1;
    return shift_query_token ? 2 * vocab_size : vocab_size;
  }
  // T: what the model reads of a sequence.
  size_t positions() const { return seq_length - 1; }
  // n: of the tokens of a sequence, those that are drawn.
  size_t distinct() const { return seq_length - 2 - (begin_token ? 1 : 0); }
};

// Sequences of one length, row by row.
class InductionSequences {
 public:
  InductionSequences(TaskKind kind, size_t num, size_t seq_length)
      : num_(num),
        seq_length_(seq_length),
        target_at_(kind == TaskKind::kInduction ? 1 : seq_length - 1),
        tokens_(num * row_length()),
        answer_at_(num, static_cast<uint32_t>(seq_length - 2)) {}

  size_t num() const { return num_; }
  size_t seq_length() const { return seq_length_; }
  // What the model reads and what it is to predict: seq_length - 1 each.
  size_t num_positions() const { return seq_length_ - 1; }
  const int32_t* Input(size_t i) const { return Row(i); }
  const int32_t* Target(size_t i) const { return Row(i) + target_at_; }

  // The position whose target is the answer, of sequence i and of all.
  size_t AnswerAt(size_t i) const { return answer_at_[i]; }
  void SetAnswerAt(size_t i, size_t at) {
    answer_at_[i] = static_cast<uint32_t>(at);
  }
  const std::vector<uint32_t>& answers_at() const { return answer_at_; }

  // All of sequence i: of the induction task its seq_length tokens, of the
  // trigger task what is read and then the targets.
  size_t row_length() const { return seq_length_ - 1 + target_at_; }
  const int32_t* Row(size_t i) const { return &tokens_[i * row_length()]; }
  int32_t* Row(size_t i) { return &tokens_[i * row_length()]; }

 private:
  size_t num_;
  size_t seq_length_;
  size_t target_at_;
  std::vector<int32_t> tokens_;
  std::vector<uint32_t> answer_at_;
};

struct InductionData {
  InductionSequences train;
  InductionSequences eval;
};

// The data of `task`: training sequences, then evaluation sequences, from one
// stream seeded with task.seed. Aborts on a task outside the limits above.
InductionData MakeInductionData(const InductionTask& task);

// The same from a stream in any state, which it advances; task.seed is unused.
InductionData MakeInductionData(const InductionTask& task,
                                PythonRandom& random);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_DATA_H_
