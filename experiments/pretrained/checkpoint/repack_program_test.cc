// The program as users run it.
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/checkpoint/checkpoint_testing.h"
#include "experiments/pretrained/checkpoint/packed.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RepackProgramTest : public testing::Test {
 protected:
  ProgramCall Call(const std::vector<std::string>& flags = {}) const {
    ProgramCall call;
    call.program = DataPath("experiments/pretrained/checkpoint/repack");
    call.arguments = {"--checkpoint_dir=" + checkpoint_, "--out=" + out_};
    call.arguments.insert(call.arguments.end(), flags.begin(), flags.end());
    return call;
  }

  // A checkpoint that keeps the program busy: 300 MB in files of a few kB.
  void MakeLarge() const {
    CopyFolder(FixtureFolder("float32"), checkpoint_);
    ASSERT_EQ(remove((checkpoint_ + "/index").c_str()), 0);
    constexpr uint64_t kFfn = 1 << 20;
    for (const char* const name : {"linear1_0", "linear1_1", "linear2"}) {
      const std::string array = absl::StrCat(
          checkpoint_,
          "/gda/model/decoder/transformer/repeat/layer/feed_forward/", name,
          "/weight");
      const std::string shape = std::string(name) == "linear2"
                                    ? absl::StrCat("[2,", kFfn, ",12]")
                                    : absl::StrCat("[2,12,", kFfn, "]");
      ASSERT_TRUE(
          WriteFileWhole(
              array + "/.zarray",
              absl::StrCat(R"({"chunks":)", shape,
                           R"(,"compressor":{"id":"zstd"},"dtype":"<f4",)"
                           R"("fill_value":null,"filters":null,"order":"C",)"
                           R"("shape":)",
                           shape, R"(,"zarr_format":2})"))
              .ok());
      ASSERT_TRUE(WriteFileWhole(array + "/0.0.0",
                                 RepeatedFrame('?', 2 * 12 * kFfn * 4))
                      .ok());
    }
  }

  bool HasBegun() const { return PathExists(out_ + "/repack.journal"); }

  const TestFolder folder_;
  const std::string checkpoint_ = folder_.path() + "/checkpoint";
  const std::string out_ = folder_.path() + "/packed";
};

TEST_F(RepackProgramTest, Helps) {
  ProgramCall call = Call();
  call.arguments = {"--help"};
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.code, 0);
  for (const char* const flag :
       {"--checkpoint_dir", "--out", "--precision", "--allow_missing_chunks",
        "--dry_run", "bazel run //experiments/pretrained:repack"}) {
    EXPECT_THAT(result.out, HasSubstr(flag));
  }
}

TEST_F(RepackProgramTest, Repacks) {
  CopyFolder(FixtureFolder("bfloat16"), checkpoint_);
  ProgramCall call = Call();
  call.arguments = {"--checkpoint_dir=checkpoint/", "--precision=BF16"};
  call.environment = {{"BUILD_WORKING_DIRECTORY", folder_.path()}};
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const std::string out = checkpoint_ + "-bf16";
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("2 layers, embed_dim 12, heads 4 of 4"),
            HasSubstr("as BF16"), HasSubstr("chunks    73\n"), HasSubstr(out)));
  EXPECT_TRUE(PackedFolder::Open(out).ok());
  EXPECT_THAT(RunProgram(call).out, HasSubstr("was whole already"));
}

TEST_F(RepackProgramTest, ErrorsAreOneLine) {
  const auto error = [&](const std::vector<std::string>& flags) {
    const ProgramResult result = RunProgram(Call(flags));
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_THAT(error({"--checkpoint_dir="}),
              StartsWith("ERROR: --checkpoint_dir: "));
  EXPECT_THAT(error({"--precision=FP16"}), StartsWith("ERROR: --precision: "));
  EXPECT_THAT(error({"x"}), StartsWith("ERROR: x: not a flag"));
  EXPECT_THAT(error({}), AllOf(StartsWith("ERROR: gda/model/"),
                               HasSubstr("there is no such array"),
                               HasSubstr(checkpoint_)));
}

TEST_F(RepackProgramTest, CtrlCThenOn) {
  MakeLarge();
  Program program(Call());
  ASSERT_TRUE(program.WaitUntil([this] { return HasBegun(); }));
  program.Signal(SIGINT);
  const ProgramResult result = program.Wait();
  EXPECT_EQ(result.code, 130) << result.err;
  EXPECT_EQ(result.err, "interrupted: the same command goes on from here\n");
  EXPECT_FALSE(PackedFolder::Open(out_).ok());
  const ProgramResult again = RunProgram(Call());
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("chunks    19"));
  EXPECT_TRUE(PackedFolder::Open(out_).ok());
}

TEST_F(RepackProgramTest, OneAtATimeAndKilledThenOn) {
  MakeLarge();
  Program program(Call());
  ASSERT_TRUE(program.WaitUntil([this] { return HasBegun(); }));
  program.Signal(SIGSTOP);
  const ProgramResult second = RunProgram(Call());
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("another process is repacking into"));
  program.Signal(SIGKILL);
  EXPECT_EQ(program.Wait().signal, SIGKILL);
  const ProgramResult again = RunProgram(Call());
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(PackedFolder::Open(out_).ok());
}

TEST_F(RepackProgramTest, AFullDisk) {
  CopyFolder(FixtureFolder("float32"), checkpoint_);
  ProgramCall call = Call();
  call.file_size_limit = 2000;
  const ProgramResult result = RunProgram(call);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, AllOf(StartsWith("ERROR: cannot write "),
                                HasSubstr("Make room and start again")));
  EXPECT_EQ(RunProgram(Call()).code, 0);
}

}  // namespace
}  // namespace polarize
