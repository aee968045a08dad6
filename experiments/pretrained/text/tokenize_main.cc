// bazel run //experiments/pretrained/text:tokenize: what the models get to see.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/text/prompt_flags.h"
#include "experiments/pretrained/text/prompts.h"
#include "experiments/pretrained/text/tokenizer.h"
#include "experiments/run/flags.h"
#include "experiments/run/json.h"

namespace polarize {
namespace {

constexpr char kUsage[] =
    "Prints the token ids of a sample of documents, one JSON object a line:\n"
    "the document's index in the file, where it starts, and its ids.";

absl::StatusOr<PromptFlags> ParseFlags(int argc, char** argv) {
  ProgramHelp help;
  help.usage = kUsage;
  help.target = "//experiments/pretrained/text:tokenize";
  help.examples = {"--tokenizer=bpe_32k_c4.model --prompts=my.txt --samples=0"};
  help.own_flags = kPromptFlagsHelp;
  help.transformer = false;
  help.single_run = false;
  help.takes_config = false;
  const RunFlags run_flags = ParseRunFlags(argc, argv, help);
  if (!run_flags.out.empty()) {
    return absl::InvalidArgumentError("--out: this program writes no files");
  }
  absl::StatusOr<PromptFlags> flags = GivenPromptFlags();
  if (!flags.ok()) return flags;
  if (flags->tokenizer.empty() || flags->prompts.empty()) {
    return absl::InvalidArgumentError(
        "--tokenizer and --prompts are needed (--help says more)");
  }
  return flags;
}

absl::Status Print(const std::vector<Prompt>& prompts) {
  JsonLine line;
  for (const Prompt& prompt : prompts) {
    const std::vector<int64_t> ids(prompt.ids.begin(), prompt.ids.end());
    line.Clear();
    line.Add("document", prompt.document);
    line.Add("place", prompt.place);
    line.Add("ids", ids);
    const absl::string_view text = line.TextWithNewline();
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) break;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return absl::UnavailableError("cannot write the output");
  }
  return absl::OkStatus();
}

absl::Status Main(int argc, char** argv) {
  const absl::StatusOr<PromptFlags> flags = ParseFlags(argc, argv);
  if (!flags.ok()) return flags.status();
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(flags->tokenizer);
  if (!tokenizer.ok()) return tokenizer.status();
  const absl::StatusOr<std::vector<Prompt>> prompts =
      ReadPrompts(flags->prompts, flags->choice, *tokenizer);
  if (!prompts.ok()) return prompts.status();
  return Print(*prompts);
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  // A full disk and a reader of the output that has left are errors of a write,
  // not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const absl::Status status = polarize::Main(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "ERROR: %s\n", std::string(status.message()).c_str());
  return 1;
}
