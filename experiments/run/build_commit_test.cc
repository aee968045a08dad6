#include "experiments/run/build_commit.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(BuildCommitTest, IsAHashOrUnknown) {
  EXPECT_THAT(std::string(BuildCommit()),
              ::testing::MatchesRegex("unknown|[0-9a-f]{40}(-dirty)?"));
}

}  // namespace
}  // namespace polarize
