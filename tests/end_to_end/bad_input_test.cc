// What the induction experiment says of input that it cannot use: one error
// that names the place, an exit code, and nothing left behind.
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/induction_run.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void Put(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// FOLDER in arguments and errors is the test's folder.
struct BadInput {
  const char* name;
  std::vector<std::string> settings;
  std::vector<std::string> flags;
  const char* config;  // of FOLDER/my.textproto; nullptr: no such file
  // The whole error, or its pieces in order around "...".
  const char* error;
};

// A weights file with `header` and `bytes` of tensors.
std::string Safetensors(const std::string& header, size_t bytes) {
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size() % 256);
  text[1] = static_cast<char>(header.size() / 256);
  return text + header + std::string(bytes, '\0');
}

// As GoogleTest shows it.
void PrintTo(const BadInput& bad, std::ostream* out) { *out << bad.name; }

class BadInputTest : public ::testing::TestWithParam<BadInput> {
 protected:
  std::string InFolder(absl::string_view text) const {
    return absl::StrReplaceAll(text, {{"FOLDER", folder_.path()}});
  }
  const TestFolder folder_;
};

TEST_P(BadInputTest, IsOneErrorAndLeavesNothing) {
  const BadInput& bad = GetParam();
  const std::string my = InFolder("FOLDER/my.textproto");
  if (bad.config != nullptr) Put(my, bad.config);
  Put(InFolder("FOLDER/garbage"), "not tensors, but long enough for a header");
  Put(InFolder("FOLDER/empty"), "");
  Put(InFolder("FOLDER/other.safetensors"),
      Safetensors(R"({"pos_embedding.weight":{"dtype":"F32","shape":[512,8],)"
                  R"("data_offsets":[0,16384]}})",
                  16384));
  const std::vector<std::string> before = FilesBelow(folder_.path());

  std::vector<std::string> flags;
  if (bad.config != nullptr) flags.push_back("--config=" + my);
  for (const std::string& f : bad.flags) flags.push_back(InFolder(f));
  const std::string given = absl::StrJoin(flags, " ");
  for (const char* flag : {"--threads=1", "--out=FOLDER/run"}) {
    const absl::string_view name = absl::string_view(flag).substr(0, 5);
    if (!absl::StrContains(given, name)) flags.push_back(InFolder(flag));
  }
  ProgramCall call =
      bad.config == nullptr ? SmallRun(bad.settings, flags) : Induction(flags);
  call.directory = folder_.path();
  const ProgramResult result = RunProgram(call);

  EXPECT_EQ(result.code, 1);
  const std::vector<std::string> lines = ErrorLines(result.err);
  ASSERT_FALSE(lines.empty());
  const std::string expected = InFolder(bad.error);
  const size_t gap = expected.find("...");
  if (gap == std::string::npos) {
    EXPECT_EQ(lines[0], expected);
  } else {
    EXPECT_TRUE(absl::StartsWith(lines[0], expected.substr(0, gap)))
        << lines[0];
    EXPECT_THAT(lines[0], HasSubstr(expected.substr(gap + 3)));
  }
  // Beside it, at most where to read more.
  EXPECT_LE(lines.size(), 2u) << result.err;
  EXPECT_TRUE(lines.size() < 2 || lines[1] == "(--help lists the flags)");
  EXPECT_EQ(FilesBelow(folder_.path()), before);
  EXPECT_FALSE(std::filesystem::exists(InFolder("FOLDER/run")));
  EXPECT_FALSE(std::filesystem::exists(InFolder("FOLDER/runs")));
}

