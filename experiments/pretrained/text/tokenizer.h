// Text to token ids, as the reference does it.
//
// Source: the reference's encoding of one prompt. Every "\n" becomes the three
// characters "<n>", a piece of its models; then sentencepiece's BPE encodes the
// whole document, without pieces for its start or end; then ids beyond the
// first `max_tokens` are dropped. Cutting the text first could change ids near
// the cut, so nobody does.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_TOKENIZER_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sentencepiece {
class SentencePieceProcessor;
}  // namespace sentencepiece

namespace polarize {

// Const members may be called from several threads at once.
class Tokenizer {
 public:
  // The library takes up to 100 bytes of memory for each byte of a document.
  static constexpr size_t kMaxDocumentBytes = size_t{8} << 20;

  // The model in the file `path`. Errors name it: missing, no regular file, no
  // model, cut short, too large, or one that this class does not take (see
  // model_file.h).
  static absl::StatusOr<Tokenizer> Load(const std::string& path);

  // The same for the bytes of such a file; `file` is for errors.
  static absl::StatusOr<Tokenizer> FromBytes(absl::string_view bytes,
                                             const std::string& file);

  Tokenizer(Tokenizer&& other) noexcept;
  Tokenizer& operator=(Tokenizer&& other) noexcept;
  ~Tokenizer();

  // Ids are below this number.
  size_t vocabulary() const { return vocabulary_; }

  // An error that names file and numbers unless every id has its row in an
  // embedding of so many rows. There may be more rows than ids.
  absl::Status CheckEmbeddingRows(uint64_t rows) const;

  // The first ids, at most max_tokens, of a document: any bytes, each one that
  // is no part of UTF-8 standing for U+FFFD. Never 0, which is padding. Empty
  // for the empty document. An error for a document that is too long, or that
  // the library cannot encode (no file that its trainer wrote has that).
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view document,
                                              size_t max_tokens) const;

  // The text of a piece, with U+2581 for a space; empty for no id.
  std::string Piece(int32_t id) const;

 private:
  Tokenizer(std::string file,
            std::unique_ptr<sentencepiece::SentencePieceProcessor> processor);

  std::string file_;
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  size_t vocabulary_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_TOKENIZER_H_
