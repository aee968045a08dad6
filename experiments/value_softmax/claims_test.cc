#include "experiments/value_softmax/claims.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/run_result.h"
#include "experiments/value_softmax/value_softmax_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Strings = std::vector<std::string>;

std::vector<RunResult> One(RunResult run) {
  std::vector<RunResult> runs;
  runs.push_back(std::move(run));
  return runs;
}

std::vector<RunResult> Descent(const std::string& family,
                               const Strings& settings) {
  return One(
      FinishedRun(RunResult::kDescent, ConfigOfFamily(family, settings)));
}

// Long enough for all claims: the loss is small and s nearly one-hot.
std::vector<RunResult> LogisticDescent(Strings settings = {}) {
  settings.insert(settings.end(), {"steps=100000", "compare_lr=", "end_time=0",
                                   "history.points=200"});
  return Descent("logistic", settings);
}

// The one claim whose text begins so.
Claim Find(const std::vector<Claim>& claims, const std::string& begin) {
  std::vector<Claim> found;
  for (const Claim& c : claims) {
    if (absl::StartsWith(c.claim, begin)) found.push_back(c);
  }
  EXPECT_EQ(found.size(), 1u) << begin;
  return found.empty() ? Claim{"", "", "", "", Claim::kNotApplicable}
                       : found[0];
}

Claim::Verdict VerdictOf(const std::vector<RunResult>& runs,
                         const std::string& begin) {
  return Find(CheckClaims(runs), begin).verdict;
}

bool Has(const std::vector<RunResult>& runs, const std::string& begin) {
  const std::vector<Claim> claims = CheckClaims(runs);
  return std::any_of(claims.begin(), claims.end(), [&](const Claim& c) {
    return absl::StartsWith(c.claim, begin);
  });
}

// Changes a row of the run's history: the numbers of the column.
void Tamper(RunResult& run, const std::string& name, size_t row,
            const std::function<void(double*)>& change) {
  auto changed = std::make_unique<History>(*run.problem, 0);
  for (size_t r = 0; r < run.history->rows(); ++r) {
    std::vector<double> values;
    for (const History::Column& column : run.history->columns()) {
      const double* const from = &column.values[r * column.width];
      values.insert(values.end(), from, from + column.width);
      if (column.name == name && r == row) {
        change(&values[values.size() - column.width]);
      }
    }
    ASSERT_TRUE(
        changed->Add(run.history->steps()[r], run.history->times()[r], values));
  }
  run.history = std::move(changed);
}

const char* const kLogisticClaims[] = {
    "sum of a",           "sum of u(t)",  "the loss falls", "3.2(a) u",
    "3.2(a) s",           "3.2(b)",       "potential",      "3.3(b)",
    "3.3(c) Gamma grows", "3.3(c) s goes"};

TEST(Claims, OfALogisticDescentHold) {
  const std::vector<Claim> claims = CheckClaims(LogisticDescent());
  EXPECT_EQ(claims.size(), std::size(kLogisticClaims));
  for (const char* begin : kLogisticClaims) {
    const Claim claim = Find(claims, begin);
    EXPECT_EQ(claim.verdict, Claim::kHolds) << begin << claim.measured;
    EXPECT_EQ(claim.run, "descent");
  }
}

TEST(Claims, OfALogisticFlowHold) {
  const auto runs = One(FinishedRun(
      RunResult::kFlow, ConfigOfFamily("logistic", {"end_time=1e6"})));
  for (const char* begin : kLogisticClaims) {
    EXPECT_EQ(VerdictOf(runs, begin), Claim::kHolds) << begin;
  }
}

// One number of a good run changed: the claim about it fails, and no claim
// about other columns.
struct Broken {
  const char* claim;
  const char* column;
  std::vector<const char*> also;  // claims about the same numbers
  std::function<void(double*)> change;
};

