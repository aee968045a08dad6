#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/report/claim_table.h"
#include "tools/report/classification_claims.h"
#include "tools/report/induction_claims.h"
#include "tools/report/pretrained_claims.h"
#include "tools/report/section_three_claims.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr Verdict kReproduced = Verdict::kReproduced;
constexpr Verdict kDiffers = Verdict::kDiffers;
constexpr Verdict kNotRun = Verdict::kNotRun;

// A table built row by row; columns are those of the first row.
class Rows {
 public:
  void Add(const RunFilter& cells) {
    std::vector<std::string> row;
    for (const Condition& cell : cells) {
      if (table_.rows.empty()) table_.columns.push_back(cell.column);
      row.push_back(cell.value);
    }
    table_.rows.push_back(row);
  }
  RunTable Table() const { return RunTable(table_); }

 private:
  CsvTable table_;
};

// Runs of induction with two heads.
class Induction {
 public:
  // `count` runs of a kind whose heads score `first` and `second`.
  Induction& Add(int count, const std::string& kind, double first,
                 double second, double accuracy = 1,
                 const std::string& positions = "add",
                 const std::string& aux = "0.2",
                 const std::string& shift = "True",
                 const std::string& state = "finished") {
    for (int i = 0; i < count; ++i) {
      rows_.Add({{"run_id", absl::StrCat("r", ++id_)},
                 {"state", state},
                 {"seed", absl::StrCat(i % 2)},
                 {"num_heads", "2"},
                 {"attention_type", kind},
                 {"positional_type", positions},
                 {"aux_loss_weight", aux},
                 {"shift_query_token", shift},
                 {"eval/acc_induction", absl::StrCat(accuracy)},
                 {"1_0_rel_attn_bos_global", absl::StrCat(first)},
                 {"1_1_rel_attn_bos_global", absl::StrCat(second)}});
    }
    return *this;
  }
  Finding Check(Finding (*check)(const ReportData&)) const {
    ReportData data;
    data.induction.runs = rows_.Table();
    return check(data);
  }

 private:
  Rows rows_;
  int id_ = 0;
};

// Runs of classification of one layer and head, or as many as are named.
class Classification {
 public:
  Classification& Add(int count, const std::string& kind, double score,
                      int layers = 1, int heads = 1,
                      const std::string& vocabulary = "41",
                      const std::string& state = "finished") {
    for (int i = 0; i < count; ++i) {
      RunFilter row = {{"run_id", absl::StrCat("r", ++id_)},
                       {"state", state},
                       {"seed", absl::StrCat(i)},
                       {"vocab_size", vocabulary},
                       {"num_layers", absl::StrCat(layers)},
                       {"num_heads", absl::StrCat(heads)},
                       {"use_mlp", "False"},
                       {"use_layernorm", "False"},
                       {"attention_type", kind}};
      for (const char* head : {"0_0", "0_1", "1_0", "1_1"}) {
        const bool has = head[0] - '0' < layers && head[2] - '0' < heads;
        const std::string value = has ? absl::StrCat(score) : "";
        row.push_back({absl::StrCat(head, "_rel_attn_max"), value});
        row.push_back(
            {absl::StrCat("mixing/", head, "/avg_top1_dominance_rate"), value});
      }
      rows_.Add(row);
    }
    return *this;
  }
  Finding Check(Finding (*check)(const ReportData&)) const {
    ReportData data;
    data.classification.runs = rows_.Table();
    return check(data);
  }

 private:
  Rows rows_;
  int id_ = 0;
};

TEST(SoftmaxSinks, HasThreeVerdicts) {
  EXPECT_EQ(
      Induction().Add(3, "softmax", .95, .92).Check(CheckSoftmaxSinks).verdict,
      kReproduced);
  // Exactly one half is not most; 0.9 itself is no sink.
  EXPECT_EQ(
      Induction().Add(3, "softmax", .95, .90).Check(CheckSoftmaxSinks).verdict,
      kDiffers);
  EXPECT_EQ(
      Induction().Add(2, "softmax", .95, .95).Check(CheckSoftmaxSinks).verdict,
      kNotRun);
}

