#include "experiments/pretrained/text/bpe_ref.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_replace.h"
#include "experiments/pretrained/text/utf8.h"

namespace polarize {
namespace {

using Piece = ::sentencepiece::ModelProto::SentencePiece;

constexpr char kSpace[] = "\xe2\x96\x81";        // U+2581
constexpr char kReplacement[] = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

BpeReference::BpeReference(const sentencepiece::ModelProto& model)
    : dummy_prefix_(model.normalizer_spec().add_dummy_prefix()),
      byte_fallback_(model.trainer_spec().byte_fallback()) {
  for (int32_t id = 0; id < model.pieces_size(); ++id) {
    const Piece& piece = model.pieces(id);
    scores_.push_back(piece.score());
    switch (piece.type()) {
      case Piece::USER_DEFINED:
        user_defined_.push_back(piece.piece());
        pieces_[piece.piece()] = id;
        break;
      case Piece::NORMAL:
        pieces_[piece.piece()] = id;
        break;
      case Piece::BYTE:  // "<0x41>"
        bytes_[static_cast<unsigned char>(
            std::strtol(piece.piece().c_str() + 3, nullptr, 16))] = id;
        break;
      case Piece::UNKNOWN:
        unknown_ = id;
        break;
      default:
        break;
    }
  }
}

size_t BpeReference::UserDefinedBytes(absl::string_view text) const {
  size_t longest = 0;
  for (const std::string& symbol : user_defined_) {
    if (text.substr(0, symbol.size()) == symbol) {
      longest = std::max(longest, symbol.size());
    }
  }
  return longest;
}

std::string BpeReference::Normalised(absl::string_view text) const {
  std::string out = dummy_prefix_ ? kSpace : "";
  while (!text.empty()) {
    size_t bytes = UserDefinedBytes(text);
    if (bytes == 0) bytes = CharacterBytes(text);
    if (bytes == 0) {
      out += kReplacement;
      bytes = 1;
    } else {
      // Spaces inside of user-defined pieces are replaced too.
      out += absl::StrReplaceAll(text.substr(0, bytes), {{" ", kSpace}});
    }
    text.remove_prefix(bytes);
  }
  return out;
}

std::vector<BpeReference::Symbol> BpeReference::Split(
    absl::string_view text) const {
  std::vector<Symbol> symbols;
  while (!text.empty()) {
    const size_t user_defined = UserDefinedBytes(text);
    const size_t bytes = user_defined > 0 ? user_defined : CharacterBytes(text);
    symbols.push_back({std::string(text.substr(0, bytes)), user_defined > 0});
    text.remove_prefix(bytes);
  }
  return symbols;
}

bool BpeReference::MergeBest(std::vector<Symbol>* symbols) const {
  size_t best = symbols->size();
  float best_score = 0;
  for (size_t i = 0; i + 1 < symbols->size(); ++i) {
    const Symbol& left = (*symbols)[i];
    const Symbol& right = (*symbols)[i + 1];
    if (left.frozen || right.frozen) continue;
    const auto found = pieces_.find(left.text + right.text);
    if (found == pieces_.end()) continue;
    const float score = scores_[static_cast<size_t>(found->second)];
    if (best == symbols->size() || score > best_score) {
      best = i;
      best_score = score;
    }
  }
  if (best == symbols->size()) return false;
  (*symbols)[best].text += (*symbols)[best + 1].text;
  symbols->erase(symbols->begin() + static_cast<std::ptrdiff_t>(best) + 1);
  return true;
}

std::vector<int32_t> BpeReference::Encode(absl::string_view document) const {
  if (document.empty()) return {};
  std::vector<Symbol> symbols =
      Split(Normalised(absl::StrReplaceAll(document, {{"\n", "<n>"}})));
  while (MergeBest(&symbols)) {
  }
  std::vector<int32_t> ids;
  bool after_unknown = false;
  for (const Symbol& symbol : symbols) {
    const auto found = pieces_.find(symbol.text);
    const bool known = found != pieces_.end();
    if (known) {
      ids.push_back(found->second);
    } else if (byte_fallback_) {
      for (const char c : symbol.text) {
        ids.push_back(bytes_.at(static_cast<unsigned char>(c)));
      }
    } else if (!after_unknown) {  // one id for a whole run of them
      ids.push_back(unknown_);
    }
    after_unknown = !known;
  }
  return ids;
}

}  // namespace polarize
