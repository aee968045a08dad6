// The whole of Fig. 7 on a small checkpoint: repacking, prompts, model, files.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/checkpoint/checkpoint_testing.h"
#include "experiments/pretrained/checkpoint/packed.h"
#include "experiments/pretrained/fetch/folder_guard.h"
#include "experiments/pretrained/model/reference_testing.h"
#include "experiments/pretrained/text/prompts.h"
#include "experiments/pretrained/text/tokenizer.h"
#include "experiments/pretrained/text/tokenizer_testing.h"
#include "experiments/run/csv.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

// (layer, head) -> the cell of a column.
using Cells = std::map<std::pair<int, int>, double>;

class PretrainedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CopyFolder(FixtureFolder("float32"), In("checkpoint"));
    ASSERT_TRUE(WriteFileWhole(In("tokenizer.model"),
                               SmallModelWithoutBytes().SerializeAsString())
                    .ok());
    ASSERT_TRUE(
        WriteFileWhole(In("prompts.txt"), "the the tneh\n\nhe the\n\nt\n")
            .ok());
  }
  std::string In(const std::string& name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }
  ProgramResult Run(std::vector<std::string> more,
                    const std::string& samples = "0") const {
    ProgramCall call;
    call.program = DataPath("experiments/pretrained/pretrained");
    call.directory = folder_.path();
    call.arguments = {"--checkpoint_dir=checkpoint",
                      "--tokenizer=tokenizer.model", "--prompts=prompts.txt",
                      "--set", "samples=" + samples};
    call.arguments.insert(call.arguments.end(), more.begin(), more.end());
    return RunProgram(call);
  }
  Cells Column(const std::string& table, const std::string& model,
               const std::string& column) const {
    const absl::StatusOr<CsvTable> csv = ReadCsv(In(table));
    EXPECT_TRUE(csv.ok()) << csv.status();
    Cells cells;
    if (!csv.ok()) return cells;
    const int at = ColumnOf(*csv, column);
    for (const std::vector<std::string>& row : csv->rows) {
      if (row[0] != model) continue;
      int layer, head;
      double value;
      EXPECT_TRUE(absl::SimpleAtoi(row[1], &layer));
      EXPECT_TRUE(absl::SimpleAtoi(row[2], &head));
      EXPECT_TRUE(absl::SimpleAtod(row[at], &value));
      cells[{layer, head}] = value;
    }
    return cells;
  }
  // Mean of the rows' largest weights, from loops in double.
  Cells ReferenceScores(bool sigmoid) const;

  const TestFolder folder_;
};

Cells PretrainedTest::ReferenceScores(bool sigmoid) const {
  Cells scores;
  const auto packed = PackedFolder::Open(In("checkpoint-fp32"));
  EXPECT_TRUE(packed.ok()) << packed.status();
  const auto tokenizer = Tokenizer::Load(In("tokenizer.model"));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  if (!packed.ok() || !tokenizer.ok()) return scores;
  PromptChoice all;
  all.samples = 0;
  const auto prompts = ReadPrompts(In("prompts.txt"), all, *tokenizer);
  EXPECT_TRUE(prompts.ok()) << prompts.status();
  const OwnedMatrix embedding(packed->MapEmbedding()->table());
  double queries = 0;
  for (const Prompt& prompt : *prompts) {
    const size_t n = prompt.ids.size();
    queries += static_cast<double>(n);
    ReferenceForward forward(packed->sizes(), sigmoid, embedding, prompt.ids);
    for (size_t l = 0; l < packed->sizes().layers; ++l) {
      forward.RunLayer(OwnedLayer(packed->MapLayer(l)->weights()));
      for (size_t row = 0; row < packed->sizes().heads * n; ++row) {
        const auto first = forward.weights().begin() + row * n;
        scores[{static_cast<int>(l), static_cast<int>(row / n)}] +=
            *std::max_element(first, first + n);
      }
    }
  }
  EXPECT_GT(queries, 6);
  for (auto& cell : scores) cell.second /= queries;
  return scores;
}

