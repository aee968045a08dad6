#include "experiments/run/interrupt.h"

#include <unistd.h>

#include <csignal>

#include "gtest/gtest.h"

namespace polarize {
namespace {

int own_handler_calls = 0;

TEST(InterruptTest, TheFirstSignalOnlySetsTheFlag) {
  for (const int number : {SIGINT, SIGTERM}) {
    const InterruptHandler handler;
    EXPECT_FALSE(Interrupted());
    EXPECT_EQ(InterruptSignal(), 0);
    raise(number);
    EXPECT_TRUE(Interrupted());
    EXPECT_EQ(InterruptSignal(), number);
  }
}

TEST(InterruptTest, TheFlagOutlivesTheHandler) {
  {
    const InterruptHandler handler;
    raise(SIGTERM);
  }
  EXPECT_TRUE(Interrupted());
  const InterruptHandler next;
  EXPECT_FALSE(Interrupted());
}

TEST(InterruptTest, PutsTheOldHandlersBack) {
  void (*const own)(int) = [](int) { ++own_handler_calls; };
  ASSERT_NE(std::signal(SIGINT, own), SIG_ERR);
  {
    const InterruptHandler handler;
    raise(SIGINT);
    EXPECT_EQ(own_handler_calls, 0);
  }
  raise(SIGINT);
  EXPECT_EQ(own_handler_calls, 1);
  EXPECT_EQ(std::signal(SIGINT, SIG_DFL), own);
}

TEST(InterruptDeathTest, TheSecondSignalKills) {
  for (const int first : {SIGINT, SIGTERM}) {
    for (const int second : {SIGINT, SIGTERM}) {
      EXPECT_EXIT(
          {
            const InterruptHandler handler;
            raise(first);
            if (!Interrupted()) _exit(3);
            raise(second);
            _exit(4);
          },
          ::testing::KilledBySignal(second), "");
    }
  }
}

TEST(InterruptDeathTest, SignalsKillAfterwards) {
  EXPECT_EXIT(
      {
        { const InterruptHandler handler; }
        raise(SIGTERM);
        _exit(4);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(InterruptDeathTest, TwoHandlersAreABrokenInvariant) {
  EXPECT_DEATH(
      {
        const InterruptHandler one;
        const InterruptHandler two;
      },
      "second InterruptHandler");
}

}  // namespace
}  // namespace polarize
