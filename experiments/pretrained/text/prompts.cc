#include "experiments/pretrained/text/prompts.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/prompt_file.h"
#include "kernels/base/random/python_random.h"

namespace polarize {
namespace {

absl::StatusOr<Prompt> ReadPrompt(PromptFile* file, size_t document,
                                  size_t max_tokens,
                                  const Tokenizer& tokenizer) {
  const absl::StatusOr<std::string> text = file->Text(document);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<int32_t>> ids =
      tokenizer.Encode(*text, max_tokens);
  if (!ids.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file->Place(document), ": ", ids.status().message()));
  }
  return Prompt{document, file->Place(document), *std::move(ids)};
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> ChooseDocuments(
    size_t documents, const PromptChoice& choice) {
  if (documents > std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat(documents, " documents are too many"));
  }
  if (choice.samples > documents) {
    return absl::InvalidArgumentError(
        absl::StrCat(choice.samples, " samples of ", documents,
                     " documents; --samples=0 takes every document"));
  }
  if (choice.samples == 0) {
    std::vector<uint32_t> all(documents);
    std::iota(all.begin(), all.end(), 0u);
    return all;
  }
  std::vector<uint32_t> scratch(documents);
  std::vector<uint32_t> chosen(choice.samples);
  PythonRandom(choice.seed)
      .Sample(static_cast<uint32_t>(documents), chosen.size(), scratch.data(),
              chosen.data());
  return chosen;
}

absl::StatusOr<std::vector<Prompt>> ReadPrompts(const std::string& path,
                                                const PromptChoice& choice,
                                                const Tokenizer& tokenizer) {
  if (choice.max_tokens == 0) {
    return absl::InvalidArgumentError("max_tokens must be at least 1");
  }
  absl::StatusOr<PromptFile> file = PromptFile::Open(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<std::vector<uint32_t>> chosen =
      ChooseDocuments(file->size(), choice);
  if (!chosen.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", chosen.status().message()));
  }
  // Read in the file's order, which is faster, into that of the sample.
  std::vector<size_t> order(chosen->size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&chosen](size_t a, size_t b) {
    return (*chosen)[a] < (*chosen)[b];
  });
  std::vector<Prompt> prompts(chosen->size());
  for (const size_t i : order) {
    absl::StatusOr<Prompt> prompt =
        ReadPrompt(&*file, (*chosen)[i], choice.max_tokens, tokenizer);
    if (!prompt.ok()) return prompt.status();
    prompts[i] = *std::move(prompt);
  }
  return prompts;
}

}  // namespace polarize
