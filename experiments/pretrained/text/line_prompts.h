// The formats of prompt files that are made of lines (see prompt_file.h).
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_LINE_PROMPTS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_LINE_PROMPTS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/pretrained/text/prompt_reader.h"

namespace polarize {

// *.txt: a record is a document. Errors start with "FILE:LINE: ".
absl::StatusOr<std::unique_ptr<PromptReader>> OpenTextPrompts(
    const std::string& path);

// *.jsonl: a record is a line. Pages must be in order, and by the end of the
// file all of their data set.
absl::StatusOr<std::unique_ptr<PromptReader>> OpenJsonPrompts(
    const std::string& path);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_LINE_PROMPTS_H_
