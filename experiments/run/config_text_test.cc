#include "experiments/run/config_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace polarize {
namespace {

std::string Written(const std::string& name, const std::string& bytes) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string ErrorOf(const std::string& path) {
  const absl::StatusOr<ConfigText> text = ReadConfigText(path);
  return text.ok() ? "" : std::string(text.status().message());
}

TEST(ReadConfigText, ReturnsTextAndName) {
  const std::string path =
      Written("good", "# Grüße, 数, 🙂\r\n\tseed: 1\n");
  const absl::StatusOr<ConfigText> text = ReadConfigText(path);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->file, path);
  EXPECT_EQ(text->text, "# Grüße, 数, 🙂\r\n\tseed: 1\n");
}

TEST(ReadConfigText, AnEmptyFileIsAConfig) {
  EXPECT_EQ(ErrorOf(Written("empty", "")), "");
}

TEST(ReadConfigText, ReadsInTheDirectoryOfTheUser) {
  Written("relative", "seed: 2");
  setenv("BUILD_WORKING_DIRECTORY", testing::TempDir().c_str(), 1);
  const absl::StatusOr<ConfigText> text = ReadConfigText("relative");
  unsetenv("BUILD_WORKING_DIRECTORY");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->file, "relative");
  EXPECT_EQ(text->text, "seed: 2");
}

TEST(ReadConfigText, ReadsAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "seed: 3", 7), 7);
  close(ends[1]);
  const auto text = ReadConfigText("/dev/fd/" + std::to_string(ends[0]));
  close(ends[0]);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->text, "seed: 3");
}

TEST(ReadConfigText, SaysWhyAFileCannotBeRead) {
  const std::string missing = testing::TempDir() + "/missing";
  EXPECT_EQ(ErrorOf(missing),
            missing + ": cannot read the config: No such file or directory");
  EXPECT_EQ(ReadConfigText(missing).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrorOf("/"), "/: cannot read the config: Is a directory");
  // The superuser may read any file; nobody can read below one.
  const std::string below = Written("regular", "") + "/config";
  EXPECT_EQ(ErrorOf(below),
            below + ": cannot read the config: Not a directory");
}

TEST(ReadConfigText, RefusesWhatIsTooLarge) {
  const std::string full = Written("full", std::string(1 << 20, ' '));
  EXPECT_EQ(ErrorOf(full), "");
  const std::string huge = Written("huge", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(ErrorOf(huge), huge + ": larger than 1048576 bytes: not a config");
  EXPECT_EQ(ErrorOf("/dev/zero"),
            "/dev/zero: larger than 1048576 bytes: not a config");
}

TEST(ReadConfigText, RefusesWhatIsNotText) {
  const struct {
    const char* bytes;
    const char* error;
  } cases[] = {
      {"seed\x01", "byte 0x01 at offset 4"},
      {"\x7f", "byte 0x7f at offset 0"},
      {"ab\x80", "byte 0x80 at offset 2"},            // no first byte
      {"\xc3", "byte 0xc3 at offset 0"},              // cut off
      {"\xc3(", "byte 0xc3 at offset 0"},             // no second byte
      {"\xc0\x80", "byte 0xc0 at offset 0"},          // longer than needed
      {"\xe0\x9f\xbf", "byte 0xe0 at offset 0"},      // longer than needed
      {"\xed\xa0\x80", "byte 0xed at offset 0"},      // UTF-16 surrogate
      {"\xf0\x8f\xbf\xbf", "byte 0xf0 at offset 0"},  // longer than needed
      {"\xf4\x90\x80\x80", "byte 0xf4 at offset 0"},  // beyond Unicode
      {"\xff\xfe", "byte 0xff at offset 0"},          // UTF-16 file
  };
  for (const auto& c : cases) {
    const std::string path = Written("garbage", c.bytes);
    EXPECT_EQ(ErrorOf(path), path + ": not a text file: " + c.error);
  }
  const std::string zero = Written("zero", std::string("a: 1\n\0", 6));
  EXPECT_EQ(ErrorOf(zero), zero + ": not a text file: byte 0x00 at offset 5");
}

TEST(ConfigTextFor, PrefersTheFileThatWasNamed) {
  const ConfigText embedded = {"embedded.textproto", "seed: 4"};
  EXPECT_EQ(ConfigTextFor("", embedded)->text, "seed: 4");
  EXPECT_EQ(ConfigTextFor(Written("named", "seed: 5"), embedded)->text,
            "seed: 5");
  EXPECT_FALSE(ConfigTextFor("/missing", embedded).ok());
}

}  // namespace
}  // namespace polarize