TEST(Claims, OfALogisticDescentFailWhereItsHistoryIsWrong) {
  std::vector<RunResult> runs = LogisticDescent();
  RunResult& run = runs[0];
  const size_t late = run.history->rows() - 2;
  const std::vector<double> start = StartProjections(run);
  size_t first = 0, last = 0;
  for (size_t i = 0; i < start.size(); ++i) {
    if (start[i] > start[first]) first = i;
    if (start[i] < start[last]) last = i;
  }
  const double before = run.history->Number("loss", late - 1);
  const Broken cases[] = {
      {"sum of a", "a", {}, [&](double* a) { a[first] += 1e-6; }},
      {"sum of u(t)", "response", {}, [](double* r) { *r += 1e-6; }},
      {"the loss falls", "loss", {}, [&](double* l) { *l = before * 1.0001; }},
      {"3.2(a) u",
       "u",
       {"3.2(b)", "potential"},
       [&](double* u) { std::swap(u[first], u[last]); }},
      {"3.2(a) s",
       "a",
       {"potential"},
       [&](double* a) { std::swap(a[first], a[last]); }},
      {"3.2(b)",
       "u",
       {"potential", "sum of u(t)"},
       [&](double* u) { u[first] -= 0.5; }},
      {"potential", "a", {"sum of a"}, [&](double* a) { a[first] -= 1; }},
      {"3.3(b)", "s", {}, [&](double* s) { s[last] = s[first]; }},
  };
  for (const Broken& broken : cases) {
    SCOPED_TRACE(broken.claim);
    std::vector<RunResult> bad = LogisticDescent();
    Tamper(bad[0], broken.column, late, broken.change);
    for (const Claim& claim : CheckClaims(bad)) {
      const auto begins = [&](const char* text) {
        return absl::StartsWith(claim.claim, text);
      };
      const bool fails =
          begins(broken.claim) ||
          std::any_of(broken.also.begin(), broken.also.end(), begins);
      EXPECT_EQ(claim.verdict, fails ? Claim::kFails : Claim::kHolds)
          << claim.claim << ": " << claim.measured;
    }
  }
}

TEST(Claims, OfTheEndFailWhereTheEndIsWrong) {
  std::vector<RunResult> runs = LogisticDescent();
  const size_t last = runs[0].history->rows() - 1;
  Tamper(runs[0], "response", last, [](double* r) { *r += 100; });
  EXPECT_EQ(VerdictOf(runs, "3.3(c) Gamma"), Claim::kFails);
  runs = LogisticDescent();
  Tamper(runs[0], "response", last, [](double* r) { *r *= 0.9; });
  EXPECT_EQ(VerdictOf(runs, "3.3(c) Gamma"), Claim::kFails);
  // Another winner.
  runs = LogisticDescent();
  Tamper(runs[0], "s", last, [](double* s) { std::swap(s[6], s[0]); });
  EXPECT_EQ(VerdictOf(runs, "3.3(c) s"), Claim::kFails);
  // The right one, but falling.
  runs = LogisticDescent();
  Tamper(runs[0], "s", last, [](double* s) { s[6] -= 0.2; });
  EXPECT_EQ(VerdictOf(runs, "3.3(c) s"), Claim::kFails);
}

TEST(Claims, AreNotMadeOfWhatTheTheoremsDoNotCover) {
  const auto theorems = [](const Strings& settings) {
    return Has(LogisticDescent(settings), "3.2(a)") ||
           Has(LogisticDescent(settings), "3.3(");
  };
  EXPECT_TRUE(theorems({}));
  EXPECT_FALSE(theorems({"attention_scale=0.1"}));
  EXPECT_FALSE(theorems({"value_scale=0"}));
  EXPECT_FALSE(theorems({"temperature=10"}));
  EXPECT_FALSE(theorems({"map=l2", "attention_mean=1"}));
  EXPECT_FALSE(theorems({"entropy_penalty=0.01"}));
  for (const char* optimiser : {"adam", "momentum", "sign_descent"}) {
    const std::string setting = std::string("optimiser=") + optimiser;
    EXPECT_FALSE(theorems({setting}));
    EXPECT_EQ(Has(LogisticDescent({setting}), "sum of a"),
              setting == "optimiser=momentum");
  }
  // The figures of the appendix and those of the conditions neither.
  const auto figures = [](const Strings& settings) {
    Strings maps = settings, conditions = settings;
    maps.insert(maps.end(), {"map=l2", "steps=200"});
    conditions.insert(conditions.end(), {"steps=200", "condition_number=1"});
    const bool polarizes =
        Has(Descent("normalisations_logistic", maps), "the map polarizes");
    const bool rank = Has(Descent("condition_numbers", conditions), "3.5(a) V");
    EXPECT_EQ(polarizes, rank);
    return polarizes || rank;
  };
  EXPECT_TRUE(figures({}));
  for (const char* setting :
       {"optimiser=adam", "optimiser=momentum", "entropy_penalty=0.01",
        "entropy_penalty=-0.01", "temperature=2"}) {
    EXPECT_FALSE(figures({setting})) << setting;
  }
  EXPECT_FALSE(Has(Descent("normalisations_logistic", {"map=softmax1"}),
                   "the map polarizes"));
  // A sink takes what the others' sum lacks.
  EXPECT_FALSE(Has(LogisticDescent({"map=softmax1"}), "sum of u"));
}

