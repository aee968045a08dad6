#include "experiments/pretrained/text/model_file.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/utf8.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace polarize {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;
using ::sentencepiece::ModelProto;
using ::sentencepiece::TrainerSpec;
using Piece = ModelProto::SentencePiece;

template <typename... Parts>
absl::Status Error(const std::string& file, const Parts&... rule) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", rule...));
}

absl::Status NotAModel(const std::string& file) {
  return Error(file, "no sentencepiece model, or one cut short");
}

// The next field's bytes, tag and all; 0 if the bytes there are no field.
size_t SkipField(CodedInputStream* in, uint32_t tag, int start) {
  if (tag == 0 || !WireFormatLite::SkipField(in, tag)) return 0;
  return static_cast<size_t>(in->CurrentPosition() - start);
}

// Counts without building: a piece of two bytes becomes an object of fifty.
absl::Status CheckSizes(absl::string_view bytes, const std::string& file) {
  if (bytes.empty()) return Error(file, "an empty file");
  if (bytes.size() > kMaxModelBytes) {
    return Error(file, bytes.size(), " bytes; at most ", kMaxModelBytes);
  }
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  int pieces = 0;
  size_t settings = 0;
  while (static_cast<size_t>(in.CurrentPosition()) < bytes.size()) {
    const int start = in.CurrentPosition();
    const uint32_t tag = in.ReadTag();
    const size_t size = SkipField(&in, tag, start);
    if (size == 0) return NotAModel(file);
    if (WireFormatLite::GetTagFieldNumber(tag) ==
        ModelProto::kPiecesFieldNumber) {
      ++pieces;
    } else {
      settings += size;
    }
  }
  if (pieces > kMaxPieces) {
    return Error(file, pieces, " pieces; at most ", kMaxPieces);
  }
  if (settings > kMaxSettingsBytes) {
    return Error(file, settings, " bytes beside the pieces; at most ",
                 kMaxSettingsBytes);
  }
  return absl::OkStatus();
}

bool HasTable(const sentencepiece::NormalizerSpec& spec) {
  return !spec.precompiled_charsmap().empty();
}

absl::Status CheckSettings(const ModelProto& model, const std::string& file) {
  // In the file pieces come first: without settings it has lost its end.
  if (model.pieces().empty()) return NotAModel(file);
  if (!model.has_trainer_spec() || !model.has_normalizer_spec()) {
    return Error(file, "a sentencepiece model cut short: settings of the ",
                 model.has_trainer_spec() ? "normalizer" : "trainer",
                 " are missing");
  }
  if (model.trainer_spec().model_type() != TrainerSpec::BPE) {
    return Error(file, "a model of type ",
                 TrainerSpec::ModelType_Name(model.trainer_spec().model_type()),
                 "; only BPE is supported");
  }
  if (HasTable(model.normalizer_spec()) ||
      HasTable(model.denormalizer_spec())) {
    return Error(file, "normalises text by a table of characters (\"",
                 model.normalizer_spec().name(),
                 "\"); only \"identity\" is supported");
  }
  return absl::OkStatus();
}

// What is wrong with a piece; empty: nothing.
std::string WrongWith(const Piece& piece) {
  const std::string& text = piece.piece();
  if (text.empty()) return "is empty";
  if (text.size() > kMaxPieceBytes) {
    return absl::StrCat("has ", text.size(), " bytes; at most ",
                        kMaxPieceBytes);
  }
  if (!IsUtf8(text)) return "is not UTF-8";
  if (!std::isfinite(piece.score())) return "has a score that is not finite";
  if (piece.type() != Piece::USER_DEFINED) return "";
  if (text.size() > kMaxUserDefinedBytes) {
    return absl::StrCat("is user-defined and has ", text.size(),
                        " bytes; at most ", kMaxUserDefinedBytes);
  }
  if (text.find('\0') != std::string::npos) {
    return "is user-defined and holds a byte 0";
  }
  return "";
}

absl::Status CheckPieces(const ModelProto& model, const std::string& file) {
  for (int id = 0; id < model.pieces_size(); ++id) {
    const std::string wrong = WrongWith(model.pieces(id));
    if (!wrong.empty()) return Error(file, "piece ", id, " ", wrong);
  }
  if (model.pieces(0).type() != Piece::CONTROL) {
    return Error(
        file, "piece 0 (\"", model.pieces(0).piece(),
        "\") is no control piece, but these models take 0 for padding");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelProto>> ParseModelFile(
    absl::string_view bytes, const std::string& file) {
  absl::Status status = CheckSizes(bytes, file);
  if (!status.ok()) return status;
  auto model = std::make_unique<ModelProto>();
  if (!model->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return NotAModel(file);
  }
  status = CheckSettings(*model, file);
  if (status.ok()) status = CheckPieces(*model, file);
  if (!status.ok()) return status;
  model->clear_self_test_data();
  return model;
}

}  // namespace polarize
