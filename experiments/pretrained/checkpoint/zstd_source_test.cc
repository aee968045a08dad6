#include "experiments/pretrained/checkpoint/zstd_source.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/checkpoint/byte_source.h"
#include "experiments/pretrained/checkpoint/checkpoint_testing.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

std::string RandomBytes(size_t count) {
  std::mt19937 random(1);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// Everything that a source holds, in pieces of `step`.
absl::StatusOr<std::string> ReadAll(ByteSource& source, size_t step) {
  std::string all, piece(step, '\0');
  for (;;) {
    const absl::StatusOr<size_t> n = source.Read(absl::MakeSpan(piece));
    if (!n.ok()) return n.status();
    if (*n == 0) return all;
    all.append(piece, 0, *n);
  }
}

absl::StatusOr<std::string> Plain(absl::string_view compressed,
                                  size_t step = 1000) {
  StringSource source(compressed);
  ZstdSource plain(source);
  return ReadAll(plain, step);
}

TEST(ZstdSourceTest, ReadsFramesWithAndWithoutSize) {
  const std::string bytes = RandomBytes(300000);
  for (const bool with_size : {false, true}) {
    const std::string frame = StoredFrame(bytes, with_size);
    for (const size_t step : {1u, 7u, 4096u, 131072u, 1000000u}) {
      const absl::StatusOr<std::string> plain = Plain(frame, step);
      ASSERT_TRUE(plain.ok()) << plain.status();
      EXPECT_EQ(*plain, bytes) << step;
    }
  }
}

TEST(ZstdSourceTest, ReadsFramesOneAfterTheOther) {
  const std::string frames =
      absl::StrCat(StoredFrame("one", true), StoredFrame("", false),
                   RepeatedFrame('x', 200000), StoredFrame("two", false));
  const absl::StatusOr<std::string> plain = Plain(frames);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(*plain, absl::StrCat("one", std::string(200000, 'x'), "two"));
  // One that tells readers to skip it.
  const std::string skipped("\x50\x2A\x4D\x18\x02\x00\x00\x00zz", 10);
  EXPECT_EQ(*Plain(absl::StrCat(skipped, StoredFrame("one", true), skipped)),
            "one");
}

TEST(ZstdSourceTest, NothingHoldsNothing) {
  EXPECT_EQ(*Plain(""), "");
  EXPECT_EQ(*Plain(StoredFrame("", true)), "");
}

// Blocks that the library compressed: the fixture's embedding.
TEST(ZstdSourceTest, ReadsCompressedBlocks) {
  const absl::StatusOr<std::string> file = ReadFile(
      FixtureFolder("float32/gda/model/decoder/emb/token_emb/weight/0.0"),
      1 << 20);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_LT(file->size(), 1500u);
  const absl::StatusOr<std::string> plain = Plain(*file, 100);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->size(), 64u * 12 * 4);
}

TEST(ZstdSourceTest, EveryCutIsAnError) {
  const std::string frame =
      absl::StrCat(StoredFrame("one", true), StoredFrame("three", false));
  const size_t first = StoredFrame("one", true).size();
  for (size_t size = 1; size < frame.size(); ++size) {
    if (size == first) continue;  // a frame less
    const absl::StatusOr<std::string> plain =
        Plain(absl::string_view(frame).substr(0, size));
    EXPECT_THAT(plain.status().message(), HasSubstr("cut off")) << size;
  }
}

TEST(ZstdSourceTest, WhatIsNoFrameIsAnError) {
  EXPECT_THAT(Plain("hello, world").status().message(), HasSubstr("no zstd"));
  EXPECT_THAT(
      Plain(absl::StrCat(StoredFrame("one", true), "and more that is none"))
          .status()
          .message(),
      HasSubstr("no zstd"));
  std::string wrong_size = StoredFrame("one", true);
  wrong_size[6] ^= 1;
  EXPECT_THAT(Plain(wrong_size).status().message(), HasSubstr("damaged"));
}

TEST(ZstdSourceTest, RefusesHugeWindows) {
  std::string frame = StoredFrame("one", false);
  frame[5] = static_cast<char>(18 << 3);  // 2^28 bytes
  EXPECT_THAT(Plain(frame).status().message(), HasSubstr("memory"));
  frame[5] = static_cast<char>(17 << 3);
  EXPECT_EQ(*Plain(frame), "one");
}

TEST(ByteSourceTest, ReadsFiles) {
  const TestFolder folder;
  const std::string path = folder.path() + "/a", bytes = RandomBytes(10000);
  ASSERT_TRUE(WriteFileWhole(path, bytes).ok());
  absl::StatusOr<FileSource> file = FileSource::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*ReadAll(*file, 999), bytes);
  EXPECT_THAT(FileSource::Open(path + "b").status().message(), HasSubstr(path));
  EXPECT_THAT(FileSource::Open(folder.path()).status().message(),
              HasSubstr("not a regular file"));
}

TEST(ByteSourceTest, ExactlyTheBytesThatThereMustBe) {
  std::string out(6, '\0');
  StringSource six("abcdef");
  ExactSource exact(six, 6);
  ASSERT_TRUE(exact.Read(absl::MakeSpan(&out[0], 2)).ok());
  ASSERT_TRUE(exact.Read(absl::MakeSpan(&out[2], 4)).ok());
  EXPECT_TRUE(exact.ExpectEnd().ok());
  EXPECT_EQ(out, "abcdef");

  StringSource five("abcde");
  EXPECT_THAT(ExactSource(five, 6).Read(absl::MakeSpan(out)).message(),
              HasSubstr("ends after 5 bytes in place of 6"));
  StringSource seven("abcdefg");
  ExactSource too_long(seven, 6);
  ASSERT_TRUE(too_long.Read(absl::MakeSpan(out)).ok());
  EXPECT_THAT(too_long.ExpectEnd().message(),
              HasSubstr("goes on after its 6 bytes"));
  ZeroSource zeros(6);
  ExactSource all(zeros, 6);
  ASSERT_TRUE(all.Read(absl::MakeSpan(out)).ok());
  EXPECT_EQ(out, std::string(6, '\0'));
  EXPECT_TRUE(all.ExpectEnd().ok());
}

}  // namespace
}  // namespace polarize
