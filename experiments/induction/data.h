// The sequences of the induction task (section 4.1 of the paper), equal to the
// reference's token by token.
//
// With L = seq_length and V = vocab_size, a sequence of L tokens is
//   0, m_0 .. m_(L-4), q, c
// the beginning 0; L - 3 distinct tokens of 1 .. V - 1; one of them, m_r, again
// (q = m_r, or m_r + V if shifted); and the token c that followed m_r: m_(r+1),
// or q if m_r was the last. A model that has learnt to look up what followed
// the earlier occurrence predicts c.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_DATA_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_DATA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/base/random/python_random.h"

namespace polarize {

struct InductionTask {
  size_t num_train;
  size_t num_eval;
  uint32_t vocab_size;  // V >= L - 2, below 2^30
  size_t seq_length;    // L >= 4
  bool shift_query_token;
  uint64_t seed;

  // Tokens are below this: rows of the embedding, outputs of the model.
  uint32_t num_tokens() const {
    return shift_query_token ? 2 * vocab_size : vocab_size;
  }
};

// Sequences of one length, row by row.
class InductionSequences {
 public:
  InductionSequences(size_t num, size_t seq_length)
      : num_(num), seq_length_(seq_length), tokens_(num * seq_length) {}

  size_t num() const { return num_; }
  size_t seq_length() const { return seq_length_; }
  // What the model reads and what it is to predict: seq_length - 1 each.
  size_t num_positions() const { return seq_length_ - 1; }

  // All but the last token of sequence i, and all but the first.
  const int32_t* Input(size_t i) const { return Row(i); }
  const int32_t* Target(size_t i) const { return Row(i) + 1; }

  // The whole sequence i: seq_length tokens.
  const int32_t* Row(size_t i) const { return &tokens_[i * seq_length_]; }
  int32_t* Row(size_t i) { return &tokens_[i * seq_length_]; }

 private:
  size_t num_;
  size_t seq_length_;
  std::vector<int32_t> tokens_;
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
