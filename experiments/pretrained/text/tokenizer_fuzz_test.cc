// Damaged and hostile tokenizer files: an error or a tokenizer that works, and
// never much memory.
//
//   --executions=N --seconds=S   until one of them is reached; 0: no limit
//   --first=N                    the first seed, to repeat a failure alone
//
// Each execution has its own seed, which is on the screen when it crashes.
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/match.h"
#include "experiments/pretrained/text/model_file.h"
#include "experiments/pretrained/text/tokenizer.h"
#include "experiments/pretrained/text/tokenizer_testing.h"
#include "gtest/gtest.h"

ABSL_FLAG(uint64_t, executions, 20000, "how many; 0: no limit");
ABSL_FLAG(uint64_t, seconds, 0, "how long; 0: no limit");
ABSL_FLAG(uint64_t, first, 1, "the first seed");

namespace polarize {
namespace {

using ::sentencepiece::ModelProto;
using ::sentencepiece::TrainerSpec;
using Piece = ModelProto::SentencePiece;
using Random = std::mt19937_64;

// More than the whole test needs with files of a few kilobytes.
constexpr long kMostKilobytes = 100 << 10;

size_t Below(size_t n, Random* random) { return (*random)() % n; }

bool Often(Random* random) { return Below(2, random) == 0; }

char RandomByte(Random* random) {
  static constexpr unsigned char kLikely[] = {
      0, 1, 2, 0x0a, 0x12, 0x1a, 0x7f, 0x80, 0xfe, 0xff, 'y', '<'};
  return static_cast<char>(Often(random)
                               ? kLikely[Below(sizeof(kLikely), random)]
                               : Below(256, random));
}

// One change to the bytes of a file.
void ChangeBytes(std::string* bytes, Random* random) {
  const size_t at = Below(bytes->size() + 1, random);
  switch (Below(6, random)) {
    case 0:
      bytes->resize(at);
      break;
    case 1:
      bytes->insert(at, 1 + Below(8, random), RandomByte(random));
      break;
    case 2:
      bytes->erase(at, 1 + Below(8, random));
      break;
    case 3: {  // a part of it twice
      const std::string part = bytes->substr(at, Below(200, random));
      bytes->insert(Below(bytes->size() + 1, random), part);
      break;
    }
    case 4:  // a field that claims to be huge
      bytes->insert(at, std::string("\x0a\xff\xff\xff\xff\x07", 6));
      break;
    default:
      if (at < bytes->size()) (*bytes)[at] = RandomByte(random);
  }
}

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
      ChangeBytes(&bytes, random);
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

volatile std::sig_atomic_t crashed = 0;
uint64_t running = 0;

void NameTheSeed(int signal) {
  if (crashed == 0) {
    crashed = 1;
    std::fprintf(stderr, "\ncrashed at --first=%llu\n",
                 static_cast<unsigned long long>(running));
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

TEST(TokenizerFuzzTest, AnErrorOrATokenizer) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE}) {
    std::signal(signal, NameTheSeed);
  }
  const uint64_t executions = absl::GetFlag(FLAGS_executions);
  const uint64_t seconds = absl::GetFlag(FLAGS_seconds);
  const uint64_t first = absl::GetFlag(FLAGS_first);
  const auto start = std::chrono::steady_clock::now();
  uint64_t done = 0, taken = 0;
  for (; executions == 0 || done < executions; ++done) {
    running = first + done;
    taken += Execute(running);
    const auto spent = std::chrono::steady_clock::now() - start;
    if (seconds > 0 && spent >= std::chrono::seconds(seconds)) break;
    if (HasFailure()) break;
  }
  std::printf("%llu executions; %llu files were taken\n",
              static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(taken));
  if (done >= 1000) {
    // Both kinds, or one of them is not tested.
    EXPECT_GT(taken, done / 20);
    EXPECT_LT(taken, done - done / 20);
  }
  rusage usage;
  ASSERT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  std::printf("%ld MiB of memory at most\n", usage.ru_maxrss >> 10);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(usage.ru_maxrss, kMostKilobytes);
#endif
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  return RUN_ALL_TESTS();
}
