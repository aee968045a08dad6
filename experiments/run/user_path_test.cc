#include "experiments/run/user_path.h"

#include <cstdlib>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(UserPath, RelativePathsMeanTheDirectoryOfTheUser) {
  setenv("BUILD_WORKING_DIRECTORY", "/home/ada", 1);
  EXPECT_EQ(UserPath("runs/a"), "/home/ada/runs/a");
  EXPECT_EQ(UserPath("/data/a"), "/data/a");
  EXPECT_EQ(UserPath(""), "");
}

TEST(UserPath, StayAsTheyAreWithoutBazelRun) {
  unsetenv("BUILD_WORKING_DIRECTORY");
  EXPECT_EQ(UserPath("runs/a"), "runs/a");
  setenv("BUILD_WORKING_DIRECTORY", "", 1);
  EXPECT_EQ(UserPath("runs/a"), "runs/a");
}

}  // namespace
}  // namespace polarize
