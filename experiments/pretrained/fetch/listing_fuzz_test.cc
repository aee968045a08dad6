// Damaged and hostile answers of the store's list method: an error, or objects
// whose names are safe. tests/support/fuzz.h tells of the flags.
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/fetch/object_name.h"
#include "experiments/pretrained/fetch/store.h"
#include "gtest/gtest.h"
#include "tests/support/fuzz.h"

namespace polarize {
namespace {

constexpr long kMostKilobytes = 100 << 10;
constexpr absl::string_view kPrefix = "experiments/a/checkpoints/step_1/";

constexpr absl::string_view kSnippets[] = {"../",
                                           "/",
                                           "//",
                                           "\\u0000",
                                           "\\u002e\\u002e/",
                                           "\\",
                                           "fetch.lock.textproto",
                                           ".partial",
                                           "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                           "{\"a\":{\"a\":{\"a\":{\"a\":",
                                           "\"name\":",
                                           "\"size\":\"18446744073709551616\",",
                                           "\"size\":-1,",
                                           "null",
                                           "1e400",
                                           "\"nextPageToken\":\"b\",",
                                           "\xff\xfe",
                                           "\xc0\xaf",
                                           "experiments/",
                                           "'"};

// Names behind the prefix: good ones, and some that are not.
std::string RandomName(FuzzRandom* random) {
  static constexpr absl::string_view kNames[] = {"index",
                                                 "gda/model/a/.zarray",
                                                 "gda/model/a/0.0",
                                                 "gda/model/b/",
                                                 "gda/model/c",
                                                 "gda/learner/a/0",
                                                 "..",
                                                 "a/../b"};
  const size_t which = Below(Below(8, random) == 0 ? 8 : 6, random);
  return absl::StrCat(kPrefix, kNames[which]);
}

std::string HostileListing(FuzzRandom* random) {
  std::string json = R"({"kind":"storage#objects",)";
  if (Often(random)) json += R"("nextPageToken":"CgRpbmRl",)";
  json += R"("items":[)";
  for (size_t n = Below(5, random), i = 0; i < n; ++i) {
    absl::StrAppend(&json, i == 0 ? "" : ",", R"({"name":")",
                    RandomName(random), R"(","size":")", Below(3, random),
                    R"(","generation":"1733","crc32c":"AAAAAA=="})");
  }
  json += "]}";
  for (size_t n = Below(4, random); n > 0; --n) {
    ChangeBytes(kSnippets, &json, random);
  }
  return json;
}

bool Execute(uint64_t seed) {
  SCOPED_TRACE(seed);
  FuzzRandom random(seed);
  const std::string json = HostileListing(&random);
  const absl::StatusOr<ListingPage> page = ParseListing(json, kPrefix);
  if (!page.ok()) {
    EXPECT_FALSE(page.status().message().empty());
    EXPECT_LT(page.status().message().size(), 4000u);
    return false;
  }
  EXPECT_LE(page->objects.size(), json.size() / 10);
  for (const StoreObject& object : page->objects) {
    EXPECT_TRUE(CheckObjectPath(object.path).ok()) << object.path;
    EXPECT_FALSE(absl::StartsWith(object.path, "/"));
  }
  return true;
}

TEST(ListingFuzzTest, AnErrorOrSafeNames) { Fuzz(kMostKilobytes, Execute); }

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) { return polarize::FuzzMain(argc, argv); }
