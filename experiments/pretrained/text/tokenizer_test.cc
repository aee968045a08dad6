#include "experiments/pretrained/text/tokenizer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/pretrained/text/bpe_ref.h"
#include "experiments/pretrained/text/model_file.h"
#include "experiments/pretrained/text/tokenizer_testing.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::sentencepiece::ModelProto;
using ::sentencepiece::TrainerSpec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Piece = ModelProto::SentencePiece;
using Ids = std::vector<int32_t>;

constexpr size_t kAll = std::numeric_limits<size_t>::max();

Tokenizer Made(const ModelProto& model) {
  absl::StatusOr<Tokenizer> tokenizer =
      Tokenizer::FromBytes(model.SerializeAsString(), "small.model");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

Ids Encoded(const Tokenizer& tokenizer, absl::string_view text,
            size_t most = kAll) {
  const absl::StatusOr<Ids> ids = tokenizer.Encode(text, most);
  EXPECT_TRUE(ids.ok()) << ids.status();
  return ids.value_or(Ids{-1});
}

TEST(TokenizerTest, EncodesByHand) {
  const Tokenizer tokenizer = Made(SmallModel());
  EXPECT_EQ(tokenizer.vocabulary(), 270u);
  EXPECT_THAT(Encoded(tokenizer, ""), IsEmpty());
  // "_t" is merged first, then "he", then both.
  EXPECT_THAT(Encoded(tokenizer, "the"), ElementsAre(263));
  EXPECT_THAT(Encoded(tokenizer, "then"), ElementsAre(263, 268));
  // No space in front of "th": the piece of the lowest score.
  EXPECT_THAT(Encoded(tokenizer, "eth"), ElementsAre(264, 267, 269));
  EXPECT_THAT(Encoded(tokenizer, " "), ElementsAre(264, 264));
  EXPECT_THAT(Encoded(tokenizer, " the  "), ElementsAre(264, 263, 264, 264));
  // Nothing is merged across the end of a line; "t" and "he" make no piece.
  EXPECT_THAT(Encoded(tokenizer, "the\nthe"), ElementsAre(263, 4, 265, 262));
  EXPECT_THAT(Encoded(tokenizer, "\n"), ElementsAre(264, 4));
  EXPECT_THAT(Encoded(tokenizer, "<n>"), ElementsAre(264, 4));
  EXPECT_THAT(Encoded(tokenizer, "\r\n"), ElementsAre(264, 5 + '\r', 4));
}

TEST(TokenizerTest, WhatIsNoPieceBecomesBytes) {
  const Tokenizer tokenizer = Made(SmallModel());
  EXPECT_THAT(Encoded(tokenizer, "\u00e9"),
              ElementsAre(264, 5 + 0xc3, 5 + 0xa9));
  // No UTF-8: U+FFFD.
  EXPECT_THAT(Encoded(tokenizer, "\xff"),
              ElementsAre(264, 5 + 0xef, 5 + 0xbf, 5 + 0xbd));
  // Control pieces are no text.
  EXPECT_THAT(Encoded(tokenizer, "<pad>"),
              ElementsAre(264, 5 + '<', 5 + 'p', 5 + 'a', 5 + 'd', 5 + '>'));
  EXPECT_THAT(Encoded(tokenizer, absl::string_view("\0", 1)),
              ElementsAre(264, 5));
}

TEST(TokenizerTest, WithoutBytePiecesRunsBecomeUnknown) {
  const Tokenizer tokenizer = Made(SmallModelWithoutBytes());
  EXPECT_EQ(tokenizer.vocabulary(), 14u);
  EXPECT_THAT(Encoded(tokenizer, "the xyz e"), ElementsAre(7, 8, 2, 8, 11));
}

TEST(TokenizerTest, KeepsTheFirstIds) {
  const Tokenizer tokenizer = Made(SmallModel());
  EXPECT_THAT(Encoded(tokenizer, "the\nthe", 3), ElementsAre(263, 4, 265));
  EXPECT_THAT(Encoded(tokenizer, "the\nthe", 4), ElementsAre(263, 4, 265, 262));
  EXPECT_THAT(Encoded(tokenizer, "the\nthe", 0), IsEmpty());
}

TEST(TokenizerTest, PiecesHaveNames) {
  const Tokenizer tokenizer = Made(SmallModel());
  EXPECT_EQ(tokenizer.Piece(4), "<n>");
  EXPECT_EQ(tokenizer.Piece(263), "\u2581the");
  EXPECT_EQ(tokenizer.Piece(269), "th");
  EXPECT_EQ(tokenizer.Piece(270), "");
  EXPECT_EQ(tokenizer.Piece(-1), "");
}

TEST(TokenizerTest, EveryIdHasARow) {
  const Tokenizer tokenizer = Made(SmallModel());
  EXPECT_TRUE(tokenizer.CheckEmbeddingRows(270).ok());
  EXPECT_TRUE(tokenizer.CheckEmbeddingRows(uint64_t{1} << 40).ok());
  EXPECT_EQ(tokenizer.CheckEmbeddingRows(269).message(),
            "small.model: 270 pieces, but the checkpoint's embedding has 269 "
            "rows: not its tokenizer");
}

TEST(TokenizerTest, RefusesLongDocuments) {
  const Tokenizer tokenizer = Made(SmallModel());
  const std::string text(Tokenizer::kMaxDocumentBytes + 1, 'e');
  EXPECT_EQ(tokenizer.Encode(text, 1).status().message(),
            "a document of 8388609 bytes; at most 8388608");
  EXPECT_EQ(Encoded(tokenizer, std::string(100000, 'e')).size(), 100001u);
}

// Compares on random texts.
void ExpectSameAsReference(const Tokenizer& tokenizer, const ModelProto& model,
                           int texts, size_t most_bytes) {
  const std::vector<std::string> paragraphs = LanguageParagraphs();
  ASSERT_EQ(paragraphs.size(), 13u);
  const BpeReference reference(model);
  for (const std::string& text : paragraphs) {
    ASSERT_EQ(Encoded(tokenizer, text), reference.Encode(text)) << text;
  }
  std::mt19937_64 random(1);
  size_t ids = 0, merged = 0;
  for (int i = 0; i < texts; ++i) {
    const std::string text = RandomText(paragraphs, most_bytes, &random);
    const Ids got = Encoded(tokenizer, text);
    ASSERT_EQ(got, reference.Encode(text)) << "text " << i << ": " << text;
    ids += got.size();
    for (const int32_t id : got) merged += tokenizer.Piece(id).size() > 4;
  }
  // Neither all bytes nor nothing.
  EXPECT_GT(ids, static_cast<size_t>(texts));
  EXPECT_GT(merged, static_cast<size_t>(texts));
}

TEST(TokenizerTest, EncodesAsThePlainLoops) {
  ExpectSameAsReference(Made(SmallModel()), SmallModel(), 2000, 200);
  ExpectSameAsReference(Made(SmallModelWithoutBytes()),
                        SmallModelWithoutBytes(), 2000, 200);
  ModelProto model = SmallModel();
  model.mutable_normalizer_spec()->set_add_dummy_prefix(false);
  for (const char* text : {"<n><n>", "\u2581e", " the"}) {
    Piece* piece = model.add_pieces();
    piece->set_piece(text);
    piece->set_type(Piece::USER_DEFINED);
  }
  ExpectSameAsReference(Made(model), model, 2000, 200);
}

TEST(TokenizerTest, TrainedModelEncodesAsThePlainLoops) {
  const TestFolder folder;
  const std::string path = TrainModel(folder.path(), 700);
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ(tokenizer->vocabulary(), 700u);
  EXPECT_EQ(tokenizer->Piece(4), "<n>");
  EXPECT_EQ(tokenizer->Piece(5), "<0x00>");
  ModelProto model;
  ASSERT_TRUE(
      model.ParseFromString(ReadFile(path, kMaxModelBytes).value_or("")));
  ExpectSameAsReference(*tokenizer, model, 2000, 200);
}

// Of the 7B models' tokenizer, which is not ours to spread.
class RealModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("POLARIZE_TOKENIZER");
    if (path == nullptr || *path == '\0') {
      GTEST_SKIP() << "not run: the 7B models' tokenizer is not here. With "
                      "--test_env=POLARIZE_TOKENIZER=/path/bpe_32k_c4.model "
                      "it is checked too";
    }
    path_ = path;
  }

  std::string path_;
};

