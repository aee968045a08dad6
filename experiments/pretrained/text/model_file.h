// A sentencepiece model's file, checked before the library sees it.
//
// The library trusts what it loads: of some files it would read beyond its
// arrays (tables of characters and nested user-defined pieces are used without
// a check), throw, or recurse without an end in sight. Only files for which
// its code is safe get through here.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_MODEL_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_MODEL_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sentencepiece_model.pb.h"

namespace polarize {

// The largest vocabularies in use have about 256000 pieces, in 5 MB.
constexpr size_t kMaxModelBytes = size_t{32} << 20;
constexpr int kMaxPieces = 1 << 18;
constexpr size_t kMaxPieceBytes = 256;
constexpr size_t kMaxUserDefinedBytes = 64;
// Of everything in the file but pieces.
constexpr size_t kMaxSettingsBytes = size_t{1} << 20;

// The model in `bytes`; errors start with `file` and name the rule and, where
// it is about one, the piece. Checked:
//   the sizes above, before anything is built of the bytes: at most some 500
//     bytes of memory for each piece, and 40 for each byte of the settings
//   model type BPE; settings of trainer and normalizer are there
//   no table of characters (normalisation "identity")
//   pieces are UTF-8 of 1 to kMaxPieceBytes bytes with finite scores;
//     user-defined ones of at most kMaxUserDefinedBytes bytes, none of them 0
//   piece 0, which is padding to these models, is a control piece: no text
//     becomes it
// Repeated pieces, byte pieces that are missing and the like are left to the
// library, which reports them. Its self-test, sentences in the file that it
// would encode at once, is taken out.
absl::StatusOr<std::unique_ptr<sentencepiece::ModelProto>> ParseModelFile(
    absl::string_view bytes, const std::string& file);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_MODEL_FILE_H_
