#include "tools/config_header.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(std::string_view type, const std::string& text) {
  const absl::StatusOr<ConfigShape> shape = ShapeOf(type, {"f", text});
  return shape.ok() ? "" : std::string(shape.status().message());
}

TEST(ShapeOf, TakesTheSizesOfTheConfig) {
  const absl::StatusOr<ConfigShape> shape =
      ShapeOf("polarize.InductionConfig",
              {"f",
               "task { seq_length: 9 } model { num_heads: 2 is_causal: false "
               "attention_type: 'linear' }"});
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->declarations,
            "inline constexpr size_t kPositions = 8;\n"
            "inline constexpr size_t kHeadWidth = 64;\n"
            "inline constexpr char kAttentionType[] = \"linear\";\n"
            "inline constexpr bool kCausal = false;\n");
}

// A classification model reads every token of a sample.
TEST(ShapeOf, TakesTheSizesOfAClassification) {
  const absl::StatusOr<ConfigShape> shape =
      ShapeOf("polarize.ClassificationConfig", {"f", "model { num_heads: 1 }"});
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_THAT(shape->declarations, HasSubstr("kPositions = 11;"));
  EXPECT_THAT(shape->declarations, HasSubstr("kHeadWidth = 128;"));
  EXPECT_THAT(shape->declarations, HasSubstr("kCausal = false;"));
}

// A form per variant, each once.
TEST(ShapeOf, ListsTheFormsOfAValueSoftmaxConfig) {
  const absl::StatusOr<ConfigShape> shape = ShapeOf(
      "polarize.ValueSoftmaxConfig",
      {"f",
       "model { features: 3 latent: 5 } vary { field: 'model.map,init.target' "
       "value: 'l1' }"});
  EXPECT_FALSE(shape.ok());
  const absl::StatusOr<ConfigShape> forms =
      ShapeOf("polarize.ValueSoftmaxConfig",
              {"f",
               "model { features: 3 latent: 5 } "
               "vary { field: 'model.map' value: ['l1', 'softmax'] } "
               "vary { field: 'lr' from: 1 to: 2 points: 2 }"});
  ASSERT_TRUE(forms.ok()) << forms.status();
  EXPECT_EQ(forms->declarations,
            "inline constexpr std::array<ValueSoftmaxForm, 2> kForms = {{\n"
            "    {static_cast<ValueSoftmaxMap>(0), "
            "static_cast<ValueSoftmaxLoss>(0),\n"
            "     static_cast<ValueSoftmaxOptimiser>(0), false, 3, 5},\n"
            "    {static_cast<ValueSoftmaxMap>(3), "
            "static_cast<ValueSoftmaxLoss>(0),\n"
            "     static_cast<ValueSoftmaxOptimiser>(0), false, 3, 5},\n"
            "}};\n");
}

TEST(ShapeOf, RefusesBadConfigsAndTypes) {
  EXPECT_EQ(ErrorOf("polarize.InductionConfig", "model {\n num_heads: 0 }"),
            "f:2:2: model.num_heads = 0: must be from 1 to 65536");
  EXPECT_EQ(ErrorOf("polarize.Other", ""),
            "f: message polarize.Other: must be one of "
            "polarize.ClassificationConfig, polarize.InductionConfig, "
            "polarize.PretrainedConfig, polarize.SweepConfig, "
            "polarize.ValueSoftmaxConfig");
}

TEST(ShapeHeader, IsCpp) {
  EXPECT_EQ(ShapeHeader("two_heads", "a/two_heads_shape.h",
                        {"#include <cstddef>\n",
                         "inline constexpr size_t kPositions = 12;\n"}),
            R"(// The shape of a config; made during the build.
#ifndef POLARIZE_A_TWO_HEADS_SHAPE_H_
#define POLARIZE_A_TWO_HEADS_SHAPE_H_

#include <cstddef>

namespace polarize::two_heads_shape {

inline constexpr size_t kPositions = 12;

}  // namespace polarize::two_heads_shape

#endif  // POLARIZE_A_TWO_HEADS_SHAPE_H_
)");
}

TEST(EmbeddedConfig, IsCpp) {
  EXPECT_EQ(EmbeddedHeader("two_heads", "a/b.h"),
            R"(// A config's text and file name; made during the build.
#ifndef POLARIZE_A_B_H_
#define POLARIZE_A_B_H_

namespace polarize {

extern const char kTwoHeadsConfigText[];
extern const char kTwoHeadsConfigFile[];

}  // namespace polarize

#endif  // POLARIZE_A_B_H_
)");
  EXPECT_EQ(
      EmbeddedSource("two_heads", "a/b.h", {"c.textproto", "x: \"\\\"\n\ny"}),
      R"(#include "a/b.h"

namespace polarize {

const char kTwoHeadsConfigText[] =
    "x: \"\\\"\n"
    "\n"
    "y";
const char kTwoHeadsConfigFile[] = "c.textproto";

}  // namespace polarize
)");
  EXPECT_EQ(EmbeddedSource("e", "a.h", {"f", ""}),
            "#include \"a.h\"\n\nnamespace polarize {\n\n"
            "const char kEConfigText[] =\n    \"\";\n"
            "const char kEConfigFile[] = \"f\";\n\n}  // namespace polarize\n");
}

}  // namespace
}  // namespace polarize
