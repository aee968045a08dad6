#include "experiments/pretrained/checkpoint/index.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<CheckpointIndex> index = ParseIndex(text);
  EXPECT_FALSE(index.ok()) << text;
  return std::string(index.status().message());
}

TEST(IndexTest, ReadsStepAndTheModelsArrays) {
  const absl::StatusOr<CheckpointIndex> index = ParseIndex(
      R"([["step", 250000], ["prng_key", {"dtype": "uint32", "shape": "(4,)"}],)"
      R"( ["input_iter", "some.python.Class"], ["learner/x/mu", 3],)"
      R"( ["model/a", {"dtype": "float32", "shape": "(32, 3, 4096)"}],)"
      R"( ["model/b", {"dtype": "bfloat16", "shape": "(7,)"}],)"
      R"( ["model/c", {"dtype": "float32", "shape": "()"}]])");
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->step, 250000u);
  ASSERT_EQ(index->arrays.size(), 3u);
  EXPECT_THAT(index->arrays.at("model/a").shape, ElementsAre(32, 3, 4096));
  EXPECT_EQ(index->arrays.at("model/a").type, ElementType::kF32);
  EXPECT_THAT(index->arrays.at("model/b").shape, ElementsAre(7));
  EXPECT_EQ(index->arrays.at("model/b").type, ElementType::kBF16);
  EXPECT_THAT(index->arrays.at("model/c").shape, ElementsAre());
}

TEST(IndexTest, NamesTheEntryThatIsWrong) {
  const auto array = [](const std::string& value) {
    return absl::StrCat(R"([["model/a", )", value, "]]");
  };
  for (const char* const shape :
       {"", "7", "(7)", "(7", "7,)", "(,)", "(1, 2,)", "(1,, 2)", "(-1,)",
        "(+1, 2)", "(1.5, 2)", "(1, x)", "(99999999999999999999, 1)"}) {
    EXPECT_THAT(ErrorOf(array(absl::StrCat(R"({"dtype": "float32", "shape": ")",
                                           shape, "\"}"))),
                HasSubstr("model/a: shape: "))
        << shape;
  }
  EXPECT_THAT(ErrorOf(array(R"({"dtype": "float8", "shape": "()"})")),
              HasSubstr("model/a: dtype: "));
  for (const char* const value :
       {"3", "\"x\"", "{}", R"({"dtype": "float32"})",
        R"({"dtype": "float32", "shape": [1]})"}) {
    EXPECT_THAT(ErrorOf(array(value)), HasSubstr("model/a: must be an object"));
  }
  EXPECT_THAT(ErrorOf(R"([["step", -1]])"), HasSubstr("step: "));
  EXPECT_THAT(ErrorOf(R"([["step", "1"]])"), HasSubstr("step: "));
  EXPECT_THAT(ErrorOf(R"([["step", 1, 2]])"), HasSubstr("pairs"));
  EXPECT_THAT(ErrorOf(R"([[1, 2]])"), HasSubstr("pairs"));
  EXPECT_THAT(ErrorOf(R"(["step"])"), HasSubstr("pairs"));
  EXPECT_THAT(
      ErrorOf(R"([["model/a", {"dtype": "float32", "shape": "()"}],)"
              R"( ["model/a", {"dtype": "float32", "shape": "()"}]])"),
      HasSubstr("model/a: is there twice"));
  EXPECT_THAT(ErrorOf("{}"), HasSubstr("not a JSON list"));
  EXPECT_THAT(ErrorOf("[[\"step\", 1]"), HasSubstr("not a JSON list"));
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), HasSubstr("deeper"));
}

TEST(IndexTest, ComparesArrays) {
  const absl::StatusOr<CheckpointIndex> index = ParseIndex(
      R"([["model/a", {"dtype": "float32", "shape": "(32, 128)"}]])");
  ASSERT_TRUE(index.ok()) << index.status();
  Zarray zarray;
  zarray.shape = zarray.chunks = {32, 128};
  EXPECT_TRUE(CheckAgainstIndex(*index, "model/a", zarray).ok());
  EXPECT_THAT(CheckAgainstIndex(*index, "model/b", zarray).message(),
              HasSubstr("model/b: the checkpoint's index does not name it"));
  zarray.type = ElementType::kBF16;
  EXPECT_THAT(CheckAgainstIndex(*index, "model/a", zarray).message(),
              HasSubstr("type bfloat16, but the checkpoint's index says "
                        "float32"));
  zarray.shape = {32, 127};
  EXPECT_THAT(CheckAgainstIndex(*index, "model/a", zarray).message(),
              HasSubstr("shape [32, 127], but the checkpoint's index says "
                        "[32, 128]"));
}

}  // namespace
}  // namespace polarize