TEST(SoftmaxSinks, CountsOnlyRunsOfItsPanelThatSolveTheTask) {
  Induction runs;
  runs.Add(2, "softmax", .95, .95);
  runs.Add(1, "softmax", .95, .95, /*accuracy=*/.95);
  runs.Add(1, "softmax", .95, .95, 1, "concat");
  runs.Add(1, "softmax", .95, .95, 1, "add", "0");
  runs.Add(1, "softmax", .95, .95, 1, "add", "0.2", "False");
  runs.Add(1, "softmax", .95, .95, 1, "add", "0.2", "True", "diverged");
  runs.Add(1, "softmax", .95, 0.0 / 0.0);  // NaN is no number
  Finding finding = runs.Check(CheckSoftmaxSinks);
  EXPECT_EQ(finding.verdict, kNotRun);
  EXPECT_EQ(finding.measures[0].spread.runs(), 2u);
  EXPECT_THAT(finding.measures[0].note, HasSubstr("2 of 4 finished runs"));
  // The same value spelt otherwise is the same value.
  runs.Add(1, "softmax", .95, .5, 1, "add", "0.200000003", "true");
  finding = runs.Check(CheckSoftmaxSinks);
  EXPECT_EQ(finding.verdict, kReproduced);
  EXPECT_THAT(finding.run_ids, SizeIs(3));
  const Spread& spread = finding.measures[0].spread;
  EXPECT_DOUBLE_EQ(spread.mean(), 2.5 / 3);
  EXPECT_EQ(spread.least(), .5);
  EXPECT_EQ(spread.greatest(), 1);
  EXPECT_EQ(spread.seeds(), 2u);
}

TEST(NoSinksWithoutNormaliser, HasThreeVerdicts) {
  const auto verdict = [](const Induction& runs) {
    return runs.Check(CheckNoSinksWithoutNormaliser).verdict;
  };
  Induction runs;
  runs.Add(3, "softmax", .95, .1);
  EXPECT_EQ(verdict(runs), kNotRun);  // nothing to compare with
  runs.Add(3, "raw_dotproduct_unnorm", 2, 2).Add(2, "linear_unnorm", 1, 1);
  EXPECT_EQ(verdict(runs), kNotRun);  // signed, and too few
  runs.Add(3, "sigmoid_unnorm", .1, .1);
  EXPECT_EQ(verdict(runs), kReproduced);
  EXPECT_EQ(verdict(Induction(runs).Add(3, "coupled_linear_unnorm", .95, .1)),
            kDiffers);  // as many
  EXPECT_EQ(verdict(Induction(runs).Add(1, "linear_unnorm", 1, 1)), kDiffers);
  EXPECT_EQ(verdict(Induction().Add(9, "sigmoid_unnorm", 0, 0)), kNotRun);
}

TEST(Normalisers, HasThreeVerdicts) {
  const auto verdict = [](const Induction& runs) {
    return runs.Check(CheckNormalisers).verdict;
  };
  Induction runs;
  runs.Add(3, "sigmoid_norm", .95, .1).Add(2, "sigmoid_unnorm", 0, 0);
  runs.Add(3, "mlp_norm", .1, .1).Add(3, "mlp_unnorm", 1, 1);  // signed
  EXPECT_EQ(verdict(runs), kNotRun);
  runs.Add(1, "sigmoid_unnorm", 0, 0);
  EXPECT_EQ(verdict(runs), kReproduced);
  // A pair that is equal says nothing beside one that is not.
  runs.Add(3, "linear", 0, 0).Add(3, "linear_unnorm", 0, 0);
  EXPECT_EQ(verdict(runs), kReproduced);
  EXPECT_EQ(verdict(Induction(runs)
                        .Add(3, "coupled_linear_norm", 0, 0)
                        .Add(3, "coupled_linear_unnorm", 1, 0)),
            kDiffers);
  EXPECT_EQ(
      verdict(Induction().Add(3, "linear", 0, 0).Add(3, "linear_unnorm", 0, 0)),
      kDiffers);
}

TEST(EveryPanel, HasThreeVerdicts) {
  const auto verdict = [](const Induction& runs) {
    return runs.Check(CheckSinksInEveryPanel).verdict;
  };
  Induction runs;
  runs.Add(3, "softmax", 1, 1).Add(2, "softmax", 1, 1, 1, "no");
  EXPECT_EQ(verdict(runs), kNotRun);  // one panel alone
  runs.Add(1, "softmax", 1, 1, 1, "no");
  EXPECT_EQ(verdict(runs), kReproduced);
  runs.Add(3, "softmax", 1, 0, 1, "concat", "0.2", "False");
  EXPECT_EQ(verdict(runs), kDiffers);
}

