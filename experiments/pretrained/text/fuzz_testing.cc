#include "experiments/pretrained/text/fuzz_testing.h"

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "gtest/gtest.h"

ABSL_FLAG(uint64_t, executions, 20000, "how many; 0: no limit");
ABSL_FLAG(uint64_t, seconds, 0, "how long; 0: no limit");
ABSL_FLAG(uint64_t, first, 1, "the first seed");

namespace polarize {
namespace {

using Random = std::mt19937_64;

volatile std::sig_atomic_t crashed = 0;
uint64_t running = 0;

void NameTheSeed(int signal) {
  if (crashed == 0) {
    crashed = 1;
    std::fprintf(stderr, "\ncrashed at --first=%llu\n",
                 static_cast<unsigned long long>(running));
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void ExpectLittleMemory(long most_kilobytes) {
  rusage usage;
  ASSERT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  std::printf("%ld MiB of memory at most\n", usage.ru_maxrss >> 10);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  (void)most_kilobytes;
#else
  EXPECT_LT(usage.ru_maxrss, most_kilobytes);
#endif
}

}  // namespace

size_t Below(size_t n, Random* random) { return (*random)() % n; }

bool Often(Random* random) { return Below(2, random) == 0; }

char RandomByte(Random* random) {
  static constexpr unsigned char kLikely[] = {
      0, 1, 2, 0x0a, 0x12, 0x1a, 0x7f, 0x80, 0xfe, 0xff, 'y', '<'};
  return static_cast<char>(Often(random)
                               ? kLikely[Below(sizeof(kLikely), random)]
                               : Below(256, random));
}

void ChangeBytes(absl::string_view huge, std::string* bytes, Random* random) {
  const size_t at = Below(bytes->size() + 1, random);
  switch (Below(6, random)) {
    case 0:
      bytes->resize(at);
      break;
    case 1:
      bytes->insert(at, 1 + Below(8, random), RandomByte(random));
      break;
    case 2:
      bytes->erase(at, 1 + Below(8, random));
      break;
    case 3: {  // a part of it twice
      const std::string part = bytes->substr(at, Below(200, random));
      bytes->insert(Below(bytes->size() + 1, random), part);
      break;
    }
    case 4:
      bytes->insert(at, huge.data(), huge.size());
      break;
    default:
      if (at < bytes->size()) (*bytes)[at] = RandomByte(random);
  }
}

void Fuzz(const std::function<bool(uint64_t)>& execute, long most_kilobytes) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE}) {
    std::signal(signal, NameTheSeed);
  }
  const uint64_t executions = absl::GetFlag(FLAGS_executions);
  const uint64_t seconds = absl::GetFlag(FLAGS_seconds);
  const uint64_t first = absl::GetFlag(FLAGS_first);
  const auto start = std::chrono::steady_clock::now();
  uint64_t done = 0, taken = 0;
  for (; executions == 0 || done < executions; ++done) {
    running = first + done;
    taken += execute(running);
    const auto spent = std::chrono::steady_clock::now() - start;
    if (seconds > 0 && spent >= std::chrono::seconds(seconds)) break;
    if (testing::Test::HasFailure()) break;
  }
  std::printf("%llu executions; %llu files were taken\n",
              static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(taken));
  if (done >= 1000) {
    // Both kinds, or one of them is not tested.
    EXPECT_GT(taken, done / 20);
    EXPECT_LT(taken, done - done / 20);
  }
  ExpectLittleMemory(most_kilobytes);
}

}  // namespace polarize

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  return RUN_ALL_TESTS();
}
