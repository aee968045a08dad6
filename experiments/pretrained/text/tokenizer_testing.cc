#include "experiments/pretrained/text/tokenizer_testing.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/pretrained/text/utf8.h"
#include "experiments/run/file.h"
#include "gtest/gtest.h"
#include "sentencepiece/sentencepiece_trainer.h"

namespace polarize {
namespace {

using ::sentencepiece::ModelProto;
using Piece = ModelProto::SentencePiece;
using Random = std::mt19937_64;

void AddPiece(const std::string& text, Piece::Type type, float score,
              ModelProto* model) {
  Piece* piece = model->add_pieces();
  piece->set_piece(text);
  piece->set_type(type);
  piece->set_score(score);
}

ModelProto Small(bool bytes) {
  ModelProto model;
  for (const char* text : {"<pad>", "</s>"}) {
    AddPiece(text, Piece::CONTROL, 0, &model);
  }
  AddPiece("<unk>", Piece::UNKNOWN, 0, &model);
  AddPiece("<mask>", Piece::CONTROL, 0, &model);
  AddPiece("<n>", Piece::USER_DEFINED, 0, &model);
  for (int b = 0; bytes && b < 256; ++b) {
    AddPiece(absl::StrFormat("<0x%02X>", b), Piece::BYTE, 0, &model);
  }
  float score = 0;
  for (const char* text :
       {"\u2581t", "he", "\u2581the", "\u2581", "t", "h", "e", "n", "th"}) {
    AddPiece(text, Piece::NORMAL, score--, &model);
  }
  model.mutable_trainer_spec()->set_model_type(sentencepiece::TrainerSpec::BPE);
  model.mutable_trainer_spec()->set_byte_fallback(bytes);
  model.mutable_normalizer_spec()->set_name("identity");
  model.mutable_normalizer_spec()->set_remove_extra_whitespaces(false);
  return model;
}

std::string LanguagesPath() {
  const char* runfiles = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  if (runfiles == nullptr || workspace == nullptr) return "";
  return absl::StrCat(runfiles, "/", workspace,
                      "/experiments/pretrained/text/languages.txt");
}

size_t Below(size_t n, Random* random) { return (*random)() % n; }

std::string Utf8(uint32_t c) {
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  std::string later;
  uint32_t first = 0x80;  // becomes 110xxxxx, 1110xxxx, 11110xxx
  for (uint32_t room = 0x40; c >= room; room = room == 0x40 ? 0x20 : room / 2) {
    later.insert(later.begin(), static_cast<char>(0x80 | (c & 0x3f)));
    c >>= 6;
    first = 0x80 | first >> 1;
  }
  return std::string(1, static_cast<char>(first | c)) + later;
}

uint32_t CodePoint(Random* random) {
  static constexpr int kBits[] = {7, 7, 8, 11, 16, 20};
  for (;;) {
    const auto c = static_cast<uint32_t>(
        Below(size_t{1} << kBits[Below(6, random)], random));
    if (c < 0xd800 || c > 0xdfff) return c;
  }
}

std::vector<std::string> Characters(absl::string_view text) {
  std::vector<std::string> characters;
  while (!text.empty()) {
    const size_t bytes = std::max<size_t>(CharacterBytes(text), 1);
    characters.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return characters;
}

}  // namespace

ModelProto SmallModel() { return Small(true); }

ModelProto SmallModelWithoutBytes() { return Small(false); }

std::vector<std::string> LanguageParagraphs() {
  const absl::StatusOr<std::string> text =
      ReadFile(LanguagesPath(), size_t{1} << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  if (!text.ok()) return {};
  return absl::StrSplit(absl::StripSuffix(*text, "\n"), "\n\n");
}

std::string TrainModel(const std::string& folder, int pieces) {
  const std::string prefix = folder + "/trained";
  const auto status = sentencepiece::SentencePieceTrainer::Train(absl::StrCat(
      "--input=", LanguagesPath(), " --model_prefix=", prefix,
      " --vocab_size=", pieces,
      " --model_type=bpe --byte_fallback=true --character_coverage=0.98"
      " --normalization_rule_name=identity --remove_extra_whitespaces=false"
      " --split_by_whitespace=false --allow_whitespace_only_pieces=true"
      " --split_digits=true --pad_id=0 --eos_id=1 --unk_id=2 --bos_id=-1"
      " --control_symbols=<mask> --user_defined_symbols=<n>"
      " --minloglevel=2"));
  EXPECT_TRUE(status.ok()) << status.ToString();
  return prefix + ".model";
}

std::string RandomText(const std::vector<std::string>& paragraphs, size_t most,
                       Random* random) {
  const std::string& paragraph = paragraphs[Below(paragraphs.size(), random)];
  std::string part = paragraph.substr(Below(paragraph.size(), random),
                                      1 + Below(most, random));
  std::string text;
  switch (Below(5, random)) {
    case 0:
      return part;
    case 1:
      std::shuffle(part.begin(), part.end(), *random);
      return part;
    case 2: {
      std::vector<std::string> characters = Characters(part);
      std::shuffle(characters.begin(), characters.end(), *random);
      for (const std::string& c : characters) text += c;
      return text;
    }
    case 3:
      while (text.size() < part.size()) text += Utf8(CodePoint(random));
      return text;
    default: {
      static constexpr absl::string_view kFew =
          " \n<n>\xc3\xa9\xe2\x96\x81\xf0\x9f\x98\x80the";
      const bool few = Below(2, random) == 0;
      for (char& c : part) {
        c = few ? kFew[Below(kFew.size(), random)]
                : static_cast<char>(Below(256, random));
      }
      return part;
    }
  }
}

}  // namespace polarize