void ExpectNear(const Cells& cells, const Cells& expected) {
  ASSERT_EQ(cells.size(), expected.size());
  for (const auto& [place, value] : expected) {
    EXPECT_NEAR(cells.at(place), value, 1e-5)
        << place.first << ", " << place.second;
  }
}

TEST_F(PretrainedTest, BothModelsFromTheCheckpointToTheFigure) {
  const ProgramResult softmax = Run({"--model=softmax", "--out=fig7"});
  ASSERT_EQ(softmax.code, 0) << softmax.err;
  EXPECT_THAT(softmax.out, HasSubstr("softmax attention, 2 layers, 4 heads"));
  EXPECT_THAT(softmax.out, HasSubstr("3 with "));
  EXPECT_THAT(softmax.out, HasSubstr("checkpoint-fp32, weights in FP32"));
  const ProgramResult sigmoid = Run({"--model=sigmoid", "--out=fig7"});
  ASSERT_EQ(sigmoid.code, 0) << sigmoid.err;
  ExpectNear(Column("fig7/pretrained.csv", "softmax", "score"),
             ReferenceScores(false));
  ExpectNear(Column("fig7/pretrained.csv", "sigmoid", "score"),
             ReferenceScores(true));
  for (const char* name :
       {"max_proportion_softmax.npy", "first_token_proportion_sigmoid.npy",
        "residual.csv", "figures/pretrained.dat", "softmax/summary.json",
        "softmax/config.textproto", "softmax/environment.textproto",
        "sigmoid/figures/sigmoid_score.dat"}) {
    EXPECT_TRUE(PathExists(In(absl::StrCat("fig7/", name)))) << name;
  }
  EXPECT_FALSE(PathExists(In("fig7/softmax/state.safetensors")));
}

TEST_F(PretrainedTest, ThreadsChangeNoBit) {
  ASSERT_EQ(Run({"--out=one", "--threads=1"}).code, 0);
  ASSERT_EQ(Run({"--out=three", "--threads=3"}).code, 0);
  for (const char* name : {"pretrained.csv", "residual.csv"}) {
    EXPECT_EQ(*ReadFile(In(absl::StrCat("one/", name)), 1 << 20),
              *ReadFile(In(absl::StrCat("three/", name)), 1 << 20));
  }
}

TEST_F(PretrainedTest, BFloat16IsClose) {
  ASSERT_EQ(Run({"--out=a"}).code, 0);
  const ProgramResult result = Run({"--out=b", "--set", "precision=BF16"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Cells exact = Column("a/pretrained.csv", "softmax", "score");
  const Cells rounded = Column("b/pretrained.csv", "softmax", "score");
  for (const auto& [place, value] : exact) {
    EXPECT_NEAR(rounded.at(place), value, 0.05);
  }
  EXPECT_NE(exact, rounded);
}

TEST_F(PretrainedTest, AFinishedRunIsKept) {
  ASSERT_EQ(Run({"--out=a"}).code, 0);
  const ProgramResult again = Run({"--out=a"});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("--overwrite"));
  EXPECT_EQ(Run({"--out=a", "--overwrite"}).code, 0);
}

TEST_F(PretrainedTest, ADryRunChangesNothing) {
  const std::vector<std::string> before = NamesIn(folder_.path());
  const ProgramResult early = Run({"--dry_run"});
  EXPECT_EQ(early.code, 1);
  EXPECT_THAT(early.err, HasSubstr("not yet repacked"));
  EXPECT_EQ(NamesIn(folder_.path()), before);
  ASSERT_EQ(Run({"--out=a"}).code, 0);
  const std::vector<std::string> packed = NamesIn(folder_.path());
  const ProgramResult dry = Run({"--dry_run"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("MiB planned"));
  EXPECT_EQ(NamesIn(folder_.path()), packed);
}

TEST_F(PretrainedTest, ARepackedFolderIsOfItsCheckpoint) {
  ASSERT_EQ(Run({"--out=a"}).code, 0);
  const ProgramResult precision = Run(
      {"--out=b", "--packed_dir=checkpoint-fp32", "--set", "precision=BF16"});
  EXPECT_EQ(precision.code, 1);
  EXPECT_THAT(precision.err, HasSubstr("holds this checkpoint as FP32"));
  // The same arrays of another step.
  const std::string index = In("checkpoint/index");
  std::string text = *ReadFile(index, 1 << 20);
  const size_t at = text.find("250000");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 6, "250001");
  ASSERT_TRUE(WriteFileWhole(index, text).ok());
  const ProgramResult stale = Run({"--out=b"});
  EXPECT_EQ(stale.code, 1);
  EXPECT_THAT(stale.err, HasSubstr("holds another checkpoint"));
}

TEST_F(PretrainedTest, ARepackedFolderIsEnough) {
  ASSERT_EQ(Run({"--out=a"}).code, 0);
  const std::string alone = "--packed_dir=checkpoint-fp32";
  const std::string gone = "--checkpoint_dir=nowhere";
  const ProgramResult again = Run({"--out=b", alone, gone});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(*ReadFile(In("a/pretrained.csv"), 1 << 20),
            *ReadFile(In("b/pretrained.csv"), 1 << 20));
  const ProgramResult other =
      Run({"--out=c", alone, gone, "--set", "precision=BF16"});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("weights in FP32: --set "
                                   "model.precision=FP32 runs them"));
}

