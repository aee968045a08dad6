#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/report/coverage.h"
#include "tools/report/estimate.h"
#include "tools/report/grid.h"
#include "tools/report/provenance.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ReferenceGrid, HasItsSizes) {
  EXPECT_THAT(ReferenceGrid(Section::kInduction), SizeIs(8640));
  EXPECT_THAT(ReferenceGrid(Section::kClassification), SizeIs(12960));
  EXPECT_THAT(
      Axes(ReferenceGrid(Section::kInduction)),
      ElementsAre("seed", "shift_query_token", "num_heads", "attention_type",
                  "positional_type", "lr", "aux_loss_weight"));
}

TEST(Coverage, ComparesListAndRows) {
  SweepData sweep;
  sweep.planned = {{"a", {{"lr", "0.1"}, {"seed", "0"}}},
                   {"b", {{"lr", "0.1"}, {"seed", "0"}}},
                   {"c", {{"lr", "0.01"}, {"seed", "0"}}},
                   {"d", {{"lr", "0.01"}, {"seed", "0"}}},
                   {"e", {{"seed", "0"}}}};
  sweep.runs = RunTable({{"run_id", "state"},
                         {{"a", "finished"},
                          {"a", "finished"},
                          {"b", "diverged"},
                          {"c", "failed"},
                          {"d", "interrupted"},
                          {"x", "finished"}}});
  const Coverage coverage = CoverageOf(sweep, Section::kInduction);
  EXPECT_TRUE(coverage.has_list);
  EXPECT_EQ(coverage.planned, 5u);
  EXPECT_EQ(coverage.finished, 1u);
  EXPECT_EQ(coverage.diverged, 1u);
  EXPECT_EQ(coverage.failed, 1u);
  EXPECT_EQ(coverage.not_run, 2u);
  EXPECT_EQ(coverage.foreign, 1u);
  ASSERT_THAT(coverage.axes, SizeIs(1));  // seed has one value
  EXPECT_EQ(coverage.axes[0].column, "lr");
  ASSERT_THAT(coverage.axes[0].values, SizeIs(3));
  EXPECT_EQ(coverage.axes[0].values[0].value, "0.01");
  EXPECT_EQ(coverage.axes[0].values[0].planned, 2u);
  EXPECT_EQ(coverage.axes[0].values[0].over, 1u);
  EXPECT_EQ(coverage.axes[0].values[1].over, 2u);
  EXPECT_EQ(coverage.axes[0].values[2].value, "(default)");
}

// Lists name only what differs from the defaults; rows tell what those are.
TEST(Coverage, LearnsDefaultsFromRows) {
  SweepData sweep;
  sweep.planned = {{"a", {{"lr", "0.1"}}}, {"b", {}}, {"c", {}}};
  sweep.runs =
      RunTable({{"run_id", "state", "lr"},
                {{"a", "finished", "0.1"}, {"b", "finished", "1e-3"}}});
  const Coverage coverage = CoverageOf(sweep, Section::kInduction);
  ASSERT_THAT(coverage.axes, SizeIs(1));
  ASSERT_THAT(coverage.axes[0].values, SizeIs(2));
  EXPECT_EQ(coverage.axes[0].values[0].value, "0.001");
  EXPECT_EQ(coverage.axes[0].values[0].planned, 2u);
  EXPECT_EQ(coverage.axes[0].values[0].over, 1u);
}

TEST(Coverage, LearnsDefaultsFromTheReferenceGrid) {
  SweepData sweep;
  sweep.planned = {
      {"a", {{"lr", "0.01"}}}, {"b", {{"lr", "0.0001"}}}, {"c", {}}};
  const Coverage coverage = CoverageOf(sweep, Section::kInduction);
  ASSERT_THAT(coverage.axes, SizeIs(1));
  ASSERT_THAT(coverage.axes[0].values, SizeIs(3));
  EXPECT_EQ(coverage.axes[0].values[1].value, "0.001");
}

