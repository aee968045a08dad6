#include "experiments/pretrained/text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "experiments/pretrained/text/model_file.h"
#include "experiments/run/file.h"
#include "sentencepiece/sentencepiece_processor.h"

namespace polarize {

using ::sentencepiece::ModelProto;
using ::sentencepiece::SentencePieceProcessor;

Tokenizer::Tokenizer(std::string file,
                     std::unique_ptr<SentencePieceProcessor> processor)
    : file_(std::move(file)),
      processor_(std::move(processor)),
      vocabulary_(static_cast<size_t>(processor_->GetPieceSize())) {}

Tokenizer::Tokenizer(Tokenizer&& other) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&& other) noexcept = default;
Tokenizer::~Tokenizer() = default;

absl::StatusOr<Tokenizer> Tokenizer::Load(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path, kMaxModelBytes);
  if (!bytes.ok()) return bytes.status();
  return FromBytes(*bytes, path);
}

absl::StatusOr<Tokenizer> Tokenizer::FromBytes(absl::string_view bytes,
                                               const std::string& file) {
  absl::StatusOr<std::unique_ptr<ModelProto>> model =
      ParseModelFile(bytes, file);
  if (!model.ok()) return model.status();
  auto processor = std::make_unique<SentencePieceProcessor>();
  const auto loaded = processor->Load(*std::move(model));
  if (!loaded.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": ", loaded.error_message()));
  }
  return Tokenizer(file, std::move(processor));
}

absl::Status Tokenizer::CheckEmbeddingRows(uint64_t rows) const {
  if (vocabulary_ <= rows) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(file_, ": ", vocabulary_, " pieces, but the checkpoint's ",
                   "embedding has ", rows, " rows: not its tokenizer"));
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(
    absl::string_view document, size_t max_tokens) const {
  if (document.size() > kMaxDocumentBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a document of ", document.size(), " bytes; at most ",
                     kMaxDocumentBytes));
  }
  std::vector<int> ids;
  const auto encoded =
      processor_->Encode(absl::StrReplaceAll(document, {{"\n", "<n>"}}), &ids);
  if (!encoded.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ": cannot encode: ", encoded.error_message()));
  }
  ids.resize(std::min(ids.size(), max_tokens));
  return std::vector<int32_t>(ids.begin(), ids.end());
}

std::string Tokenizer::Piece(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= vocabulary_) return "";
  return processor_->IdToPiece(id);
}

}  // namespace polarize