TEST_F(PretrainedTest, AnotherRunsStateIsNotReplaced) {
  ASSERT_TRUE(MakeFolders(In("a/softmax")).ok());
  const std::string state = In("a/softmax/state.safetensors");
  ASSERT_TRUE(WriteFileWhole(state, "hours of work").ok());
  ASSERT_TRUE(
      WriteFileWhole(In("a/softmax/.state.safetensors.1-0.tmp"), "half").ok());
  const ProgramResult result = Run({"--out=a"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("state.safetensors"));
  EXPECT_THAT(result.err, HasSubstr("--overwrite"));
  EXPECT_EQ(*ReadFile(state, 100), "hours of work");
  EXPECT_FALSE(PathExists(In("a/softmax/config.textproto")));
  EXPECT_FALSE(PathExists(In("a/softmax/.state.safetensors.1-0.tmp")));
  const ProgramResult forced = Run({"--out=a", "--overwrite"});
  EXPECT_EQ(forced.code, 0) << forced.err;
  EXPECT_FALSE(PathExists(state));
}

TEST_F(PretrainedTest, TwoRunsDoNotShareAFolder) {
  const absl::StatusOr<FolderGuard> guard =
      FolderGuard::Take(In("a/softmax"), "pretrained", "running the model");
  ASSERT_TRUE(guard.ok()) << guard.status();
  const ProgramResult result = Run({"--out=a"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("running the model"));
}

TEST_F(PretrainedTest, ErrorsSayWhatToDo) {
  const ProgramResult nothing =
      Run({"--checkpoint_dir=nowhere", "--model=sigmoid"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("no checkpoint in "));
  EXPECT_THAT(nothing.err,
              HasSubstr("//experiments/pretrained:fetch -- --model=sigmoid"));
  const ProgramResult model = Run({"--model=relu"});
  EXPECT_EQ(model.code, 1);
  EXPECT_THAT(model.err, HasSubstr("must be one of softmax, sigmoid"));
  const ProgramResult prompts = Run({"--prompts=none.txt"});
  EXPECT_EQ(prompts.code, 1);
  EXPECT_THAT(prompts.err, HasSubstr("none.txt"));
  const ProgramResult few = Run({}, "4");
  EXPECT_EQ(few.code, 1);
  EXPECT_THAT(few.err, HasSubstr("4 samples of 3 documents"));
  const ProgramResult tokenizer = Run({"--tokenizer=prompts.txt"});
  EXPECT_EQ(tokenizer.code, 1);
  EXPECT_THAT(tokenizer.err, HasSubstr("prompts.txt"));
}

}  // namespace
}  // namespace polarize