TEST(Coverage, TakesTheReferenceGridWithoutAList) {
  SweepData sweep;
  EXPECT_EQ(CoverageOf(sweep, Section::kClassification).not_run, 12960u);
  sweep.runs = RunTable(
      {{"run_id", "state", "seed", "vocab_size", "num_layers", "num_heads",
        "use_mlp", "use_layernorm", "attention_type", "lr"},
       {{"a", "finished", "0", "41", "1", "1", "true", "False", "softmax",
         "1e-3"},
        {"b", "finished", "9", "41", "1", "1", "True", "False", "softmax",
         "1e-3"}}});
  const Coverage coverage = CoverageOf(sweep, Section::kClassification);
  EXPECT_FALSE(coverage.has_list);
  EXPECT_EQ(coverage.finished, 1u);
  EXPECT_EQ(coverage.foreign, 1u);
  EXPECT_EQ(coverage.not_run, 12959u);
}

// Measured runs of induction and their seconds.
class Measured {
 public:
  Measured& Add(double seconds, const std::string& aux, const std::string& kind,
                const std::string& heads, const std::string& positions,
                const std::string& state = "finished") {
    const std::string id = absl::StrCat("r", runs_.rows.size());
    runs_.rows.push_back({id, state, aux, kind, heads, positions});
    times_.rows.push_back({id, absl::StrCat(seconds)});
    return *this;
  }
  CostEstimate Estimate() const {
    SweepData sweep;
    sweep.runs = RunTable(runs_);
    sweep.times = RunTable(times_);
    return EstimateCost(sweep, Section::kInduction);
  }

 private:
  CsvTable runs_ = {{"run_id", "state", "aux_loss_weight", "attention_type",
                     "num_heads", "positional_type"},
                    {}};
  CsvTable times_ = {{"id", "seconds"}, {}};
};

TEST(EstimateCost, SaysNothingWithoutRuns) {
  EXPECT_THAT(EstimateCost(SweepData(), Section::kInduction).parts, IsEmpty());
  EXPECT_THAT(
      Measured().Add(9, "0", "softmax", "1", "no", "diverged").Estimate().parts,
      IsEmpty());
}

// 5 seeds x 2 shifts x 3 rates = 30 runs of each combination of sizes.
TEST(EstimateCost, WeighsMeasuredSizesAsTheGridDoes) {
  Measured measured;
  for (const char* aux : {"0", "0.2"}) {
    for (const PlannedRun& run : ReferenceGrid(Section::kInduction)) {
      if (ValueOf(run, "seed") != "0" || ValueOf(run, "lr") != "0.01" ||
          ValueOf(run, "aux_loss_weight") != aux ||
          ValueOf(run, "shift_query_token") != "True") {
        continue;
      }
      const bool large = ValueOf(run, "num_heads") == "8";
      measured.Add(large ? 20 : 10, aux, ValueOf(run, "attention_type"),
                   ValueOf(run, "num_heads"), ValueOf(run, "positional_type"));
    }
  }
  // Another run of one of the sizes: their mean counts.
  measured.Add(40, "0.2", "softmax", "1", "add");
  const CostEstimate cost = measured.Estimate();
  EXPECT_EQ(cost.measured, 289u);
  ASSERT_THAT(cost.parts, SizeIs(1));
  EXPECT_FALSE(cost.parts[0].extrapolated);
  EXPECT_EQ(cost.parts[0].runs, 8640u);
  EXPECT_NEAR(cost.hours, (2160 * 20 + 6450 * 10 + 30 * 25) / 3600.0, 1e-9);
}

