#include "tools/figures/trends/kinds.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

TEST(LineKindsTest, CoverAllKindsButUniform) {
  std::set<std::pair<size_t, bool>> seen;
  for (const AttentionKind& kind : AttentionKinds()) {
    const auto line = LineKindOf(kind.name);
    ASSERT_EQ(line.has_value(), std::string(kind.name) != "uniform")
        << kind.name;
    if (!line.has_value()) continue;
    EXPECT_TRUE(seen.insert({line->kind, line->normalised}).second);
    EXPECT_EQ(kLineKinds[line->kind].both_signs, kind.signed_weights)
        << kind.name;
    // Kinds with negative weights only have a bounded divisor.
    EXPECT_TRUE(line->normalised || !kind.normalised) << kind.name;
  }
  EXPECT_EQ(seen.size(), 11u);
  EXPECT_EQ(LineKindOf("softmax")->kind, 0u);
  EXPECT_FALSE(LineKindOf("linear_unnorm")->normalised);
  EXPECT_FALSE(LineKindOf("softmax_").has_value());
  EXPECT_FALSE(LineKindOf("").has_value());
}

}  // namespace
}  // namespace polarize