INSTANTIATE_TEST_SUITE_P(
    Config, BadInputTest,
    ::testing::Values(
        BadInput{"UnknownField",
                 {},
                 {},
                 "seed: 1\ntask {\n  num_trian: 3\n}\n",
                 "FOLDER/my.textproto:3:3: task.num_trian: no such field; did "
                 "you mean task.num_train?"},
        BadInput{"UnknownSetting",
                 {"num_head=3"},
                 {},
                 nullptr,
                 "--set num_head=3: num_head: no such field; did you mean "
                 "model.num_heads?"},
        BadInput{"WrongType",
                 {},
                 {},
                 "task {\n  num_train: \"many\"\n}\n",
                 "FOLDER/my.textproto:2:... must be a whole number"},
        BadInput{"WrongTypeOfSetting",
                 {"num_heads=x"},
                 {},
                 nullptr,
                 "--set num_heads=x: model.num_heads = x: must be a whole "
                 "number from -2^31 to 2^31 - 1"},
        BadInput{"NoTextProto",
                 {},
                 {},
                 "task { num_train: 3\n",
                 "FOLDER/my.textproto:2:..."},
        BadInput{"NoText",
                 {},
                 {},
                 "\x01\x02\x7f",
                 "FOLDER/my.textproto: not a text file: byte 0x01 at offset 0"},
        BadInput{"FieldTwice",
                 {},
                 {},
                 "seed: 1\nseed: 2\n",
                 "FOLDER/my.textproto:2:1: seed:...set before"},
        BadInput{"ZeroSize",
                 {"num_train=0"},
                 {},
                 nullptr,
                 "--set num_train=0: task.num_train = 0: must be from 1 to "
                 "100000000"},
        BadInput{"ZeroSizeInFile",
                 {},
                 {},
                 "model {\n\n  embed_dim: 0\n}",
                 "FOLDER/my.textproto:3:3: model.embed_dim = 0: must be from "
                 "1 to 65536"},
        BadInput{"NegativeSize",
                 {"batch_size=-64"},
                 {},
                 nullptr,
                 "--set batch_size=-64: training.batch_size = -64: must be "
                 "from 1 to 1048576"},
        BadInput{"WidthNotDivisibleByHeads",
                 {"num_heads=3"},
                 {},
                 nullptr,
                 "--set num_heads=3: model.num_heads = 3: must divide "
                 "model.embed_dim, 32"},
        BadInput{
            "SequenceLongerThanTheVocabularyAllows",
            {"seq_length=60"},
            {},
            nullptr,
            "experiments/induction/induction.textproto:... task.vocab_size "
            "= 50: must be at least 58: with task.seq_length 60 a "
            "sequence has 57 distinct tokens, none of them token 0"},
        BadInput{"UnknownAttentionKind",
                 {"attention_type=sigmoid_nrom"},
                 {},
                 nullptr,
                 "--set attention_type=sigmoid_nrom: model.attention_type = "
                 "\"sigmoid_nrom\": must be one of softmax, ...; did you mean "
                 "\"sigmoid_norm\"?"},
        BadInput{"InfiniteRate",
                 {"lr=inf"},
                 {},
                 nullptr,
                 "--set lr=inf: training.lr = inf: must be finite"},
        BadInput{"MissingConfig",
                 {},
                 {"--config=nothing.textproto"},
                 nullptr,
                 "nothing.textproto: cannot read the config: No such file or "
                 "directory"},
        BadInput{"FolderAsConfig",
                 {},
                 {"--config=FOLDER"},
                 nullptr,
                 "FOLDER: cannot read the config: ..."}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Weights, BadInputTest,
    ::testing::Values(
        BadInput{"WeightsOfAnotherShape",
                 {},
                 {"--init_from=FOLDER/other.safetensors"},
                 nullptr,
                 "FOLDER/other.safetensors: tensor "
                 "'pos_embedding.weight'...[512, 8]"},
        BadInput{"WeightsOfAnotherShapeNameTheModels",
                 {},
                 {"--init_from=FOLDER/other.safetensors"},
                 nullptr,
                 "FOLDER/other.safetensors: ...[512, 16]"},
        BadInput{"WeightsOfAnotherModel",
                 {"positional_type=no"},
                 {"--init_from=FOLDER/other.safetensors"},
                 nullptr,
                 "FOLDER/other.safetensors: there is no tensor "
                 "'embedding.weight'"},
        BadInput{"MissingWeights",
                 {},
                 {"--init_from=FOLDER/nothing"},
                 nullptr,
                 "cannot open FOLDER/nothing: No such file or directory"},
        BadInput{"GarbageWeights",
                 {},
                 {"--init_from=FOLDER/garbage"},
                 nullptr,
                 "FOLDER/garbage: ..."},
        BadInput{"EmptyWeights",
                 {},
                 {"--init_from=FOLDER/empty"},
                 nullptr,
                 "FOLDER/empty: 0 bytes are too few for a safetensors file"},
        BadInput{"FolderAsWeights",
                 {},
                 {"--init_from=FOLDER"},
                 nullptr,
                 "...FOLDER"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Flags, BadInputTest,
    ::testing::Values(
        BadInput{"UnwritableOutput",
                 {},
                 {"--out=FOLDER/garbage/run"},
                 nullptr,
                 "cannot make the folder FOLDER/garbage/run: Not a directory"},
        BadInput{"OutputIsAFile",
                 {},
                 {"--out=FOLDER/garbage"},
                 nullptr,
                 "cannot make the folder FOLDER/garbage: Not a directory"},
        BadInput{"UnknownFlag",
                 {},
                 {"--ovrwrite"},
                 nullptr,
                 "ERROR: Unknown command line flag 'ovrwrite'..."},
        BadInput{"PositionalArgument",
                 {},
                 {"my.textproto"},
                 nullptr,
                 "ERROR: my.textproto: not a flag; flags begin with --"},
        BadInput{"BadIsa",
                 {},
                 {"--isa=mmx"},
                 nullptr,
                 "ERROR: --isa=mmx: must be one of ... on this machine"},
        BadInput{"ThreadsThatAreNoNumber",
                 {},
                 {"--threads=all"},
                 nullptr,
                 "ERROR: Illegal value 'all' specified for flag 'threads'..."},
        BadInput{"NegativeThreads",
                 {},
                 {"--threads=-1"},
                 nullptr,
                 "ERROR: --threads=-1: must be from 0 to 1024"},
        BadInput{"TooManyThreads",
                 {},
                 {"--threads=5000"},
                 nullptr,
                 "ERROR: --threads=5000: must be from 0 to 1024"},
        BadInput{"SettingWithoutValue",
                 {},
                 {"--set=seed"},
                 nullptr,
                 "--set seed: ..."},
        BadInput{"RowSharing",
                 {},
                 {"--sharing=maybe"},
                 nullptr,
                 "ERROR: --sharing=maybe: must be on or off"}),
    [](const auto& info) { return info.param.name; });

// Folders that hold a run.
class RunFolderInputTest : public ::testing::Test {
 protected:
  ProgramResult Run(const std::vector<std::string>& settings,
                    std::vector<std::string> flags) {
    flags.push_back("--threads=1");
    flags.push_back("--out=" + out_);
    return RunProgram(SmallRun(settings, flags));
  }

  const TestFolder folder_;
  const std::string out_ = folder_.path() + "/run";
};

TEST_F(RunFolderInputTest, ARunIsNotReplacedUnasked) {
  ASSERT_EQ(Run({"num_epochs=1"}, {}).code, 0);
  const std::vector<std::string> files = FilesBelow(out_);
  std::vector<std::string> contents;
  for (const std::string& f : files)
    contents.push_back(Contents(out_ + "/" + f));
  const ProgramResult again = Run({}, {});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(
      ErrorLines(again.err),
      ElementsAre(out_ + " already holds a run: metrics.jsonl; choose another "
                         "folder, or replace it with --overwrite"));
  ASSERT_EQ(FilesBelow(out_), files);
  for (size_t i = 0; i < files.size(); ++i) {
    EXPECT_TRUE(Contents(out_ + "/" + files[i]) == contents[i]) << files[i];
  }
}

TEST_F(RunFolderInputTest, OverwriteReplacesTheRun) {
  ASSERT_EQ(Run({"num_epochs=1"}, {}).code, 0);
  Put(out_ + "/notes.txt", "mine");
  const ProgramResult again = Run({"num_epochs=0"}, {"--overwrite"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(ReadMetrics(out_ + "/metrics.jsonl").size(), 1u);
  EXPECT_EQ(Contents(out_ + "/notes.txt"), "mine");
  size_t events = 0;
  for (const std::string& name : NamesIn(out_)) {
    events += absl::StartsWith(name, "events.");
  }
  EXPECT_EQ(events, 1u);
  ExpectWholeFiles(out_);
}

// A diverged run has neither weights nor logits: none may be left of the run
// before.
TEST_F(RunFolderInputTest, OverwriteLeavesNothingOfTheOldRun) {
  ASSERT_EQ(Run({"num_epochs=1"}, {}).code, 0);
  EXPECT_NE(Run({"lr=1e30"}, {"--overwrite"}).code, 0);
  for (const std::string& name : NamesIn(out_)) {
    EXPECT_FALSE(absl::EndsWith(name, ".safetensors")) << name;
  }
}

TEST_F(RunFolderInputTest, NoMoreSettingsOfOneField) {
  const ProgramResult result = Run({"seed=1", "seed=2"}, {});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(ErrorLines(result.err),
              ElementsAre("--set seed=2: seed: set before, by --set seed=1"));
}

}  // namespace
}  // namespace polarize
