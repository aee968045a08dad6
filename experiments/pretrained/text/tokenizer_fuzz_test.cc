// Damaged and hostile tokenizer files: an error or a tokenizer that works, and
// never much memory. fuzz_testing.h has the flags.
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "experiments/pretrained/text/fuzz_testing.h"
#include "experiments/pretrained/text/model_file.h"
#include "experiments/pretrained/text/tokenizer.h"
#include "experiments/pretrained/text/tokenizer_testing.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::sentencepiece::ModelProto;
using ::sentencepiece::TrainerSpec;
using Piece = ModelProto::SentencePiece;
using Random = std::mt19937_64;

// A field that claims to be huge.
constexpr char kHugeField[] = "\x0a\xff\xff\xff\xff\x07";

std::string RandomPiece(const ModelProto& model, Random* random) {
  switch (Below(5, random)) {
    case 0: {  // of another piece
      const size_t other = Below(model.pieces_size(), random);
      return model.pieces(static_cast<int>(other)).piece();
    }
    case 1:  // starts of each other
      return std::string(1 + Below(90, random), 'y');
    case 2:
      return std::string("\u2581") + std::string(Below(4, random), 'y');
    case 3: {
      std::string text;
      for (size_t i = Below(6, random); i > 0; --i) text += RandomByte(random);
      return text;
    }
    default:
      return std::string(Below(600, random), 'z');
  }
}

float RandomScore(Random* random) {
  static constexpr float kScores[] = {0.0f,
                                      -1.0f,
                                      1e30f,
                                      std::numeric_limits<float>::infinity(),
                                      std::numeric_limits<float>::quiet_NaN(),
                                      std::numeric_limits<float>::denorm_min()};
  return kScores[Below(6, random)];
}

void ChangePiece(ModelProto* model, Random* random) {
  Piece* piece = model->mutable_pieces(
      static_cast<int>(Below(model->pieces_size(), random)));
  if (Often(random)) piece = model->add_pieces();
  if (Often(random)) piece->set_piece(RandomPiece(*model, random));
  if (Often(random)) {
    piece->set_type(static_cast<Piece::Type>(1 + Below(6, random)));
  }
  if (Often(random)) piece->set_score(RandomScore(random));
}

// Each the start of the next.
void AddChain(ModelProto* model, Random* random) {
  const bool user_defined = Often(random);
  const size_t longest = Below(user_defined ? 80 : 300, random);
  for (size_t size = 1; size <= longest; ++size) {
    Piece* piece = model->add_pieces();
    piece->set_piece(std::string(size, user_defined ? 'y' : 'z'));
    piece->set_type(user_defined ? Piece::USER_DEFINED : Piece::UNUSED);
    piece->set_score(-static_cast<float>(size));
  }
}

// One change that bytes would rarely come upon.
void ChangeModel(ModelProto* model, Random* random) {
  TrainerSpec* trainer = model->mutable_trainer_spec();
  auto* normalizer = model->mutable_normalizer_spec();
  switch (Below(13, random)) {
    case 0:
      trainer->set_model_type(
          static_cast<TrainerSpec::ModelType>(1 + Below(4, random)));
      break;
    case 1:
      trainer->set_byte_fallback(Often(random));
      break;
    case 2:
      trainer->set_treat_whitespace_as_suffix(Often(random));
      break;
    case 3:
      normalizer->set_add_dummy_prefix(Often(random));
      break;
    case 4:
      normalizer->set_escape_whitespaces(Often(random));
      break;
    case 5:
      normalizer->set_remove_extra_whitespaces(Often(random));
      break;
    case 6:
      normalizer->set_precompiled_charsmap(
          std::string(Below(64, random), RandomByte(random)));
      break;
    case 7:
      model->mutable_denormalizer_spec()->set_precompiled_charsmap(
          std::string(Below(64, random), RandomByte(random)));
      break;
    case 8: {
      auto* sample = model->mutable_self_test_data()->add_samples();
      sample->set_input(std::string(Below(100, random), 'y'));
      break;
    }
    case 9:
      if (Below(8, random) == 0) AddChain(model, random);
      break;
    default:
      ChangePiece(model, random);
  }
}

// A file: a small model, changed as a message, as bytes, or both.
std::string HostileFile(Random* random) {
  // Few files with byte pieces: they take ten times as long.
  static const ModelProto* const kLarge = new ModelProto(SmallModel());
  static const ModelProto* const kSmall =
      new ModelProto(SmallModelWithoutBytes());
  ModelProto model = Below(10, random) == 0 ? *kLarge : *kSmall;
  const size_t how = Below(3, random);
  if (how != 0) {
    for (size_t n = 1 + Below(6, random); n > 0; --n) {
      ChangeModel(&model, random);
    }
  }
  std::string bytes = model.SerializePartialAsString();
  if (how != 1) {
    for (size_t n = 1 + Below(4, random); n > 0; --n) {
      ChangeBytes(kHugeField, &bytes, random);
    }
  }
  return bytes;
}

std::string HostileText(Random* random) {
  static constexpr absl::string_view kWords[] = {
      "the", " ",   "y",     "yyyyyyyyyyyyyyyy", "z",
      "\n",  "<n>", "<unk>", "\u2581",           "\xff"};
  std::string text(Often(random) ? Below(100, random) : 0, 'y');
  text.append(Often(random) ? Below(300, random) : 0, 'z');
  for (size_t n = Below(20, random); n > 0; --n) {
    text += std::string(kWords[Below(10, random)]);
    if (Below(4, random) == 0) text += RandomByte(random);
  }
  return text;
}

// Whether the file was taken.
bool Execute(uint64_t seed) {
  Random random(seed);
  const absl::StatusOr<Tokenizer> tokenizer =
      Tokenizer::FromBytes(HostileFile(&random), "a.model");
  if (!tokenizer.ok()) {
    EXPECT_TRUE(absl::StartsWith(tokenizer.status().message(), "a.model: "))
        << seed << ": " << tokenizer.status();
    return false;
  }
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<std::vector<int32_t>> ids =
        tokenizer->Encode(HostileText(&random), 1000);
    if (!ids.ok()) continue;
    for (const int32_t id : *ids) {
      EXPECT_GT(id, 0) << seed;
      EXPECT_LT(id, static_cast<int64_t>(tokenizer->vocabulary())) << seed;
    }
  }
  return true;
}

TEST(TokenizerFuzzTest, AnErrorOrATokenizer) {
  // More than the whole test needs with files of a few kilobytes.
  Fuzz(Execute, 100 << 10);
}

}  // namespace
}  // namespace polarize
