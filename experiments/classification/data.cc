#include "experiments/classification/data.h"

#include <algorithm>
#include <map>
#include <utility>

#include "hwy/base.h"

namespace polarize {
namespace {

constexpr int32_t kCls = 0;

void Check(const ClassificationTask& task) {
  if (task.num_labels < 2 || task.vocab_size < 3 ||
      (task.vocab_size - 1) % task.num_labels != 0 || task.seq_length < 2 ||
      task.seq_length - 1 > task.group_size()) {
    HWY_ABORT(
        "classification: vocab_size %u, num_labels %u, seq_length %zu; at "
        "least 2 groups of one size share the tokens beside token 0, and a "
        "sample has from 1 to all tokens of a group, and token 0",
        task.vocab_size, task.num_labels, task.seq_length);
  }
}

// All labels first, then the tokens sample by sample.
ClassificationSamples Make(const ClassificationTask& task, size_t num,
                           TorchRandom& random) {
  ClassificationSamples samples(num, task.seq_length);
  const uint32_t group = task.group_size();
  std::vector<uint32_t> permutation(group);
  for (size_t i = 0; i < num; ++i) {
    samples.set_label(i,
                      static_cast<int32_t>(random.RandInt(0, task.num_labels)));
  }
  for (size_t i = 0; i < num; ++i) {
    random.RandPerm(group, permutation.data());
    const uint32_t first = static_cast<uint32_t>(samples.label(i)) * group + 1;
    int32_t* const tokens = samples.Tokens(i);
    for (size_t t = 0; t + 1 < task.seq_length; ++t) {
      tokens[t] = static_cast<int32_t>(first + permutation[t]);
    }
    tokens[task.seq_length - 1] = kCls;
  }
  return samples;
}

}  // namespace

ClassificationData MakeClassificationData(const ClassificationTask& task,
                                          TorchRandom& random) {
  Check(task);
  ClassificationSamples train = Make(task, task.num_train, random);
  return {std::move(train), Make(task, task.num_eval, random)};
}

std::vector<uint32_t> InputNumbers(const ClassificationSamples& samples,
                                   bool ordered) {
  std::map<std::vector<int32_t>, uint32_t> seen;
  std::vector<uint32_t> numbers(samples.num());
  for (size_t i = 0; i < samples.num(); ++i) {
    std::vector<int32_t> input(samples.Tokens(i),
                               samples.Tokens(i) + samples.seq_length());
    if (!ordered) std::sort(input.begin(), input.end());
    const auto next = static_cast<uint32_t>(seen.size());
    numbers[i] = seen.emplace(std::move(input), next).first->second;
  }
  return numbers;
}

std::vector<size_t> FirstOfEachInput(const ClassificationSamples& samples,
                                     bool ordered) {
  const std::vector<uint32_t> numbers = InputNumbers(samples, ordered);
  std::vector<size_t> first;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == first.size()) first.push_back(i);
  }
  return first;
}

size_t DistinctInputs(const ClassificationSamples& samples, bool ordered) {
  return FirstOfEachInput(samples, ordered).size();
}

}  // namespace polarize
