#include "experiments/pretrained/config.h"

#include <string>
#include <vector>

#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "experiments/run/file.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

std::string ErrorOf(const std::string& text,
                    const std::vector<std::string>& settings = {}) {
  const auto config = LoadPretrainedConfig({"f", text}, settings);
  return config.ok() ? "" : std::string(config.status().message());
}

TEST(PretrainedConfigTest, TheDefaultsAreTheFigures) {
  const auto config = LoadPretrainedConfig({"f", ""}, {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(ResolvedText(*config), R"(# proto-file: protos/pretrained.proto
# proto-message: polarize.PretrainedConfig

name: "pretrained"
seed: 42
model {
  attention_type: "softmax"
  precision: "FP32"
}
prompts {
  samples: 1000
  max_tokens: 256
}
)");
}

TEST(PretrainedConfigTest, TheFileHasTheDefaults) {
  const std::string file = "experiments/pretrained/pretrained.textproto";
  const auto text = ReadFile(file, kMaxConfigBytes);
  ASSERT_TRUE(text.ok()) << text.status();
  const auto config = LoadPretrainedConfig({file, *text}, {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(ResolvedText(*config), ResolvedText(*LoadPretrainedConfig({}, {})));
}

TEST(PretrainedConfigTest, BrokenRulesAreNamed) {
  EXPECT_EQ(ErrorOf("model {\n attention_type: \"relu\" }"),
            "f:2:2: model.attention_type = \"relu\": must be one of softmax, "
            "sigmoid");
  EXPECT_EQ(ErrorOf("", {"precision=FP16"}),
            "--set precision=FP16: model.precision = \"FP16\": must be one of "
            "FP32, BF16");
  EXPECT_EQ(ErrorOf("seed: -1"), "f:1:1: seed = -1: must be at least 0");
  EXPECT_EQ(ErrorOf("prompts { samples: -1 }"),
            "f:1:11: prompts.samples = -1: must be at least 0");
  EXPECT_EQ(ErrorOf("", {"max_tokens=0"}),
            "--set max_tokens=0: prompts.max_tokens = 0: must be from 1 to "
            "4096");
  EXPECT_NE(ErrorOf("name: \"a/b\""), "");
  EXPECT_EQ(ErrorOf("", {"seed=7", "samples=0", "max_tokens=4096",
                         "attention_type=sigmoid", "precision=BF16"}),
            "");
}

}  // namespace
}  // namespace polarize
