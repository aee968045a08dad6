#include "experiments/classification/config.h"

#include <string>
#include <vector>

#include "experiments/model/model_setup.h"
#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

absl::StatusOr<ClassificationConfig> Load(
    const std::string& text, const std::vector<std::string>& settings = {}) {
  return LoadClassificationConfig({"f", text}, settings, AttentionTypes());
}

std::string ErrorOf(const std::string& text,
                    const std::vector<std::string>& settings = {}) {
  const auto config = Load(text, settings);
  return config.ok() ? "" : std::string(config.status().message());
}

TEST(ClassificationConfigTest, EmptyTextIsTheReferencesDefaultRun) {
  const auto config = Load("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->task().num_train(), 10000);
  EXPECT_EQ(config->task().num_eval(), 1000);
  EXPECT_EQ(config->task().vocab_size(), 41);
  EXPECT_EQ(config->task().seq_length(), 11);
  EXPECT_EQ(config->task().num_labels(), 4);
  EXPECT_FALSE(config->model().is_causal());
  EXPECT_EQ(config->model().positional_type(), "no");
  EXPECT_EQ(config->model().attention_type(), "softmax");
  EXPECT_EQ(config->flip().num_pairs(), 500);
  EXPECT_EQ(config->flip().any_token_inputs(), 0);
  EXPECT_FALSE(config->track_samples());
}

// The section's own defaults give way to what is set, and are written out.
TEST(ClassificationConfigTest, OwnDefaultsGiveWay) {
  const auto config =
      Load("model { is_causal: true num_heads: 2 }", {"positional_type=add"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->model().is_causal());
  EXPECT_EQ(config->model().positional_type(), "add");
  EXPECT_EQ(config->model().num_heads(), 2);
  const auto again = Load(ResolvedText(*config));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ResolvedText(*again), ResolvedText(*config));
}

TEST(ClassificationConfigTest, OptimizersAndSchedulesAreThoseOfInduction) {
  const auto config = Load("", {"optimizer=sgd", "lr_schedule=cosine"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->training().weight_decay(), 0);
  EXPECT_EQ(ErrorOf("", {"warmup_steps=401"}),
            "--set warmup_steps=401: training.warmup_steps = 401: must be at "
            "most 400, the steps of the run, or the rate would never reach "
            "training.lr");
}

TEST(ClassificationConfigTest, GroupsDivideTheVocabulary) {
  EXPECT_EQ(ErrorOf("task {\n vocab_size: 40 }"),
            "f:2:2: task.vocab_size = 40: must be 1 more than a multiple of "
            "task.num_labels, 4: the 39 tokens beside token 0 form groups of "
            "one size");
  EXPECT_EQ(ErrorOf("", {"num_labels=8", "vocab_size=81"}), "");
}

TEST(ClassificationConfigTest, AGroupHoldsASample) {
  EXPECT_EQ(ErrorOf("task { seq_length: 12 }"),
            "f:1:8: task.seq_length = 12: must be at most 11: a sample has "
            "distinct tokens of one group, which has 10, and token 0");
  EXPECT_EQ(ErrorOf("task { seq_length: 12 vocab_size: 45 }"), "");
}

TEST(ClassificationConfigTest, ThereAreLabelsToTellApart) {
  EXPECT_EQ(ErrorOf("", {"num_labels=1"}),
            "--set num_labels=1: task.num_labels = 1: must be from 2 to "
            "1000000");
}

TEST(ClassificationConfigTest, HeadsFitTheWidth) {
  EXPECT_EQ(ErrorOf("", {"num_heads=256"}),
            "--set num_heads=256: model.num_heads = 256: must divide "
            "model.embed_dim, 128");
}

TEST(ClassificationConfigTest, EveryBrokenRuleIsNamed) {
  const std::string error = ErrorOf(
      "name: '' seed: -1 task { num_train: 0 num_eval: 0 seq_length: 1 } "
      "model { attention_type: 'x' } training { lr: 0 } "
      "flip { num_pairs: -1 any_token_inputs: -1 } "
      "statistics { points_per_decade: 0 map_samples: -1 }");
  for (const char* path :
       {": name = ", ": seed = ", "task.num_train", "task.num_eval",
        "task.seq_length", "model.attention_type", "training.lr",
        "flip.num_pairs", "flip.any_token_inputs",
        "statistics.points_per_decade", "statistics.map_samples"}) {
    EXPECT_NE(error.find(path), std::string::npos) << path << "\n" << error;
  }
}

TEST(ClassificationConfigTest, RefusesWhatCannotBe) {
  EXPECT_NE(ErrorOf("", {"map_samples=50", "num_eval=49"})
                .find("at most task.num_eval"),
            std::string::npos);
  EXPECT_NE(ErrorOf("", {"map_samples=101"}).find("from 0 to 100"),
            std::string::npos);
  EXPECT_NE(ErrorOf("task { vocab_size: 5 seq_length: 2 } "
                    "model { embed_dim: 2 num_heads: 1 }")
                .find("needs 16"),
            std::string::npos);
  EXPECT_NE(
      ErrorOf("", {"num_train=100000000", "seq_length=500", "vocab_size=2001"})
          .find("GiB"),
      std::string::npos);
  EXPECT_NE(ErrorOf("", {"batch_size=1000000", "num_layers=100"}).find("GiB"),
            std::string::npos);
  EXPECT_NE(ErrorOf("", {"seq_length=513", "vocab_size=4001"}).find("512"),
            std::string::npos);
}

TEST(ClassificationConfigTest, SuggestsTheNearestName) {
  EXPECT_NE(ErrorOf("task { num_label: 4 }").find("num_labels"),
            std::string::npos);
}

}  // namespace
}  // namespace polarize
