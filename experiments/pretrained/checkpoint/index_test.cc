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

// An index of one array, whose value this is.
std::string WithArray(const std::string& value) {
  return absl::StrCat(R"x([["model/a", )x", value, "]]");
}

TEST(IndexTest, ReadsStepAndTheModelsArrays) {
  const absl::StatusOr<CheckpointIndex> index = ParseIndex(
      R"x([["step", 250000], ["input_iter", "some.python.Class"],)x"
      R"x( ["prng_key", {"dtype": "uint32", "shape": "(4,)"}],)x"
      R"x( ["learner/x/mu", 3],)x"
      R"x( ["model/a", {"dtype": "float32", "shape": "(32, 3, 4096)"}],)x"
      R"x( ["model/b", {"dtype": "bfloat16", "shape": "(7,)"}],)x"
      R"x( ["model/c", {"dtype": "float32", "shape": "()"}]])x");
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
  for (const char* const shape :
       {"", "7", "(7)", "(7", "7,)", "(,)", "(1, 2,)", "(1,, 2)", "(-1,)",
        "(+1, 2)", "(1.5, 2)", "(1, x)", "(99999999999999999999, 1)"}) {
    EXPECT_THAT(ErrorOf(WithArray(absl::StrCat(
                    R"x({"dtype": "float32", "shape": ")x", shape, "\"}"))),
                HasSubstr("model/a: shape: "))
        << shape;
  }
  EXPECT_THAT(ErrorOf(WithArray(R"x({"dtype": "float8", "shape": "()"})x")),
              HasSubstr("model/a: dtype: "));
  for (const char* const value :
       {"3", "\"x\"", "{}", R"x({"dtype": "float32"})x",
        R"x({"dtype": "float32", "shape": [1]})x"}) {
    EXPECT_THAT(ErrorOf(WithArray(value)),
                HasSubstr("model/a: must be an object"));
  }
}

TEST(IndexTest, NamesTheRuleThatIsBroken) {
  EXPECT_THAT(ErrorOf(R"x([["step", -1]])x"), HasSubstr("step: "));
  EXPECT_THAT(ErrorOf(R"x([["step", "1"]])x"), HasSubstr("step: "));
  EXPECT_THAT(ErrorOf(R"x([["step", 1, 2]])x"), HasSubstr("pairs"));
  EXPECT_THAT(ErrorOf(R"x([[1, 2]])x"), HasSubstr("pairs"));
  EXPECT_THAT(ErrorOf(R"x(["step"])x"), HasSubstr("pairs"));
  EXPECT_THAT(
      ErrorOf(R"x([["model/a", {"dtype": "float32", "shape": "()"}],)x"
              R"x( ["model/a", {"dtype": "float32", "shape": "()"}]])x"),
      HasSubstr("model/a: is there twice"));
  EXPECT_THAT(ErrorOf("{}"), HasSubstr("not a JSON list"));
  EXPECT_THAT(ErrorOf("[[\"step\", 1]"), HasSubstr("not a JSON list"));
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), HasSubstr("deeper"));
}

TEST(IndexTest, ComparesArrays) {
  const absl::StatusOr<CheckpointIndex> index =
      ParseIndex(WithArray(R"x({"dtype": "float32", "shape": "(32, 128)"})x"));
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
