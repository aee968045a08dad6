#include "tools/report/report.h"

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHostile[] = "<script>alert(1)</script>";

class ReportTest : public ::testing::Test {
 protected:
  // A file of the test's folder.
  std::string Write(const std::string& name, const std::string& contents) {
    const std::string path = absl::StrCat(folder_, "/", name);
    EXPECT_TRUE(
        MakeFolders(std::filesystem::path(path).parent_path().string()).ok());
    EXPECT_TRUE(WriteFileWhole(path, contents).ok());
    return path;
  }
  std::string ErrorOf(const ReportInputs& inputs) {
    const absl::StatusOr<Report> report = MakeReport(inputs);
    return report.ok() ? "" : std::string(report.status().message());
  }

  const std::string folder_ =
      ::testing::TempDir() + "/" +
      ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ReportTest, OfNothingSaysNotRun) {
  const absl::StatusOr<Report> report = MakeReport(ReportInputs());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->table,
              HasSubstr("16 claims: 0 reproduced, 0 differ, 16 not run"));
  EXPECT_THAT(report->html, HasSubstr("name=\"polarize-claims\" "
                                      "content=\"16\""));
  EXPECT_THAT(report->html, Not(HasSubstr("data-verdict=\"reproduced\"")));
  EXPECT_THAT(report->html, HasSubstr("the reference&#39;s grid"));
  EXPECT_THAT(report->notes, Contains(HasSubstr("no pictures: ")));
}

TEST_F(ReportTest, NamesInputsThatAreNotThere) {
  ReportInputs inputs;
  inputs.induction = {folder_ + "/a.csv", folder_ + "/b.csv", folder_ + "/c"};
  inputs.value_softmax = folder_ + "/d";
  const absl::StatusOr<Report> report = MakeReport(inputs);
  ASSERT_TRUE(report.ok()) << report.status();
  for (const char* name : {"/a.csv", "/b.csv", "/c/runs.tsv", "/d"}) {
    EXPECT_THAT(report->notes,
                Contains(absl::StrCat(folder_, name, " is not there")));
  }
  // Paths of a machine are nothing for the page.
  EXPECT_THAT(report->html, Not(HasSubstr(folder_)));
}

TEST_F(ReportTest, RefusesWhatItCannotRead) {
  ReportInputs inputs;
  inputs.induction.csv = Write("a.csv", "run_id,state\nx\n");
  EXPECT_THAT(ErrorOf(inputs), HasSubstr("a.csv:2: "));
  inputs.induction.csv = Write("b.csv", "id,state\nx,finished\n");
  EXPECT_THAT(ErrorOf(inputs), HasSubstr("b.csv:1: no column \"run_id\""));
  inputs = ReportInputs();
  inputs.classification.times = Write("c.csv", "id,minutes\n");
  EXPECT_THAT(ErrorOf(inputs), HasSubstr("c.csv:1: no column \"seconds\""));
  inputs = ReportInputs();
  inputs.pretrained_csv = Write("d.csv", "model,layer,head\n");
  EXPECT_THAT(ErrorOf(inputs), HasSubstr("no column \"score\""));
  inputs = ReportInputs();
  Write("sweep/runs.tsv", "a\tx.lr=1\n\tx.lr=2\n");
  inputs.induction.folder = folder_ + "/sweep";
  EXPECT_THAT(ErrorOf(inputs), HasSubstr("runs.tsv:2: no id"));
  for (const char* line : {"a\tx", "a\tx=\"y", "a\tx=\"y\\", "a\tx=1 y"}) {
    Write("sweep/runs.tsv", line);
    EXPECT_THAT(ErrorOf(inputs), HasSubstr("runs.tsv:1: not \"path"));
  }
  inputs = ReportInputs();
  Write("section/logistic/claims.jsonl", "{}\nclaim\n");
  inputs.value_softmax = folder_ + "/section";
  EXPECT_THAT(ErrorOf(inputs), HasSubstr("claims.jsonl:2: no JSON object"));
}

