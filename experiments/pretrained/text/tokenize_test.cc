// The program, as a user runs it.
#include <string>
#include <utility>
#include <vector>

#include "experiments/pretrained/text/tokenizer_testing.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

class TokenizeTest : public ::testing::Test {
 protected:
  TokenizeTest() {
    Write("small.model", SmallModel().SerializeAsString());
    Write("a.txt", "the\nthe\n\nthen\n\neth\n");
  }
  void Write(const std::string& name, const std::string& contents) {
    ASSERT_TRUE(WriteFileWhole(folder_.path() + "/" + name, contents).ok());
  }
  // Started elsewhere by `bazel run`: paths are relative to the user's folder.
  ProgramResult Run(std::vector<std::string> arguments) const {
    ProgramCall call;
    call.program = DataPath("experiments/pretrained/text/tokenize");
    call.arguments = std::move(arguments);
    call.environment = {{"BUILD_WORKING_DIRECTORY", folder_.path()}};
    return RunProgram(call);
  }
  std::string Error(std::vector<std::string> arguments) const {
    const ProgramResult result = Run(std::move(arguments));
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out, "");
    return result.err;
  }
  std::string Line(int document, int line, const std::string& ids) const {
    return "{\"document\":" + std::to_string(document) + ",\"place\":\"" +
           folder_.path() + "/a.txt:" + std::to_string(line) + "\",\"ids\":[" +
           ids + "]}\n";
  }

  TestFolder folder_;
};

TEST_F(TokenizeTest, PrintsEveryDocument) {
  const ProgramResult result =
      Run({"--tokenizer=small.model", "--prompts=a.txt", "--samples=0"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, Line(0, 1, "263,4,265,262") + Line(1, 4, "263,268") +
                            Line(2, 6, "264,267,269"));
}

// random.Random(5).sample(range(3), 2) == [2, 1]
TEST_F(TokenizeTest, FlagsOffTheirDefaults) {
  const ProgramResult result =
      Run({"--tokenizer", "small.model", "--prompts", "a.txt", "--samples=2",
           "--seed=5", "--max_tokens=1"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, Line(2, 6, "264") + Line(1, 4, "263"));
}

TEST_F(TokenizeTest, Errors) {
  EXPECT_EQ(Error({}),
            "ERROR: --tokenizer and --prompts are needed (--help says more)\n");
  EXPECT_THAT(Error({"--tokenizer=none.model", "--prompts=a.txt"}),
              HasSubstr(folder_.path() + "/none.model"));
  EXPECT_THAT(Error({"--tokenizer=small.model", "--prompts=none.txt"}),
              HasSubstr(folder_.path() + "/none.txt"));
  EXPECT_EQ(Error({"--tokenizer=small.model", "--prompts=a.txt"}),
            "ERROR: " + folder_.path() +
                "/a.txt: 1000 samples of 3 documents; --samples=0 takes every "
                "document\n");
  EXPECT_EQ(
      Error({"--tokenizer=small.model", "--prompts=a.txt", "--max_tokens=0"}),
      "ERROR: --max_tokens must be at least 1\n");
  EXPECT_THAT(Error({"--tokenizer=small.model", "--prompts=a.txt", "--out=x"}),
              HasSubstr("--out"));
  EXPECT_THAT(Error({"--prompt=a.txt"}), HasSubstr("prompt"));
}

TEST_F(TokenizeTest, Help) {
  const ProgramResult result = Run({"--help"});
  EXPECT_EQ(result.code, 0);
  for (const char* flag :
       {"--tokenizer", "--prompts", "--samples", "--seed", "--max_tokens"}) {
    EXPECT_THAT(result.out, HasSubstr(flag));
  }
}

}  // namespace
}  // namespace polarize
