#include "experiments/run/progress.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace polarize {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  ProgressTest() { EXPECT_EQ(pipe2(ends_, O_NONBLOCK), 0); }
  ~ProgressTest() override {
    close(ends_[0]);
    close(ends_[1]);
  }

  Progress::Options Options(bool terminal, size_t width = 0) {
    Progress::Options options;
    options.file_descriptor = ends_[1];
    options.terminal = terminal;
    options.width = width;
    options.now = [this] { return now_; };
    return options;
  }

  // What was written since the last call.
  std::string Written() { return ReadAll(ends_[0]); }

  static std::string ReadAll(int fd) {
    std::string text;
    char buffer[1000];
    for (;;) {
      const ssize_t n = read(fd, buffer, sizeof(buffer));
      if (n <= 0) return text;
      text.append(buffer, static_cast<size_t>(n));
    }
  }

  int ends_[2];
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(ProgressTest, OnATerminalTheLineIsRedrawnTenTimesASecond) {
  Progress progress(Options(true));
  for (int i = 0; i < 1000; ++i) {
    progress.Show("step");
    now_ += absl::Milliseconds(1);
  }
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += "\rstep\x1b[K";
  EXPECT_EQ(Written(), ten);
  progress.Finish();
  EXPECT_EQ(Written(), "\n");
  progress.Finish();
  EXPECT_EQ(Written(), "");
}

TEST_F(ProgressTest, TheDestructorEndsTheLine) {
  { Progress progress(Options(true)); }
  EXPECT_EQ(Written(), "");
  {
    Progress progress(Options(true));
    progress.Show("a");
  }
  EXPECT_EQ(Written(), "\ra\x1b[K\n");
}

TEST_F(ProgressTest, WithoutATerminalThereIsALineNowAndThen) {
  {
    Progress progress(Options(false, 10));
    for (int i = 0; i < 25; ++i) {
      EXPECT_EQ(progress.Due(), i % 10 == 0);
      progress.Show("step, a line as long as it likes");
      now_ += absl::Seconds(1);
    }
    progress.ShowNow("last");
    EXPECT_FALSE(progress.Due());
    progress.Print("done");
  }
  const std::string line = "step, a line as long as it likes\n";
  EXPECT_EQ(Written(), line + line + line + "last\ndone\n");
}

TEST_F(ProgressTest, ForcedLinesComeAtOnce) {
  Progress progress(Options(true));
  progress.Show("a");
  progress.Show("b");
  progress.ShowNow("c");
  EXPECT_EQ(Written(), "\ra\x1b[K\rc\x1b[K");
}

TEST_F(ProgressTest, PrintedLinesStayAboveTheRedrawnOne) {
  Progress progress(Options(true, 6));
  progress.Print("first");
  EXPECT_EQ(Written(), "first\n");
  progress.Show("step 12");
  EXPECT_EQ(Written(), "\rstep \x1b[K");
  progress.Print("a longer line");
  EXPECT_EQ(Written(), "\ra longer line\x1b[K\nstep ");
}

TEST_F(ProgressTest, TheLineIsCutToTheTerminalsWidth) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  const int user = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  ASSERT_GE(user, 0);
  termios raw;
  ASSERT_EQ(tcgetattr(user, &raw), 0);
  cfmakeraw(&raw);
  ASSERT_EQ(tcsetattr(user, TCSANOW, &raw), 0);
  fcntl(terminal, F_SETFL, O_NONBLOCK);
  winsize size = {};
  size.ws_col = 8;
  ASSERT_EQ(ioctl(user, TIOCSWINSZ, &size), 0);
  Progress::Options options = Options(true);
  options.file_descriptor = user;
  Progress progress(options);
  progress.ShowNow("0123456789");
  EXPECT_EQ(ReadAll(terminal), "\r0123456\x1b[K");
  size.ws_col = 5;
  ASSERT_EQ(ioctl(user, TIOCSWINSZ, &size), 0);
  progress.ShowNow("0123456789");
  EXPECT_EQ(ReadAll(terminal), "\r0123\x1b[K");
  close(user);
  close(terminal);
}