// A value that is markup stays text, wherever it comes from.
TEST_F(ReportTest, EscapesEveryInput) {
  ReportInputs inputs;
  const std::string row = absl::StrCat(kHostile, ",finished,", kHostile,
                                       ",softmax,0.2,True,add,1,1,1\n");
  inputs.induction.csv = Write(
      "a.csv", absl::StrCat("run_id,state,seed,attention_type,aux_loss_weight,"
                            "shift_query_token,positional_type,num_heads,"
                            "eval/acc_induction,1_0_rel_attn_bos_global\n",
                            row, row, row));
  inputs.induction.times = Write(
      "b.csv", absl::StrCat("id,seconds,start_time,cpu,simd_target,commit\n",
                            kHostile, ",1,", kHostile, ",", kHostile, ",",
                            kHostile, ",", kHostile, "\n"));
  Write("sweep/runs.tsv", absl::StrCat(kHostile, "\ta.", kHostile, "=",
                                       kHostile, "\nb\ta.x=1\n"));
  Write("sweep/numerics.textproto", kHostile);
  inputs.induction.folder = folder_ + "/sweep";
  Write("section/tied/claims.jsonl",
        absl::StrCat("{\"run\":\"", kHostile, "\",\"claim\":\"tied", kHostile,
                     "\",\"predicted\":\"", kHostile, "\",\"measured\":\"",
                     kHostile, "\",\"verdict\":\"", kHostile, "\"}\n"));
  Write("section/tied/environment.textproto",
        absl::StrCat("commit: \"", kHostile, "\" no_such_field: 1"));
  inputs.value_softmax = folder_ + "/section";
  Write("figures/kl.svg",
        absl::StrCat("<svg viewBox='0 0 1 1'>", kHostile, "<text>",
                     "&lt;script&gt;</text></svg>"));
  Write("figures/sink_scores.svg", kHostile);
  inputs.pictures = folder_ + "/figures";
  const absl::StatusOr<Report> report = MakeReport(inputs);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->html, Not(HasSubstr("<script")));
  EXPECT_THAT(report->html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(report->html, HasSubstr("<text>&lt;script&gt;</text>"));
  EXPECT_THAT(report->table, HasSubstr("1 reproduced"));
  EXPECT_THAT(report->notes, Contains(HasSubstr("sink_scores: the root")));
  EXPECT_EQ(report->html, MakeReport(inputs)->html);
}

TEST_F(ReportTest, ReadsListsAsSweepsWriteThem) {
  ReportInputs inputs;
  Write("runs.tsv",
        "a\tmodel.attention_type=\"uniform\" x.name=\"a \\\"b\" lr=1e-3\nb\n");
  inputs.induction.folder = folder_;
  const absl::StatusOr<ReportData> data = LoadReportData(inputs);
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->induction.planned.size(), 2u);
  EXPECT_EQ(FilterText(data->induction.planned[0].values),
            "attention_type = uniform, name = a \"b, lr = 0.001");
  EXPECT_EQ(data->induction.planned[1].id, "b");
}

TEST_F(ReportTest, FindsPicturesOfSectionThree) {
  const std::string picture = "<svg viewBox='0 0 1 1'><text>mine</text></svg>";
  ReportInputs inputs;
  inputs.value_softmax = folder_;
  EXPECT_EQ(FindPicture(inputs, "logistic/flow"), "");
  Write("regression/flow.svg", "other");
  EXPECT_EQ(FindPicture(inputs, "logistic/flow"), "");
  Write("logistic/figures/flow.svg", picture);
  EXPECT_EQ(FindPicture(inputs, "logistic/flow"), picture);
  Write("kl/kl.svg", picture);
  EXPECT_EQ(FindPicture(inputs, "kl"), picture);
  Write("figures/kl.svg", "first");
  inputs.pictures = folder_ + "/figures";
  EXPECT_EQ(FindPicture(inputs, "kl"), "first");
}

TEST_F(ReportTest, FindsTheFilesBelowAFolder) {
  EXPECT_EQ(InputsBelow(folder_, "").induction.csv, "");
  Write("induction_data.csv", "");
  Write("classification/classification_data.csv", "");
  Write("classification/classification_times.csv", "");
  const ReportInputs inputs = InputsBelow(folder_, "elsewhere");
  EXPECT_EQ(inputs.induction.csv, folder_ + "/induction_data.csv");
  EXPECT_EQ(inputs.induction.folder, "");
  EXPECT_EQ(inputs.classification.csv,
            folder_ + "/classification/classification_data.csv");
  EXPECT_EQ(inputs.classification.times,
            folder_ + "/classification/classification_times.csv");
  EXPECT_EQ(inputs.classification.folder, folder_ + "/classification");
  EXPECT_EQ(inputs.pictures, "elsewhere");
}

TEST_F(ReportTest, WritesThePageWholeOrNot) {
  const std::string path = folder_ + "/new/folder/report.html";
  const absl::StatusOr<Report> report = WriteReport(ReportInputs(), path);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(*ReadFile(path, 1 << 20), report->html);
  const std::string file = Write("file", "");
  EXPECT_FALSE(WriteReport(ReportInputs(), file + "/report.html").ok());
}

}  // namespace
}  // namespace polarize
