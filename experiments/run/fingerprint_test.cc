#include "experiments/run/fingerprint.h"

#include "gtest/gtest.h"

namespace polarize {
namespace {

std::string HashOf(absl::string_view text) {
  Fingerprint hash;
  hash.Add(text);
  return hash.Text();
}

// Values published with the algorithm.
TEST(FingerprintTest, IsFnv1a) {
  EXPECT_EQ(HashOf(""), "cbf29ce484222325");
  EXPECT_EQ(HashOf("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(HashOf("foobar"), "85944171f73967e8");
}

TEST(FingerprintTest, BytesMayComeInPieces) {
  Fingerprint hash;
  hash.Add("foo");
  hash.Add("");
  hash.Add("bar");
  EXPECT_EQ(hash.Text(), HashOf("foobar"));
}

TEST(FingerprintTest, BytesAreUnsignedAndLeadingZerosStay) {
  EXPECT_NE(HashOf("\xff"), HashOf("\x7f"));
  EXPECT_NE(HashOf(absl::string_view("\0", 1)), HashOf(""));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(HashOf(absl::StrCat(i)).size(), 16u);
  }
}

}  // namespace
}  // namespace polarize