TEST(AuxiliaryLoss, HasThreeVerdicts) {
  const auto verdict = [](const Induction& runs) {
    return runs.Check(CheckAuxiliaryLoss).verdict;
  };
  Induction runs;
  runs.Add(3, "softmax", 1, 0);
  EXPECT_EQ(verdict(runs), kNotRun);
  EXPECT_EQ(verdict(Induction(runs).Add(3, "softmax", 0, 0, 1, "add", "0")),
            kReproduced);
  EXPECT_EQ(verdict(Induction(runs).Add(3, "softmax", 1, 0, 1, "add", "0.0")),
            kDiffers);
  EXPECT_EQ(verdict(Induction().Add(3, "softmax", 0, 0, 1, "add", "0")),
            kNotRun);
}

TEST(Sparsity, HasThreeVerdicts) {
  const auto verdict = [](const Classification& runs) {
    return runs.Check(CheckSparsity).verdict;
  };
  Classification runs;
  runs.Add(3, "softmax", .8).Add(3, "mlp_unnorm", 1);
  EXPECT_EQ(verdict(runs), kNotRun);
  runs.Add(3, "sigmoid_unnorm", .5).Add(3, "linear_unnorm", 1, 1, 1, "81");
  EXPECT_EQ(verdict(runs), kReproduced);
  runs.Add(3, "linear_unnorm", .8);
  EXPECT_EQ(verdict(runs), kDiffers);
  EXPECT_EQ(
      verdict(
          Classification().Add(2, "softmax", .8).Add(3, "sigmoid_unnorm", .5)),
      kNotRun);
}

// As the reference's figures do.
TEST(Sparsity, IsCutToAShare) {
  const Finding finding = Classification()
                              .Add(3, "softmax", 7, 2, 2)
                              .Add(3, "sigmoid_unnorm", -7)
                              .Check(CheckSparsity);
  EXPECT_EQ(finding.verdict, kReproduced);
  EXPECT_EQ(finding.measures[0].spread.greatest(), 1);
}

TEST(Flips, HasThreeVerdicts) {
  const auto verdict = [](const Classification& runs) {
    return runs.Check(CheckFlips).verdict;
  };
  EXPECT_EQ(verdict(Classification().Add(3, "softmax", .51)), kReproduced);
  EXPECT_EQ(verdict(Classification().Add(3, "softmax", .5)), kDiffers);
  EXPECT_EQ(verdict(Classification()
                        .Add(2, "softmax", 1)
                        .Add(3, "softmax", 1, 1, 2)
                        .Add(3, "softmax", 1, 2, 1)
                        .Add(3, "linear", 1)
                        .Add(3, "softmax", 1, 1, 1, "41", "failed")),
            kNotRun);
}

TEST(FlipsFade, HasThreeVerdicts) {
  const auto verdict = [](const Classification& runs) {
    return runs.Check(CheckFlipsFade).verdict;
  };
  Classification runs;
  runs.Add(3, "softmax", .9).Add(3, "softmax", .4, 1, 2);
  EXPECT_EQ(verdict(runs), kNotRun);  // no second layer
  runs.Add(2, "softmax", 1, 2, 1);
  EXPECT_EQ(verdict(runs), kNotRun);
  EXPECT_EQ(verdict(Classification(runs).Add(4, "softmax", .6, 2, 1)),
            kReproduced);
  EXPECT_EQ(verdict(Classification(runs).Add(1, "softmax", .7, 2, 1)),
            kDiffers);  // on average as large
  EXPECT_EQ(verdict(Classification()
                        .Add(3, "softmax", .4, 1, 2)
                        .Add(3, "softmax", .4, 2, 2)),
            kNotRun);  // nothing to fade from
  EXPECT_EQ(
      verdict(
          Classification().Add(3, "softmax", .9).Add(3, "softmax", .4, 2, 1)),
      kNotRun);  // no second head
}

