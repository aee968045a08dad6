#include "experiments/value_softmax/phase_diagram.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;

// Square loss, one column of rates that diverge.
constexpr char kDiverging[] = R"(
model { loss: "square" features: 4 latent: 4 }
init { attention_scale: 5 value_scale: 0.5 }
descent { steps: 3000 }
history { weights: "before" }
vary { field: "init.seed" value: ["1", "2", "3"] }
vary { field: "descent.lr" from: 0.01 to: 100 points: 2 log: true }
)";

ValueSoftmaxConfig Load(const std::string& text) {
  const auto config = LoadValueSoftmaxConfig({"f", text}, {});
  EXPECT_TRUE(config.ok()) << config.status();
  return *config;
}

void RunAll(PhaseDiagram& phase) {
  RunProgress progress;
  for (size_t i = 0; i < phase.size(); ++i) phase.Run(i, progress);
}

TEST(PhaseDiagram, KeepsWhereEachDescentEnds) {
  const ValueSoftmaxConfig config = Load(kDiverging);
  PhaseDiagram phase(config);
  ASSERT_EQ(phase.size(), 6u);
  RunAll(phase);
  for (const size_t i : {0, 2, 4}) {
    ValueSoftmaxConfig alone = phase.variant(i).config;
    alone.mutable_history()->set_weights("after");
    const RunResult run = FinishedRun(RunResult::kDescent, alone);
    const size_t last = run.history->rows() - 1;
    const absl::Span<const double> s = run.history->At("s", last);
    EXPECT_EQ(phase.cell(i).loss, run.history->Number("loss", last));
    EXPECT_EQ(phase.cell(i).entropy, run.history->Number("entropy", last));
    EXPECT_EQ(phase.cell(i).largest, *std::max_element(s.begin(), s.end()));
    EXPECT_EQ(phase.cell(i).end.steps, 3000);
  }
  EXPECT_NE(phase.cell(0).entropy, phase.cell(2).entropy);
}

TEST(PhaseDiagram, CellsThatDivergedAreEmpty) {
  const ValueSoftmaxConfig config = Load(kDiverging);
  PhaseDiagram phase(config);
  RunAll(phase);
  EXPECT_EQ(phase.Count(RunEnd::kFinished), 3u);
  EXPECT_EQ(phase.Count(RunEnd::kDiverged), 3u);
  const std::vector<std::string> lines = absl::StrSplit(phase.Csv(), '\n');
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[0], "init.seed,descent.lr,entropy,largest_s,loss,state");
  EXPECT_EQ(lines[2], "1,100,,,,diverged");
  EXPECT_EQ(lines[6], "3,100,,,,diverged");
  const std::vector<std::string> good = absl::StrSplit(lines[1], ',');
  ASSERT_EQ(good.size(), 6u);
  EXPECT_EQ(good[0], "1");
  EXPECT_EQ(good[1], "0.01");
  EXPECT_EQ(std::stod(good[2]), phase.cell(0).entropy);
  EXPECT_EQ(std::stod(good[3]), phase.cell(0).largest);
  EXPECT_EQ(std::stod(good[4]), phase.cell(0).loss);
  EXPECT_EQ(good[5], "finished");
  for (const HeatMap& map : phase.Maps()) {
    ASSERT_EQ(map.cells.size(), 6u);
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(std::isnan(map.cells[i]), i % 2 == 1) << map.name << i;
    }
  }
}

TEST(PhaseDiagram, ARunTakesMemoryOfItsSize) {
  const auto bytes = [](const char* sizes) {
    const ValueSoftmaxConfig config = Load(absl::StrCat(
        "descent { steps: 2 } vary { field: \"model.features\" value: [", sizes,
        "] } vary { field: \"init.seed\" value: [\"4\", \"9\"] }"));
    const PhaseDiagram phase(config);
    EXPECT_EQ(phase.planned_bytes(), phase.size() * sizeof(PhaseCell));
    return phase.bytes_per_run();
  };
  EXPECT_GT(bytes("\"8\""), 8u * 8 * sizeof(double));
  EXPECT_GT(bytes("\"80\""), 5 * bytes("\"8\""));
  EXPECT_EQ(bytes("\"80\", \"8\""), bytes("\"80\""));
  EXPECT_EQ(bytes("\"8\", \"80\""), bytes("\"80\""));
}

TEST(PhaseDiagram, CellsThatHaveNotRunAreNotResults) {
  const ValueSoftmaxConfig config = Load(kDiverging);
  PhaseDiagram phase(config);
  EXPECT_EQ(phase.Count(RunEnd::kInterrupted), 6u);
  EXPECT_TRUE(std::isnan(phase.cell(0).entropy));
  EXPECT_THAT(phase.Csv(), testing::HasSubstr("\n1,0.01,,,,interrupted\n"));
}

TEST(PhaseDiagram, MapsHaveTheSecondAxisBelow) {
  const ValueSoftmaxConfig config = Load(kDiverging);
  PhaseDiagram phase(config);
  RunAll(phase);
  const std::vector<HeatMap> maps = phase.Maps();
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_EQ(maps[0].name, "phase_entropy");
  EXPECT_EQ(maps[0].title, "Entropy of s after 3000 steps");
  EXPECT_EQ(maps[0].cell_label, "nats");
  EXPECT_EQ(maps[1].name, "phase_largest_s");
  for (const HeatMap& map : maps) {
    EXPECT_EQ(map.x.label, "descent.lr");
    EXPECT_THAT(map.x.values, ElementsAre(0.01, 100));
    EXPECT_TRUE(map.x.log);
    EXPECT_EQ(map.y.label, "init.seed");
    EXPECT_THAT(map.y.values, ElementsAre(1, 2, 3));
    EXPECT_FALSE(map.y.log);
  }
  EXPECT_EQ(maps[0].cells[2], phase.cell(2).entropy);
  EXPECT_EQ(maps[1].cells[2], phase.cell(2).largest);
}

TEST(PhaseDiagram, AxesOfNamesHavePlaces) {
  const ValueSoftmaxConfig config = Load(
      "descent { steps: 2 }"
      "vary { field: \"model.map\" value: [\"l1\", \"relu\"] }"
      "vary { field: \"init.seed\" value: [\"4\", \"9\"] }");
  PhaseDiagram phase(config);
  RunAll(phase);
  ASSERT_EQ(phase.Maps().size(), 2u);
  EXPECT_THAT(phase.Maps()[0].y.values, ElementsAre(0, 1));
  EXPECT_THAT(phase.Maps()[0].x.values, ElementsAre(4, 9));
}

TEST(PhaseDiagram, AxesThatFallAreTurnedAround) {
  const ValueSoftmaxConfig config = Load(
      "descent { steps: 20 }"
      "vary { field: \"descent.lr\" value: [\"2\", \"3\", \"1\"] }"
      "vary { field: \"init.seed\" from: 9 to: 4 points: 2 }");
  PhaseDiagram phase(config);
  RunAll(phase);
  ASSERT_EQ(phase.Maps().size(), 2u);
  const HeatMap map = phase.Maps()[0];
  EXPECT_THAT(map.y.values, ElementsAre(1, 2, 3));
  EXPECT_THAT(map.x.values, ElementsAre(4, 9));
  const auto cell = [&](size_t i) { return phase.cell(i).entropy; };
  EXPECT_THAT(map.cells, ElementsAre(cell(5), cell(4), cell(1), cell(0),
                                     cell(3), cell(2)));
  EXPECT_NE(cell(0), cell(1));
}

}  // namespace
}  // namespace polarize
