// The token ids that go through the models: a sample of a file's documents.
//
// Source: the reference's sample, random.Random(seed).sample(range(n), k) of
// CPython 3.11 and 3.12 over the rows of its data set in their stored order.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPTS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/pretrained/text/tokenizer.h"

namespace polarize {

// The defaults are the reference's figure.
struct PromptChoice {
  uint64_t samples = 1000;  // 0: every document, in the file's order
  uint64_t seed = 42;
  uint64_t max_tokens = 256;
};

struct Prompt {
  size_t document;    // its index in the file
  std::string place;  // "FILE:LINE" or, of Parquet, "FILE: row N"
  // At most max_tokens. Empty for an empty document, which counts as a prompt
  // and adds nothing to any statistic.
  std::vector<int32_t> ids;
};

// The documents chosen, in the order of the sample. An error that names the
// numbers if there are fewer than asked for.
absl::StatusOr<std::vector<uint32_t>> ChooseDocuments(
    size_t documents, const PromptChoice& choice);

// The same documents of the file `path` (see prompt_file.h), as ids. In memory
// at one time: the ids, and one document or page. Errors name file and line.
absl::StatusOr<std::vector<Prompt>> ReadPrompts(const std::string& path,
                                                const PromptChoice& choice,
                                                const Tokenizer& tokenizer);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPTS_H_