// The theorems are true; what the integrator adds to them is its error.
TEST(Claims, OfALooseFlowAreNotFalse) {
  for (const char* family : {"logistic", "regression"}) {
    for (const char* tolerance : {"1e-2", "1e-3", "1e-5", "1e-7"}) {
      const auto runs = One(FinishedRun(
          RunResult::kFlow,
          ConfigOfFamily(family,
                         {"end_time=1e6", "steps=0", "compare_lr=",
                          std::string("relative_tolerance=") + tolerance,
                          std::string("absolute_tolerance=") + tolerance})));
      for (const Claim& claim : CheckClaims(runs)) {
        EXPECT_NE(claim.verdict, Claim::kFails)
            << family << tolerance << claim.claim << claim.measured;
      }
    }
  }
}

TEST(Claims, OfADeadReluDoNotApply) {
  const std::vector<RunResult> runs =
      Descent("normalisations_logistic",
              {"map=relu", "attention_mean=-10", "attention_scale=0.1"});
  ASSERT_EQ(runs[0].history->Number("s", 0), 0);
  for (const char* begin : {"the map polarizes", "sum of u", "|a|^2"}) {
    const Claim claim = Find(CheckClaims(runs), begin);
    EXPECT_EQ(claim.verdict, Claim::kNotApplicable) << begin;
    EXPECT_EQ(claim.measured, "the norm is 0");
  }
}

// All s are equal at the start, and the bound is 1: nothing is learned there.
TEST(Claims, OfTheBoundLeaveTheStartOutAndNameTheEnd) {
  auto runs = One(FinishedRun(RunResult::kFlow,
                              ConfigOfFamily("logistic", {"end_time=1e6"})));
  Tamper(runs[0], "s", 0, [](double* s) { s[0] = 1; });
  const Claim claim = Find(CheckClaims(runs), "3.3(b)");
  EXPECT_EQ(claim.verdict, Claim::kHolds) << claim.measured;
  EXPECT_THAT(claim.measured, HasSubstr(" at the end (delta "));
}

// As the legends do.
TEST(Claims, CountEntriesFromOne) {
  EXPECT_THAT(Find(CheckClaims(LogisticDescent()), "3.3(c) s").measured,
              HasSubstr("in entry 7, growing"));
}

TEST(Claims, AreNotMadeOfRunsThatDidNotFinish) {
  for (const char* family :
       {"logistic", "normalisations_logistic", "condition_numbers"}) {
    std::vector<RunResult> runs =
        Descent(family, {"steps=500", "history.points=5"});
    EXPECT_THAT(CheckClaims(runs), testing::Not(IsEmpty())) << family;
    for (const auto state :
         {RunEnd::kInterrupted, RunEnd::kGaveUp, RunEnd::kDiverged}) {
      runs[0].end.state = state;
      EXPECT_THAT(CheckClaims(runs), IsEmpty()) << family;
    }
  }
}

TEST(Claims, SayWhenItIsTooEarly) {
  const std::vector<RunResult> runs =
      Descent("logistic", {"steps=20", "compare_lr=", "end_time=0"});
  EXPECT_EQ(VerdictOf(runs, "3.3(c) Gamma"), Claim::kNotApplicable);
  EXPECT_EQ(VerdictOf(runs, "3.2(b)"), Claim::kHolds);
  EXPECT_EQ(VerdictOf(Descent("kl", {"steps=20"}), "the loss goes"),
            Claim::kNotApplicable);
  EXPECT_EQ(
      VerdictOf(Descent("regression", {"steps=20"}), "section 3.2: Gamma"),
      Claim::kNotApplicable);
  EXPECT_EQ(VerdictOf(Descent("normalisations_logistic", {"steps=20"}),
                      "the map polarizes"),
            Claim::kNotApplicable);
}

