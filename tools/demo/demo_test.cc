// The demo as a newcomer runs it.
#include <sys/stat.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::AllOf;

using ::testing::HasSubstr;
using ::testing::Not;

class DemoTest : public ::testing::Test {
 protected:
  DemoTest() {
    call_.program = DataPath("tools/demo/demo");
    call_.arguments = {"--epochs=1", "--out=" + out()};
    call_.environment = {
        {"TERM", "xterm"}, {"COLORTERM", ""}, {"NO_COLOR", ""}};
    call_.limit = absl::Seconds(240);
  }

  std::string out() const { return folder_.path() + "/demo"; }
  std::string Read(const std::string& name) const {
    const absl::StatusOr<std::string> text =
        ReadFile(absl::StrCat(out(), "/", name), 1 << 24);
    EXPECT_TRUE(text.ok()) << text.status().message();
    return text.value_or("");
  }
  // A gnuplot that is not there.
  void WithoutGnuplot() { call_.environment.emplace_back("PATH", "/nowhere"); }

  const TestFolder folder_;
  ProgramCall call_;
};

TEST_F(DemoTest, ShowsClaimsMapsAndWhatToTypeNext) {
  WithoutGnuplot();
  const ProgramResult result = RunProgram(call_);
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("\nholds  the loss falls "),
            HasSubstr("\nholds  3.3(c) s goes to one-hot at argmax"),
            HasSubstr("\nThe 8 weights begin equal, with entropy 2.079"),
            HasSubstr("\ns7 "), HasSubstr("@ 1.00\n")));
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("\nCLS "), HasSubstr(" step 1"),
                    HasSubstr("step 40\n"), HasSubstr("\naccuracy  "),
                    HasSubstr("sigmoid_unnorm "), HasSubstr("\nWhat to type"),
                    HasSubstr("bazel run //experiments:induction")));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
  for (const absl::string_view line : absl::StrSplit(result.out, '\n')) {
    // Paths are as long as they are.
    if (absl::StrContains(line, out())) continue;
    EXPECT_LE(line.size(), 80u) << line;
  }
  // No gnuplot: no picture, and a line that says so.
  EXPECT_THAT(result.out, HasSubstr("\npictures    "));
  EXPECT_THAT(result.out, Not(HasSubstr("left out")));
  EXPECT_THAT(Read("demo.html"), Not(HasSubstr("<svg")));
  EXPECT_THAT(NamesIn(out()),
              ::testing::ElementsAre("demo.html", "logistic", "sigmoid_unnorm",
                                     "softmax"));
  for (const char* run : {"logistic", "softmax", "sigmoid_unnorm"}) {
    EXPECT_THAT(Read(absl::StrCat(run, "/summary.json")),
                HasSubstr("\"state\":\"finished\""));
  }
  // What a run prints at length.
  EXPECT_THAT(Read("softmax/log.txt"), HasSubstr("finished after 40 steps"));
  EXPECT_THAT(result.out, Not(HasSubstr("finished after")));
}

