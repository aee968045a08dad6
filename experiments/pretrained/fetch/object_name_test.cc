#include "experiments/pretrained/fetch/object_name.h"

#include <string>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(CheckObjectPathTest, TakesWhatCheckpointsHave) {
  EXPECT_TRUE(CheckObjectPath("index").ok());
  EXPECT_TRUE(CheckObjectPath("gda/model/decoder/emb/weight/.zarray").ok());
  EXPECT_TRUE(CheckObjectPath("a/0.0.5.0.0").ok());
  EXPECT_TRUE(CheckObjectPath("...").ok());
  EXPECT_TRUE(CheckObjectPath("sp ace/\xc3\xa9").ok());
  EXPECT_TRUE(CheckObjectPath(std::string(200, 'a')).ok());
}

TEST(CheckObjectPathTest, RefusesWhatLeavesTheFolderOrNamesOurFiles) {
  for (const std::string& path : {std::string(""),
                                  std::string("/"),
                                  std::string("/etc/passwd"),
                                  std::string(".."),
                                  std::string("../x"),
                                  std::string("a/../x"),
                                  std::string("a/.."),
                                  std::string("."),
                                  std::string("a/./b"),
                                  std::string("a//b"),
                                  std::string("a/"),
                                  std::string("a\\b"),
                                  std::string("a\nb"),
                                  std::string("a\x7f"),
                                  std::string("a\0b", 3),
                                  std::string("fetch.lock.textproto"),
                                  std::string("x/fetch.busy"),
                                  std::string("a.1.partial"),
                                  std::string("a.partial/b"),
                                  std::string(201, 'a')}) {
    EXPECT_FALSE(CheckObjectPath(path).ok()) << path;
  }
  std::string deep = "a";
  while (deep.size() <= 1024) deep += "/a";
  EXPECT_FALSE(CheckObjectPath(deep).ok());
}

}  // namespace
}  // namespace polarize
