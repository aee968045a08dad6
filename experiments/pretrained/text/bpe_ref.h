// Byte-pair encoding as sentencepiece defines it, written from its description
// for tests: plain loops that try every pair again, nothing of the library's.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_BPE_REF_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_BPE_REF_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sentencepiece_model.pb.h"

namespace polarize {

class BpeReference {
 public:
  // Of the normaliser's settings only add_dummy_prefix is looked at; extra
  // spaces stay and spaces become U+2581.
  explicit BpeReference(const sentencepiece::ModelProto& model);

  // All ids of a document, "\n" meaning "<n>".
  std::vector<int32_t> Encode(absl::string_view document) const;

 private:
  struct Symbol {
    std::string text;
    bool frozen;  // user-defined: never part of a larger piece
  };

  size_t UserDefinedBytes(absl::string_view text) const;
  std::string Normalised(absl::string_view text) const;
  std::vector<Symbol> Split(absl::string_view text) const;
  bool MergeBest(std::vector<Symbol>* symbols) const;

  std::map<std::string, int32_t> pieces_;  // that text can become
  std::vector<float> scores_;
  std::vector<std::string> user_defined_;
  std::map<unsigned char, int32_t> bytes_;
  int32_t unknown_ = -1;
  bool dummy_prefix_;
  bool byte_fallback_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_BPE_REF_H_
