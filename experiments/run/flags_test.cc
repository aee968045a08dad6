#include "experiments/run/flags.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/base/isa.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::ExitedWithCode;

RunFlags Parsed(std::vector<std::string> arguments) {
  absl::FlagSaver restores_the_flags;
  arguments.insert(arguments.begin(), "bin/induction");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return ParseRunFlags(static_cast<int>(arguments.size()), argv.data(),
                       "Trains something.");
}

TEST(ParseRunFlags, Defaults) {
  const RunFlags flags = Parsed({});
  EXPECT_EQ(flags.config, "");
  EXPECT_TRUE(flags.settings.empty());
  EXPECT_EQ(flags.out, "");
  EXPECT_EQ(flags.threads, 0);
  EXPECT_EQ(flags.target, 0);
  EXPECT_TRUE(flags.sharing);
  EXPECT_EQ(flags.init_from, "");
  EXPECT_FALSE(flags.eval_only);
  EXPECT_FALSE(flags.dry_run);
  EXPECT_FALSE(flags.overwrite);
}

TEST(ParseRunFlags, EveryFlag) {
  setenv("BUILD_WORKING_DIRECTORY", "/home/ada", 1);
  const RunFlags flags =
      Parsed({"--config", "c.textproto", "--out=runs/a", "--threads=3",
              "--sharing=off", "--init_from", "/w.safetensors", "--eval_only",
              "--dry_run=true", "--overwrite"});
  unsetenv("BUILD_WORKING_DIRECTORY");
  EXPECT_EQ(flags.config, "/home/ada/c.textproto");
  EXPECT_EQ(flags.out, "/home/ada/runs/a");
  EXPECT_EQ(flags.threads, 3);
  EXPECT_FALSE(flags.sharing);
  EXPECT_EQ(flags.init_from, "/w.safetensors");
  EXPECT_TRUE(flags.eval_only);
  EXPECT_TRUE(flags.dry_run);
  EXPECT_TRUE(flags.overwrite);
}

TEST(ParseRunFlags, KeepsEverySettingInOrder) {
  const RunFlags flags = Parsed({"--set", "lr=1", "--threads", "2", "-set=b=2",
                                 "-set", "--odd", "--set="});
  EXPECT_THAT(flags.settings, ElementsAre("lr=1", "b=2", "--odd", ""));
  EXPECT_EQ(flags.threads, 2);
}

TEST(ParseRunFlags, NamesInstructionSets) {
  const int64_t least = int64_t{1} << (63 - __builtin_clzll(UsableTargets()));
#if defined(__x86_64__)
  EXPECT_EQ(Parsed({"--isa=sse2"}).target, least);
  EXPECT_EQ(Parsed({"--isa=SSE2"}).target, least);
#else
  EXPECT_NE(least, 0);
#endif
}

TEST(ParseRunFlagsDeathTest, RefusesWhatIsWrong) {
  EXPECT_EXIT(Parsed({"--sed=1"}), ExitedWithCode(1), "Unknown.*flag 'sed'");
  EXPECT_EXIT(Parsed({"--config"}), ExitedWithCode(1), "config");
  EXPECT_EXIT(Parsed({"--set"}), ExitedWithCode(1),
              "--set: PATH=VALUE is missing");
  EXPECT_EXIT(Parsed({"seed=1"}), ExitedWithCode(1),
              "seed=1: not a flag; flags begin with --");
  EXPECT_EXIT(Parsed({"--", "--set", "a=1"}), ExitedWithCode(1),
              "--set: not a flag");
  EXPECT_EXIT(Parsed({"--threads=-1"}), ExitedWithCode(1),
              "--threads=-1: must be from 0 to 1024");
  EXPECT_EXIT(Parsed({"--threads=1025"}), ExitedWithCode(1),
              "--threads=1025: must be from 0 to 1024");
  EXPECT_EXIT(Parsed({"--threads=two"}), ExitedWithCode(1), "threads");
  EXPECT_EXIT(Parsed({"--isa=mmx"}), ExitedWithCode(1),
              "--isa=mmx: must be one of .* on this machine");
  EXPECT_EXIT(Parsed({"--sharing=maybe"}), ExitedWithCode(1),
              "--sharing=maybe: must be on or off");
}

TEST(ParseRunFlagsDeathTest, HelpGoesToStandardOutput) {
  const auto help = [](std::vector<std::string> arguments) {
    // EXPECT_EXIT looks at standard error.
    dup2(2, 1);
    Parsed(std::move(arguments));
  };
  EXPECT_EXIT(help({"--help"}), ExitedWithCode(0),
              "Trains something.\n\nUsage: induction .flags.");
  EXPECT_EXIT(help({"--threads=-1", "-h"}), ExitedWithCode(0),
              "--set PATH=VALUE  Changes a field");
}

RunFlags ParsedWithoutConfig(std::vector<std::string> arguments) {
  absl::FlagSaver restores_the_flags;
  arguments.insert(arguments.begin(), "bin/verify");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ProgramHelp help;
  help.usage = "Checks something.";
  help.own_flags = "  --odd  Its own.\n";
  help.arguments = "RUN";
  help.takes_config = false;
  return ParseRunFlags(static_cast<int>(arguments.size()), argv.data(), help);
}

TEST(ParseRunFlags, AProgramThatRunsNoConfig) {
  const RunFlags flags = ParsedWithoutConfig(
      {"runs/a", "--threads=3", "--sharing=off", "--out=/b"});
  EXPECT_THAT(flags.arguments, ElementsAre("runs/a"));
  EXPECT_EQ(flags.threads, 3);
  EXPECT_FALSE(flags.sharing);
  EXPECT_EQ(flags.out, "/b");
}

TEST(ParseRunFlagsDeathTest, AProgramThatRunsNoConfigRefusesItsFlags) {
  for (const char* const flag :
       {"--config=a", "--set=lr=1", "--dry_run", "--overwrite", "--init_from=a",
        "--eval_only"}) {
    EXPECT_EXIT(ParsedWithoutConfig({flag}), ExitedWithCode(1),
                "this program runs no config")
        << flag;
  }
  const auto help = [] {
    dup2(2, 1);
    ParsedWithoutConfig({"--help"});
  };
  EXPECT_EXIT(help(), ExitedWithCode(0),
              "verify RUN .flags.\n(.|\n)*Flags:\n  --odd  Its own.\n"
              "  --help            Prints this.\n$");
}

}  // namespace
}  // namespace polarize