TEST_F(ProgressTest, NobodyWatchingIsNoError) {
  Progress::Options options = Options(true);
  options.file_descriptor = -1;
  Progress progress(options);
  progress.ShowNow("a");
  progress.Print("b");
  EXPECT_EQ(Written(), "");
}

TEST_F(ProgressTest, StandardErrorIsATerminalOnlyIfItIs) {
  const int saved = dup(STDERR_FILENO);
  dup2(ends_[1], STDERR_FILENO);
  const Progress::Options options = Progress::StandardError();
  dup2(saved, STDERR_FILENO);
  close(saved);
  EXPECT_EQ(options.file_descriptor, STDERR_FILENO);
  EXPECT_FALSE(options.terminal);
}

TEST(FirstColumnsTest, CountsCharacters) {
  EXPECT_EQ(FirstColumns("abc", 2), "ab");
  EXPECT_EQ(FirstColumns("abc", 3), "abc");
  EXPECT_EQ(FirstColumns("abc", 9), "abc");
  EXPECT_EQ(FirstColumns("abc", 0), "");
  EXPECT_EQ(FirstColumns("", 5), "");
  EXPECT_EQ(FirstColumns("\xC3\xA9\xE2\x82\xAC!", 1), "\xC3\xA9");
  EXPECT_EQ(FirstColumns("\xC3\xA9\xE2\x82\xAC!", 2), "\xC3\xA9\xE2\x82\xAC");
}

TEST(FormatTest, Times) {
  EXPECT_EQ(FormatTime(absl::ZeroDuration()), "0s");
  EXPECT_EQ(FormatTime(absl::Seconds(0.6)), "1s");
  EXPECT_EQ(FormatTime(absl::Seconds(59.4)), "59s");
  EXPECT_EQ(FormatTime(absl::Seconds(59.6)), "1m 00s");
  EXPECT_EQ(FormatTime(absl::Seconds(65)), "1m 05s");
  EXPECT_EQ(FormatTime(absl::Seconds(3599)), "59m 59s");
  EXPECT_EQ(FormatTime(absl::Hours(2) + absl::Minutes(3)), "2h 03m");
  EXPECT_EQ(FormatTime(absl::Hours(24)), "1d 00h");
  EXPECT_EQ(FormatTime(absl::Hours(76)), "3d 04h");
  EXPECT_EQ(FormatTime(-absl::Seconds(1)), "n/a");
  EXPECT_EQ(FormatTime(absl::InfiniteDuration()), "n/a");
}

TEST(FormatTest, Rates) {
  EXPECT_EQ(FormatStepRate(1234.5), "1234 steps/s");
  EXPECT_EQ(FormatStepRate(99.96), "100 steps/s");
  EXPECT_EQ(FormatStepRate(45.64), "45.6 steps/s");
  EXPECT_EQ(FormatStepRate(9.996), "10.0 steps/s");
  EXPECT_EQ(FormatStepRate(1), "1.00 steps/s");
  EXPECT_EQ(FormatStepRate(0.8), "1.25 s/step");
  EXPECT_EQ(FormatStepRate(1.0 / 64), "64.0 s/step");
  EXPECT_EQ(FormatStepRate(1.0 / 640), "640 s/step");
  EXPECT_EQ(FormatStepRate(0), "n/a");
  EXPECT_EQ(FormatStepRate(-1), "n/a");
  EXPECT_EQ(FormatStepRate(std::nan("")), "n/a");
  EXPECT_EQ(FormatStepRate(std::numeric_limits<double>::infinity()), "n/a");
}

TEST(FormatTest, LeftIsWhatIsLeftAtTheSamePace) {
  EXPECT_EQ(TimeLeft(0, 10, absl::Seconds(5)), absl::InfiniteDuration());
  EXPECT_EQ(TimeLeft(2, 10, absl::Seconds(5)), absl::Seconds(20));
  EXPECT_EQ(TimeLeft(10, 10, absl::Seconds(5)), absl::ZeroDuration());
  EXPECT_EQ(TimeLeft(11, 10, absl::Seconds(5)), absl::ZeroDuration());
}

}  // namespace
}  // namespace polarize