// Ids recorded from the Python package, version 0.2.3.
TEST_F(RealModelTest, EncodesAsRecorded) {
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(path_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ(tokenizer->vocabulary(), 32000u);
  EXPECT_TRUE(tokenizer->CheckEmbeddingRows(32768).ok());
  EXPECT_THAT(Encoded(*tokenizer, "Hello world\n"), ElementsAre(17782, 991, 4));
  EXPECT_THAT(Encoded(*tokenizer, "  two  spaces"),
              ElementsAre(6062, 810, 31882, 7253));
  EXPECT_THAT(Encoded(*tokenizer, "of the"), ElementsAre(371));
  EXPECT_THAT(Encoded(*tokenizer, "x<n>y"), ElementsAre(2763, 4, 31900));
  EXPECT_THAT(Encoded(*tokenizer, "\u65e5\u672c\u8a9e 1234"),
              ElementsAre(31882, 235, 156, 170, 235, 161, 177, 237, 175, 163,
                          31882, 31917, 31923, 31939, 31944));
  EXPECT_THAT(Encoded(*tokenizer, "\xff\xc3("),
              ElementsAre(19376, 31999, 31937));
  EXPECT_THAT(Encoded(*tokenizer, "\t\r\n"), ElementsAre(31882, 14, 18, 4));
}

TEST_F(RealModelTest, EncodesAsThePlainLoops) {
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(path_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  ModelProto model;
  ASSERT_TRUE(
      model.ParseFromString(ReadFile(path_, kMaxModelBytes).value_or("")));
  ExpectSameAsReference(*tokenizer, model, 2000, 200);
}

TEST(TokenizerTest, ThreadsMayShareOne) {
  const Tokenizer tokenizer = Made(SmallModel());
  const std::vector<std::string> paragraphs = LanguageParagraphs();
  std::vector<Ids> alone;
  for (const std::string& text : paragraphs) {
    alone.push_back(Encoded(tokenizer, text));
  }
  std::vector<std::vector<Ids>> together(4);
  std::vector<std::thread> threads;
  for (std::vector<Ids>& mine : together) {
    threads.emplace_back([&tokenizer, &paragraphs, &mine] {
      for (const std::string& text : paragraphs) {
        mine.push_back(tokenizer.Encode(text, kAll).value_or(Ids{}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<Ids>& ids : together) EXPECT_EQ(ids, alone);
}

// Files.

std::string ErrorOf(const std::string& bytes) {
  const absl::StatusOr<Tokenizer> tokenizer =
      Tokenizer::FromBytes(bytes, "a.model");
  EXPECT_FALSE(tokenizer.ok());
  return std::string(tokenizer.status().message());
}

TEST(TokenizerFileTest, ReadsFiles) {
  const TestFolder folder;
  const std::string path = folder.path() + "/small.model";
  ASSERT_TRUE(WriteFileWhole(path, SmallModel().SerializeAsString()).ok());
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(Encoded(*tokenizer, "then"), ElementsAre(263, 268));
}

TEST(TokenizerFileTest, FilesThatAreNone) {
  const TestFolder folder;
  const std::string path = folder.path() + "/a.model";
  const auto error = [&path] {
    const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(path);
    EXPECT_FALSE(tokenizer.ok());
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(path));
    return std::string(tokenizer.status().message());
  };
  EXPECT_THAT(error(), HasSubstr("No such file"));
  ASSERT_EQ(mkdir(path.c_str(), 0777), 0);
  EXPECT_THAT(error(), HasSubstr("not a regular file"));
  ASSERT_EQ(rmdir(path.c_str()), 0);
  ASSERT_TRUE(WriteFileWhole(path, "").ok());
  EXPECT_EQ(error(), path + ": an empty file");
  ASSERT_TRUE(WriteFileWhole(path, "<html>not found</html>\n").ok());
  EXPECT_EQ(error(), path + ": no sentencepiece model, or one cut short");
  ASSERT_EQ(truncate(path.c_str(), kMaxModelBytes + 1), 0);
  EXPECT_THAT(error(), HasSubstr(absl::StrCat(kMaxModelBytes)));
}

TEST(TokenizerFileTest, ModelsCutAnywhere) {
  const std::string bytes = SmallModelWithoutBytes().SerializeAsString();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string error = ErrorOf(bytes.substr(0, size));
    EXPECT_THAT(error, StartsWith("a.model: "));
    EXPECT_TRUE(size == 0 || error.find("cut short") != std::string::npos)
        << size << ": " << error;
  }
}

// What is said of the small model after a change.
std::string ErrorAfter(const std::function<void(ModelProto*)>& change) {
  ModelProto model = SmallModel();
  change(&model);
  return ErrorOf(model.SerializePartialAsString());
}

TEST(TokenizerFileTest, ModelsOfOtherKinds) {
  EXPECT_EQ(ErrorAfter([](ModelProto* m) {
              m->mutable_trainer_spec()->set_model_type(TrainerSpec::UNIGRAM);
            }),
            "a.model: a model of type UNIGRAM; only BPE is supported");
  EXPECT_EQ(
      ErrorAfter([](ModelProto* m) {
        m->mutable_normalizer_spec()->set_name("nmt_nfkc");
        m->mutable_normalizer_spec()->set_precompiled_charsmap("12345678");
      }),
      "a.model: normalises text by a table of characters (\"nmt_nfkc\"); only "
      "\"identity\" is supported");
  EXPECT_THAT(
      ErrorAfter([](ModelProto* m) {
        m->mutable_denormalizer_spec()->set_precompiled_charsmap("12345678");
      }),
      HasSubstr("table of characters"));
  EXPECT_THAT(ErrorAfter([](ModelProto* m) {
                m->mutable_pieces(0)->set_type(Piece::NORMAL);
              }),
              HasSubstr("piece 0 (\"<pad>\") is no control piece"));
}

TEST(TokenizerFileTest, BadPieces) {
  const auto with_text = [](int id, const std::string& text) {
    return ErrorAfter(
        [id, &text](ModelProto* m) { m->mutable_pieces(id)->set_piece(text); });
  };
  EXPECT_EQ(with_text(262, ""), "a.model: piece 262 is empty");
  EXPECT_EQ(with_text(262, std::string(257, 'x')),
            "a.model: piece 262 has 257 bytes; at most 256");
  EXPECT_EQ(with_text(262, "\xc3"), "a.model: piece 262 is not UTF-8");
  EXPECT_EQ(with_text(4, std::string(65, 'x')),
            "a.model: piece 4 is user-defined and has 65 bytes; at most 64");
  EXPECT_EQ(with_text(4, std::string("a\0b", 3)),
            "a.model: piece 4 is user-defined and holds a byte 0");
  for (const float score :
       {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_EQ(ErrorAfter([score](ModelProto* m) {
                m->mutable_pieces(262)->set_score(score);
              }),
              "a.model: piece 262 has a score that is not finite");
  }
  // Found by the library.
  EXPECT_THAT(with_text(262, "th"), HasSubstr("th is already defined"));
  EXPECT_THAT(with_text(5, "<0x01>"), HasSubstr("<0x01> is already defined"));
  EXPECT_THAT(ErrorAfter([](ModelProto* m) {
                m->mutable_pieces(2)->set_type(Piece::CONTROL);
              }),
              HasSubstr("unk is not defined"));
  EXPECT_THAT(ErrorAfter([](ModelProto* m) {
                m->mutable_pieces(7)->set_type(Piece::CONTROL);
              }),
              HasSubstr("256 byte pieces"));
}

TEST(TokenizerFileTest, LongPiecesAtTheLimit) {
  ModelProto model = SmallModel();
  model.mutable_pieces(262)->set_piece(std::string(256, 'x'));
  // Each one the start of the next: every one is found in a text of them.
  for (size_t size = 1; size <= 64; ++size) {
    Piece* piece = model.add_pieces();
    piece->set_piece(std::string(size, 'y'));
    piece->set_type(Piece::USER_DEFINED);
  }
  const Tokenizer tokenizer = Made(model);
  EXPECT_THAT(Encoded(tokenizer, std::string(65, 'y')),
              ElementsAre(264, 270 + 63, 270));
}

TEST(TokenizerFileTest, TooManyOfAnything) {
  std::string pieces = SmallModel().SerializeAsString();
  // Empty pieces, two bytes each.
  for (int i = 0; i <= kMaxPieces - 270; ++i)
    pieces += std::string("\x0a\0", 2);
  EXPECT_EQ(ErrorOf(pieces), "a.model: 262145 pieces; at most 262144");
  EXPECT_THAT(ErrorAfter([](ModelProto* m) {
                for (int i = 0; i < 600000; ++i) {
                  m->mutable_trainer_spec()->add_input();
                }
              }),
              HasSubstr("bytes beside the pieces; at most 1048576"));
}

TEST(TokenizerFileTest, SelfTestsAreNotRun) {
  ModelProto model = SmallModel();
  auto* sample = model.mutable_self_test_data()->add_samples();
  sample->set_input("the");
  sample->set_expected("something else");
  EXPECT_THAT(Encoded(Made(model), "the"), ElementsAre(263));
}

}  // namespace
}  // namespace polarize
