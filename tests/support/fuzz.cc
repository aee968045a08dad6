#include "tests/support/fuzz.h"

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

void CheckMemory(long most_kilobytes) {
  rusage usage;
  ASSERT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  std::printf("%ld MiB of memory at most\n", usage.ru_maxrss >> 10);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(usage.ru_maxrss, most_kilobytes);
#else
  (void)most_kilobytes;
#endif
}

}  // namespace

char RandomByte(FuzzRandom* random) {
  static constexpr unsigned char kLikely[] = {
      0,   1,   2,   0x0a, 0x12, 0x1a, 0x7f, 0x80, 0xfe, 0xff,
      'y', '<', '"', '{',  '}',  '[',  ']',  ',',  ':',  '(',
      ')', '0', '9', '-',  '\\', '\'', '.',  'e',  ' '};
  return static_cast<char>(Often(random)
                               ? kLikely[Below(sizeof(kLikely), random)]
                               : Below(256, random));
}

void ChangeBytes(absl::Span<const absl::string_view> snippets,
                 std::string* bytes, FuzzRandom* random) {
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
      bytes->insert(at, std::string(snippets[Below(snippets.size(), random)]));
      break;
    default:
      if (at < bytes->size()) (*bytes)[at] = RandomByte(random);
  }
}

void Fuzz(long most_kilobytes, absl::FunctionRef<bool(uint64_t seed)> execute) {
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
  std::printf("%llu executions; %llu were taken\n",
              static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(taken));
  if (done >= 1000) {
    EXPECT_GT(taken, done / 20);
    EXPECT_LT(taken, done - done / 20);
  }
  CheckMemory(most_kilobytes);
}

int FuzzMain(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace polarize
