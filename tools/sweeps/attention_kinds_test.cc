#include "tools/sweeps/attention_kinds.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "gtest/gtest.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

std::string NameOf(absl::string_view type) {
  const absl::optional<KindAndNorm> place = KindOf(type);
  if (!place.has_value()) return "none";
  return std::string(kPaperKinds[place->kind].name) + " " +
         kNormNames[place->norm];
}

TEST(PaperKindsTest, HaveThePapersNames) {
  EXPECT_EQ(NameOf("softmax"), "softmax w. norm.");
  EXPECT_EQ(NameOf("sigmoid_norm"), "sigmoid w. norm.");
  EXPECT_EQ(NameOf("sigmoid_unnorm"), "sigmoid w/o norm.");
  EXPECT_EQ(NameOf("linear"), "elu·elu w. norm.");
  EXPECT_EQ(NameOf("linear_unnorm"), "elu·elu w/o norm.");
  EXPECT_EQ(NameOf("coupled_linear_norm"), "elu w. norm.");
  EXPECT_EQ(NameOf("coupled_linear_unnorm"), "elu w/o norm.");
  EXPECT_EQ(NameOf("raw_dotproduct_norm"), "linear w. norm.");
  EXPECT_EQ(NameOf("raw_dotproduct_unnorm"), "linear w/o norm.");
  EXPECT_EQ(NameOf("mlp_norm"), "mlp w. norm.");
  EXPECT_EQ(NameOf("mlp_unnorm"), "mlp w/o norm.");
  for (const char* none :
       {"uniform", "softmax_1", "sigmoid", "relu_norm", ""}) {
    EXPECT_EQ(NameOf(none), "none") << none;
  }
}

TEST(PaperKindsTest, CoverAllKindsOfThePaperButUniform) {
  const std::set<std::string> left_out = {
      "uniform",      "softmax_1", "softmax_sink", "exp_unnorm",
      "sigmoid_bias", "relu_norm", "relu_unnorm"};
  std::set<std::pair<size_t, size_t>> seen;
  for (const AttentionKind& kind : AttentionKinds()) {
    const auto line = KindOf(kind.name);
    ASSERT_EQ(line.has_value(), left_out.count(kind.name) == 0) << kind.name;
    if (!line.has_value()) continue;
    EXPECT_TRUE(seen.insert({line->kind, line->norm}).second);
    EXPECT_EQ(kPaperKinds[line->kind].both_signs, kind.signed_weights)
        << kind.name;
    // Kinds with negative weights only have a bounded divisor.
    EXPECT_TRUE(line->norm == 0 || !kind.normalised) << kind.name;
  }
  EXPECT_EQ(seen.size(), 11u);
  EXPECT_EQ(KindOf("softmax")->kind, 0u);
  EXPECT_EQ(KindOf("linear_unnorm")->norm, 1u);
  EXPECT_FALSE(KindOf("softmax_").has_value());
  EXPECT_FALSE(KindOf("").has_value());
}

TEST(PaperKindsTest, AllButSoftmaxArePaired) {
  EXPECT_EQ(std::string(kPaperKinds[kSoftmax].name), "softmax");
  ASSERT_EQ(PairedKinds().size(), kPaperKinds.size() - 1);
  for (const PaperKind& kind : PairedKinds()) {
    EXPECT_NE(kind.unnormalised, nullptr) << kind.name;
  }
}

}  // namespace
}  // namespace polarize
