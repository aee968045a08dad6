#include "experiments/pretrained/text/prompt_flags.h"

#include <cstdint>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "experiments/run/user_path.h"

ABSL_FLAG(std::string, tokenizer, "", "sentencepiece model");
ABSL_FLAG(std::string, prompts, "", "documents: *.txt, *.jsonl or *.parquet");
ABSL_FLAG(uint64_t, samples, 1000, "documents to take; 0: all");
ABSL_FLAG(uint64_t, seed, 42, "of the sample");
ABSL_FLAG(uint64_t, max_tokens, 256, "ids of a document to keep");

namespace polarize {

const char kPromptFlagsHelp[] =
    R"(  --tokenizer FILE  The models' sentencepiece file, bpe_32k_c4.model.
  --prompts FILE    Documents: *.txt (blank lines separate them), *.jsonl (an
                    object with a field "text" a line) or *.parquet (a column
                    "text").
  --samples N       Documents to take, chosen as the reference does; 0: all, in
                    the file's order. Default: 1000.
  --seed N          Of that choice. Default: 42.
  --max_tokens N    Of a document only so many first tokens. Default: 256.
)";

absl::StatusOr<PromptFlags> GivenPromptFlags() {
  PromptFlags flags;
  flags.tokenizer = UserPath(absl::GetFlag(FLAGS_tokenizer));
  flags.prompts = UserPath(absl::GetFlag(FLAGS_prompts));
  flags.choice.samples = absl::GetFlag(FLAGS_samples);
  flags.choice.seed = absl::GetFlag(FLAGS_seed);
  flags.choice.max_tokens = absl::GetFlag(FLAGS_max_tokens);
  if (flags.choice.max_tokens == 0) {
    return absl::InvalidArgumentError("--max_tokens must be at least 1");
  }
  return flags;
}

}  // namespace polarize