TEST(Claims, OfTheRegression) {
  const auto run = [] { return Descent("regression", {"history.points=100"}); };
  for (const Claim& claim : CheckClaims(run())) {
    EXPECT_EQ(claim.verdict, Claim::kHolds) << claim.claim << claim.measured;
  }
  std::vector<RunResult> runs = run();
  runs[0].problem->model().point[0] += 1e-3;  // V of rank two
  EXPECT_EQ(VerdictOf(runs, "3.5(a) V stays"), Claim::kFails);
  runs = run();
  const size_t last = runs[0].history->rows() - 1;
  Tamper(runs[0], "response", last, [](double* r) { *r *= 2; });
  EXPECT_EQ(VerdictOf(runs, "section 3.2: Gamma"), Claim::kFails);
  runs = run();
  Tamper(runs[0], "s", last, [](double* s) { s[0] = 0.995; });
  EXPECT_EQ(VerdictOf(runs, "section 3.2: Gamma"), Claim::kFails);
  // V = 0 at the start is what the lemma asks for.
  EXPECT_FALSE(
      Has(Descent("regression", {"steps=100", "value_scale=0.1"}), "3.5"));
}

TEST(Claims, OfTheCrossEntropy) {
  const auto run = [] { return Descent("kl", {"steps=1000000", "lr=1"}); };
  std::vector<RunResult> runs = run();
  ASSERT_EQ(VerdictOf(runs, "the loss goes to"), Claim::kHolds);
  const size_t last = runs[0].history->rows() - 1;
  for (const double change : {1e-3, -1e-3}) {
    std::vector<RunResult> bad = run();
    Tamper(bad[0], "loss", last, [=](double* l) { *l += change; });
    EXPECT_EQ(VerdictOf(bad, "the loss goes to"), Claim::kFails);
  }
}

// Entries of 0 in the target: 0 ln 0 is 0.
TEST(Claims, OfACrossEntropyToZeros) {
  const std::vector<RunResult> runs =
      Descent("kl", {"steps=20", "target_scale=1000"});
  EXPECT_THAT(runs[0].problem->target(), Contains(0));
  EXPECT_THAT(Find(CheckClaims(runs), "the loss goes to").predicted,
              testing::Not(HasSubstr("nan")));
}

TEST(Claims, OfTiedModels) {
  std::vector<RunResult> runs = Descent("tied", {"steps=10000"});
  EXPECT_EQ(VerdictOf(runs, "tied:"), Claim::kHolds);
  const size_t last = runs[0].history->rows() - 1;
  Tamper(runs[0], "column_norm", last, [](double* n) { *n = 0.5; });
  EXPECT_EQ(VerdictOf(runs, "tied:"), Claim::kFails);
}

TEST(Claims, OfHomogeneousMaps) {
  for (const char* map : {"l1", "l2", "relu", "sum"}) {
    std::vector<RunResult> runs = Descent(
        "normalisations_square", {std::string("map=") + map, "steps=5000"});
    EXPECT_EQ(VerdictOf(runs, "|a|^2 does not fall"), Claim::kHolds) << map;
    Tamper(runs[0], "a", runs[0].history->rows() - 1, [](double* a) {
      for (int i = 0; i < 10; ++i) a[i] *= 0.999;
    });
    EXPECT_EQ(VerdictOf(runs, "|a|^2 does not fall"), Claim::kFails) << map;
  }
  EXPECT_FALSE(Has(
      Descent("normalisations_square", {"map=sigmoid", "steps=50"}), "|a|^2"));
}

TEST(Claims, OfMapsThatPolarizeOrDoNot) {
  for (const bool logistic : {true, false}) {
    const char* const family =
        logistic ? "normalisations_logistic" : "normalisations_square";
    for (const char* map : {"l1", "sum", "l2", "softmax", "relu", "sigmoid"}) {
      SCOPED_TRACE(std::string(family) + " " + map);
      std::vector<RunResult> runs =
          Descent(family, {std::string("map=") + map});
      const Claim claim = Find(CheckClaims(runs), "the map polarizes");
      EXPECT_EQ(claim.verdict, Claim::kHolds) << claim.measured;
      const bool polarizes = logistic && map != std::string("sum") &&
                             map != std::string("sigmoid");
      EXPECT_EQ(claim.predicted, polarizes ? "yes" : "no");
      Tamper(runs[0], "s", runs[0].history->rows() - 1, [=](double* s) {
        std::fill_n(s, 10, polarizes ? 0.1 : 0.0);
        if (!polarizes) s[3] = 1;
      });
      EXPECT_EQ(VerdictOf(runs, "the map polarizes"), Claim::kFails);
    }
  }
}