TEST_F(DemoTest, ThePageIsSelfContained) {
  ASSERT_EQ(RunProgram(call_).code, 0);
  const std::string page = Read("demo.html");
  EXPECT_THAT(page, AllOf(HasSubstr("The 8 weights begin equal"),
                          HasSubstr("3.3(c) Gamma grows like ln t"),
                          HasSubstr("<td class=\"t\">holds</td>"),
                          HasSubstr("sigmoid_unnorm"), HasSubstr("\nCLS "),
                          HasSubstr("</html>")));
  // Every picture that this machine's gnuplot drew for it, if it has one.
  size_t drawn = 0;
  for (const char* name : {"logistic/figures/flow", "logistic/figures/entropy",
                           "softmax/figures/sample_tracking_0_0",
                           "softmax/figures/attention_sample0",
                           "sigmoid_unnorm/figures/sample_tracking_0_0",
                           "sigmoid_unnorm/figures/attention_sample0"}) {
    struct stat found;
    drawn += stat(absl::StrCat(out(), "/", name, ".svg").c_str(), &found) == 0;
  }
  EXPECT_THAT(drawn, ::testing::AnyOf(0u, 6u));
  const std::vector<std::string> pieces = absl::StrSplit(page, "<svg ");
  EXPECT_EQ(pieces.size() - 1, drawn);
  // Nothing to load: addresses are places on the page or data.
  for (const char* attribute : {" src=\"", " href=\"", "url("}) {
    size_t at = 0;
    while ((at = page.find(attribute, at)) != std::string::npos) {
      at += absl::string_view(attribute).size();
      EXPECT_THAT(page.substr(at, 5),
                  ::testing::AnyOf(::testing::StartsWith("#"),
                                   ::testing::StartsWith("data:")));
    }
  }
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  // As many tags end as begin.
  size_t opened = 0, closed = 0;
  for (size_t i = 0; i + 1 < page.size(); ++i) {
    if (page[i] != '<' || page[i + 1] == '!' || page[i + 1] == '?') continue;
    const size_t end = page.find('>', i);
    ASSERT_NE(end, std::string::npos);
    if (page[i + 1] == '/') {
      ++closed;
    } else if (page[end - 1] != '/') {
      ++opened;
    }
  }
  EXPECT_EQ(opened, closed);
}

TEST_F(DemoTest, ADemoIsNotReplacedUnasked) {
  WithoutGnuplot();
  ASSERT_EQ(RunProgram(call_).code, 0);
  const std::string page = Read("demo.html");
  ProgramResult again = RunProgram(call_);
  EXPECT_EQ(again.code, 1);
  EXPECT_EQ(again.out, "");
  EXPECT_THAT(again.err, HasSubstr("already holds a demo: logistic; choose "
                                   "another folder with --out, or replace it "
                                   "with --overwrite"));
  EXPECT_EQ(Read("demo.html"), page);
  call_.arguments.push_back("--overwrite");
  again = RunProgram(call_);
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("What to type next"));
}

TEST_F(DemoTest, ColoursAreForTerminalsThatHaveThem) {
  WithoutGnuplot();
  call_.terminal = true;
  call_.environment.emplace_back("TERM", "xterm-256color");
  ProgramResult result = RunProgram(call_);
  ASSERT_EQ(result.code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("\x1b[48;5;"));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b[48;2;")));
  call_.arguments.push_back("--overwrite");
  call_.environment.emplace_back("NO_COLOR", "1");
  EXPECT_THAT(RunProgram(call_).out, Not(HasSubstr("\x1b")));
  call_.arguments.push_back("--color=always");
  EXPECT_THAT(RunProgram(call_).out, HasSubstr("\x1b[48;2;"));
}

TEST_F(DemoTest, HelpAndWrongFlags) {
  call_.arguments = {"--help"};
  const ProgramResult help = RunProgram(call_);
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("bazel run //experiments:demo"));
  call_.arguments = {"--out=" + out(), "--fast"};
  const ProgramResult wrong = RunProgram(call_);
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("--fast: no such flag"));
  struct stat made;
  EXPECT_NE(stat(out().c_str(), &made), 0);
}

TEST_F(DemoTest, AFolderThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(WriteFileWhole(out(), "a file").ok());
  const ProgramResult result = RunProgram(call_);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr(out()));
}

TEST_F(DemoTest, CtrlCEndsIt) {
  WithoutGnuplot();
  call_.arguments = {"--epochs=1000", "--out=" + out()};
  Program program(call_);
  struct stat made;
  const std::string file = out() + "/softmax/tracking.csv.partial";
  ASSERT_TRUE(program.WaitUntil(
      [&] { return stat(file.c_str(), &made) == 0 && made.st_size > 0; }));
  program.Signal(SIGINT);
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.code, 128 + SIGINT);
  EXPECT_NE(stat((out() + "/demo.html").c_str(), &made), 0);
}

TEST_F(DemoTest, AReaderThatHasLeftIsAnError) {
  WithoutGnuplot();
  call_.closed_output = true;
  const ProgramResult result = RunProgram(call_);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("cannot write to the standard output"));
}

}  // namespace
}  // namespace polarize
