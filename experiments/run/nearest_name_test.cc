#include "experiments/run/nearest_name.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(NameDistance, CountsEdits) {
  EXPECT_EQ(NameDistance("softmax", "softmax"), 0);
  EXPECT_EQ(NameDistance("SoftMax", "softmax"), 0);
  EXPECT_EQ(NameDistance("sotfmax", "softmax"), 1);
  EXPECT_EQ(NameDistance("softmx", "softmax"), 1);
  EXPECT_EQ(NameDistance("softmaxx", "softmax"), 1);
  EXPECT_EQ(NameDistance("safdmax", "softmax"), 2);
  EXPECT_EQ(NameDistance("heads", "num_heads"), 1);
  EXPECT_EQ(NameDistance("", "add"), 3);
  EXPECT_EQ(NameDistance("add", ""), 3);
}

TEST(NearestName, SuggestsTheNearestOrNothing) {
  const std::vector<std::string_view> names = {"concat", "add", "no"};
  EXPECT_EQ(NearestName("concatt", names), "concat");
  EXPECT_EQ(NearestName("ad", names), "add");
  EXPECT_EQ(NearestName("rotary", names), "");
  EXPECT_EQ(NearestName("", names), "");
  EXPECT_EQ(NearestName(std::string(1 << 20, 'a'), names), "");
}

TEST(NearestName, TakesTheFirstOfEquals) {
  EXPECT_EQ(NearestName("beta3", {"beta1", "beta2"}), "beta1");
}

}  // namespace
}  // namespace polarize
