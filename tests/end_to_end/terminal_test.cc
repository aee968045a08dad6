// What a user of a terminal sees of the induction experiment, and what a log
// keeps.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/induction_run.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// Long enough for the line to be redrawn (ten times a second).
const std::vector<std::string> kLonger = {"num_epochs=20", "num_heads=8"};

class TerminalTest : public ::testing::Test {
 protected:
  ProgramResult Run(const std::vector<std::string>& settings,
                    const std::string& kind, bool terminal) {
    ProgramCall call =
        SmallRun(settings, {"--threads=1", "--out=" + folder_.path() + "/run"});
    call.environment.emplace_back("TERM", kind);
    call.terminal = terminal;
    return RunProgram(call);
  }

  const TestFolder folder_;
};

bool IsLive(absl::string_view line) {
  return absl::StrContains(line, "steps/s");
}

TEST_F(TerminalTest, TheLiveLineIsRedrawnInPlace) {
  const ProgramResult result = Run(kLonger, "xterm", true);
  ASSERT_EQ(result.code, 0) << result.out;
  size_t drawn = 0;
  for (const absl::string_view part : absl::StrSplit(result.out, '\r')) {
    if (!IsLive(part) || !absl::EndsWith(part, "\x1b[K")) continue;
    ++drawn;
    EXPECT_THAT(std::string(part),
                MatchesRegex("epoch [0-9]+/20  loss [0-9.]+  acc [0-9.]+  "
                             "[0-9.]+ steps/s  sink.*\x1b\\[K"));
    // One column stays free.
    EXPECT_LT(part.size() - 3, kTerminalColumns) << part;
  }
  EXPECT_GE(drawn, 2u);
  // All but one are gone from the screen, to the last letter; the lines of
  // epochs are not.
  size_t seen = 0, epochs = 0;
  for (const std::string& line : TerminalScreen(result.out, kTerminalColumns)) {
    seen += IsLive(line);
    if (!absl::StrContains(line, "  train loss ")) continue;
    ++epochs;
    EXPECT_THAT(line, MatchesRegex("epoch [0-9]+/20  train loss [0-9.]+  eval "
                                   "loss [0-9.]+  accuracy [0-9.]+ "
                                   "[(]all [0-9.]+[)]"));
  }
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(epochs, 20u);
}

TEST_F(TerminalTest, TheOutputEndsWithALineEnd) {
  for (const char* epochs : {"num_epochs=0", "num_epochs=1"}) {
    const TestFolder folder;
    ProgramCall call = SmallRun({epochs}, {"--out=" + folder.path() + "/run"});
    call.terminal = true;
    const ProgramResult result = RunProgram(call);
    EXPECT_EQ(result.code, 0);
    EXPECT_TRUE(absl::EndsWith(result.out, "\n")) << result.out;
  }
}

TEST_F(TerminalTest, AnErrorBeginsALine) {
  ProgramCall call = SmallRun(
      {"lr=1e30"}, {"--threads=1", "--out=" + folder_.path() + "/run"});
  call.terminal = true;
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.code, 1);
  EXPECT_TRUE(absl::EndsWith(result.out, "\n"));
  EXPECT_THAT(result.out, HasSubstr("\ntraining diverged at step 1"));
}

TEST_F(TerminalTest, WithoutATerminalThereArePlainLines) {
  const ProgramResult result = Run({}, "xterm", false);
  ASSERT_EQ(result.code, 0);
  for (const std::string& text : {result.out, result.err}) {
    EXPECT_THAT(text, Not(HasSubstr("\r")));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_TRUE(absl::EndsWith(text, "\n"));
  }
  EXPECT_THAT(result.err, HasSubstr("epoch 2/2  train loss "));
}

TEST_F(TerminalTest, ATerminalThatCannotRedrawGetsPlainLines) {
  const ProgramResult result = Run({}, "dumb", true);
  ASSERT_EQ(result.code, 0);
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace polarize
