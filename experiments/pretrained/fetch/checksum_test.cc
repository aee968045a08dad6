#include "experiments/pretrained/fetch/checksum.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

// Published check values of both.
constexpr char kNine[] = "123456789";
constexpr char kNineSha256[] =
    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
constexpr uint32_t kNineCrc32c = 0xE3069283;
constexpr char kEmptySha256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(StreamChecksumsTest, KnownValuesInAnyPieces) {
  for (size_t cut = 0; cut <= 9; ++cut) {
    StreamChecksums sums;
    const absl::string_view text = kNine;
    sums.Add(text.substr(0, cut));
    sums.Get();  // changes nothing
    sums.Add(text.substr(cut));
    EXPECT_EQ(sums.Get().crc32c, kNineCrc32c);
    EXPECT_EQ(sums.Get().sha256, kNineSha256);
  }
}

TEST(StreamChecksumsTest, ClearForgets) {
  StreamChecksums sums;
  EXPECT_EQ(sums.Get().sha256, kEmptySha256);
  EXPECT_EQ(sums.Get().crc32c, 0u);
  sums.Add("something");
  sums.Clear();
  EXPECT_EQ(sums.Get().sha256, kEmptySha256);
  EXPECT_EQ(sums.Get().crc32c, 0u);
}

TEST(Crc32cTextTest, IsTheStoresForm) {
  EXPECT_EQ(Crc32cText(kNineCrc32c), "4waSgw==");
  EXPECT_EQ(Crc32cText(0), "AAAAAA==");
  for (const uint32_t crc32c : {uint32_t{0}, kNineCrc32c, uint32_t{1} << 31}) {
    const absl::StatusOr<uint32_t> back = ParseCrc32c(Crc32cText(crc32c));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, crc32c);
  }
  for (const char* const text : {"", "AAAA", "AAAAAAAA", "?", "4waSgw=!"}) {
    EXPECT_FALSE(ParseCrc32c(text).ok()) << text;
  }
}

TEST(IsSha256Test, WantsSmallHexadecimalDigits) {
  EXPECT_TRUE(IsSha256(kNineSha256));
  EXPECT_FALSE(IsSha256(""));
  EXPECT_FALSE(IsSha256(std::string(63, 'a')));
  EXPECT_FALSE(IsSha256(std::string(64, 'A')));
  EXPECT_FALSE(IsSha256(std::string(64, 'g')));
}

TEST(AddFileTest, ReadsAllOfALargeFile) {
  const TestFolder folder;
  const std::string path = folder.path() + "/f";
  const std::string bytes(size_t{3} << 20 | 17, 'b');
  ASSERT_TRUE(WriteFileWhole(path, bytes).ok());
  StreamChecksums expected;
  expected.Add(bytes);

  StreamChecksums sums;
  uint64_t heard = 0;
  const absl::StatusOr<uint64_t> size = AddFile(
      path, [] { return false; }, [&](uint64_t n) { heard += n; }, sums);
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(*size, bytes.size());
  EXPECT_EQ(heard, bytes.size());
  EXPECT_EQ(sums.Get().sha256, expected.Get().sha256);
  EXPECT_EQ(sums.Get().crc32c, expected.Get().crc32c);
}

TEST(AddFileTest, EndsWhenCancelledAndNamesWhatItCannotRead) {
  const TestFolder folder;
  StreamChecksums sums;
  const auto add = [&](const std::string& path, bool cancelled) {
    return AddFile(
               path, [&] { return cancelled; }, [](uint64_t) {}, sums)
        .status();
  };
  EXPECT_FALSE(add(folder.path() + "/none", false).ok());
  EXPECT_NE(add(folder.path(), false).message().find(folder.path()),
            absl::string_view::npos);
  ASSERT_TRUE(WriteFileWhole(folder.path() + "/f", "x").ok());
  EXPECT_TRUE(absl::IsCancelled(add(folder.path() + "/f", true)));
}

}  // namespace
}  // namespace polarize
