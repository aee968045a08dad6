#include "tests/support/program.h"

#include <csignal>

#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;

ProgramCall Shell(const std::string& script) {
  ProgramCall call;
  call.program = "/bin/sh";
  call.arguments = {"-c", script};
  return call;
}

TEST(ProgramTest, KeepsWhatAProgramSaysAndItsCode) {
  const ProgramResult result =
      RunProgram(Shell("echo said; echo complained >&2; exit 3"));
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.out, "said\n");
  EXPECT_EQ(result.err, "complained\n");
}

TEST(ProgramTest, KeepsMoreThanAPipeHolds) {
  const ProgramResult result = RunProgram(
      Shell("head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2"));
  EXPECT_EQ(result.out.size(), 300000u);
  EXPECT_EQ(result.err.size(), 200000u);
}

TEST(ProgramTest, TellsASignalFromACode) {
  const ProgramResult result = RunProgram(Shell("kill -TERM $$"));
  EXPECT_EQ(result.code, -1);
  EXPECT_EQ(result.signal, SIGTERM);
}

TEST(ProgramTest, WhatDoesNotExistIsCode127) {
  ProgramCall call;
  call.program = "/nowhere/program";
  EXPECT_EQ(RunProgram(call).code, 127);
}

TEST(ProgramTest, SetsVariablesDirectoryAndLimit) {
  const TestFolder folder;
  ProgramCall call = Shell(
      "touch here; echo $ONE $HOME; trap '' XFSZ; head -c 2000 /dev/zero > "
      "big");
  call.environment = {{"ONE", "0"}, {"HOME", "here"}, {"ONE", "1"}};
  call.directory = folder.path();
  call.file_size_limit = 1000;
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.out, "1 here\n");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("big", "here"));
  EXPECT_NE(result.code, 0);
}

TEST(ProgramTest, WaitsForAConditionAndSendsSignals) {
  Program program(
      Shell("trap 'echo caught; exit 5' INT; echo ready; "
            "while true; do sleep 0.01; done"));
  ASSERT_TRUE(program.WaitUntil([&] { return program.out() == "ready\n"; }));
  program.Signal(SIGINT);
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.code, 5);
  EXPECT_EQ(result.out, "ready\ncaught\n");
}

TEST(ProgramTest, NoLongerWaitsForAProgramThatEnded) {
  Program program(Shell("exit 0"));
  EXPECT_FALSE(program.WaitUntil([] { return false; }));
}

TEST(ProgramTest, GivesATerminal) {
  ProgramCall call = Shell("test -t 0 && test -t 1 && test -t 2 && echo all");
  call.terminal = true;
  EXPECT_EQ(RunProgram(call).out, "all\r\n");
  call.terminal = false;
  EXPECT_EQ(RunProgram(call).out, "");
}

TEST(ProgramTest, NobodyMayRead) {
  ProgramCall call = Shell("trap '' PIPE; echo lost || echo failed >&2");
  call.closed_output = true;
  const ProgramResult result = RunProgram(call);
  EXPECT_NE(result.err.find("failed"), std::string::npos);
}

TEST(TerminalScreenTest, ObeysReturnsErasingAndWidth) {
  EXPECT_THAT(TerminalScreen("abc\rx\r\nlong\rs\x1b[K\r\n", 80),
              ElementsAre("xbc", "s", ""));
  EXPECT_THAT(TerminalScreen("12345", 3), ElementsAre("123", "45"));
}

}  // namespace
}  // namespace polarize