TEST(Pretrained, HasThreeVerdicts) {
  const auto check = [](const std::vector<std::pair<const char*, double>>& v) {
    Rows rows;
    for (const auto& head : v) {
      rows.Add({{"model", head.first},
                {"layer", "0"},
                {"head", "0"},
                {"score", absl::StrCat(head.second)}});
    }
    ReportData data;
    data.pretrained = rows.Table();
    return CheckPretrained(data).verdict;
  };
  EXPECT_EQ(check({{"softmax", .8},
                   {"softmax", .82},
                   {"softmax", .81},
                   {"sigmoid", .1},
                   {"sigmoid", .2},
                   {"sigmoid", .1}}),
            kReproduced);
  EXPECT_EQ(check({{"softmax", .8},
                   {"softmax", .1},
                   {"softmax", .2},
                   {"sigmoid", .1},
                   {"sigmoid", .5},
                   {"sigmoid", .1}}),
            kDiffers);  // not clearly
  EXPECT_EQ(check({{"softmax", .1},
                   {"softmax", .1},
                   {"softmax", .1},
                   {"sigmoid", .1},
                   {"sigmoid", .1},
                   {"sigmoid", .1}}),
            kDiffers);  // not at all
  EXPECT_EQ(check({{"softmax", .8}, {"softmax", .8}, {"softmax", .8}}),
            kNotRun);
}

TEST(SectionThree, FollowsTheChecksOfTheRuns) {
  ReportData data;
  EXPECT_EQ(CheckOrder(data).verdict, kNotRun);
  data.section_three = {{"logistic", "flow", "3.2(a) u ...", "", "", "n/a"},
                        {"regression", "flow", "3.2(a) u ...", "", "", "fails"},
                        {"logistic", "flow", "3.3(c) ...", "", "", "fails"}};
  EXPECT_EQ(CheckOrder(data).verdict, kNotRun);
  data.section_three.push_back({"logistic", "flow", "3.2(b)", "", "", "holds"});
  EXPECT_EQ(CheckOrder(data).verdict, kReproduced);
  EXPECT_THAT(CheckOrder(data).lines, SizeIs(2));
  data.section_three.push_back({"logistic", "lr1", "3.2(b)", "", "", "fails"});
  EXPECT_EQ(CheckOrder(data).verdict, kDiffers);
  EXPECT_EQ(CheckOneHot(data).verdict, kDiffers);
  EXPECT_EQ(CheckRegression(data).verdict, kDiffers);
}

// The words that section 3's programs write today are those looked for here.
TEST(SectionThree, KnowsTheWordsOfTheResults) {
  ReportInputs inputs;
  inputs.value_softmax = "docs/results/value_softmax";
  const absl::StatusOr<ReportData> data = LoadReportData(inputs);
  ASSERT_TRUE(data.ok()) << data.status();
  for (const ClaimSpec& claim : PaperClaims()) {
    if (claim.section != "3") continue;
    EXPECT_EQ(claim.check(*data).verdict, kReproduced) << claim.title;
    for (const SectionThreeLine& line : claim.check(*data).lines) {
      EXPECT_EQ(line.verdict, "holds") << line.claim;
    }
  }
  EXPECT_THAT(CheckOneHot(*data).lines, SizeIs(16));
}

TEST(PaperClaims, WithoutAnythingNothingIsRun) {
  for (const ClaimSpec& claim : PaperClaims()) {
    const Finding finding = claim.check(ReportData());
    EXPECT_EQ(finding.verdict, kNotRun) << claim.id;
    EXPECT_NE(finding.reason, "") << claim.id;
  }
}

TEST(PaperClaims, AreComplete) {
  std::vector<std::string> ids;
  for (const ClaimSpec& claim : PaperClaims()) {
    EXPECT_THAT(ids, ::testing::Not(::testing::Contains(claim.id)));
    ids.push_back(claim.id);
    for (const std::string* text :
         {&claim.id, &claim.section, &claim.place, &claim.title, &claim.paper,
          &claim.rule, &claim.command}) {
      EXPECT_NE(*text, "") << claim.id;
    }
  }
  EXPECT_THAT(ids, SizeIs(16));
}

TEST(PaperClaims, ShowEveryPictureOfSectionThree) {
  std::set<std::string> names;
  for (const ClaimSpec& claim : PaperClaims()) {
    for (const PictureSpec& picture : claim.pictures)
      names.insert(picture.name);
  }
  for (const char* name :
       {"condition_numbers", "condition_numbers_small", "kl",
        "log_loss_comparison", "massive_activations_2",
        "softmax_and_u_evolution_icml_2col", "square_loss_comparison"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
}

}  // namespace
}  // namespace polarize