TEST(EstimateCost, SaysWhatItExtrapolates) {
  const CostEstimate cost = Measured()
                                .Add(10, "0.2", "softmax", "1", "add")
                                .Add(30, "0.2", "softmax", "2", "add")
                                .Add(50, "0.2", "linear", "1", "add")
                                .Estimate();
  double runs = 0, hours = 0;
  for (const CostEstimate::Part& part : cost.parts) {
    runs += part.runs;
    hours += part.hours;
    if (part.basis == "measured") {
      EXPECT_FALSE(part.extrapolated);
      EXPECT_EQ(part.runs, 90u);
      EXPECT_NEAR(part.hours, 30 * (10 + 30 + 50) / 3600.0, 1e-9);
    } else {
      EXPECT_TRUE(part.extrapolated) << part.basis;
    }
    if (part.basis == "mean of runs that differ in positional_type") {
      EXPECT_EQ(part.runs, 180u);
      EXPECT_NEAR(part.hours, 60 * (10 + 30 + 50) / 3600.0, 1e-9);
    }
    // No auxiliary loss was measured: as the ratio of one step's times has it.
    if (part.basis == "aux_loss_weight 0 as 0.603 times 0.2; measured") {
      EXPECT_NEAR(part.hours, 30 * (10 + 30 + 50) / 3600.0 * 22.9 / 38.0, 1e-9);
    }
  }
  EXPECT_EQ(runs, 8640);
  EXPECT_NEAR(hours, cost.hours, 1e-9);
  EXPECT_THAT(cost.parts, SizeIs(8));
}

// A vocabulary of 161 costs many times one of 41, not the same.
TEST(EstimateCost, ScalesVocabulariesThatWereNotMeasured) {
  SweepData sweep;
  sweep.runs =
      RunTable({{"run_id", "state", "vocab_size", "num_layers"},
                {{"a", "finished", "41", "1"}, {"b", "finished", "41", "2"}}});
  sweep.times = RunTable({{"id", "seconds"}, {{"a", "1"}, {"b", "2"}}});
  const CostEstimate cost = EstimateCost(sweep, Section::kClassification);
  EXPECT_NEAR(
      cost.hours,
      2160 / 3600.0 * (1 + 2 + 2 * 1 * 2.9 / 0.39 + 2 * 2 * 24.6 / 0.78), 1e-9);
  for (const CostEstimate::Part& part : cost.parts) {
    EXPECT_TRUE(part.extrapolated);
  }
  // Where one of them was measured, it is the better guess for the other.
  sweep.runs =
      RunTable({{"run_id", "state", "vocab_size", "num_layers"},
                {{"a", "finished", "41", "1"}, {"b", "finished", "161", "1"}}});
  EXPECT_THAT(EstimateCost(sweep, Section::kClassification).parts,
              ::testing::Contains(
                  ::testing::Field(&CostEstimate::Part::basis,
                                   HasSubstr("vocab_size 81 as 1 times 161"))));
}

TEST(Origins, GroupsRuns) {
  SweepData sweep;
  EXPECT_THAT(OriginsOf(sweep), IsEmpty());
  sweep.times =
      RunTable({{"id", "seconds", "start_time", "cpu", "simd_target", "commit"},
                {{"a", "1", "2026-01-02T00:00:00Z", "X", "AVX2", "c"},
                 {"b", "2", "2026-01-03T00:00:00Z", "Y", "AVX3", "c"},
                 {"c", "4", "2026-01-01T00:00:00Z", "Y", "AVX3", "c"}}});
  const std::vector<Origin> origins = OriginsOf(sweep);
  ASSERT_THAT(origins, SizeIs(2));
  EXPECT_EQ(origins[0].cpu, "Y");
  EXPECT_EQ(origins[0].runs, 2u);
  EXPECT_EQ(origins[0].seconds, 6);
  EXPECT_EQ(origins[0].first, "2026-01-01T00:00:00Z");
  EXPECT_EQ(origins[0].last, "2026-01-03T00:00:00Z");
}

TEST(DurationText, FitsTheSize) {
  EXPECT_EQ(DurationText(4), "4.0s");
  EXPECT_EQ(DurationText(150), "3m");
  EXPECT_EQ(DurationText(7380), "2h 03m");
}

}  // namespace
}  // namespace polarize
