// The samples of the classification task (section 4.2 of the paper), equal to
// the reference's token by token.
//
// With L = seq_length, the tokens 1 .. V - 1 form num_labels groups of g = (V -
// 1) / num_labels: group c is c g + 1 .. c g + g. A sample of label c is L - 1
// distinct tokens of group c in random order, then CLS, token 0. A model is to
// tell c at CLS.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_DATA_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_DATA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/base/random/torch_random.h"

namespace polarize {

struct ClassificationTask {
  size_t num_train;
  size_t num_eval;
  uint32_t vocab_size;  // V, one more than a multiple of num_labels
  size_t seq_length;    // L, from 2 to group_size() + 1
  uint32_t num_labels;  // at least 2
  uint64_t seed;

  uint32_t group_size() const { return (vocab_size - 1) / num_labels; }
};

// Samples of one length with their labels.
class ClassificationSamples {
 public:
  ClassificationSamples(size_t num, size_t seq_length)
      : seq_length_(seq_length), labels_(num), tokens_(num * seq_length) {}

  size_t num() const { return labels_.size(); }
  size_t seq_length() const { return seq_length_; }

  // The seq_length tokens of sample i, CLS last.
  const int32_t* Tokens(size_t i) const { return &tokens_[i * seq_length_]; }
  int32_t* Tokens(size_t i) { return &tokens_[i * seq_length_]; }
  int32_t label(size_t i) const { return labels_[i]; }
  void set_label(size_t i, int32_t label) { labels_[i] = label; }

 private:
  size_t seq_length_;
  std::vector<int32_t> labels_;
  std::vector<int32_t> tokens_;
};

struct ClassificationData {
  ClassificationSamples train;
  ClassificationSamples eval;
};

// The data of `task`: training samples, then evaluation samples. random: the
// stream as the model's initial weights left it, which this advances. Aborts on
// a task outside the limits above.
ClassificationData MakeClassificationData(const ClassificationTask& task,
                                          TorchRandom& random);

// A number per sample, 0, 1, ... in order of appearance; equal inputs have
// equal numbers, those that differ in order too unless `ordered`.
std::vector<uint32_t> InputNumbers(const ClassificationSamples& samples,
                                   bool ordered);

// How many different inputs the samples hold. Without positions and with full
// attention the model cannot tell apart two orders of the same tokens:
// ordered = false counts those once.
size_t DistinctInputs(const ClassificationSamples& samples, bool ordered);

// The first sample of each different input, ascending.
std::vector<size_t> FirstOfEachInput(const ClassificationSamples& samples,
                                     bool ordered);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_DATA_H_
