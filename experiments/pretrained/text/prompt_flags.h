// The flags that choose tokenizer and prompts.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FLAGS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FLAGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "experiments/pretrained/text/prompts.h"

namespace polarize {

// For ProgramHelp::own_flags.
extern const char kPromptFlagsHelp[];

struct PromptFlags {
  std::string tokenizer;  // as the user means the path; empty: not given
  std::string prompts;    // the same
  PromptChoice choice;
};

// What is on the command line, after it is parsed.
absl::StatusOr<PromptFlags> GivenPromptFlags();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FLAGS_H_