TEST(Claims, OfConditionNumbers) {
  const auto run = [] {
    std::vector<RunResult> runs;
    for (const char* number : {"1", "3"}) {
      runs.push_back(
          FinishedRun(RunResult::kDescent,
                      ConfigOfFamily("condition_numbers",
                                     {std::string("condition_number=") + number,
                                      "history.points=100"})));
      runs.back().variant = runs.size() - 1;
    }
    return runs;
  };
  std::vector<RunResult> runs = run();
  EXPECT_EQ(VerdictOf(runs, "3.5(a) V of rank one"), Claim::kHolds);
  EXPECT_EQ(VerdictOf(runs, "s is sparser"), Claim::kHolds);
  const size_t last = runs[0].history->rows() - 1;
  Tamper(runs[0], "singular_values", last, [](double* v) { v[1] = v[0] / 2; });
  EXPECT_EQ(VerdictOf(runs, "3.5(a) V of rank one"), Claim::kFails);
  runs = run();
  Tamper(runs[1], "s", last, [](double* s) { std::fill_n(s, 20, 0.05); });
  EXPECT_EQ(VerdictOf(runs, "s is sparser"), Claim::kFails);
  runs = run();
  Tamper(runs[1], "loss", last, [](double* l) { *l = 1; });
  EXPECT_EQ(VerdictOf(runs, "s is sparser"), Claim::kNotApplicable);
}

// A descent at each rate, all to the time 100, and the flow.
std::vector<RunResult> FlowAndDescents(const Strings& rates) {
  std::vector<RunResult> runs;
  for (const std::string& rate : rates) {
    ValueSoftmaxConfig config = ConfigOfFamily(
        "logistic", {"lr=" + rate, "compare_lr=", "end_time=100", "steps=1"});
    config.mutable_descent()->set_steps(
        std::llround(100 / config.descent().lr()));
    runs.push_back(FinishedRun(RunResult::kDescent, config));
  }
  runs.push_back(FinishedRun(RunResult::kFlow, runs[0].config));
  return runs;
}

TEST(Claims, OfTheFlowThatDescentsComeNear) {
  const std::vector<RunResult> runs = FlowAndDescents({"1", "0.1", "0.01"});
  const Claim claim = Find(CheckClaims(runs), "descent ends where");
  EXPECT_EQ(claim.verdict, Claim::kHolds);
  EXPECT_EQ(claim.run, "flow");
  // From the largest rate to the smallest.
  EXPECT_LT(claim.measured.find("at rate 1"),
            claim.measured.find("at rate 0.1"));
  EXPECT_LT(claim.measured.find("at rate 0.1"),
            claim.measured.find("at rate 0.01"));
}

TEST(Claims, OfTheFlowDoNotFailWithinItsTolerance) {
  std::vector<RunResult> runs = FlowAndDescents({"1", "0.1"});
  Tamper(runs[1], "s", runs[1].history->rows() - 1,
         [](double* s) { s[0] += 0.009; });
  EXPECT_EQ(VerdictOf(runs, "descent ends where"), Claim::kFails);
  runs[2].config.mutable_flow()->set_relative_tolerance(1e-4);
  EXPECT_EQ(VerdictOf(runs, "descent ends where"), Claim::kHolds);
}

TEST(Claims, OfTheFlowFailWhereDescentsEndElsewhere) {
  // The smallest rate farther away than those before.
  std::vector<RunResult> runs = FlowAndDescents({"1", "0.1"});
  Tamper(runs[1], "s", runs[1].history->rows() - 1,
         [](double* s) { s[0] += 0.009; });
  EXPECT_EQ(VerdictOf(runs, "descent ends where"), Claim::kFails);
  // All of them far.
  runs = FlowAndDescents({"0.1"});
  Tamper(runs[0], "s", runs[0].history->rows() - 1,
         [](double* s) { s[0] += 0.1; });
  EXPECT_EQ(VerdictOf(runs, "descent ends where"), Claim::kFails);
  // Another optimiser follows another path.
  runs = FlowAndDescents({"0.1"});
  for (RunResult& run : runs) {
    run.config.mutable_descent()->set_optimiser("adam");
  }
  EXPECT_FALSE(Has(runs, "descent ends where"));
}

TEST(ClaimsTable, HasALinePerClaimInColumns) {
  const std::vector<Claim> claims = {
      {"a", "short", "0", "1", Claim::kFails},
      {"longer", "a longer claim", "12345", "6", Claim::kHolds},
      {"", "", "", "", Claim::kNotApplicable}};
  EXPECT_EQ(ClaimsTable(claims),
            "run     claim           predicted  measured  verdict\n"
            "a       short           0          1         fails\n"
            "longer  a longer claim  12345      6         holds\n"
            "                                             n/a\n");
}

}  // namespace
}  // namespace polarize
