#include "experiments/run/thread_team.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "experiments/run/allocation_count.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

std::unique_ptr<ThreadTeam> Team(size_t threads) {
  absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(threads);
  EXPECT_TRUE(team.ok()) << team.status();
  return *std::move(team);
}

double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

class ThreadTeamTest : public ::testing::TestWithParam<size_t> {};

INSTANTIATE_TEST_SUITE_P(Threads, ThreadTeamTest,
                         ::testing::Values(1, 2, 3, 4, 9));

TEST_P(ThreadTeamTest, RunsEveryTaskOnceInThousandsOfRuns) {
  const std::unique_ptr<ThreadTeam> team = Team(GetParam());
  EXPECT_EQ(team->threads(), GetParam());
  // Plain ints: a data race if a task ran on two threads, or if Run returned
  // before its tasks had.
  std::vector<int> done(40);
  std::vector<int> want(40);
  for (int run = 0; run < 4000; ++run) {
    const size_t tasks = static_cast<size_t>(run) % 41;
    team->Run(tasks, [&](size_t i) { ++done[i]; });
    for (size_t i = 0; i < tasks; ++i) ++want[i];
    ASSERT_EQ(done, want) << "run " << run;
  }
}

TEST_P(ThreadTeamTest, RunsAfterItsThreadsFellAsleep) {
  const std::unique_ptr<ThreadTeam> team = Team(GetParam());
  std::vector<int> done(17);
  for (int run = 0; run < 20; ++run) {
    usleep(2000);
    team->Run(done.size(), [&](size_t i) { ++done[i]; });
  }
  EXPECT_EQ(done, std::vector<int>(17, 20));
}

TEST_P(ThreadTeamTest, NoTasksIsARunToo) {
  const std::unique_ptr<ThreadTeam> team = Team(GetParam());
  int calls = 0;
  for (int run = 0; run < 100; ++run) {
    team->Run(0, [&](size_t) { ++calls; });
  }
  EXPECT_EQ(calls, 0);
}

TEST_P(ThreadTeamTest, RunsInsideTasks) {
  const std::unique_ptr<ThreadTeam> team = Team(GetParam());
  std::vector<int> done(7 * 11);
  for (int run = 0; run < 200; ++run) {
    team->Run(7, [&](size_t i) {
      team->Run(11, [&](size_t j) { ++done[11 * i + j]; });
    });
  }
  EXPECT_EQ(done, std::vector<int>(77, 200));
}

TEST_P(ThreadTeamTest, TeamsInsideTeams) {
  const std::unique_ptr<ThreadTeam> outer = Team(2);
  const std::unique_ptr<ThreadTeam> inner[] = {Team(GetParam()),
                                               Team(GetParam())};
  std::vector<int> done(2 * 11);
  for (int run = 0; run < 100; ++run) {
    outer->Run(2, [&](size_t i) {
      inner[i]->Run(11, [&](size_t j) {
        inner[i]->Run(1, [&](size_t) { ++done[11 * i + j]; });
      });
    });
    // Once more by this thread, whose team is none again.
    inner[0]->Run(22, [&](size_t i) { ++done[i]; });
  }
  EXPECT_EQ(done, std::vector<int>(22, 200));
}

TEST_P(ThreadTeamTest, UnequalTasksFinishBeforeRunReturns) {
  const std::unique_ptr<ThreadTeam> team = Team(GetParam());
  for (size_t slow = 0; slow < 8; ++slow) {
    std::vector<int> done(8);
    team->Run(8, [&](size_t i) {
      if (i == slow) usleep(3000);
      done[i] = 1;
    });
    ASSERT_EQ(done, std::vector<int>(8, 1)) << slow;
  }
}

TEST_P(ThreadTeamTest, StartsAndStopsOftenWithAndWithoutWork) {
  int done = 0;
  for (int i = 0; i < 200; ++i) {
    const std::unique_ptr<ThreadTeam> team = Team(GetParam());
    std::atomic<int> count{0};
    if (i % 2 == 0) team->Run(3, [&](size_t) { ++count; });
    done += count;
  }
  EXPECT_EQ(done, 300);
}

TEST_P(ThreadTeamTest, RunAllocatesNothing) {
  const std::unique_ptr<ThreadTeam> team = Team(GetParam());
  std::atomic<int> count{0};
  ResetAllocations();
  for (int run = 0; run < 100; ++run) {
    team->Run(20, [&](size_t) { ++count; });
  }
  EXPECT_EQ(AllocationCount(), 0u);
  EXPECT_EQ(count, 2000);
}

TEST(ThreadTeamTest, AllThreadsWork) {
  const std::unique_ptr<ThreadTeam> team = Team(4);
  // Each task waits until all four have begun: only four threads end this.
  std::atomic<int> begun{0};
  team->Run(4, [&](size_t) {
    ++begun;
    while (begun < 4) usleep(100);
  });
  EXPECT_EQ(begun, 4);
}

TEST(ThreadTeamTest, AThreadTakesItsOwnPartFirst) {
  const std::unique_ptr<ThreadTeam> team = Team(2);
  std::atomic<int> begun{0};
  std::vector<pthread_t> by(6);
  team->Run(6, [&](size_t i) {
    // Each of the two begins with the first task of its part.
    if (++begun <= 2) {
      by[i] = pthread_self();
      while (begun < 2) usleep(100);
    }
  });
  EXPECT_TRUE(pthread_equal(by[0], pthread_self()));
  EXPECT_FALSE(pthread_equal(by[3], pthread_self()));
  EXPECT_FALSE(pthread_equal(by[3], pthread_t()));
}

TEST(ThreadTeamTest, IdleThreadsSleep) {
  const std::unique_ptr<ThreadTeam> team = Team(2);
  std::atomic<int> count{0};
  team->Run(2, [&](size_t) { ++count; });
  usleep(20000);
  const double before = CpuSeconds();
  usleep(200000);
  EXPECT_LT(CpuSeconds() - before, 0.05);
}

TEST(ThreadTeamTest, SignalsReachTheCaller) {
  const std::unique_ptr<ThreadTeam> team = Team(3);
  std::atomic<int> workers{0};
  std::atomic<int> blocked{0};
  std::atomic<int> begun{0};
  const pthread_t caller = pthread_self();
  team->Run(3, [&](size_t) {
    ++begun;
    while (begun < 3) usleep(100);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    if (pthread_equal(caller, pthread_self())) {
      EXPECT_FALSE(sigismember(&mask, SIGINT));
    } else {
      ++workers;
      if (sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM)) ++blocked;
    }
  });
  EXPECT_EQ(workers, 2);
  EXPECT_EQ(blocked, 2);
}

TEST(ThreadTeamTest, NoThreadsAndTooManyAreErrors) {
  EXPECT_FALSE(ThreadTeam::Create(0).ok());
  const absl::Status status = ThreadTeam::Create(size_t{1} << 40).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("1099511627776"), absl::string_view::npos);
}

TEST(ThreadTeamDeathTest, TwoCallersAtOnceAreABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const std::unique_ptr<ThreadTeam> team = Team(2);
        std::atomic<bool> inside{false};
        std::thread other([&] {
          team->Run(2, [&](size_t) {
            inside = true;
            usleep(10000000);
          });
        });
        while (!inside) usleep(100);
        team->Run(2, [](size_t) {});
      },
      "two threads");
}

}  // namespace
}  // namespace polarize
