#include "experiments/run/json_depth.h"

#include <string>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(JsonDepthTest, CountsBracketsOfBothKinds) {
  EXPECT_FALSE(IsJsonDeeperThan("", 0));
  EXPECT_FALSE(IsJsonDeeperThan("1", 0));
  EXPECT_TRUE(IsJsonDeeperThan("{}", 0));
  EXPECT_TRUE(IsJsonDeeperThan("[]", 0));
  EXPECT_FALSE(IsJsonDeeperThan("{\"a\":[1],\"b\":[2]}", 2));
  EXPECT_TRUE(IsJsonDeeperThan("{\"a\":[1],\"b\":[[2]]}", 2));
  EXPECT_TRUE(IsJsonDeeperThan(std::string(31, '['), kMostJsonDepth));
  EXPECT_FALSE(IsJsonDeeperThan(std::string(30, '['), kMostJsonDepth));
}

TEST(JsonDepthTest, BracketsInTextsDoNotCount) {
  EXPECT_FALSE(IsJsonDeeperThan("{\"[[[\":\"{{{\"}", 1));
  EXPECT_FALSE(IsJsonDeeperThan("{'[[[\"':'{{{'}", 1));
  EXPECT_FALSE(IsJsonDeeperThan("{\"a\\\"[[\":1}", 1));
  EXPECT_TRUE(IsJsonDeeperThan("{\"a\\\\\":[1]}", 1));
  EXPECT_TRUE(IsJsonDeeperThan("{'\"':[1]}", 1));
}

}  // namespace
}  // namespace polarize
