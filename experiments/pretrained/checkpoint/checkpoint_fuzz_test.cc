// Damaged and hostile .zarray files, indexes and chunks: an error or what they
// hold, and never much memory. tests/support/fuzz.h tells of the flags.
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/pretrained/checkpoint/byte_source.h"
#include "experiments/pretrained/checkpoint/checkpoint_testing.h"
#include "experiments/pretrained/checkpoint/index.h"
#include "experiments/pretrained/checkpoint/zarr_array.h"
#include "experiments/pretrained/checkpoint/zarray.h"
#include "experiments/pretrained/checkpoint/zstd_source.h"
#include "experiments/run/file.h"
#include "gtest/gtest.h"
#include "tests/support/fuzz.h"

namespace polarize {
namespace {

// More than any of these needs with files of a few kilobytes: zstd's window is
// asked for, but of it only what a chunk fills is ever looked at.
constexpr long kMostKilobytes = 100 << 10;
// Chunks that are larger are not read: nobody would wait for them.
constexpr uint64_t kMostChunkBytes = uint64_t{256} << 10;

constexpr absl::string_view kJsonSnippets[] = {"[",
                                               "]",
                                               "{",
                                               "}",
                                               "[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                               "null",
                                               "1e300",
                                               "-1",
                                               "0",
                                               "9007199254740993",
                                               "\"\"",
                                               "\"<f4\"",
                                               ",\"a\":1",
                                               "NaN",
                                               "1.5",
                                               "(1,)",
                                               "()",
                                               "(2, 3)",
                                               "\"(9, 9)\"",
                                               "18446744073709551615",
                                               "\\u0000",
                                               "'",
                                               "//",
                                               "true",
                                               "1099511627776"};
constexpr absl::string_view kZstdSnippets[] = {
    absl::string_view("\x28\xB5\x2F\xFD", 4),          // a frame
    absl::string_view("\x28\xB5\x2F\xFD\x00\xFF", 6),  // of the largest window
    absl::string_view("\x28\xB5\x2F\xFD\x00\x88\x02\xFF\xFF\x00", 10),
    absl::string_view("\x28\xB5\x2F\xFD\xE0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                      13),  // of the largest size
    absl::string_view("\x50\x2A\x4D\x18\xFF\xFF\xFF\xFF", 8),  // to be skipped
    absl::string_view("\xFA\xFF\x1F\x00", 4),  // a block of repeated bytes
    absl::string_view("\x01\x00\x00", 3)};     // an empty last one

void Damage(absl::Span<const absl::string_view> snippets, std::string* bytes,
            FuzzRandom* random) {
  for (size_t n = Below(4, random); n > 0; --n) {
    ChangeBytes(snippets, bytes, random);
  }
}

std::string RandomSizes(size_t axes, FuzzRandom* random) {
  static constexpr uint64_t kSizes[] = {
      1, 2, 3, 5, 64, 4096, 1000, 1 << 20, uint64_t{1} << 40};
  std::vector<uint64_t> sizes;
  for (size_t i = 0; i < axes; ++i) {
    // Mostly small ones, or products would nearly always be too large.
    sizes.push_back(kSizes[Below(Below(6, random) == 0 ? 9 : 4, random)]);
  }
  return absl::StrCat("[", absl::StrJoin(sizes, ","), "]");
}

std::string HostileZarray(FuzzRandom* random) {
  const size_t axes = Below(5, random);
  static constexpr const char* kTypes[] = {"<f4", "bfloat16", "<V2", "<u4"};
  std::string text = absl::StrCat(
      R"({"chunks":)", RandomSizes(axes, random), R"(,"compressor":)",
      Often(random) ? R"({"id":"zstd","level":1})" : "null",
      R"(,"dimension_separator":".","dtype":")", kTypes[Below(4, random)],
      R"(","fill_value":null,"filters":null,"order":"C","shape":)",
      RandomSizes(axes, random), R"(,"zarr_format":2})");
  Damage(kJsonSnippets, &text, random);
  return text;
}

std::string HostileIndex(FuzzRandom* random) {
  std::string text =
      R"x([["step", 250000], ["prng_key", {"dtype": "uint32",)x"
      R"x( "shape": "(4,)"}], ["model/a/weight", {"dtype": "float32",)x"
      R"x( "shape": "(32, 4096)"}], ["model/b/scale", {"dtype": "bfloat16",)x"
      R"x( "shape": "(7,)"}]])x";
  Damage(kJsonSnippets, &text, random);
  return text;
}

// Frames around `bytes` bytes, often really as many.
std::string HostileChunk(uint64_t bytes, FuzzRandom* random) {
  static const std::string* const kCompressed = new std::string(*ReadFile(
      FixtureFolder("float32/gda/model/decoder/emb/token_emb/weight/0.0"),
      1 << 20));
  std::string chunk;
  switch (Below(4, random)) {
    case 0:
      chunk = *kCompressed;
      break;
    case 1:
      chunk = StoredFrame(std::string(bytes / 2, 'a'), Often(random)) +
              RepeatedFrame('b', bytes - bytes / 2);
      break;
    case 2:
      chunk = RepeatedFrame('c', bytes + Below(3, random) - 1);
      break;
    default:
      chunk = StoredFrame(std::string(bytes, 'd'), Often(random));
  }
  Damage(kZstdSnippets, &chunk, random);
  return chunk;
}

// Reads a chunk; whether it was taken. Every element comes once.
bool ReadHostileChunk(const Zarray& zarray, FuzzRandom* random) {
  const uint64_t chunk = Below(zarray.ChunkCount(), random);
  const std::string bytes = HostileChunk(zarray.ChunkBytes(), random);
  StringSource source(bytes);
  ZstdSource plain(source);
  const uint64_t element_bytes = ElementBytes(zarray.type);
  uint64_t elements = 0;
  const absl::Status status = ReadChunkBytes(
      zarray, chunk, plain, [&](uint64_t first, absl::Span<const char> piece) {
        EXPECT_FALSE(piece.empty());
        EXPECT_EQ(piece.size() % element_bytes, 0u);
        EXPECT_LE(first + piece.size() / element_bytes, zarray.Elements());
        elements += piece.size() / element_bytes;
        return absl::OkStatus();
      });
  uint64_t expected = 1;
  for (const AxisRange& range : ChunkBox(zarray, chunk)) {
    EXPECT_LT(range.begin, range.end);
    expected *= range.end - range.begin;
  }
  if (!status.ok()) return false;
  EXPECT_EQ(elements, expected);
  return true;
}

// A chunk of a shape that fits the fixture's embedding, or of another.
Zarray SmallZarray(FuzzRandom* random) {
  Zarray zarray;
  zarray.type = ElementType::kF32;
  if (Often(random)) {
    zarray.shape = zarray.chunks = {64, 12};
    return zarray;
  }
  for (size_t axes = Below(4, random); axes > 0; --axes) {
    zarray.shape.push_back(1 + Below(20, random));
    zarray.chunks.push_back(1 + Below(20, random));
  }
  return zarray;
}

bool ExecuteZarray(FuzzRandom* random) {
  const absl::StatusOr<Zarray> zarray = ParseZarray(HostileZarray(random));
  if (!zarray.ok()) {
    EXPECT_FALSE(zarray.status().message().empty());
    return false;
  }
  EXPECT_EQ(zarray->shape.size(), zarray->chunks.size());
  EXPECT_LE(zarray->ChunkCount(), 1u << 20);
  EXPECT_LE(zarray->ChunkBytes(), uint64_t{1} << 40);
  EXPECT_LE(zarray->Elements(), uint64_t{1} << 53);
  if (zarray->ChunkCount() > 0 && zarray->ChunkBytes() <= kMostChunkBytes) {
    ReadHostileChunk(*zarray, random);
  }
  return true;
}

bool Execute(uint64_t seed) {
  SCOPED_TRACE(seed);
  FuzzRandom random(seed);
  switch (Below(3, &random)) {
    case 0:
      return ExecuteZarray(&random);
    case 1:
      return ParseIndex(HostileIndex(&random)).ok();
    default:
      return ReadHostileChunk(SmallZarray(&random), &random);
  }
}

TEST(CheckpointFuzzTest, AnErrorOrWhatIsThere) {
  Fuzz(kMostKilobytes, Execute);
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) { return polarize::FuzzMain(argc, argv); }
